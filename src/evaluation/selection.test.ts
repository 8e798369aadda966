/**
 * Meaning locked here: what choosing costs with and without stopping early, majority over simulated outputs, what a run
 * submitted itself, a model's own programs in their natural mix, and repair under smaller budgets.
 */
import { describe, expect, it } from 'vitest';
import { createSummaryContext } from './estimates.js';
import type { CandidateRecord, SelectionRecord, SelfRlefRecord } from './records.js';
import { selectionCosts } from './selection-costs.js';
import { curvesOf } from './selection-curves.js';
import { summariseOwnMixes } from './summarise-own-mix.js';
import { summariseSelections } from './summarise-selections.js';
import { summariseSelfRlef } from './summarise-self-rlef.js';

const context = createSummaryContext({ resamples: 100, level: 0.95, seed: 'test' }, 10);

/** A program with one prediction per test; tests expect `right`, and a right program prints it. */
function candidate(
  source: string,
  right: boolean,
  said: readonly (string | null)[],
  tokens = 10,
): CandidateRecord {
  return {
    source,
    verdictPublic: said.map(() => (right ? 'accepted' : 'wrong-answer')),
    verdictAll: right ? 'accepted' : 'wrong-answer',
    outputs: said.map(() => (right ? 'right' : 'other')),
    responseTokens: 100,
    simulations: said.map((output, test) => ({
      test,
      predictions: [output],
      passed: [output === 'right'],
      tokens: [tokens],
    })),
  };
}

const TESTS = [
  { input: '1', output: 'right' },
  { input: '2', output: 'right' },
];

function record(
  problem: string,
  programs: readonly CandidateRecord[],
  more: Partial<SelectionRecord> = {},
): SelectionRecord {
  const named = { schema: 'selection/1', stage: 'verify', model: 'm', comparator: 'output' } as const;
  return { ...named, problem, tests: TESTS, programs, ...more };
}

describe('majority@k', () => {
  it('submits what most programs are predicted to print, whatever is expected', () => {
    const programs = [
      candidate('a', false, ['other', 'other']),
      candidate('b', false, ['other', 'other']),
      candidate('c', true, ['right', 'right']),
      candidate('d', true, [null, 'right']),
    ];
    const { majority, simulated } = curvesOf('p', programs, [1, 4]);
    // d has no vote: a subset of it alone submits nothing.
    expect(majority![0]).toBeCloseTo(1 / 4, 12);
    expect(majority![1]).toBe(0);
    expect(simulated).toEqual([2 / 4, 1]);
  });
});

describe('costs', () => {
  it('count equal programs once, and stop where the choice is settled', () => {
    const right = ['right', 'right', 'right'];
    const programs = [
      candidate('a', true, right, 7),
      candidate('b', false, ['other', 'other', 'other'], 5),
      candidate('a', true, right, 7),
    ];
    const costs = selectionCosts([programs], [1, 2, 3]);
    expect(costs.map(({ responses }) => responses)).toEqual([100, 200, 300]);
    expect(costs.map(({ simulations }) => simulations)).toEqual([21, 36, 36]);
    // One program needs no simulation. Of two, after two tests one has 2 points and the other can reach 1 at most.
    expect(costs.map(({ settled }) => settled)).toEqual([0, 24, 24]);
    expect(costs.map(({ predictions }) => predictions)).toEqual([
      { all: 3, settled: 0 },
      { all: 6, settled: 4 },
      { all: 6, settled: 4 },
    ]);
  });

  it('are unknown where nothing was simulated', () => {
    const unsimulated = { ...candidate('a', true, ['right']), simulations: [] };
    expect(selectionCosts([[unsimulated]], [1])[0]).toMatchObject({ simulations: null, settled: null });
  });
});

