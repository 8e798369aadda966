import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../../core/rng.js';
import type { Sample, SampleRequest, Sampler } from '../../../model/types.js';
import { createEmbeddedEngine, type EmbeddedEngine } from './index.js';

let engine: EmbeddedEngine;
let sampler: Sampler;
const rng = createRng('sampler-test');

beforeAll(async () => {
  engine = await createEmbeddedEngine({
    model: { vocabSize: 23, hiddenSize: 32, layers: 2, heads: 4, keyValueHeads: 2, maxLength: 96 },
    seed: 3,
    threads: 1,
  });
  sampler = await engine.saveWeightsForSampler({ slots: 5 });
});
afterAll(async () => {
  await sampler[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

function request(length: number, options: Partial<SampleRequest> = {}): SampleRequest {
  const prompt = Array.from({ length }, () => rng.int(1, 22));
  return { prompt, maxTokens: 12, temperature: 1, stopTokens: [], seed: rng.int(0, 1e6), ...options };
}

async function expectTrainLogprobs(
  requests: readonly SampleRequest[],
  samples: readonly Sample[],
): Promise<void> {
  const data = samples.map(({ tokens }, i) => {
    const all = [...(requests[i] as SampleRequest).prompt, ...tokens];
    return { tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1) } };
  });
  const { logprobs } = await engine.forward(data);
  for (const [i, sample] of samples.entries()) {
    const start = (requests[i] as SampleRequest).prompt.length - 1;
    for (const [t, value] of sample.logprobs.entries()) {
      expect(Math.abs(value - ((logprobs[i] as Float32Array)[start + t] as number))).toBeLessThan(1e-4);
    }
  }
}

describe('sampling', () => {
  it('records the log-probabilities that the train graph gives, through more requests than slots', async () => {
    const requests = Array.from({ length: 17 }, (_, i) =>
      request(1 + ((i * 13) % 60), { maxTokens: 1 + ((i * 7) % 30), temperature: i % 3 === 0 ? 0.7 : 1 }),
    );
    const samples = await Promise.all(requests.map((r) => sampler.sample(r)));
    for (const [i, { tokens, logprobs, versions, stopReason }] of samples.entries()) {
      expect(tokens).toHaveLength((requests[i] as SampleRequest).maxTokens);
      expect(logprobs).toHaveLength(tokens.length);
      expect(versions).toEqual(tokens.map(() => 0));
      expect(stopReason).toBe('length');
    }
    await expectTrainLogprobs(requests, samples);
  });

  it('gives the same sample for the same prompt and seed, alone or in company', async () => {
    const one = request(9);
    const alone = await sampler.sample(one);
    const company = await Promise.all(
      [...Array.from({ length: 8 }, (_, i) => request(5 + 6 * i)), one].map((r) => sampler.sample(r)),
    );
    expect(company.at(-1)?.tokens).toEqual(alone.tokens);
    const others = await Promise.all([1, 2, 3].map((seed) => sampler.sample({ ...one, seed })));
    expect(new Set(others.map(({ tokens }) => tokens.join())).size).toBe(3);
  });

  it('samples a group from one prompt independently and with right log-probabilities', async () => {
    const base = request(30);
    // They end one by one, so that those beyond the five slots find a sibling to copy the prompt from.
    const requests = Array.from({ length: 8 }, (_, seed) => ({ ...base, seed, maxTokens: 6 + seed }));
    const samples = await Promise.all(requests.map((r) => sampler.sample(r)));
    expect(new Set(samples.map(({ tokens }) => tokens.join())).size).toBe(8);
    await expectTrainLogprobs(requests, samples);
  });

  it('is greedy at temperature 0', async () => {
    const one = request(6, { temperature: 0, maxTokens: 6 });
    const { tokens } = await sampler.sample(one);
    const candidates = Array.from({ length: 23 }, (_, token) => {
      const all = [...one.prompt, ...tokens.slice(0, 3), token];
      return { tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1) } };
    });
    const { logprobs } = await engine.forward(candidates);
    const last = logprobs.map((list) => list.at(-1) as number);
    expect(last.indexOf(Math.max(...last))).toBe(tokens[3]);
  });

  it('stops at a stop token, which it includes, and at the longest length of the model', async () => {
    const free = await sampler.sample(request(6, { maxTokens: 12, seed: 1 }));
    const prompt = request(6).prompt;
    const whole = await sampler.sample({ prompt, maxTokens: 12, temperature: 1, seed: 1, stopTokens: [] });
    const stop = whole.tokens[4] as number;
    const first = whole.tokens.indexOf(stop);
    const cut = await sampler.sample({ prompt, maxTokens: 12, temperature: 1, seed: 1, stopTokens: [stop] });
    expect(cut.tokens).toEqual(whole.tokens.slice(0, first + 1));
    expect(cut.stopReason).toBe('stop');
    expect(free.stopReason).toBe('length');
    const long = await sampler.sample(request(90, { maxTokens: 50 }));
    expect(long.tokens).toHaveLength(6);
    expect(long.stopReason).toBe('length');
    const full = await sampler.sample(request(96));
    expect(full).toEqual({ tokens: [], logprobs: [], versions: [], stopReason: 'length' });
  });

  it('stops where the completion ends in a stop sequence, never in the prompt', async () => {
    const prompt = request(6).prompt;
    const common = { maxTokens: 12, temperature: 1, seed: 1, stopTokens: [] };
    const whole = await sampler.sample({ prompt, ...common });
    const sequence = whole.tokens.slice(5, 8);
    const across = [...prompt.slice(-2), ...whole.tokens.slice(0, 1)];
    const cut = await sampler.sample({
      prompt,
      ...common,
      stopSequences: [across, [22, 22, 22, 22], sequence],
    });
    expect(cut.tokens).toEqual(whole.tokens.slice(0, 8));
    expect(cut.stopReason).toBe('stop');
    await expect(sampler.sample(request(3, { stopSequences: [[]] }))).rejects.toThrow(
      /stop sequence is empty/,
    );
  });

  it('cancels a request by its signal and leaves the others alone', async () => {
    const controller = new AbortController();
    const kept = sampler.sample(request(8, { maxTokens: 60 }));
    const cancelled = sampler.sample(request(8, { maxTokens: 60, signal: controller.signal }));
    setImmediate(() => controller.abort(new Error('no longer needed')));
    await expect(cancelled).rejects.toThrow('no longer needed');
    expect((await kept).tokens).toHaveLength(60);
    await expect(
      sampler.sample(request(8, { signal: AbortSignal.abort(new Error('late')) })),
    ).rejects.toThrow('late');
  });

  it('keeps its copy of the weights while training goes on', async () => {
    const one = request(5);
    const before = await sampler.sample(one);
    const tokens = [1, 2, 3, 4];
    await engine.forwardBackward([{ tokens, lossInputs: { targetTokens: tokens } }], {
      kind: 'cross_entropy',
    });
    await engine.optimStep({
      learningRate: 0.05,
      beta1: 0.9,
      beta2: 0.9,
      eps: 1e-8,
      weightDecay: 0,
      gradClipNorm: 0,
    });
    expect(await sampler.sample(one)).toEqual(before);
    await using next = await engine.saveWeightsForSampler();
    expect(next.version).toBe(1);
    expect((await next.sample(one)).tokens).not.toEqual(before.tokens);
  });

  it('leaves nothing behind for the sampler of the next version, which has its slots', async () => {
    const long = await engine.saveWeightsForSampler({ slots: 3 });
    await Promise.all([70, 60, 50].map((length) => long.sample(request(length))));
    await long[Symbol.asyncDispose]();
    await engine.forwardBackward([{ tokens: [5, 6], lossInputs: { targetTokens: [6, 7] } }], {
      kind: 'cross_entropy',
    });
    const adam = { beta1: 0.9, beta2: 0.9, eps: 1e-8, weightDecay: 0, gradClipNorm: 0 };
    await engine.optimStep({ learningRate: 0.01, ...adam });
    await using next = await engine.saveWeightsForSampler({ slots: 3 });
    const requests = [3, 12, 40, 7].map((length) => request(length, { maxTokens: 20 }));
    await expectTrainLogprobs(requests, await Promise.all(requests.map((r) => next.sample(r))));
  });

  it('says what is wrong with a request', async () => {
    await expect(sampler.sample(request(0))).rejects.toThrow(/prompt is empty/);
    await expect(sampler.sample(request(3, { maxTokens: 0 }))).rejects.toThrow(/maxTokens/);
    await expect(sampler.sample(request(3, { topP: 0 }))).rejects.toThrow(/topP/);
    await expect(sampler.sample({ ...request(3), prompt: [23] })).rejects.toThrow(/token 23/);
  });

  it('answers a prompt that fills the context with no tokens', async () => {
    const sample = await sampler.sample(request(96));
    expect(sample).toMatchObject({ tokens: [], logprobs: [], stopReason: 'length' });
  });

  it('rejects what is in flight when it is disposed of', async () => {
    const short = await engine.saveWeightsForSampler();
    const pending = short.sample(request(8, { maxTokens: 60 }));
    const settled = expect(pending).rejects.toThrow(/disposed/);
    await short[Symbol.asyncDispose]();
    await settled;
    await expect(short.sample(request(3))).rejects.toThrow(/disposed/);
  });
});
