/**
 * The meaning of the objective, by numbers worked by hand: the length-weighted mean, the constant normalisation, the
 * clip on both sides, what is trained and what is not.
 */
import { describe, expect, test } from 'vitest';
import { makeGroup, makeRollout, makeTurn } from '../../../test/support/rollouts.js';
import { createTabularClient } from '../../../test/support/tabular-client.js';
import type { PolicyVersion } from '../../model/types.js';
import type { Datum, Loss, TrainingClient } from '../types.js';
import { groupAdvantages, isMixed, withAdvantages } from './advantages.js';
import { addGroup, countedTokens, EMPTY_BATCH, groupsWanted, isFull, splitGroups } from './batching.js';
import { policyData } from './policy-data.js';
import { divergenceFrom, policyMetrics, taskMetrics } from './step-metrics.js';
import { trainBatch } from './train-batch.js';
import type { AdvantagedGroup } from './types.js';

const v = (version: number): PolicyVersion => version as PolicyVersion;

describe('advantages', () => {
  test('are the reward minus the length-weighted mean of the group, not divided by its deviation', () => {
    // μ = (1·10 − 1·30 + 1·20 − 1·40) / 100 = −0.4
    const group = [
      { reward: 1, length: 10 },
      { reward: -1, length: 30 },
      { reward: 1, length: 20 },
      { reward: -1, length: 40 },
    ];
    const expected = [1.4, -0.6, 1.4, -0.6];
    for (const [i, advantage] of groupAdvantages(group).entries())
      expect(advantage).toBeCloseTo(expected[i]!, 12);
  });

  test('weigh the tokens of a group to zero', () => {
    const group = withAdvantages(
      makeGroup([
        [0.8, 7],
        [-0.8, 3],
        [-0.8, 11],
        [0.8, 2],
      ]),
    );
    const sum = group.rollouts.reduce(
      (s, { turns }, i) => s + turns[0]!.tokens.length * group.advantages[i]!,
      0,
    );
    expect(sum).toBeCloseTo(0, 12);
  });

  test('count as length the tokens of all turns, simulated ones included', () => {
    const trained = makeTurn(4);
    const simulated = makeTurn(6, { trained: false, purpose: 'simulate' });
    const prompt = { ordinal: 0, task: 't', index: 0, failures: 0 };
    // μ = (1·10 − 1·5) / 15 = 1/3
    const group = withAdvantages({
      prompt,
      rollouts: [makeRollout(1, trained, simulated), makeRollout(-1, makeTurn(5))],
    });
    expect(group.advantages[0]).toBeCloseTo(2 / 3, 12);
    expect(group.advantages[1]).toBeCloseTo(-4 / 3, 12);
  });

  test('are exactly zero when all rewards are equal', () => {
    const group = withAdvantages(
      makeGroup([
        [0.8, 3],
        [0.8, 7],
        [0.8, 11],
      ]),
    );
    expect(group.advantages).toEqual([0, 0, 0]);
    expect(isMixed(group)).toBe(false);
    expect(
      isMixed(
        withAdvantages(
          makeGroup([
            [1, 3],
            [-1, 3],
          ]),
        ),
      ),
    ).toBe(true);
  });
});

describe('batches', () => {
  const mixed = withAdvantages(
    makeGroup([
      [1, 10],
      [-1, 20],
    ]),
  );
  const solved = withAdvantages(
    makeGroup([
      [1, 500],
      [1, 500],
    ]),
  );

  test('close on tokens with a non-zero advantage, or on the number of groups', () => {
    const limits = { tokenBudget: 60, maxGroups: 4 };
    let batch = addGroup(addGroup(EMPTY_BATCH, solved), mixed);
    expect(batch).toMatchObject({ tokens: 30 });
    expect(isFull(batch, limits)).toBe(false);
    expect(isFull(addGroup(batch, mixed), limits)).toBe(true);
    batch = addGroup(addGroup(batch, solved), solved);
    expect(isFull(batch, limits)).toBe(true);
    expect(batch.groups).toHaveLength(4);
    expect(batch.mixed).toEqual([mixed]);
  });

  test('are filled with about as many groups as they will need', () => {
    const limits = { tokenBudget: 600, maxGroups: 40 };
    expect(groupsWanted(EMPTY_BATCH, limits, undefined)).toBe(10);
    expect(groupsWanted(EMPTY_BATCH, limits, 30)).toBe(20);
    expect(groupsWanted(EMPTY_BATCH, limits, 0)).toBe(40);
    // Ten groups, five of them mixed, brought 150 tokens: 450 more will take 30, all that the cap leaves.
    let batch = EMPTY_BATCH;
    for (let i = 0; i < 5; i++) batch = addGroup(addGroup(batch, mixed), solved);
    expect(groupsWanted(batch, limits, 1)).toBe(30);
    expect(groupsWanted(batch, { ...limits, tokenBudget: 155 }, 1)).toBe(5);
    expect(groupsWanted(batch, { ...limits, maxGroups: 10 }, 1)).toBe(1);
  });

  test('count trained turns only', () => {
    const rollouts = [
      makeRollout(1, makeTurn(4), makeTurn(50, { trained: false }), makeTurn(3)),
      makeRollout(-1, makeTurn(5)),
    ];
    expect(countedTokens(withAdvantages({ prompt: mixed.prompt, rollouts }))).toBe(12);
  });

  test('are split into parts of about equal size, none empty', () => {
    const sized = (length: number): AdvantagedGroup =>
      withAdvantages(
        makeGroup([
          [1, length],
          [-1, length],
        ]),
      );
    const groups = [10, 10, 10, 30].map(sized);
    expect(splitGroups(groups, 2).map((part) => part.map(countedTokens))).toEqual([[20, 20, 20], [60]]);
    expect(splitGroups(groups, 1)).toEqual([groups]);
    expect(splitGroups([sized(5)], 3)).toHaveLength(1);
  });
});

