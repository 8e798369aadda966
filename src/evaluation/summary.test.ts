/**
 * Meaning locked here: what each table counts, what it leaves out, and that known error rates are found again.
 */
import { describe, expect, it } from 'vitest';
import {
  SYNTHETIC_RL,
  SYNTHETIC_SFT,
  SYNTHETIC_SIZES,
  syntheticRecords,
} from '../../test/support/synthetic-run.js';
import type { CandidateRecord, OutputPredictionRecord, SelectionRecord, SelfRlefRecord } from './records.js';
import { summarise } from './summary.js';

const base = { stage: 'sft', model: 'm', comparator: 'output' } as const;

function predictionRecord(
  problem: string,
  asExpected: boolean,
  verdicts: readonly OutputPredictionRecord['predictions'][number]['verdict'][],
): OutputPredictionRecord {
  return {
    ...base,
    schema: 'output-prediction/1',
    problem,
    programId: 'p',
    programSource: 'print(1)',
    programCorrect: asExpected,
    origin: 'mutant',
    input: '',
    expected: '1',
    actual: asExpected ? '1' : '2',
    asExpected,
    predictions: verdicts.map((verdict, i) => ({
      output: `${verdict}${i}`,
      stop: 'stop',
      tokens: 10,
      verdict,
    })),
  };
}

function candidate(
  right: boolean,
  publicPasses: readonly boolean[],
  simulated: readonly (readonly (boolean | null)[])[],
  responseTokens = 10,
): CandidateRecord {
  return {
    source: 'print(1)',
    verdictPublic: publicPasses.map((pass) => (pass ? 'accepted' : 'wrong-answer')),
    verdictAll: right ? 'accepted' : 'wrong-answer',
    responseTokens,
    simulations: simulated.map((passed, test) => ({ test, passed, predictions: passed.map(() => '1') })),
  };
}

const selection = (problem: string, programs: readonly CandidateRecord[]): SelectionRecord => ({
  ...base,
  schema: 'selection/1',
  problem,
  programs,
});

const repair = (
  problem: string,
  passes: readonly (boolean | null)[],
  feedback: SelfRlefRecord['feedback'] = 'simulated',
): SelfRlefRecord => ({
  ...base,
  schema: 'self-rlef/1',
  problem,
  feedback,
  programs: passes.map((pass) => ({ source: 'print(1)', publicPassed: pass, allPassed: pass })),
  submitted: true,
});

describe('output prediction', () => {
  it('splits by whether the program prints what was expected, and counts wishful answers there', () => {
    const { predictions } = summarise([
      predictionRecord('a', true, ['correct', 'wrong']),
      predictionRecord('a', false, ['wishful', 'correct']),
      predictionRecord('b', false, ['wishful', 'truncated']),
    ]);
    const of = (group: string) => predictions[0]!.groups.find((entry) => entry.group === group)!;
    expect(of('all').accuracy).toMatchObject({ value: 2 / 6, problems: 2, items: 6, unscored: 0 });
    expect(of('as-expected').accuracy.value).toBe(0.5);
    expect(of('differs').accuracy.value).toBe(0.25);
    expect(of('differs').wishful.value).toBe(0.5);
    expect(of('differs').counts).toMatchObject({ wishful: 2, correct: 1, truncated: 1 });
    expect(predictions[0]!.groups.some(({ group }) => group === 'own')).toBe(false);
  });

  it('keeps unscored predictions out of the denominator, counts them, and bounds what they could have been', () => {
    const { predictions } = summarise([
      predictionRecord('a', true, ['correct', 'unscored']),
      predictionRecord('b', true, ['wrong', 'unscored']),
    ]);
    expect(predictions[0]!.groups[0]!.accuracy).toMatchObject({ value: 0.5, items: 2, unscored: 2 });
    expect(predictions[0]!.bounds).toEqual({ worst: 0.25, best: 0.75 });
  });

  it('has no value, rather than zero, where nothing was scored', () => {
    const { predictions } = summarise([predictionRecord('a', true, ['unscored'])]);
    expect(predictions[0]!.groups[0]!.accuracy).toMatchObject({ value: null, interval: null, items: 0 });
  });

  it('tells how agreement among predictions goes with being right', () => {
    const { predictions } = summarise([
      predictionRecord('a', true, ['correct', 'correct', 'correct', 'correct', 'wrong']),
      predictionRecord('b', true, ['wrong', 'wrong', 'wrong', 'correct', 'wrong']),
    ]);
    // a: 4 of 5 agree and are right. b: all five differ, so each has one vote, one of the five is right.
    expect(predictions[0]!.agreement).toEqual([
      { upTo: 0.2, items: 1, agreement: 0.2, accuracy: 0.2 },
      { upTo: 0.8, items: 1, agreement: 0.8, accuracy: 1 },
    ]);
  });
});

