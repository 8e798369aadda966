/**
 * Meaning locked here: runs are compared on the problems they share, by their newest stage, with the same k for all.
 */
import { expect, test } from 'vitest';
import { compareRuns } from './compare-runs.js';
import { createSummaryContext } from './estimates.js';
import type { BenchmarkRecord, OutputPredictionRecord, SelectionRecord } from './records.js';

const context = createSummaryContext({ resamples: 200, level: 0.95, seed: 'test' }, 10);

const answer = (item: string, verdict: BenchmarkRecord['verdict'], stage = 'eval'): BenchmarkRecord => ({
  schema: 'benchmark/1',
  benchmark: 'gsm8k',
  item,
  problem: item,
  sample: 0,
  stage,
  model: 'm',
  comparator: 'number',
  verdict,
  answer: '1',
  completion: '1',
  stop: 'stop',
  tokens: 1,
});

const selection = (problem: string, right: readonly boolean[]): SelectionRecord => ({
  schema: 'selection/1',
  problem,
  stage: 'verify',
  model: 'm',
  comparator: 'codecontests',
  programs: right.map((passes) => ({
    source: 'x',
    verdictPublic: [passes ? 'accepted' : 'wrong-answer'],
    verdictAll: passes ? 'accepted' : 'wrong-answer',
    responseTokens: 1,
    simulations: [{ test: 0, predictions: ['1'], passed: [passes] }],
  })),
});

test('differences are from the first run that has the number, on shared problems', () => {
  const { runs, rows } = compareRuns(
    [
      {
        name: 'first',
        records: [answer('a', 'accepted'), answer('b', 'wrong-answer'), answer('c', 'unscored')],
      },
      {
        name: 'second',
        records: [answer('a', 'accepted'), answer('b', 'accepted'), answer('d', 'accepted')],
      },
      { name: 'other', records: [selection('a', [true, false, false])] },
      { name: 'more', records: [selection('a', [true, true]), selection('b', [true, true])] },
    ],
    context,
  );
  expect(runs).toEqual(['first', 'second', 'other', 'more']);
  const row = (metric: string) => rows.find((entry) => entry.metric === metric)!;
  const gsm = row('gsm8k, pass@1');
  expect(gsm.values.map((value) => value?.value ?? null)).toEqual([0.5, 1, null, null]);
  expect(gsm.differences.map((entry) => entry && [entry.value, entry.problems])).toEqual([
    null,
    [0.5, 2],
    null,
    null,
  ]);
  // Two programs are what both runs have.
  expect(row('best@2 by simulation').values.map((value) => value?.value ?? null)).toEqual([
    null,
    null,
    2 / 3,
    1,
  ]);
  expect(row('best@2 by simulation').differences[3]).toMatchObject({ problems: 1 });
  expect(row('pass@2').values[2]?.value).toBeCloseTo(2 / 3, 12);
});

test('a run is shown by its newest stage, and a later try of an answer counts', () => {
  const records = [
    answer('a', 'wrong-answer', 'sft'),
    answer('a', 'unscored', 'rl'),
    answer('a', 'accepted', 'rl'),
    answer('b', 'accepted', 'rl'),
  ];
  const { rows } = compareRuns([{ name: 'x', records }], context);
  expect(rows[0]!.values[0]).toMatchObject({ value: 1, problems: 2 });
});

test('prompts with and without public tests are compared across runs, and told apart within one', () => {
  const without = { ...selection('a', [false, false]), publicTestsInPrompt: false };
  const across = compareRuns(
    [
      { name: 'with', records: [selection('a', [true, true])] },
      { name: 'without', records: [without] },
    ],
    context,
  );
  expect(across.rows[0]).toMatchObject({ metric: 'solve pass@1', differences: [null, { value: -1 }] });
  const within = compareRuns([{ name: 'both', records: [selection('a', [true, true]), without] }], context);
  expect(within.rows.map(({ metric }) => metric)).toContain('solve pass@1, no public tests in the prompt');
});

test('output prediction is told apart by what the program prints', () => {
  const record = (asExpected: boolean, verdict: 'correct' | 'wrong'): OutputPredictionRecord => ({
    schema: 'output-prediction/1',
    problem: 'p',
    stage: 'eval',
    model: 'm',
    programId: String(asExpected),
    programSource: '',
    programCorrect: asExpected,
    origin: 'own',
    input: '',
    expected: '1',
    actual: asExpected ? '1' : '2',
    asExpected,
    comparator: 'output',
    predictions: [{ output: '1', stop: 'stop', tokens: 1, verdict }],
  });
  const { rows } = compareRuns(
    [{ name: 'x', records: [record(true, 'correct'), record(false, 'wrong')] }],
    context,
  );
  expect(rows.map(({ metric, values }) => [metric, values[0]!.value])).toEqual([
    ['output prediction', 0.5],
    ['output prediction, program prints what is expected', 1],
    ['output prediction, program prints something else', 0],
  ]);
});