describe('training sequences', () => {
  const turn = makeTurn(2, { promptTokens: [7, 8, 9], tokens: [4, 0], logprobs: [-0.5, -0.25] });
  const prompt = { ordinal: 0, task: 't', index: 0, failures: 0 };

  test('hold the sampled ids, with advantage / N on the model tokens and nothing on the prompt', () => {
    const group: AdvantagedGroup = { prompt, rollouts: [makeRollout(1, turn)], advantages: [1.5] };
    const [made] = policyData([group], 100);
    expect(made?.datum).toEqual({
      tokens: [7, 8, 9, 4],
      lossInputs: {
        targetTokens: [8, 9, 4, 0],
        weights: [0, 0, 1, 1],
        logprobs: [0, 0, -0.5, -0.25],
        advantages: [0, 0, 0.015, 0.015],
      },
    });
    expect(made?.start).toBe(2);
  });

  test('are one per trained turn, with the same advantage on each, and none for a zero advantage', () => {
    const simulated = makeTurn(9, { trained: false });
    const rollouts = [makeRollout(1, turn, simulated, turn), makeRollout(-1, turn), makeRollout(0, turn)];
    const data = policyData([{ prompt, rollouts, advantages: [1, -1, 0] }], 1);
    expect(data.map(({ advantage, datum }) => [advantage, datum.tokens.length])).toEqual([
      [1, 4],
      [1, 4],
      [-1, 4],
    ]);
  });
});

describe('metrics of an update', () => {
  /** One sequence of one model token, sampled with probability 0.5. */
  const token = (advantage: number, version = 0) => {
    const turn = makeTurn(1, { logprobs: [Math.log(0.5)], versions: [v(version)] });
    const prompt = { ordinal: 0, task: 't', index: 0, failures: 0 };
    return policyData([{ prompt, rollouts: [makeRollout(1, turn)], advantages: [advantage] }], 1)[0]!;
  };
  const now = (...probabilities: number[]) => probabilities.map((p) => Float32Array.of(Math.log(p)));
  const clip = { low: 0.8, high: 1.25 };

  test('the clip counts where the advantage pushes the ratio beyond its threshold, on both sides', () => {
    // Ratios 1.3, 1.2, 0.7, 0.9 upwards; the same downwards.
    const ratios = [0.65, 0.6, 0.35, 0.45];
    const up = policyMetrics(
      ratios.map(() => token(1)),
      now(...ratios),
      v(1),
      clip,
    );
    expect(up?.clipFraction).toBe(1 / 4);
    const down = policyMetrics(
      ratios.map(() => token(-1)),
      now(...ratios),
      v(1),
      clip,
    );
    expect(down?.clipFraction).toBe(1 / 4);
    expect(policyMetrics([token(1)], now(0.35), v(1), clip)?.clipFraction).toBe(0);
    expect(policyMetrics([token(-1)], now(0.65), v(1), clip)?.clipFraction).toBe(0);
  });

  test('the mismatch looks at tokens of the current version alone', () => {
    const metrics = policyMetrics([token(1, 3), token(1, 2)], now(0.5 * Math.exp(0.02), 0.9), v(3), clip);
    expect(metrics?.mismatch?.tokens).toBe(1);
    expect(metrics?.mismatch?.mean).toBeCloseTo(0.02, 5);
    expect(policyMetrics([token(1, 2)], now(0.5), v(3), clip)?.mismatch).toBeUndefined();
    expect(policyMetrics([], [], v(3), clip)).toBeUndefined();
  });

  test('the divergence is the mean of ρ − 1 − log ρ', () => {
    const metrics = policyMetrics([token(1), token(1)], now(0.5, 1), v(0), clip);
    expect(metrics?.divergence).toBeCloseTo((0 + (2 - 1 - Math.log(2))) / 2, 5);
  });

  test('the divergence from other weights is the mean of r − 1 − log r on the sampled tokens', () => {
    const data = [token(1), token(-1)];
    const divergence = divergenceFrom(data, now(0.5, 0.25), now(0.5, 0.5));
    expect(divergence).toBeCloseTo((0 + (2 - 1 - Math.log(2))) / 2, 5);
    expect(divergenceFrom(data, now(0.5, 0.25), now(0.5, 0.25))).toBe(0);
  });

  test('repetition is the share of 4-grams that an answer held before', () => {
    const repeating = makeTurn(7, { tokens: [1, 2, 1, 2, 1, 2, 1] });
    const plain = makeTurn(7, { tokens: [1, 2, 3, 4, 5, 6, 7] });
    const prompt = { ordinal: 0, task: 'a', index: 0, failures: 0 };
    const group = withAdvantages({ prompt, rollouts: [makeRollout(1, repeating), makeRollout(1, plain)] });
    // 1212 2121 1212 2121 and 1234 2345 3456 4567: two of eight were there before.
    expect(taskMetrics([group])['a']?.repetition).toBe(2 / 8);
  });

  test('tasks are told apart, and entropy is the mean surprise of trained tokens', () => {
    const cut = { ...makeRollout(-1, makeTurn(3, { logprobs: [-2, -2, -2] })), ending: 'truncated' };
    const right = makeRollout(1, makeTurn(1, { logprobs: [-1] }), makeTurn(4, { trained: false }));
    const prompt = { ordinal: 0, task: 'a', index: 0, failures: 0 };
    const groups = [
      withAdvantages({ prompt, rollouts: [right, cut] }),
      withAdvantages(
        makeGroup(
          [
            [1, 2],
            [1, 2],
          ],
          1,
          'b',
        ),
      ),
    ];
    expect(taskMetrics(groups)).toEqual({
      a: {
        groups: 1,
        reward: 0,
        mixedShare: 1,
        truncatedShare: 0.5,
        unparsedShare: 0,
        meanTokens: 4,
        repetition: 0,
        entropy: 7 / 4,
      },
      b: {
        groups: 1,
        reward: 1,
        mixedShare: 0,
        truncatedShare: 0,
        unparsedShare: 0,
        meanTokens: 2,
        repetition: 0,
        entropy: 1,
      },
    });
  });
});