describe('selection', () => {
  it('equals the hand-worked curves of one problem', () => {
    const { selections } = summarise([
      selection('a', [
        candidate(true, [true, true], [[true], [false]], 30),
        candidate(false, [true, false], [[true], [true]], 10),
        candidate(false, [false, false], [[false], [false]], 20),
      ]),
    ]);
    const values = (arm: 'pass' | 'executed' | 'simulated' | 'short') =>
      selections[0]!.arms[arm].map((estimate) => estimate.value!);
    const third = 1 / 3;
    expect(values('pass').map(round)).toEqual([third, 2 * third, 1].map(round));
    expect(values('executed').map(round)).toEqual([third, 2 * third, 1].map(round));
    // By simulation the order is B, A, C: {A,B} → wrong, {A,C} → right, {B,C} → wrong.
    expect(values('simulated').map(round)).toEqual([third, third, 0].map(round));
    // By length B, C, A: only {A} alone is right.
    expect(values('short').map(round)).toEqual([third, 0, 0].map(round));
    expect(selections[0]!.gap.map((gap) => round(gap.value!))).toEqual([0, third, 1].map(round));
    expect(selections[0]!.confusion).toEqual({ truePass: 2, falsePass: 1, falseFail: 1, trueFail: 2 });
  });

  it('averages the estimator over draws instead of pooling them', () => {
    const { selections } = summarise([
      selection('a', [candidate(true, [true], [[true, false]]), candidate(false, [false], [[false, true]])]),
    ]);
    // Draw 1 chooses the right program, draw 2 the wrong one; pooled they would tie, which gives the same here …
    expect(selections[0]!.arms.simulated[1]!.value).toBe(0.5);
    expect(selections[0]!.draws).toBe(2);
    const uneven = summarise([
      selection('a', [candidate(true, [true], [[true, true]]), candidate(false, [false], [[false, true]])]),
    ]);
    // … but here pooling would always choose the right one; draws give (1 + ½) / 2.
    expect(uneven.selections[0]!.arms.simulated[1]!.value).toBe(0.75);
  });

  it('ranks a response without a program below every program', () => {
    const none: CandidateRecord = {
      source: null,
      verdictPublic: [],
      verdictAll: 'unparsed',
      responseTokens: 1,
      simulations: [],
    };
    const { selections } = summarise([selection('a', [none, candidate(true, [false], [[false]])])]);
    expect(selections[0]!.arms.simulated[1]!.value).toBe(1);
    expect(selections[0]!.arms.executed[1]!.value).toBe(1);
    expect(selections[0]!.arms.short[1]!.value).toBe(0);
  });

  it('leaves an unscored program out, and a problem that has too few left out of all curves', () => {
    const unscored: CandidateRecord = { ...candidate(false, [true], [[true]]), verdictAll: 'unscored' };
    const right = candidate(true, [true], [[true]]);
    const { selections } = summarise([
      selection('a', [right, right]),
      selection('b', [right, unscored]),
      selection('c', [right, right, unscored]),
    ]);
    expect(selections[0]).toMatchObject({
      problems: 2,
      leftOut: { tooFewScoredPrograms: 1, simulationsIncomplete: 0 },
      unscoredPrograms: 2,
      ks: [1, 2],
    });
    expect(selections[0]!.passAt1Bounds).toEqual({ worst: 5 / 7, best: 1 });
  });

  it('leaves out a draw with an unscored prediction, and a problem that has no draw left', () => {
    const { selections } = summarise([
      selection('a', [candidate(true, [true], [[null, true]]), candidate(false, [false], [[true, false]])]),
      selection('b', [candidate(true, [true], [[null]]), candidate(false, [false], [[true]])]),
    ]);
    expect(selections[0]).toMatchObject({
      problems: 1,
      leftOut: { tooFewScoredPrograms: 0, simulationsIncomplete: 1 },
      unscoredPredictions: 2,
    });
    expect(selections[0]!.arms.simulated[1]!.value).toBe(1);
  });

  it('has no simulated arm when nothing was simulated', () => {
    const { selections } = summarise([
      selection('a', [candidate(true, [true], []), candidate(false, [false], [])]),
    ]);
    expect(selections[0]!.arms.simulated).toEqual([]);
    expect(selections[0]!.gap).toEqual([]);
    expect(selections[0]!.arms.pass).toHaveLength(2);
  });

  it('finds again what the error rates imply', () => {
    const perfect = { stage: 'sft', solve: 0.5, simulate: 1, wishful: 0 };
    const { selections } = summarise(syntheticRecords([perfect], { ...SYNTHETIC_SIZES, problems: 100 }));
    for (const gap of selections[0]!.gap) expect(gap.value).toBeCloseTo(0, 12);
    const { falsePass, falseFail } = selections[0]!.confusion;
    expect([falsePass, falseFail]).toEqual([0, 0]);
  });

  it('orders the arms as they must be, and pairs the stages by problem', () => {
    const { selections, selectionChanges } = summarise(syntheticRecords());
    expect(selections.map(({ stage }) => stage)).toEqual(['sft', 'rl']);
    for (const { arms, ks, gain } of selections) {
      for (const k of ks) {
        const at = (arm: 'pass' | 'executed' | 'simulated') => arms[arm][k - 1]!.value!;
        expect(at('pass')).toBeGreaterThanOrEqual(at('executed') - 1e-12);
        expect(at('executed')).toBeGreaterThanOrEqual(at('simulated') - 0.02);
      }
      expect(gain[9]!.interval!.low).toBeGreaterThan(0);
    }
    expect(selectionChanges).toHaveLength(1);
    expect(selectionChanges[0]).toMatchObject({ from: 'sft', to: 'rl', k: 10 });
    expect(selectionChanges[0]!.passAt1.problems).toBe(SYNTHETIC_SIZES.problems);
  });

  it('is the same for the same seed, whatever else is in the records', () => {
    const records = syntheticRecords([SYNTHETIC_SFT]);
    const alone = records.filter((record) => record.schema === 'selection/1');
    expect(summarise(records).selections).toEqual(summarise(alone).selections);
  });
});

