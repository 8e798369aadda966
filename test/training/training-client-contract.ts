/**
 * What every TrainingClient keeps (src/training/types.ts), whatever engine is behind it. `create` gives a client whose model
 * is small, of the vocabulary and length below, and the same each time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import { createRng } from '../../src/core/rng.js';
import type { SampleRequest } from '../../src/model/types.js';
import type { AdamParams, Datum, TrainingClient } from '../../src/training/types.js';

export const CONTRACT_MODEL = { vocabSize: 17, hiddenSize: 32, layers: 1, heads: 2, maxLength: 32 };

export const CONTRACT_ADAM: AdamParams = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.01,
  gradClipNorm: 1,
};

export interface Contract {
  create(): Promise<TrainingClient>;
  /** Whether a sampler keeps its weights while training goes on. */
  readonly isolatedSnapshots: boolean;
}

export function someData(seed: number, count = 6): Datum[] {
  const rng = createRng(`contract/${seed}`);
  return Array.from({ length: count }, () => {
    const tokens = Array.from({ length: rng.int(3, 30) }, () => rng.int(0, 16));
    const weights = tokens.map((_, t) => (t % 4) / 40);
    return { tokens, lossInputs: { targetTokens: [...tokens.slice(1), 0], weights } };
  });
}

export function describeTrainingClient(name: string, { create, isolatedSnapshots }: Contract): void {
  const adam = CONTRACT_ADAM;
  const request: SampleRequest = { prompt: [1, 2, 3], maxTokens: 8, temperature: 1, stopTokens: [], seed: 7 };

  describe(`${name} as a TrainingClient`, () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'deskcheck-contract-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('sums: two calls equal one with all data, and a step clears', async () => {
      await using once = await create();
      await using twice = await create();
      const data = someData(1, 8);
      const whole = await once.forwardBackward(data, { kind: 'cross_entropy' });
      const half = await twice.forwardBackward(data.slice(0, 4), { kind: 'cross_entropy' });
      const rest = await twice.forwardBackward(data.slice(4), { kind: 'cross_entropy' });
      expect(half.lossSum + rest.lossSum).toBeCloseTo(whole.lossSum, 3);
      const a = await once.optimStep(adam);
      const b = await twice.optimStep(adam);
      expect(b.gradNorm / a.gradNorm).toBeCloseTo(1, 3);
      const after = await Promise.all([once.forward(data), twice.forward(data)]);
      expectClose(after[1].logprobs, after[0].logprobs);
      const again = await once.forwardBackward(data, { kind: 'cross_entropy' });
      const { gradNorm } = await once.optimStep({ ...adam, learningRate: 0 });
      expect(again.lossSum).toBeLessThan(whole.lossSum);
      expect(gradNorm).toBeLessThan(a.gradNorm * 1.5);
    });

    it('takes calls in order without waiting, and counts versions', async () => {
      await using client = await create();
      const data = someData(1);
      const results = await Promise.all([
        client.forwardBackward(data, { kind: 'cross_entropy' }),
        client.optimStep(adam),
        client.forward(data),
        client.forwardBackward(data, { kind: 'cross_entropy' }),
        client.optimStep(adam),
      ]);
      expect([results[1].version, results[4].version, client.version]).toEqual([1, 2, 2]);
      expect(results[3].lossSum).toBeLessThan(results[0].lossSum);
      const loss = data.reduce(
        (sum, { lossInputs }, i) =>
          sum - lossInputs.weights!.reduce((s, w, t) => s + w * results[2].logprobs[i]![t]!, 0),
        0,
      );
      expect(loss).toBeCloseTo(results[3].lossSum, 3);
    });

    it('is on policy at ratio 1: PPO and importance sampling sum to −Σ weight × advantage', async () => {
      await using client = await create();
      const data = await withAdvantages(client, someData(3));
      const expected = -data
        .flatMap(({ lossInputs: { weights, advantages } }) => advantages!.map((a, t) => a * weights![t]!))
        .reduce((a, b) => a + b, 0);
      for (const loss of [
        { kind: 'ppo', clipLow: 0.8, clipHigh: 1.25 },
        { kind: 'importance_sampling' },
      ] as const) {
        expect((await client.forwardBackward(data, loss)).lossSum).toBeCloseTo(expected, 3);
        await client.optimStep({ ...adam, learningRate: 0 });
      }
    });

    it('clips: a ratio beyond the thresholds gives no gradient, and within them it does', async () => {
      await using client = await create();
      const data = await withAdvantages(client, someData(4), 1);
      const gradNorm = async (ratio: number): Promise<number> => {
        const moved = data.map((datum) => ({
          ...datum,
          lossInputs: {
            ...datum.lossInputs,
            logprobs: datum.lossInputs.logprobs!.map((logprob) => logprob - Math.log(ratio)),
          },
        }));
        await client.forwardBackward(moved, { kind: 'ppo', clipLow: 0.8, clipHigh: 1.25 });
        return (await client.optimStep({ ...adam, learningRate: 0 })).gradNorm;
      };
      expect(await gradNorm(1.2)).toBeGreaterThan(0.01);
      expect(await gradNorm(1.3)).toBe(0);
      // A ratio below the lower threshold with a positive advantage is not clipped: the minimum is the unclipped term.
      expect(await gradNorm(0.7)).toBeGreaterThan(0.01);
    });

    it('learns: the loss of repeated data falls', async () => {
      await using client = await create();
      const data = someData(5, 3);
      const losses: number[] = [];
      for (let step = 0; step < 12; step++) {
        const [{ lossSum }] = await Promise.all([
          client.forwardBackward(data, { kind: 'cross_entropy' }),
          client.optimStep(adam),
        ]);
        losses.push(lossSum);
      }
      expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.6);
    });

    it('says what is wrong with a datum, and accumulates nothing', async () => {
      await using client = await create();
      const tokens = [1, 2, 3];
      const good: Datum = { tokens, lossInputs: { targetTokens: tokens } };
      const bad: readonly [Datum, RegExp][] = [
        [{ tokens: Array(33).fill(1), lossInputs: { targetTokens: Array(33).fill(1) } }, /at most 32/],
        [{ tokens: [], lossInputs: { targetTokens: [] } }, /no tokens/],
        [{ tokens, lossInputs: { targetTokens: [1] } }, /targetTokens has 1 entries, tokens has 3/],
        [{ tokens: [1, 2, 17], lossInputs: { targetTokens: tokens } }, /token 17 is not in 0…16/],
      ];
      for (const [datum, message] of bad) {
        await expect(client.forwardBackward([good, datum], { kind: 'cross_entropy' })).rejects.toThrow(
          message,
        );
      }
      await expect(client.forwardBackward([good], { kind: 'importance_sampling' })).rejects.toThrow(
        UsageError,
      );
      await expect(client.optimStep(adam)).rejects.toThrow(/no gradients/);
      expect(await client.forwardBackward([], { kind: 'cross_entropy' })).toEqual({
        logprobs: [],
        lossSum: 0,
      });
      await expect(client.optimStep(adam)).rejects.toThrow(UsageError);
      await expect(client.forwardBackward([good], { kind: 'cross_entropy' })).resolves.toBeDefined();
      expect((await client.optimStep(adam)).version).toBe(1);
    });

    it('goes on from a checkpoint, in the same client and in another, without the gradients of before', async () => {
      const path = join(folder, 'checkpoint');
      await using client = await create();
      const step = async (c: TrainingClient, seed: number): Promise<readonly number[]> => {
        const [{ lossSum }, { gradNorm, version }] = await Promise.all([
          c.forwardBackward(someData(seed), { kind: 'cross_entropy' }),
          c.optimStep(adam),
        ]);
        return [lossSum, gradNorm, version];
      };
      await step(client, 1);
      await client.saveState(path);
      const expected = [await step(client, 2), await step(client, 3)];
      await client.forwardBackward(someData(9), { kind: 'cross_entropy' });
      await client.loadState(path);
      expect(client.version).toBe(1);
      expectNumbers([await step(client, 2), await step(client, 3)], expected);
      await using other = await create();
      await other.loadState(path);
      expectNumbers([await step(other, 2), await step(other, 3)], expected);
      await expect(other.loadState(join(folder, 'nowhere'))).rejects.toThrow(UsageError);
    });

    it('samples what it computes: log-probabilities are those of a forward pass', async () => {
      await using client = await create();
      await client.forwardBackward(someData(1), { kind: 'cross_entropy' });
      await client.optimStep(adam);
      await using sampler = await client.saveWeightsForSampler();
      expect(sampler.version).toBe(1);
      const samples = await Promise.all([1, 2, 3, 4].map((seed) => sampler.sample({ ...request, seed })));
      const data = samples.map(({ tokens }) => {
        const all = [...request.prompt, ...tokens];
        return { tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1) } };
      });
      const { logprobs } = await client.forward(data);
      for (const [i, sample] of samples.entries()) {
        expect(sample.versions).toEqual(sample.tokens.map(() => 1));
        for (const [t, logprob] of sample.logprobs.entries()) {
          expect(Math.abs(logprob - logprobs[i]![request.prompt.length - 1 + t]!)).toBeLessThan(1e-3);
        }
      }
    });

    it('ends a sample at, and with, a stop token, at the limit, or at the end of the context', async () => {
      await using client = await create();
      await using sampler = await client.saveWeightsForSampler();
      const free = await sampler.sample({ ...request, temperature: 0 });
      expect(free.tokens).toHaveLength(8);
      expect(free.stopReason).toBe('length');
      const stop = free.tokens[2]!;
      const stopped = await sampler.sample({ ...request, temperature: 0, stopTokens: [stop] });
      expect(stopped.tokens).toEqual(free.tokens.slice(0, free.tokens.indexOf(stop) + 1));
      expect(stopped.stopReason).toBe('stop');
      const long = Array<number>(30).fill(1);
      const cut = await sampler.sample({ ...request, prompt: long });
      expect(long.length + cut.tokens.length).toBeLessThanOrEqual(33);
      expect(cut.stopReason).toBe('length');
      const none = await sampler.sample({ ...request, prompt: Array(32).fill(1) });
      expect(none).toEqual({ tokens: [], logprobs: [], versions: [], stopReason: 'length' });
    });

    it.runIf(isolatedSnapshots)('keeps a sampler on its own weights while training goes on', async () => {
      await using client = await create();
      await using old = await client.saveWeightsForSampler();
      const before = await old.sample(request);
      for (let step = 0; step < 3; step++) {
        await client.forwardBackward(someData(1), { kind: 'cross_entropy' });
        await client.optimStep({ ...adam, learningRate: 0.1 });
      }
      expect(await old.sample(request)).toEqual(before);
      await using current = await client.saveWeightsForSampler();
      expect(current.version).toBe(3);
      expect((await current.sample(request)).logprobs).not.toEqual(before.logprobs);
    });

    it('refuses wrong sample requests, cancelled ones, and any after it was disposed of', async () => {
      const client = await create();
      const sampler = await client.saveWeightsForSampler();
      await expect(sampler.sample({ ...request, prompt: [] })).rejects.toThrow(UsageError);
      await expect(sampler.sample({ ...request, prompt: [99] })).rejects.toThrow(/token 99/);
      await expect(sampler.sample({ ...request, maxTokens: 0 })).rejects.toThrow(/maxTokens/);
      await expect(sampler.sample({ ...request, temperature: -1 })).rejects.toThrow(/temperature/);
      const signal = AbortSignal.abort(new Error('no longer needed'));
      await expect(sampler.sample({ ...request, signal })).rejects.toThrow('no longer needed');
      const controller = new AbortController();
      const cancelled = sampler.sample({ ...request, maxTokens: 28, signal: controller.signal });
      controller.abort(new Error('called off'));
      await expect(cancelled).rejects.toThrow('called off');
      await client[Symbol.asyncDispose]();
      await expect(client.forward(someData(1))).rejects.toThrow(/disposed/);
      expect((await sampler.sample(request)).tokens).toHaveLength(8);
      await sampler[Symbol.asyncDispose]();
      await expect(sampler.sample(request)).rejects.toThrow(/disposed/);
    });
  });
}

/** The data with the client's own log-probabilities, and advantages that change their sign or are all `advantage`. */
async function withAdvantages(
  client: TrainingClient,
  data: readonly Datum[],
  advantage?: number,
): Promise<Datum[]> {
  const { logprobs } = await client.forward(data);
  return data.map(({ tokens, lossInputs }, i) => ({
    tokens,
    lossInputs: {
      ...lossInputs,
      logprobs: [...logprobs[i]!],
      advantages: tokens.map((_, t) => advantage ?? (t % 3) - 1),
    },
  }));
}

function expectClose(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  for (const [i, list] of expected.entries()) {
    for (const [t, value] of list.entries()) expect(Math.abs(actual[i]![t]! - value)).toBeLessThan(2e-3);
  }
}

function expectNumbers(
  actual: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
): void {
  for (const [i, row] of expected.entries()) {
    for (const [j, value] of row.entries()) expect(actual[i]![j]).toBeCloseTo(value, 3);
  }
}
