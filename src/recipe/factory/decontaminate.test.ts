import { expect, test } from 'vitest';
import { createDecontaminator } from './decontaminate.js';

const evaluation = `def f(nums, k):
    total = 0
    for n in nums:
        if n % k == 0:
            total += n
    return total
`;
const { check, texts } = createDecontaminator([evaluation, 'too short']);

test('an evaluation text is found again whatever its white space', () => {
  expect(texts).toBe(1);
  expect(check(evaluation.replaceAll('    ', '\t'))).toBe('exact');
});

test('a text that is mostly an evaluation text is near', () => {
  expect(check(evaluation.replace('total = 0', 'total = 1'))).toBe('near');
});

test('another program is neither', () => {
  expect(
    check('def g(s):\n    out = []\n    for c in s:\n        out.append(c.upper())\n    return out\n'),
  ).toBeUndefined();
});

test('an evaluation text inside a longer one is found, and inputs that are only numbers are not', () => {
  const inside = createDecontaminator([evaluation, '[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]']).check;
  const around =
    'Please complete this program, and say in a few words how it works and what it is good for. '.repeat(4);
  expect(inside(`${around}${evaluation}${around}`)).toBe('near');
  expect(inside(`${around} with [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]`)).toBeUndefined();
});
