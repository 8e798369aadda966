import { expect, test } from 'vitest';
import { correctByLength, curvesOfArm, type MetricName, measureArm } from './arm-metrics.js';
import type { CandidateRecord, EvaluationRecord, SelectionRecord, SelfRlefRecord } from './records.js';
import { clusterMean } from './statistics.js';

const common = { stage: 'rl', model: 'm', comparator: 'codecontests' } as const;

/** A program that is predicted to print `says` and prints `prints` on the one public test, which expects 1. */
function program(
  source: string,
  says: string,
  prints: string,
  right: boolean,
  tokens: number,
): CandidateRecord {
  return {
    source,
    verdictPublic: [prints === '1' ? 'accepted' : 'wrong-answer'],
    verdictAll: right ? 'accepted' : 'wrong-answer',
    outputs: [prints],
    responseTokens: 10,
    simulations: [{ test: 0, predictions: [says], passed: [says === '1'], tokens: [tokens] }],
  };
}

const selection: SelectionRecord = {
  schema: 'selection/1',
  problem: 'a',
  ...common,
  tests: [{ input: '0', output: '1' }],
  programs: [
    program('x', '1', '1', true, 30),
    program('y', '1', '2', false, 50),
    program('z', '2', '2', false, 70),
  ],
};

function repair(problem: string, passes: readonly boolean[]): SelfRlefRecord {
  const programs = passes.map((passed) => ({ source: 's', publicPassed: passed, allPassed: passed }));
  return { schema: 'self-rlef/1', problem, ...common, feedback: 'simulated', programs, submitted: true };
}

function meansOf(records: readonly EvaluationRecord[]): (metric: MetricName) => number | null | undefined {
  const measures = measureArm(records);
  return (metric) => {
    const clusters = measures.get(metric);
    return clusters && clusterMean([...clusters.values()]);
  };
}

test('one problem of three programs, worked by hand', () => {
  const mean = meansOf([selection]);
  expect(mean('pass@1')).toBeCloseTo(1 / 3, 12);
  expect(mean('pass@k')).toBe(1);
  // x and y tie by simulation; by execution x leads alone.
  expect(mean('best@k')).toBeCloseTo(0.5, 12);
  expect(mean('best@k-executed')).toBe(1);
  expect(mean('gap@k')).toBeCloseTo(0.5, 12);
  expect(mean('gain@k')).toBeCloseTo(0.5 - 1 / 3, 12);
  expect(mean('prediction-own')).toBeCloseTo(2 / 3, 12);
  // Of y and z, which print 2, y was simulated as if it printed what is expected.
  expect(mean('wishful-own')).toBeCloseTo(0.5, 12);
  expect(mean('simulation-tokens')).toBe(50);
  expect(mean('repair')).toBeUndefined();
});

test('an episode of three programs is the beginning of the longer one', () => {
  const mean = meansOf([
    repair('a', [false, false, false, true]),
    repair('b', [true]),
    repair('c', [true, false]),
  ]);
  expect(mean('first')).toBeCloseTo(2 / 3, 12);
  expect(mean('repair')).toBeCloseTo(2 / 3, 12);
  expect(mean('repair-3')).toBeCloseTo(1 / 3, 12);
  expect(mean('repair-fixed')).toBeCloseTo(1 / 3, 12);
  expect(mean('repair-broken')).toBeCloseTo(1 / 3, 12);
  expect(mean('repair-programs')).toBeCloseTo(7 / 3, 12);
  expect(mean('repair-programs-3')).toBe(2);
});

test('curves have a value per k, simulations a bin by length', () => {
  const curves = curvesOfArm([selection]);
  expect(curves.pass.map((clusters) => clusterMean([...clusters.values()])!)).toEqual([
    expect.closeTo(1 / 3, 10),
    expect.closeTo(2 / 3, 10),
    expect.closeTo(1, 10),
  ]);
  const bins = correctByLength([selection], 20);
  expect([...bins].map(([bin, clusters]) => [bin, clusterMean([...clusters.values()])])).toEqual([
    [1, 1],
    [2, 0],
    [3, 1],
  ]);
});