describe('what a run submitted', () => {
  const programs = [candidate('a', true, ['right', 'right']), candidate('b', false, ['other', 'other'])];
  const choice = { chosen: 0, vote: 'share', stoppedEarly: true, made: 3, saved: 1 } as const;

  it('is one point with its difference from pass@1 and from execution', () => {
    const generated = { inputs: ['5'], agreed: ['x'], tied: [0, 1], points: [1, 0], predictions: 2 };
    const { selections } = summariseSelections(
      [
        record('p', programs, { choice: { ...choice, generated } }),
        record('q', programs, { choice: { ...choice, chosen: 1 } }),
      ],
      context,
    );
    expect(selections[0]!.settled).toMatchObject({
      stoppedEarly: true,
      k: 2,
      right: { value: 0.5, problems: 2 },
      gain: { value: 0 },
      gap: { value: 0.5 },
      predictionsMade: 6,
      predictionsSaved: 2,
      tiesAsked: 1,
      tiesBroken: 1,
    });
  });

  it('is there without curves by simulation where predictions are missing', () => {
    const [a, b] = programs as [CandidateRecord, CandidateRecord];
    const partial = { ...b, simulations: [b.simulations[0]!, { test: 1, predictions: [], passed: [] }] };
    const { selections } = summariseSelections([record('p', [a, partial], { choice })], context);
    expect(selections[0]).toMatchObject({ problems: 1, settled: { right: { value: 1 } } });
    expect(selections[0]!.arms.simulated).toEqual([]);
    expect(selections[0]!.arms.executed.map(({ value }) => value)).toEqual([0.5, 1]);
  });

  it('keeps out of curves and mixes the problems that happen to be complete: they are the easy ones', () => {
    const { selections } = summariseSelections([record('p', programs, { choice })], context);
    expect(selections[0]).toMatchObject({ draws: 0, costs: [], settled: { right: { value: 1 } } });
    expect(selections[0]!.arms.simulated).toEqual([]);
    expect(summariseOwnMixes([record('p', programs, { choice })], context)).toEqual([]);
  });

  it('is not counted where programs were not judged', () => {
    const unjudged = programs.map((program) => ({ ...program, verdictAll: 'unscored' as const }));
    expect(summariseSelections([record('p', unjudged, { choice })], context).selections[0]!.settled).toBe(
      undefined,
    );
  });
});

describe('own programs in their natural mix', () => {
  it('count each program as often as it was written, split by what it prints', () => {
    const programs = [
      candidate('a', true, ['right', 'wrong']),
      candidate('a', true, ['right', 'wrong']),
      candidate('b', false, ['right', 'other']),
    ];
    const [mix] = summariseOwnMixes([record('p', programs)], context);
    expect(mix!.accuracy).toMatchObject({ value: 3 / 6, items: 6 });
    expect(mix!.asExpected).toMatchObject({ value: 2 / 4, items: 4 });
    expect(mix!.differs).toMatchObject({ value: 1 / 2, items: 2 });
    expect(mix!.wishful.value).toBe(1 / 2);
  });

  it('are not there where nothing was run', () => {
    const { outputs: _, ...unrun } = candidate('a', true, ['right']);
    expect(summariseOwnMixes([record('p', [unrun])], context)).toEqual([]);
  });
});

describe('repair by its budget', () => {
  it('submits the last program that the budget allows', () => {
    const episode = (problem: string, passed: readonly boolean[]): SelfRlefRecord => ({
      ...{ schema: 'self-rlef/1', stage: 'fix', model: 'm', feedback: 'simulated', comparator: 'output' },
      ...{ problem, submitted: true },
      programs: passed.map((ok) => ({ source: 'x', publicPassed: ok, allPassed: ok })),
    });
    const { selfRlef } = summariseSelfRlef(
      [episode('p', [false, false, true]), episode('q', [true]), episode('r', [true, false])],
      context,
    );
    expect(
      selfRlef[0]!.byBudget.map(({ budget, submitted, meanProgramsUsed }) => [
        budget,
        submitted.value,
        meanProgramsUsed,
      ]),
    ).toEqual([
      [1, 2 / 3, 1],
      [2, 1 / 3, 5 / 3],
      [3, 2 / 3, 2],
    ]);
  });
});
