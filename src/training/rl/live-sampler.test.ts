import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sample, SampleRequest, Sampler } from '../../model/types.js';
import { createEmbeddedEngine, type EmbeddedEngine } from '../engines/embedded/index.js';
import type { Datum } from '../types.js';
import { createLiveSampler } from './live-sampler.js';

const ADAM = { learningRate: 0.02, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 1 };
const lesson: Datum = { tokens: [1, 2, 3], lossInputs: { targetTokens: [2, 3, 4] } };

let engine: EmbeddedEngine;
beforeAll(async () => {
  engine = await createEmbeddedEngine({
    model: { vocabSize: 23, hiddenSize: 32, layers: 2, heads: 4, keyValueHeads: 2, maxLength: 400 },
    seed: 3,
  });
});
afterAll(() => engine[Symbol.asyncDispose]());

/** Six turns that are long enough to be met in the middle. */
const requests = Array.from(
  { length: 6 },
  (_, i): SampleRequest => ({
    prompt: [1 + i, 5, 2],
    maxTokens: 300,
    temperature: 1,
    stopTokens: [],
    seed: i,
  }),
);

async function sampleThroughAStep(refresh: 'mid-turn' | 'between-turns'): Promise<{
  readonly samples: readonly Sample[];
  /** Of the sequences, under the weights after the step. */
  readonly after: readonly Float32Array[];
}> {
  const live = createLiveSampler(await engine.saveWeightsForSampler(), refresh);
  const start = engine.version;
  const sampling = Promise.all(requests.map((request) => live.sample(request)));
  await engine.forwardBackward([lesson], { kind: 'cross_entropy' });
  await engine.optimStep(ADAM);
  live.swap(await engine.saveWeightsForSampler());
  const samples = await sampling;
  const data = samples.map(({ tokens }, i) => {
    const all = [...requests[i]!.prompt, ...tokens];
    return { tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1) } };
  });
  const after = (await engine.forward(data)).logprobs;
  expect(live.version).toBe(start + 1);
  await live[Symbol.asyncDispose]();
  return { samples, after };
}

describe('new weights', () => {
  test('reach a turn in the middle, whose later tokens have their version and log-probability', async () => {
    const start = engine.version;
    const { samples, after } = await sampleThroughAStep('mid-turn');
    for (const [i, { tokens, logprobs, versions, stopReason }] of samples.entries()) {
      expect([tokens.length, logprobs.length, versions.length]).toEqual([300, 300, 300]);
      expect(stopReason).toBe('length');
      const first = versions.findIndex((version) => version === start + 1);
      expect(first).toBeGreaterThanOrEqual(0);
      expect(versions).toEqual(tokens.map((_, t) => (t < first ? start : start + 1)));
      for (let t = first; t < 300; t++) {
        expect(Math.abs(logprobs[t]! - after[i]![requests[i]!.prompt.length - 1 + t]!)).toBeLessThan(1e-4);
      }
    }
    expect(samples.some(({ versions }) => versions[0] === start)).toBe(true);
  });

  test('wait for the end of the turn where that is asked for', async () => {
    const start = engine.version;
    const { samples } = await sampleThroughAStep('between-turns');
    for (const { versions } of samples) expect(new Set(versions)).toEqual(new Set([start]));
  });
});

test('old weights are let go once nothing is sampled on them, and disposing waits for what is under way', async () => {
  const events: string[] = [];
  const ends: (() => void)[] = [];
  const samplerOf = (version: number): Sampler => ({
    version: version as Sampler['version'],
    sample: () =>
      new Promise((resolve) => {
        ends.push(() =>
          resolve({
            tokens: [1],
            logprobs: [-1],
            versions: [version as Sampler['version']],
            stopReason: 'stop',
          }),
        );
      }),
    [Symbol.asyncDispose]: async () => void events.push(`closed ${version}`),
  });
  const live = createLiveSampler(samplerOf(0));
  const first = live.sample(requests[0]!);
  live.swap(samplerOf(1));
  expect(events).toEqual([]);
  const second = live.sample(requests[1]!);
  ends[0]!();
  expect((await first).versions).toEqual([0]);
  expect(events).toEqual(['closed 0']);
  const disposed = live[Symbol.asyncDispose]().then(() => events.push('disposed'));
  ends[1]!();
  expect((await second).versions).toEqual([1]);
  await disposed;
  expect(events).toEqual(['closed 0', 'closed 1', 'disposed']);
});
