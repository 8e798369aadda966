import { expect, test } from 'vitest';
import { doubleProblem } from '../../test/support/double-problem.js';
import { plainStyle } from '../../test/support/plain-style.js';
import { createScriptedModel } from '../../test/support/scripted-model.js';
import { play } from '../episode/play.js';
import {
  executedPasses,
  meanPredictedPasses,
  predictedPasses,
  rankCandidates,
  selectCandidate,
} from './rank.js';
import { simulatePublicTests } from './simulate.js';
import type { Prediction, SimulatedProgram } from './types.js';

const yes: Prediction = { kind: 'predicted', output: '4', matches: true };
const no: Prediction = { kind: 'predicted', output: '5', matches: false };
const cut: Prediction = { kind: 'truncated' };
const down: Prediction = { kind: 'unscored', reason: 'model: busy' };

function simulated(...predictions: readonly (readonly Prediction[])[]): SimulatedProgram {
  return { program: { source: 'x' }, predictions };
}

test('a program scores one point per public test that it is predicted to pass', () => {
  expect(predictedPasses(simulated([yes], [no], [yes]))).toBe(2);
  expect(predictedPasses(simulated([cut], [down], [yes]))).toBe(1);
  expect(predictedPasses(simulated([yes, no], [yes, yes]), 1)).toBe(1);
  expect(() => predictedPasses(simulated([yes]), 1)).toThrow(RangeError);
});

test('over several draws a test counts by the share of them that predict a pass', () => {
  expect(meanPredictedPasses(simulated([yes, no, yes, no], [yes, yes, yes, cut]))).toBe(0.5 + 0.75);
  expect(meanPredictedPasses(simulated([]))).toBe(0);
});

test('execution counts the accepted tests', () => {
  const verdict = (v: 'accepted' | 'wrong-answer') =>
    ({ verdict: v, comparator: 'output', cpuTimeMs: 1 }) as const;
  expect(executedPasses([verdict('accepted'), verdict('wrong-answer'), verdict('accepted')])).toBe(2);
});

test('the highest score ranks first, and a sample without a program last', () => {
  expect(rankCandidates([1, 3, undefined, 2, 0], 'seed')).toEqual([1, 3, 0, 4, 2]);
  expect(selectCandidate([1, 3, undefined], 'seed')).toBe(1);
  expect(selectCandidate([undefined, undefined], 'seed')).toBeUndefined();
  expect(selectCandidate([], 'seed')).toBeUndefined();
});

test('ties are broken at random, evenly, and equally for equal seeds', () => {
  const chosen = Array.from({ length: 3000 }, (_, seed) => selectCandidate([2, 0, 2, 1, 2], seed));
  const counts = [0, 1, 2, 3, 4].map((i) => chosen.filter((c) => c === i).length);
  expect(counts[1]! + counts[3]!).toBe(0);
  // 1000 each expected; the standard deviation is 26.
  for (const i of [0, 2, 4]) expect(Math.abs(counts[i]! - 1000)).toBeLessThan(130);
  expect(rankCandidates([2, 2, 2, 2], 5)).toEqual(rankCandidates([2, 2, 2, 2], 5));
});

test('every program is simulated on every public test, as often as asked', async () => {
  const model = createScriptedModel(['out 4', 'out 5', 'out 6', '?', 'out 4', 'out 4', 'out 9', 'out 9']);
  const spec = {
    problem: doubleProblem,
    programs: [{ source: 'twice' }, { source: 'square' }],
    style: plainStyle,
    maxTokens: 9,
    draws: 2,
    seed: 1,
  };
  const result = await simulatePublicTests(spec, (episode) => play(episode, model, undefined));
  expect(result.map((program) => predictedPasses(program))).toEqual([2, 1]);
  expect(result[0]?.predictions).toEqual([
    [
      { kind: 'predicted', output: '4', matches: true, tokens: 6, completion: 'out 4' },
      { kind: 'predicted', output: '5', matches: false, tokens: 6, completion: 'out 5' },
    ],
    [
      { kind: 'predicted', output: '6', matches: true, tokens: 6, completion: 'out 6' },
      { kind: 'unparsed', tokens: 2, completion: '?' },
    ],
  ]);
  expect(model.asked.map(({ messages }) => messages[0]?.content)).toEqual([
    ...Array(2).fill('simulate twice on 2'),
    ...Array(2).fill('simulate twice on 3'),
    ...Array(2).fill('simulate square on 2'),
    ...Array(2).fill('simulate square on 3'),
  ]);
  expect(new Set(model.asked.map(({ seed }) => seed)).size).toBe(8);
});
