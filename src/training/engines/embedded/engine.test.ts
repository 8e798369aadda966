import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../../core/errors.js';
import { createRng } from '../../../core/rng.js';
import type { AdamParams, Datum } from '../../types.js';
import {
  createEmbeddedEngine,
  type EmbeddedEngine,
  openEmbeddedEngine,
  openEmbeddedSampler,
} from './index.js';

const adam: AdamParams = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.01,
  gradClipNorm: 1,
};
const model = { vocabSize: 17, hiddenSize: 32, layers: 1, heads: 2, maxLength: 32 };
const create = (
  options: { seed?: number; maxLength?: number; hiddenSize?: number } = {},
): Promise<EmbeddedEngine> => {
  const { seed = 1, ...shape } = options;
  return createEmbeddedEngine({ model: { ...model, ...shape }, seed, threads: 1 });
};

function someData(seed: number, count = 6): Datum[] {
  const rng = createRng(`engine/${seed}`);
  return Array.from({ length: count }, () => {
    const tokens = Array.from({ length: rng.int(3, 32) }, () => rng.int(0, 16));
    return { tokens, lossInputs: { targetTokens: [...tokens.slice(1), 0] } };
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-engine-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('training', () => {
  it('runs twice to the same bits from the same seed, and otherwise from another', async () => {
    const runOnce = async (seed: number): Promise<number[]> => {
      await using engine = await create({ seed });
      const losses: number[] = [];
      for (let step = 0; step < 3; step++) {
        losses.push((await engine.forwardBackward(someData(step), { kind: 'cross_entropy' })).lossSum);
        losses.push((await engine.optimStep(adam)).gradNorm);
      }
      return losses;
    };
    const first = await runOnce(1);
    expect(await runOnce(1)).toEqual(first);
    expect(await runOnce(2)).not.toEqual(first);
  });

  it('accumulates: two calls equal one call with all data, and a step clears', async () => {
    await using once = await create();
    await using twice = await create();
    const data = someData(1, 8);
    const whole = await once.forwardBackward(data, { kind: 'cross_entropy' });
    const half = await twice.forwardBackward(data.slice(0, 4), { kind: 'cross_entropy' });
    const rest = await twice.forwardBackward(data.slice(4), { kind: 'cross_entropy' });
    expect(half.lossSum + rest.lossSum).toBeCloseTo(whole.lossSum, 3);
    const a = await once.optimStep(adam);
    const b = await twice.optimStep(adam);
    expect(b.gradNorm).toBeCloseTo(a.gradNorm, 3);
    const again = await once.forwardBackward(data, { kind: 'cross_entropy' });
    const { gradNorm } = await once.optimStep({ ...adam, learningRate: 0 });
    expect(again.lossSum).toBeLessThan(whole.lossSum);
    expect(gradNorm).toBeLessThan(a.gradNorm * 1.5);
  });

  it('takes calls in order without waiting, and counts versions', async () => {
    await using engine = await create();
    const data = someData(1);
    const results = await Promise.all([
      engine.forwardBackward(data, { kind: 'cross_entropy' }),
      engine.optimStep(adam),
      engine.forward(data),
      engine.forwardBackward(data, { kind: 'cross_entropy' }),
      engine.optimStep(adam),
    ]);
    expect(results[1].version).toBe(1);
    expect(results[4].version).toBe(2);
    expect(engine.version).toBe(2);
    expect(results[3].lossSum).toBeLessThan(results[0].lossSum);
    const forwarded = results[2].logprobs.flatMap((list) => [...list]).reduce((a, b) => a - b, 0);
    expect(forwarded).toBeCloseTo(results[3].lossSum, 2);
  });

  it('is on-policy at ratio 1: importance sampling with its own log-probabilities sums to −ΣA', async () => {
    await using engine = await create();
    const data = someData(3);
    const { logprobs } = await engine.forward(data);
    const policy = data.map(({ tokens, lossInputs }, i) => ({
      tokens,
      lossInputs: {
        ...lossInputs,
        logprobs: [...(logprobs[i] as Float32Array)],
        advantages: tokens.map((_, t) => (t % 3) - 1),
      },
    }));
    const expected = policy.reduce((sum, d) => sum - d.lossInputs.advantages.reduce((a, b) => a + b, 0), 0);
    const { lossSum } = await engine.forwardBackward(policy, { kind: 'ppo', clipLow: 0.8, clipHigh: 1.25 });
    expect(lossSum).toBeCloseTo(expected, 3);
  });

  it('learns to copy a short sequence', async () => {
    await using engine = await createEmbeddedEngine({
      model: { vocabSize: 10, hiddenSize: 64, layers: 2, heads: 2, maxLength: 32 },
      seed: 1,
      threads: 1,
    });
    const rng = createRng('copy');
    const problem = (): { prompt: number[]; answer: number[] } => {
      const items = Array.from({ length: rng.int(2, 4) }, () => rng.int(2, 9));
      return { prompt: [...items, 0], answer: [...items, 1] };
    };
    const steps = 250;
    for (let step = 0; step < steps; step++) {
      const data = Array.from({ length: 64 }, () => {
        const { prompt, answer } = problem();
        const all = [...prompt, ...answer];
        const weights = all.slice(1).map((_, t) => (t >= prompt.length - 1 ? 1 / 300 : 0));
        return { tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1), weights } };
      });
      void engine.forwardBackward(data, { kind: 'cross_entropy' });
      await engine.optimStep({ ...adam, learningRate: 0.006 * Math.min(1, 2 * (1 - step / steps)) });
    }
    await using sampler = await engine.saveWeightsForSampler();
    const problems = Array.from({ length: 40 }, problem);
    const samples = await Promise.all(
      problems.map(({ prompt }) => sampler.sample({ prompt, maxTokens: 8, temperature: 0, stopTokens: [1] })),
    );
    const right = samples.filter(({ tokens }, i) => tokens.join() === problems[i]?.answer.join()).length;
    expect(right).toBeGreaterThanOrEqual(36);
  });
});

describe('wrong use', () => {
  it('says what is wrong with a datum, and accumulates nothing', async () => {
    await using engine = await create();
    const tokens = [1, 2, 3];
    const good: Datum = { tokens, lossInputs: { targetTokens: tokens } };
    const bad: readonly [Datum, RegExp][] = [
      [
        { tokens: Array(33).fill(1), lossInputs: { targetTokens: Array(33).fill(1) } },
        /33 tokens.*at most 32/,
      ],
      [{ tokens: [], lossInputs: { targetTokens: [] } }, /no tokens/],
      [{ tokens, lossInputs: { targetTokens: [1] } }, /targetTokens has 1 entries, tokens has 3/],
      [{ tokens: [1, 2, 17], lossInputs: { targetTokens: tokens } }, /token 17 is not in 0…16/],
      [{ tokens, lossInputs: { targetTokens: [1, 2, -1] } }, /target -1/],
    ];
    for (const [datum, message] of bad) {
      await expect(engine.forwardBackward([good, datum], { kind: 'cross_entropy' })).rejects.toThrow(message);
    }
    await expect(engine.forwardBackward([good], { kind: 'importance_sampling' })).rejects.toThrow(
      /needs lossInputs/,
    );
    await expect(engine.optimStep(adam)).rejects.toThrow(UsageError);
    await expect(engine.forwardBackward([good], { kind: 'cross_entropy' })).resolves.toBeDefined();
  });

  it('refuses shapes that cannot be', async () => {
    await expect(create({ hiddenSize: 30 })).rejects.toThrow(/multiple of 2 × heads/);
    await expect(create({ maxLength: 0 })).rejects.toThrow(/maxLength must be a positive integer, got 0/);
  });

  it('keeps the weights when a gradient is not finite', async () => {
    await using engine = await create();
    const data: Datum[] = [
      { tokens: [1, 2], lossInputs: { targetTokens: [2, 3], weights: [Number.POSITIVE_INFINITY, 1] } },
    ];
    const before = await engine.forward(data);
    await engine.forwardBackward(data, { kind: 'cross_entropy' });
    await expect(engine.optimStep(adam)).rejects.toThrow(/not finite/);
    expect(await engine.forward(data)).toEqual(before);
    expect(engine.version).toBe(0);
  });
});

describe('checkpoints', () => {
  it('go on bit for bit where they were saved', async () => {
    const path = join(folder, 'round-trip');
    await using engine = await create();
    await engine.forwardBackward(someData(1), { kind: 'cross_entropy' });
    await engine.optimStep(adam);
    await engine.saveState(path);
    const onward = async (e: EmbeddedEngine): Promise<number[]> => {
      const { lossSum } = await e.forwardBackward(someData(2), { kind: 'cross_entropy' });
      const { gradNorm, version } = await e.optimStep(adam);
      const after = await e.forwardBackward(someData(3), { kind: 'cross_entropy' });
      return [lossSum, gradNorm, version, after.lossSum];
    };
    const expected = await onward(engine);
    await using reopened = await openEmbeddedEngine(path, { threads: 1 });
    expect(reopened.version).toBe(1);
    expect(await onward(reopened)).toEqual(expected);
    await using other = await create({ seed: 9 });
    await other.loadState(path);
    expect(await onward(other)).toEqual(expected);
  });

  it('are Hugging Face folders that a sampler opens', async () => {
    const path = join(folder, 'sampler');
    await using engine = await create();
    await engine.saveState(path);
    expect((await readdir(path)).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'optimizer.safetensors',
    ]);
    const config = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      architectures: ['LlamaForCausalLM'],
      vocab_size: 17,
      tie_word_embeddings: true,
    });
    await using own = await engine.saveWeightsForSampler();
    await using opened = await openEmbeddedSampler(path);
    const request = { prompt: [1, 2, 3], maxTokens: 10, temperature: 1, seed: 5, stopTokens: [] };
    expect(await opened.sample(request)).toEqual(await own.sample(request));
  });

  it('have their base of rotary positions read where transformers 5 writes it', async () => {
    const path = join(folder, 'rope');
    await using engine = await createEmbeddedEngine({ model: { ...model, ropeTheta: 77 }, seed: 1 });
    await engine.saveState(path);
    const { rope_theta, ...config } = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'));
    expect(rope_theta).toBe(77);
    const moved = { ...config, rope_parameters: { rope_type: 'default', rope_theta } };
    await writeFile(join(path, 'config.json'), JSON.stringify(moved));
    await using opened = await openEmbeddedEngine(path);
    expect(opened.config).toEqual(engine.config);
    expect(await opened.forward(someData(1))).toEqual(await engine.forward(someData(1)));
  });

  it('opened fresh start at version 0 with an empty optimizer', async () => {
    const path = join(folder, 'fresh');
    await using engine = await create();
    await engine.forwardBackward(someData(1), { kind: 'cross_entropy' });
    await engine.optimStep(adam);
    await engine.saveState(path);
    await using fresh = await openEmbeddedEngine(path, { threads: 1, fresh: true });
    expect(fresh.version).toBe(0);
    expect(await fresh.forward(someData(1))).toEqual(await engine.forward(someData(1)));
  });

  it('of another shape, damaged, or missing give one clear line', async () => {
    const path = join(folder, 'wrong');
    await using engine = await create();
    await engine.saveState(path);
    await using wider = await create({ hiddenSize: 64 });
    await expect(wider.loadState(path)).rejects.toThrow(/its hiddenSize is 32, this engine's is 64/);
    await expect(openEmbeddedEngine(join(folder, 'nowhere'))).rejects.toThrow(/expected a checkpoint folder/);
    const file = join(path, 'model.safetensors');
    const bytes = await readFile(file);
    for (const [damaged, message] of [
      [bytes.subarray(0, bytes.length - 100), /cut off/],
      [bytes.subarray(0, 4), /too short/],
      [Buffer.from('this is not a safetensors file at all'), /damaged or not a safetensors file/],
    ] as const) {
      await writeFile(file, damaged);
      await expect(openEmbeddedEngine(path)).rejects.toThrow(message);
      await expect(openEmbeddedEngine(path)).rejects.toThrow(UsageError);
    }
    const config = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'));
    for (const [change, message] of [
      [{ rope_parameters: { rope_type: 'llama3', rope_theta: 10_000 } }, /rotary positions of type llama3/],
      [{ attention_bias: true }, /cannot open a model with attention_bias/],
      [{ head_dim: 32 }, /head_dim is 32/],
      [{ tie_word_embeddings: false }, /tied embeddings/],
    ] as const) {
      await writeFile(join(path, 'config.json'), JSON.stringify({ ...config, ...change }));
      await expect(openEmbeddedEngine(path)).rejects.toThrow(message);
    }
    await writeFile(join(path, 'config.json'), '{');
    await expect(openEmbeddedSampler(path)).rejects.toThrow(/not JSON/);
  });
});
