/**
 * The embedded engine in worker threads. Threads need compiled code, so this tests the built package (`npm test`
 * builds it first); everything else about the engine is tested from source, beside the code.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { SampleRequest } from '../../src/model/types.js';
import type { AdamParams, Datum } from '../../src/training/types.js';

const BUILT = new URL('../../dist/index.js', import.meta.url);
const adam: AdamParams = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.01,
  gradClipNorm: 1,
};
const model = { vocabSize: 31, hiddenSize: 32, layers: 2, heads: 2, maxLength: 64 };

const data: readonly Datum[] = Array.from({ length: 9 }, (_, i) => {
  const tokens = Array.from({ length: 4 + 5 * i }, (_, t) => (7 * t * t + 3 * i + t) % 31);
  return { tokens, lossInputs: { targetTokens: tokens.map((id) => (id * 3 + 1) % 31) } };
});

const requests: readonly SampleRequest[] = Array.from({ length: 24 }, (_, i) => ({
  prompt: Array.from({ length: 3 + (i % 5) }, (_, t) => (t * t + (i % 5)) % 31),
  maxTokens: 5 + (i % 7),
  temperature: 1,
  stopTokens: [],
  seed: i,
}));

if (!existsSync(fileURLToPath(BUILT)) && process.env['CI'] !== undefined) {
  throw new Error('the package is not built: run npm run build first');
}

describe.skipIf(!existsSync(fileURLToPath(BUILT)))('the embedded engine in worker threads', () => {
  const load = async (): Promise<typeof import('../../src/index.js')> => import(BUILT.href);

  it('trains and samples as in the calling thread', async () => {
    const { createEmbeddedEngine } = await load();
    await using inline = await createEmbeddedEngine({ model, seed: 1, workers: 0 });
    await using threaded = await createEmbeddedEngine({ model, seed: 1, workers: 2 });
    for (let step = 0; step < 3; step++) {
      const expected = await inline.forwardBackward(data, { kind: 'cross_entropy' });
      const result = await threaded.forwardBackward(data, { kind: 'cross_entropy' });
      expect(result.lossSum).toBeCloseTo(expected.lossSum, 2);
      for (const [i, list] of expected.logprobs.entries()) {
        for (const [t, value] of list.entries()) expect(result.logprobs[i]?.[t]).toBeCloseTo(value, 3);
      }
      const { gradNorm } = await inline.optimStep(adam);
      expect((await threaded.optimStep(adam)).gradNorm).toBeCloseTo(gradNorm, 2);
    }
    await using sampler = await threaded.saveWeightsForSampler({ slots: 4 });
    expect(sampler.version).toBe(3);
    const samples = await Promise.all(requests.map((request) => sampler.sample(request)));
    const { logprobs } = await threaded.forward(
      samples.map(({ tokens }, i) => {
        const all = [...(requests[i] as SampleRequest).prompt, ...tokens];
        return { tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1) } };
      }),
    );
    for (const [i, sample] of samples.entries()) {
      const start = (requests[i] as SampleRequest).prompt.length - 1;
      for (const [t, value] of sample.logprobs.entries()) {
        expect(Math.abs(value - ((logprobs[i] as Float32Array)[start + t] as number))).toBeLessThan(1e-4);
      }
    }
  });

  it('runs twice to the same bits, also across a checkpoint', async () => {
    const { createEmbeddedEngine, openEmbeddedEngine, openEmbeddedSampler } = await load();
    const folder = await mkdtemp(join(tmpdir(), 'deskcheck-workers-'));
    try {
      const losses: number[][] = [];
      for (const resumed of [false, true]) {
        await using first = await createEmbeddedEngine({ model, seed: 1, workers: 2 });
        const list = [(await first.forwardBackward(data, { kind: 'cross_entropy' })).lossSum];
        list.push((await first.optimStep(adam)).gradNorm);
        await first.saveState(folder);
        await using second = await openEmbeddedEngine(folder, { workers: 2 });
        const engine = resumed ? second : first;
        list.push((await engine.forwardBackward(data, { kind: 'cross_entropy' })).lossSum);
        list.push((await engine.optimStep(adam)).gradNorm);
        losses.push(list);
      }
      expect(losses[1]).toEqual(losses[0]);
      await using sampler = await openEmbeddedSampler(folder, { workers: 1 });
      await using other = await openEmbeddedSampler(folder, { workers: 2 });
      for (const request of requests.slice(0, 4)) {
        expect((await other.sample(request)).tokens).toEqual((await sampler.sample(request)).tokens);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('cancels, and rejects what is in flight when it is disposed of', async () => {
    const { createEmbeddedEngine } = await load();
    await using engine = await createEmbeddedEngine({ model, seed: 1, workers: 1 });
    const sampler = await engine.saveWeightsForSampler();
    const long: SampleRequest = { prompt: [1], maxTokens: 60, temperature: 1, stopTokens: [], seed: 1 };
    const controller = new AbortController();
    const cancelled = sampler.sample({ ...long, signal: controller.signal });
    controller.abort(new Error('no longer needed'));
    await expect(cancelled).rejects.toThrow('no longer needed');
    // More than fit into the batch at once, so that the last cannot have ended however fast the machine is.
    const pending = Array.from({ length: 400 }, (_, seed) => sampler.sample({ ...long, seed }));
    const settled = Promise.allSettled(pending);
    await sampler[Symbol.asyncDispose]();
    expect((await settled).at(-1)).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/disposed|closed/) },
    });
  });

  it('lets the engine go while a sampler lives on', async () => {
    const { createEmbeddedEngine } = await load();
    const engine = await createEmbeddedEngine({ model, seed: 1, workers: 1 });
    const sampler = await engine.saveWeightsForSampler();
    await engine[Symbol.asyncDispose]();
    await expect(engine.forward(data)).rejects.toThrow(/disposed/);
    const { tokens } = await sampler.sample({ prompt: [1, 2], maxTokens: 4, temperature: 0, stopTokens: [] });
    expect(tokens).toHaveLength(4);
    await sampler[Symbol.asyncDispose]();
  });

  it('lets the process exit in the middle of sampling, with the code it wants', async () => {
    const script = `
      const { createEmbeddedEngine } = await import(${JSON.stringify(BUILT.href)});
      const engine = await createEmbeddedEngine({ model: ${JSON.stringify(model)}, seed: 1, workers: 2 });
      const sampler = await engine.saveWeightsForSampler();
      const long = { prompt: [1], maxTokens: 60, temperature: 1, stopTokens: [] };
      await sampler.sample(long);
      for (let i = 0; i < 50; i++) void sampler.sample(long);
      setTimeout(() => process.exit(3), 5);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    expect(code).toBe(3);
  });
});
