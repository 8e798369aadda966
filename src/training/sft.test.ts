import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTabularClient } from '../../test/support/tabular-client.js';
import { createInstantClock } from '../core/clock.js';
import { openCheckpoints } from './checkpoints.js';
import { parseSftState, type SftOptions, type SftStep, trainSft } from './sft.js';
import {
  mixedSource,
  type SftBatch,
  type SftExample,
  type SftSource,
  sftBatches,
  sftDatum,
  shuffledSource,
} from './sft-data.js';
import { validationLoss } from './validation-loss.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-sft-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** After 1 comes 2, after 3 comes 4; 0 ends. */
const lessons: readonly SftExample[] = [
  { promptTokens: [1], completionTokens: [2, 0] },
  { promptTokens: [3], completionTokens: [4, 0] },
  { promptTokens: [5, 3], completionTokens: [4, 0] },
];

const options = {
  source: shuffledSource(lessons, 1, (example) => [example]),
  batchTokens: 5,
  budget: { steps: 60 },
  schedule: { peak: 0.3, warmupShare: 0.05, decayShare: 0.6 },
  adam: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 1 },
  clock: createInstantClock(),
} as const satisfies SftOptions;

const client = () => createTabularClient({ vocabSize: 6, order: 1 });

describe('data', () => {
  test('inputs and targets are shifted, and only the targets of the completion have weight', () => {
    expect(sftDatum({ promptTokens: [7, 8], completionTokens: [9, 0] })).toEqual({
      tokens: [7, 8, 9],
      lossInputs: { targetTokens: [8, 9, 0], weights: [0, 1, 1] },
    });
    const weighted = sftDatum({ promptTokens: [7], completionTokens: [9, 0], completionWeights: [2, 4] });
    expect(weighted.lossInputs.weights).toEqual([2, 4]);
    expect(() => sftDatum({ promptTokens: [], completionTokens: [1] })).toThrow('at least one token each');
    expect(() => sftDatum({ promptTokens: [1], completionTokens: [1], completionWeights: [] })).toThrow(
      '0 weights',
    );
  });

  test('a batch is closed before it would pass the token budget, and its weights sum to one', async () => {
    const source: SftSource = () => lessons;
    const [first, second, third] = await take(sftBatches(source, { batchTokens: 5, maxLength: 9 }), 3);
    expect([first, second, third].map((batch) => batch!.data.map(({ tokens }) => tokens))).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 3, 4],
        [1, 2],
      ],
      [
        [3, 4],
        [5, 3, 4],
      ],
    ]);
    expect([first!.tokens, second!.tokens, third!.tokens]).toEqual([4, 5, 5]);
    expect(first!.data.flatMap(({ lossInputs }) => lossInputs.weights)).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect([first!.next, second!.next]).toEqual([
      { epoch: 0, index: 2 },
      { epoch: 1, index: 1 },
    ]);
  });

  test('batches go on from any position as if they had never stopped', async () => {
    const whole = await take(sftBatches(options.source, { batchTokens: 5, maxLength: 9 }), 9);
    for (let i = 0; i < 8; i++) {
      const start = whole[i]!.next;
      expect(await take(sftBatches(options.source, { batchTokens: 5, maxLength: 9, start }), 1)).toEqual([
        whole[i + 1],
      ]);
    }
  });

  test('examples that the engine cannot take are passed over and counted', async () => {
    const batches = await take(
      sftBatches(() => lessons, { batchTokens: 4, maxLength: 2 }),
      3,
    );
    expect(batches.map(({ skipped }) => skipped)).toEqual([0, 1, 1]);
    await expect(sftBatches(() => lessons, { batchTokens: 4, maxLength: 1 }).next()).rejects.toThrow(
      'hold no example of at most 1 tokens',
    );
    const start = { epoch: 0, index: 4 };
    await expect(sftBatches(() => lessons, { batchTokens: 4, maxLength: 9, start }).next()).rejects.toThrow(
      'the SFT data have changed',
    );
  });
});

test('training teaches the completions and reports each step', async () => {
  const steps: SftStep[] = [];
  const table = client();
  const state = await trainSft(table, { ...options, onStep: (step) => void steps.push(step) });
  expect(state).toMatchObject({ steps: 60, finished: true });
  expect(table.probabilities([1])[2]).toBeGreaterThan(0.9);
  expect(table.probabilities([3])[4]).toBeGreaterThan(0.9);
  expect(table.probabilities([5])).toEqual(new Array(6).fill(1 / 6));
  // Before the first step every token is as likely as any other of six.
  expect(steps[0]!.loss).toBeCloseTo(Math.log(6), 6);
  expect(steps.at(-1)!.loss).toBeLessThan(0.2);
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  // Half a step of 60 steps into a warm-up of 3.
  expect(steps[0]!.learningRate).toBeCloseTo(0.3 * (0.5 / 3), 12);
});

test('a budget of seconds counts training time only, and the schedule follows it', async () => {
  const clock = createInstantClock();
  const table = client();
  const timed = {
    ...table,
    forwardBackward: async (...args: Parameters<typeof table.forwardBackward>) => {
      clock.advance(500);
      return table.forwardBackward(...args);
    },
  };
  const rates: number[] = [];
  const state = await trainSft(timed, {
    ...options,
    clock,
    budget: { seconds: 4, tokens: 1_000_000 },
    schedule: { peak: 1, warmupShare: 0, decayShare: 0.5 },
    onStep: ({ learningRate, secondsLeft }) => {
      rates.push(learningRate);
      expect(secondsLeft).toBeCloseTo(4 - 0.5 * rates.length, 9);
      clock.advance(10_000);
    },
  });
  expect(state.steps).toBe(8);
  expect(state.seconds).toBe(4);
  expect(rates.slice(0, 5).every((rate) => rate > 0.99)).toBe(true);
  expect(rates.at(-1)).toBeCloseTo(0.25, 3);
});

