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
