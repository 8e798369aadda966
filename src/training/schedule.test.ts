import { expect, test } from 'vitest';
import { UsageError } from '../core/errors.js';
import { learningRateAt, progressOf, type Schedule, secondsLeft } from './schedule.js';

test('progress follows the limit that is nearest its end', () => {
  const spent = { steps: 10, tokens: 600, seconds: 30 };
  expect(progressOf(spent, { steps: 40 })).toBe(0.25);
  expect(progressOf(spent, { steps: 40, tokens: 1000, seconds: 120 })).toBe(0.6);
  expect(progressOf(spent, { tokens: 500 })).toBe(1);
  expect(progressOf(spent, { steps: 0 })).toBe(1);
  expect(() => progressOf(spent, {})).toThrow(UsageError);
});

test('the time left is told from the pace so far', () => {
  expect(secondsLeft({ steps: 10, tokens: 0, seconds: 30 }, { steps: 40 })).toBe(90);
  expect(secondsLeft({ steps: 0, tokens: 0, seconds: 0 }, { steps: 40 })).toBeUndefined();
});

test('the learning rate warms up, holds and decays linearly', () => {
  const schedule = { peak: 8, warmupShare: 0.1, decayShare: 0.6 };
  const at = (seconds: number, other: Partial<Schedule> = {}): number =>
    learningRateAt({ steps: 0, tokens: 0, seconds }, { seconds: 1 }, { ...schedule, ...other });
  expect([0, 0.05, 0.1, 0.4].map((seconds) => at(seconds))).toEqual([0, 4, 8, 8]);
  expect(at(0.7)).toBeCloseTo(4, 12);
  expect(at(1)).toBe(0);
  expect(at(1, { floor: 0.25 })).toBe(2);
  expect(at(0.3, { warmupShare: 0, decayShare: 0 })).toBe(8);
});

test('warm-up counts tokens, whatever the clock says; the end comes by whichever limit is nearer', () => {
  const budget = { tokens: 1000, seconds: 100 };
  const schedule = { peak: 8, warmupShare: 0.1, decayShare: 0.6 };
  const at = (tokens: number, seconds: number): number =>
    learningRateAt({ steps: 1, tokens, seconds }, budget, schedule);
  expect([at(50, 1), at(50, 3), at(50, 5)]).toEqual([4, 4, 4]);
  expect(at(100, 70)).toBeCloseTo(4, 12);
  expect(at(700, 10)).toBeCloseTo(4, 12);
});

test('a clock that ends the run long before its steps ends warm-up too', () => {
  const schedule = { peak: 8, warmupShare: 0.05, decayShare: 0.4 };
  const at = (seconds: number): number =>
    learningRateAt({ steps: 0, tokens: 0, seconds }, { steps: 100_000, seconds: 100 }, schedule);
  const tenths = [0, 5, 7.5, 10, 50, 60, 80].map((seconds) => Math.round(10 * at(seconds)) / 10);
  expect(tenths).toEqual([0, 0, 4, 8, 8, 8, 4]);
});