test('a run that is stopped anywhere and called again ends as if it had never stopped', async () => {
  const whole = client();
  await trainSft(whole, options);
  const resumed = client();
  for (const stopAt of [7, 8, 31, 55]) {
    const controller = new AbortController();
    const stopped = trainSft(client(), {
      ...options,
      checkpoints: openCheckpoints(folder, parseSftState),
      signal: controller.signal,
      onStep: ({ step }) => {
        if (step >= stopAt) controller.abort(new Error('stopped'));
      },
    });
    await expect(stopped).rejects.toThrow('stopped');
  }
  const checkpoints = openCheckpoints(folder, parseSftState);
  const state = await trainSft(resumed, { ...options, checkpoints });
  expect(state).toMatchObject({ steps: 60, finished: true });
  for (const context of [1, 2, 3, 4])
    expect(resumed.probabilities([context])).toEqual(whole.probabilities([context]));
  expect((await readdir(folder)).sort()).toEqual(['latest.json', 'step-000060']);
  const again = client();
  expect(await trainSft(again, { ...options, checkpoints })).toEqual(state);
  expect(again.probabilities([1])).toEqual(whole.probabilities([1]));
});

test('the best checkpoint by validation is kept beside the latest', async () => {
  const scores = [1, 5, 3, 2];
  const checkpoints = openCheckpoints(folder, parseSftState);
  const seen: number[] = [];
  const state = await trainSft(client(), {
    ...options,
    checkpoints,
    validate: {
      every: 0.25,
      run: async (_, { step }) => {
        seen.push(step);
        return scores.shift()!;
      },
    },
  });
  expect(seen).toEqual([15, 30, 45, 60]);
  expect(state.best).toBe(5);
  expect((await checkpoints.load('best'))?.state.steps).toBe(30);
  expect((await checkpoints.load('latest'))?.state.steps).toBe(60);
  expect((await readdir(folder)).sort()).toEqual(['best.json', 'latest.json', 'step-000030', 'step-000060']);
});

describe('mixing by weight', () => {
  const item = (token: number): SftExample => ({ promptTokens: [token], completionTokens: [0] });
  const parts = [
    { items: [1, 2], weight: 3 },
    { items: [3, 4, 5, 6, 7, 8], weight: 1 },
  ];
  const source = mixedSource(parts, 1, (token) => [item(token)]);
  const drawn = (epoch: number): number[] => {
    const tokens: number[] = [];
    for (const { promptTokens } of source(epoch) as Iterable<SftExample>) tokens.push(promptTokens[0]!);
    return tokens;
  };

  test('each part has its share in every epoch, and goes through its own examples in rounds', () => {
    const epochs = [0, 1, 2, 3].map(drawn);
    for (const epoch of epochs) {
      expect(epoch).toHaveLength(8);
      expect(epoch.filter((token) => token <= 2)).toHaveLength(6);
    }
    const all = epochs.flat();
    expect(all.filter((token) => token === 1)).toHaveLength(12);
    expect(new Set(all.filter((token) => token > 2).slice(0, 6)).size).toBe(6);
    expect(drawn(2)).toEqual(epochs[2]);
  });

  test('a budget of whole epochs takes every example equally often', async () => {
    const each = shuffledSource(lessons, 1, (example) => [example]);
    const batches = await take(sftBatches(each, { batchTokens: 5, maxLength: 9, wholeEpochs: true }), 4);
    expect(batches.map(({ tokens }) => tokens).reduce((a, b) => a + b)).toBe(2 * 7);
    expect(batches.map(({ next }) => next.epoch)).toEqual([0, 1, 1, 2]);
    expect(batches[1]!.next).toEqual({ epoch: 1, index: 0 });
  });
});

test('the validation loss is the mean of −log p per weighted token, over batches of any size', async () => {
  const trained = client();
  await trainSft(trained, options);
  const examples: SftExample[] = [
    { promptTokens: [1], completionTokens: [2, 0] },
    { promptTokens: [3], completionTokens: [4, 5], completionWeights: [1, 0] },
  ];
  const p = (context: number, token: number): number => trained.probabilities([context])[token]!;
  const wanted = -(Math.log(p(1, 2)) + Math.log(p(2, 0)) + Math.log(p(3, 4))) / 3;
  for (const batchTokens of [1, 100]) {
    expect(await validationLoss(trained, examples, batchTokens)).toBeCloseTo(wanted, 5);
  }
  expect(await validationLoss({ ...trained, maxLength: 1 }, examples, 9)).toBeNaN();
});

test('a state of another version is refused', () => {
  expect(() => parseSftState({ schema: 'sft-state/0' })).toThrow('not written by this version');
});

async function take(batches: AsyncGenerator<SftBatch, never, void>, count: number): Promise<SftBatch[]> {
  const taken: SftBatch[] = [];
  while (taken.length < count) taken.push((await batches.next()).value);
  return taken;
}