describe('an update', () => {
  const adam = { learningRate: 0.1, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 0 };
  const options = { clip: { low: 0.8, high: 1.25 }, normalizer: 8, updatesPerBatch: 1, adam };
  const uniform = Math.log(1 / 4);
  const onPolicy = (length: number) =>
    makeTurn(length, { promptTokens: [3], logprobs: new Array<number>(length).fill(uniform) });
  const prompt = { ordinal: 0, task: 't', index: 0, failures: 0 };
  const group = withAdvantages({
    prompt,
    rollouts: [makeRollout(1, onPolicy(1)), makeRollout(-1, onPolicy(3))],
  });

  /** A client that keeps what it was given. */
  const recording = () => {
    const client = createTabularClient({ vocabSize: 4, order: 1 });
    const calls: { data: readonly Datum[]; loss: Loss }[] = [];
    const recorded: TrainingClient = {
      ...client,
      forwardBackward: (data, loss) => {
        calls.push({ data, loss });
        return client.forwardBackward(data, loss);
      },
    };
    return { calls, client: recorded };
  };

  test('is one optimizer step on the clipped objective divided by the constant', async () => {
    const { calls, client } = recording();
    const result = await trainBatch(client, [group], options);
    expect(calls.map(({ loss }) => loss)).toEqual([{ kind: 'ppo', clipLow: 0.8, clipHigh: 1.25 }]);
    // μ = (1 − 3) / 4 = −0.5; advantages 1.5 and −0.5; on policy every ratio is 1: −(1.5·1 − 0.5·3) / 8 = 0.
    expect(result.loss).toBeCloseTo(0, 6);
    expect(calls[0]!.data.map(({ lossInputs }) => lossInputs.advantages)).toEqual([
      [1.5 / 8],
      [-0.5 / 8, -0.5 / 8, -0.5 / 8],
    ]);
    expect(result.policy?.mismatch?.max).toBeLessThan(1e-6);
    expect(result.tokens).toBe(4);
  });

  test('may be split into several optimizer steps, each divided by its share of the constant', async () => {
    const { calls, client } = recording();
    await trainBatch(client, [group, group], { ...options, updatesPerBatch: 2 });
    expect(calls).toHaveLength(2);
    expect(calls[1]!.data[0]!.lossInputs.advantages).toEqual([1.5 / 4]);
  });

  test('may replay supervised tokens, each weighing as much as an RL token of the given advantage', async () => {
    const { calls, client } = recording();
    const data = [{ tokens: [1, 2], lossInputs: { targetTokens: [2, 0], weights: [0, 1] } }];
    const next = async () => ({ data, tokens: 2, skipped: 0, next: { epoch: 0, index: 1 } });
    const result = await trainBatch(client, [group], { ...options, replay: { weight: 0.5, next } });
    expect(calls[1]).toMatchObject({ loss: { kind: 'cross_entropy' } });
    expect(calls[1]!.data[0]!.lossInputs.weights).toEqual([0, 0.5 / 8]);
    expect(result.replayLoss).toBeCloseTo(Math.log(4), 6);
  });
});
