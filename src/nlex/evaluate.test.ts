import { expect, test } from 'vitest';
import { work, workComparison } from './arithmetic.js';
import { evaluate, renderValue } from './evaluate.js';
import { type Expression, parsePython } from './python-source.js';

function expressionOf(source: string): Expression {
  const statement = parsePython(`x = ${source}\n`).statements.get(1);
  if (statement?.kind !== 'assign') throw new Error(`not an assignment: ${source}`);
  return statement.value;
}

function valueText(source: string, variables: Record<string, string> = {}): string | undefined {
  const value = evaluate(expressionOf(source), new Map(Object.entries(variables)));
  return value === undefined ? undefined : renderValue(value);
}

test.each([
  ['-7 // 2', '-4'],
  ['-7 % 3', '2'],
  ['7 % -3', '-2'],
  ["'ab' + 'c'", "'abc'"],
  ['[1] + [2, 3]', '[1, 2, 3]'],
  ["'b' not in 'aeiou'", 'True'],
  ['2 in [1, 2]', 'True'],
  ['not 0', 'True'],
  ['0 or 5', '5'],
  ['len([1, 2])', '2'],
  ['abs(3 - 8)', '5'],
  ["'abc'[-1]", "'c'"],
])('%s is %s, as in Python', (source, expected) => {
  expect(valueText(source)).toBe(expected);
});

test.each(['1 / 2', '2 ** 70', '1 % 0', 'f(1)', '9007199254740991 + 1', '1.5 + 1', "'a' * 3"])(
  '%s is left to the trace',
  (source) => {
    expect(valueText(source)).toBeUndefined();
  },
);

test('work shows the values that went in', () => {
  const variables = new Map([['v', '8']]);
  expect(work(expressionOf('v * 3'), variables)?.text).toBe('8 * 3 = 24');
  expect(work(expressionOf('(v + 1) * 2'), variables)?.text).toBe('(8 + 1) * 2 = 18');
  expect(workComparison(expressionOf('v % 2 == 0'), variables)?.text).toBe('8 % 2 = 0 == 0');
});

test('every elif has a statement of its own, with the first line of its block', () => {
  const { statements } = parsePython('if a > 1:\n    b = 1\nelif a < 0:\n    b = 2\nelse:\n    b = 3\n');
  expect(statements.get(1)).toMatchObject({ kind: 'if', body: 2 });
  expect(statements.get(3)).toMatchObject({ kind: 'if', body: 4 });
});

test('a syntax error is noticed', () => {
  expect(parsePython('x = = 1\n').wellFormed).toBe(false);
  expect(parsePython('x = 1\n').wellFormed).toBe(true);
});
