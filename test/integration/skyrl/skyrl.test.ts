/**
 * The tinker engine against SkyRL itself, on CPU with its JAX backend: a model whose folder the embedded engine wrote gives the
 * embedded engine's numbers, learns by SFT and by the unchanged RL loop, and a killed server's run goes on.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { createChatTokenizer, writeTokenizerFiles } from '../../../src/model/tokenizer.js';
import { openCheckpoints } from '../../../src/training/checkpoints.js';
import { createEmbeddedEngine, openEmbeddedEngine } from '../../../src/training/engines/embedded/index.js';
import { openTinkerEngine, type TinkerEngine } from '../../../src/training/engines/tinker/index.js';
import { parseRlState, type RlState, type RlStep } from '../../../src/training/rl/options.js';
import { trainRl } from '../../../src/training/rl/train-rl.js';
import type { AdamParams, Datum } from '../../../src/training/types.js';
import { worldTokenizerFiles } from '../../../src/world/vocabulary.js';
import { copyTask, tokenRenderer } from '../../support/token-tasks.js';
import { type SkyrlServer, startSkyrl } from './server.js';

const SYMBOLS = [1, 2, 3, 4, 5];
const adam: AdamParams = {
  learningRate: 5e-3,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0,
  gradClipNorm: 0,
};

let folder: string;
let model: string;
let vocabSize: number;
let server: SkyrlServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-skyrl-'));
  model = join(folder, 'model');
  const tokenizer = createChatTokenizer(worldTokenizerFiles());
  vocabSize = tokenizer.vocabularySize;
  await using engine = await createEmbeddedEngine({
    model: { vocabSize, hiddenSize: 32, layers: 2, heads: 2, maxLength: 64 },
    seed: 1,
    threads: 1,
  });
  // It has learned to answer with a symbol, any of them: so RL has something to choose from.
  const rng = createRng('skyrl');
  for (let step = 0; step < 60; step++) {
    const data = Array.from({ length: 32 }, (): Datum => {
      const tokens = [rng.pick(SYMBOLS)];
      return { tokens, lossInputs: { targetTokens: [rng.pick(SYMBOLS)], weights: [1 / 32] } };
    });
    await Promise.all([
      engine.forwardBackward(data, { kind: 'cross_entropy' }),
      engine.optimStep({ ...adam, learningRate: 0.02, gradClipNorm: 1 }),
    ]);
  }
  await engine.saveState(model);
  await writeTokenizerFiles(model, tokenizer.files);
  server = await startSkyrl(model, join(folder, 'state'));
});

afterAll(async () => {
  await server?.kill();
  await rm(folder, { recursive: true, force: true });
});

function open(patienceMs = 60_000): Promise<TinkerEngine> {
  return openTinkerEngine({
    server: 'skyrl-jax',
    baseUrl: server.url,
    baseModel: model,
    loraRank: 8,
    seed: 1,
    maxLength: 64,
    vocabSize,
    patienceMs,
  });
}

function someData(count: number): Datum[] {
  const rng = createRng('data');
  return Array.from({ length: count }, () => {
    const tokens = Array.from({ length: rng.int(5, 30) }, () => rng.int(0, vocabSize - 1));
    const weights = tokens.map((_, t) => (t % 3) / 50);
    return { tokens, lossInputs: { targetTokens: [...tokens.slice(1), 0], weights } };
  });
}

test('a folder of the embedded engine has the same log-probabilities there, to 1e-3', async () => {
  await using engine = await open();
  await using reference = await openEmbeddedEngine(model, { threads: 1, workers: 0 });
  const data = someData(4);
  const [ours, theirs] = [await reference.forward(data), await engine.forward(data)];
  const differences = ours.logprobs.flatMap((list, i) =>
    [...list].map((value, t) => Math.abs(value - theirs.logprobs[i]![t]!)),
  );
  console.log(`largest difference of ${differences.length} log-probabilities: ${Math.max(...differences)}`);
  expect(Math.max(...differences)).toBeLessThan(1e-3);
});

test('its mean of means is undone: weights scale the gradient, and a step may come in pieces', async () => {
  await using engine = await open();
  const data = someData(4);
  const norm = async (...parts: Datum[][]): Promise<number> => {
    for (const part of parts) await engine.forwardBackward(part, { kind: 'cross_entropy' });
    return (await engine.optimStep({ ...adam, learningRate: 0 })).gradNorm;
  };
  const whole = await norm(data);
  expect((await norm(data.slice(0, 2), data.slice(2))) / whole).toBeCloseTo(1, 3);
  const heavier = data.map(({ tokens, lossInputs }) => ({
    tokens,
    lossInputs: { ...lossInputs, weights: lossInputs.weights!.map((weight) => 3 * weight) },
  }));
  expect((await norm(heavier)) / whole).toBeCloseTo(3, 3);
});

test('SFT lowers the loss, and a checkpoint goes on to the same numbers', async () => {
  await using engine = await open();
  const data = someData(4);
  const step = async (): Promise<number> => {
    const [{ lossSum }] = await Promise.all([
      engine.forwardBackward(data, { kind: 'cross_entropy' }),
      engine.optimStep(adam),
    ]);
    return lossSum;
  };
  const losses = [await step(), await step(), await step(), await step()];
  console.log(`loss: ${losses.map((loss) => loss.toFixed(3)).join(', ')}`);
  expect(losses[3]!).toBeLessThan(losses[0]!);
  const path = join(folder, 'sft');
  await engine.saveState(path);
  const onward = [await step(), await step()];
  await engine.loadState(path);
  const again = [await step(), await step()];
  for (const [i, loss] of onward.entries()) expect(again[i]!).toBeCloseTo(loss, 4);
});

test('ten steps of the unchanged RL loop, the server killed in the middle and started again', async () => {
  const checkpoints = openCheckpoints<RlState>(join(folder, 'rl'), parseRlState);
  const steps: RlStep[] = [];
  const run = async (killAfter?: number): Promise<RlState> => {
    const engine = await open(killAfter === undefined ? 60_000 : 2_000);
    try {
      return await trainRl(engine, {
        tasks: [copyTask(SYMBOLS, 1)],
        renderer: tokenRenderer,
        seed: 1,
        rollouts: 'synchronous',
        batch: { tokenBudget: 64, maxGroups: 8 },
        adam,
        schedule: { peak: 2e-2, warmupShare: 0, decayShare: 0 },
        budget: { steps: 10 },
        checkpoints,
        saveEvery: 2,
        retry: { maxAttempts: 1, baseDelayMs: 1 },
        onStep: async (step) => {
          steps[step.step - 1] = step;
          if (step.step === killAfter) await server.kill();
        },
      });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  };
  await expect(run(5)).rejects.toThrow();
  expect((await checkpoints.load('latest'))!.state.steps).toBe(4);
  server = await startSkyrl(model, join(folder, 'state'), server.port);
  const state = await run();
  expect(state).toMatchObject({ steps: 10, finished: true });
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const rewards = steps.map(({ tasks }) => tasks['copy']!.reward);
  console.log(`rewards: ${rewards.map((reward) => reward.toFixed(2)).join(', ')}`);
  for (const { policy } of steps) expect(policy?.mismatch?.max ?? 0).toBeLessThan(1e-3);
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
  expect(mean(rewards.slice(-3))).toBeGreaterThan(mean(rewards.slice(0, 3)));
});