describe('Self-RLEF', () => {
  it('counts first → submitted like table 5 of the paper', () => {
    const { selfRlef } = summarise([
      repair('a', [false, true]),
      repair('b', [false, false, false]),
      repair('c', [true]),
      repair('d', [true, false]),
    ]);
    const { allTests, meanProgramsUsed, mostProgramsUsed } = selfRlef[0]!;
    expect(allTests.first.value).toBe(0.5);
    expect(allTests.submitted.value).toBe(0.5);
    expect(allTests.gain.value).toBe(0);
    for (const share of Object.values(allTests.transitions)) expect(share.value).toBe(0.25);
    expect(meanProgramsUsed).toBe(2);
    expect(mostProgramsUsed).toBe(3);
  });

  it('leaves an episode with an unscored end out of rates and transitions alike', () => {
    const { selfRlef } = summarise([repair('a', [null, true]), repair('b', [false, true])]);
    expect(selfRlef[0]!.allTests.submitted).toMatchObject({ value: 1, items: 1, unscored: 1 });
    expect(selfRlef[0]!.allTests.transitions.failPass).toMatchObject({ value: 1, unscored: 1 });
  });

  it('compares simulated with executed feedback on the same problems', () => {
    const { selfRlefContrasts } = summarise([
      repair('a', [true]),
      repair('b', [false]),
      repair('a', [true], 'executed'),
      repair('b', [true], 'executed'),
    ]);
    expect(selfRlefContrasts).toHaveLength(1);
    expect(selfRlefContrasts[0]).toMatchObject({ feedback: 'simulated', against: 'executed' });
    expect(selfRlefContrasts[0]!.allTests.value).toBe(-0.5);
  });
});

describe('summarise', () => {
  it('does not depend on the order in which records were written', () => {
    const records = syntheticRecords([SYNTHETIC_SFT], { ...SYNTHETIC_SIZES, problems: 30 });
    const { selections, selfRlef } = summarise([...records].reverse());
    expect({ selections, selfRlef }).toEqual({
      selections: summarise(records).selections,
      selfRlef: summarise(records).selfRlef,
    });
  });

  it('takes checkpoints named after their stage as stages of one model', () => {
    const records = syntheticRecords(undefined, { ...SYNTHETIC_SIZES, problems: 30 });
    const named = records.map((record) => ({ ...record, model: `${record.model}-${record.stage}` }));
    expect(summarise(named)).toEqual(summarise(records));
  });

  it('gives empty tables for no records', () => {
    expect(summarise([])).toMatchObject({ predictions: [], selections: [], selfRlef: [] });
  });

  it('reports the change from one stage to the next on shared problems', () => {
    const { predictionChanges } = summarise(syntheticRecords([SYNTHETIC_RL, SYNTHETIC_SFT]));
    const all = predictionChanges.find(({ group }) => group === 'all')!;
    expect(all).toMatchObject({ from: 'sft', to: 'rl' });
    expect(all.accuracy.interval!.low).toBeGreaterThan(0);
  });
});

const round = (value: number): number => Math.round(value * 1e9) / 1e9;
