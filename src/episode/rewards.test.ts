import { expect, test } from 'vitest';
import { UsageError } from '../core/errors.js';
import type { Verdict } from '../execution/verdict.js';
import type { ProgramVerdicts } from './judging.js';
import { outputPredictionReward, selfRlefReward, solvingReward } from './rewards.js';

const program = { source: 'x' };

function verdicts(...[shown, hidden]: readonly [readonly Verdict[], readonly Verdict[]]): ProgramVerdicts {
  const tests = (list: readonly Verdict[]) =>
    list.map((verdict) => ({ verdict, comparator: 'codecontests', cpuTimeMs: 1 }) as const);
  return { public: tests(shown), private: tests(hidden) };
}

test('output prediction earns +1 for the true output and −1 for everything else', () => {
  const predicted = { kind: 'predicted', output: '4', comparator: 'output' } as const;
  expect(outputPredictionReward.score({ ...predicted, matches: true })).toBe(1);
  expect(outputPredictionReward.score({ ...predicted, matches: false })).toBe(-1);
  expect(outputPredictionReward.score({ kind: 'unparsed' })).toBe(-1);
  expect(outputPredictionReward.score({ kind: 'truncated' })).toBe(-1);
  expect(() => outputPredictionReward.score(predicted)).toThrow(UsageError);
});

test('solving earns +1 only when all public and private tests pass', () => {
  const score = (v: ProgramVerdicts) => solvingReward.score({ kind: 'program', program, verdicts: v });
  expect(score(verdicts(['accepted', 'accepted'], ['accepted']))).toBe(1);
  expect(score(verdicts(['accepted', 'accepted'], ['time-limit']))).toBe(-1);
  expect(score(verdicts(['wrong-answer', 'accepted'], ['accepted']))).toBe(-1);
  expect(solvingReward.score({ kind: 'truncated' })).toBe(-1);
});

test('what was not judged, or could not be, is refused and never scored', () => {
  const score = (v: ProgramVerdicts) => solvingReward.score({ kind: 'program', program, verdicts: v });
  expect(() => score(verdicts([], []))).toThrow('without any test');
  expect(() => score(verdicts(['accepted'], ['unscored']))).toThrow('unscored');
  expect(() => solvingReward.score({ kind: 'program', program })).toThrow(UsageError);
});

test('Self-RLEF earns the result of its last program, and −1 when a review could not be read', () => {
  const good = { program, verdicts: verdicts(['accepted'], ['accepted']) };
  const bad = { program, verdicts: verdicts(['wrong-answer'], ['accepted']) };
  const base = { feedback: 'executed' } as const;
  expect(selfRlefReward.score({ ...base, kind: 'submitted', programs: [bad, good] })).toBe(1);
  expect(selfRlefReward.score({ ...base, kind: 'out-of-programs', programs: [good, bad] })).toBe(-1);
  expect(selfRlefReward.score({ ...base, kind: 'unparsed', programs: [good] })).toBe(-1);
  expect(selfRlefReward.score({ ...base, kind: 'unparsed', programs: [] })).toBe(-1);
});
