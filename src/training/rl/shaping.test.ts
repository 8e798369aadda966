import { expect, test } from 'vitest';
import { makeGroup, makeRollout, makeTurn } from '../../../test/support/rollouts.js';
import { withAdvantages } from './advantages.js';
import { isGibberish, penaliseLength, promptsByDifficulty } from './shaping.js';

test('the length penalty takes a right answer from its reward to the negative of it, and leaves wrong ones alone', () => {
  const limits = { softMaxTokens: 100, hardMaxTokens: 300 };
  expect([50, 100, 150, 200, 300, 900].map((tokens) => penaliseLength(1, tokens, limits))).toEqual([
    1, 1, 0.5, 0, -1, -1,
  ]);
  expect(penaliseLength(0.8, 250, limits)).toBeCloseTo(-0.4, 12);
  expect(penaliseLength(-1, 250, limits)).toBe(-1);
});

test('gibberish is a rare token that was less likely than a blind draw by the margin', () => {
  const rules = { rareFrom: 100_000, vocabSize: 128_256 };
  // −ln 128,256 − 2 = −13.76
  const withToken = (token: number, logprob: number) =>
    makeRollout(1, makeTurn(1), makeTurn(2, { tokens: [5, token], logprobs: [-20, logprob] }));
  expect(isGibberish(withToken(120_000, -13.8), rules)).toBe(true);
  expect(isGibberish(withToken(120_000, -13.7), rules)).toBe(false);
  expect(isGibberish(withToken(100_000, -20), rules)).toBe(false);
});

test('prompts are kept by their solve rate', () => {
  expect(promptsByDifficulty([0, 0.1, 0.5, 0.7, 0.71, 1])).toEqual([1, 2, 3]);
});

test('a rejected rollout is not trained on, and has no part in the mean of its group', () => {
  const group = makeGroup([
    [1, 10],
    [-1, 10],
    [-1, 80],
  ]);
  const rejected = group.rollouts[2];
  expect(withAdvantages(group, (rollout) => rollout === rejected).advantages).toEqual([1, -1, 0]);
  expect(withAdvantages(group, (rollout) => rollout.reward < 0).advantages).toEqual([0, 0, 0]);
});
