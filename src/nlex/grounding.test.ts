/**
 * Grounding against traces written by hand, and against explanations in the words of others.
 */
import { describe, expect, test } from 'vitest';
import type { Trace, TraceEvent } from '../execution/types.js';
import { groundExplanation, rejectionOf } from './grounding.js';
import { narrateByLine } from './line-narrator.js';

const source =
  'def f(xs):\n    total = 0\n    for x in xs:\n        if x > 1:\n            total += x\n    return total\n';
const input = { kind: 'call', expression: 'f([1, 2, 3])' } as const;

/** [kind, line, changes, value] of one frame. */
function event(
  kind: TraceEvent['kind'],
  line: number,
  changes: Record<string, string> = {},
  value = '',
): TraceEvent {
  const base = { frame: 0, function: 'f', line, changes };
  return kind === 'call' || kind === 'line' ? { kind, ...base } : { kind, ...base, value };
}

const trace: Trace = {
  events: [
    event('call', 1, { xs: '[1, 2, 3]' }),
    event('line', 2),
    event('line', 3, { total: '0' }),
    event('line', 4, { x: '1' }),
    event('line', 3),
    event('line', 4, { x: '2' }),
    event('line', 5),
    event('line', 3, { total: '2' }),
    event('line', 4, { x: '3' }),
    event('line', 5),
    event('line', 3, { total: '5' }),
    event('line', 6),
    event('return', 6, {}, '5'),
  ],
  execution: { outcome: 'completed', stdout: '', result: '5', cpuTimeMs: 1, wallTimeMs: 1 },
};
const execution = { source, input, trace };

test('the narrator explains every step with its values, and grounding accepts it', () => {
  const told = narrateByLine(source, trace, input);
  expect(told).toBe(
    [
      'f is called with xs = [1, 2, 3].',
      'total is set to 0. Now the loop `for x in xs` runs.',
      '- x = 1. `x > 1` is false.',
      '- x = 2. `x > 1` is true. total becomes 0 + 2 = 2.',
      '- x = 3. `x > 1` is true. total becomes 2 + 3 = 5.',
      'The loop `for x in xs` is done. f returns 5.',
      'The result of f([1, 2, 3]) is 5',
    ].join('\n'),
  );
  expect(groundExplanation(execution, told)).toEqual({
    score: 1,
    claims: expect.any(Number),
    outputMatches: true,
    reasons: {},
  });
});

describe('explanations in other words', () => {
  test('one that is right is supported, and its separate answer compared by value', () => {
    const told =
      'The function starts with `xs = [1, 2, 3]` and initializes `total` to 0. For the first item, x is 1, which is ' +
      'not greater than 1. Then x is 2, so total becomes 0 + 2 = 2. Finally x = 3 and total is now 5.';
    expect(groundExplanation(execution, told, '5')).toMatchObject({ score: 1, outputMatches: true });
    expect(groundExplanation(execution, told, '5.5')).toMatchObject({ score: 1, outputMatches: false });
  });

  test('a wrong value is located', () => {
    const told = 'total is set to 0.\nx is 2, so total becomes 0 + 2 = 2.\nThen x is 3 and total becomes 6.';
    const grounding = groundExplanation(execution, told, '5');
    expect(grounding.unsupported).toMatchObject({ kind: 'change', text: 'total becomes 6', line: 3 });
    expect(grounding.reasons).toEqual({ change: 1 });
  });

  test('a value that the variable had earlier does not support a later claim', () => {
    const told = 'x is 3 and total becomes 5. After that x is 1.';
    expect(groundExplanation(execution, told, '5').unsupported?.text).toBe('x is 1');
  });

  test('a calculation may begin with a bracket', () => {
    const told = 'x is 2.\n(1 + 1) % 3 = 2 is what remains.';
    expect(groundExplanation(execution, told, '5')).toMatchObject({ score: 1 });
    expect(groundExplanation(execution, told.replace('= 2 is', '= 1 is'), '5').score).toBeLessThan(1);
  });

  test('a false calculation is caught even when the result is right', () => {
    const told = 'total becomes 1 + 3 = 5.';
    expect(groundExplanation(execution, told, '5').score).toBeLessThan(1);
  });
});

test('explanations are kept or rejected by thresholds, with a reason', () => {
  const grounded = { score: 1, claims: 4, outputMatches: true, reasons: {} };
  expect(rejectionOf(grounded)).toBeUndefined();
  expect(rejectionOf({ ...grounded, outputMatches: false })).toBe('wrong output');
  expect(rejectionOf({ ...grounded, claims: 0 })).toBe('no claims');
  const unsupported = { kind: 'change', text: 'x is 1', at: 0, line: 1 } as const;
  expect(rejectionOf({ ...grounded, score: 0.9, unsupported })).toBe('unsupported change');
  expect(
    rejectionOf({ ...grounded, score: 0.9, unsupported }, { minScore: 0.8, minClaims: 1 }),
  ).toBeUndefined();
});
