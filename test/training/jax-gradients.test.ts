/**
 * Losses and gradients of the train graph, packed into shared rows, against jax-js' automatic differentiation of the same
 * model written anew (bench/engine/jax-llama.mjs), one sequence per row.
 */
import { describe, expect, it } from 'vitest';
import { grid, jaxLossAndGradients, toJax } from '../../bench/engine/jax-llama.mjs';
import { createRng } from '../../src/core/rng.js';
import { initialize, layOut, resolveConfig } from '../../src/training/engines/embedded/architecture.js';
import { Compute } from '../../src/training/engines/embedded/compute.js';
import { fillBatch, readLogprobs } from '../../src/training/engines/embedded/packing.js';
import { costModelOf, planBatches } from '../../src/training/engines/embedded/plan-batches.js';
import type { Datum, Loss } from '../../src/training/types.js';

const config = resolveConfig({
  vocabSize: 29,
  hiddenSize: 48,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  intermediateSize: 64,
  maxLength: 24,
  ropeTheta: 300,
});
const layout = layOut(config);
const LENGTHS = [24, 5, 11, 9, 16, 2];

/** Gains away from 1, so that their part in every product shows. */
function parameters(): Float32Array {
  const values = initialize(config, layout, 11);
  const rng = createRng('gains');
  for (const { offset, size, decays } of layout.tensors) {
    if (!decays) for (let i = offset; i < offset + size; i++) values[i] = 0.5 + rng.next();
  }
  return values;
}

/** Ratios on both sides of the thresholds, advantages of both signs, some tokens left out. */
function someData(logprobs?: readonly Float32Array[]): Datum[] {
  const rng = createRng('jax');
  return LENGTHS.map((length, index) => {
    const draw = (): number[] => Array.from({ length }, () => rng.int(0, config.vocabSize - 1));
    const plain = {
      targetTokens: draw(),
      weights: Array.from({ length }, () => [0, 1, 0.5][rng.int(0, 2)] ?? 1),
    };
    const tokens = draw();
    const own = logprobs?.[index];
    if (own === undefined) return { tokens, lossInputs: plain };
    const advantages = Array.from({ length }, () => rng.int(-2, 2) * 0.7);
    const sampled = Array.from(own, (value) => value + (rng.next() - 0.5));
    return { tokens, lossInputs: { ...plain, advantages, logprobs: sampled } };
  });
}

async function ours(
  values: Float32Array,
  data: readonly Datum[],
  loss?: Loss,
): Promise<{ lossSum: number; logprobs: Float32Array[]; gradients: Float32Array | undefined }> {
  const compute = new Compute({ config, threads: 1 });
  try {
    await compute.setParameters(values);
    const lengths = data.map(({ tokens }) => tokens.length);
    const batches = planBatches(lengths, [...lengths.keys()], costModelOf(config));
    const result = await compute.run(
      batches.map((batch) => fillBatch(batch, data, loss)),
      loss,
    );
    const logprobs: Float32Array[] = [];
    for (const [i, batch] of batches.entries()) {
      readLogprobs(batch, data, loss, result.logprobs[i] as Float32Array, logprobs);
    }
    return { lossSum: result.lossSum, logprobs, gradients: (await compute.takeGradients())?.slice() };
  } finally {
    await compute.close();
  }
}

async function theirs(
  values: Float32Array,
  data: readonly Datum[],
  loss: Loss,
): Promise<{ lossSum: number; gradients: Float32Array }> {
  const tensors = Object.fromEntries(
    layout.tensors.map(({ key, offset, size }) => [key, values.slice(offset, offset + size)]),
  );
  const rows = (name: keyof Datum['lossInputs']) => data.map(({ lossInputs }) => lossInputs[name] ?? []);
  const length = Math.max(...LENGTHS);
  const [value, gradients] = jaxLossAndGradients(config, loss)(toJax(layout.tensors, tensors), {
    tokens: grid(
      data.map(({ tokens }) => tokens),
      length,
    ),
    targets: grid(rows('targetTokens'), length),
    weights: grid(rows('weights'), length, 'float32'),
    ...(loss.kind !== 'cross_entropy' && {
      advantages: grid(rows('advantages'), length, 'float32'),
      sampled: grid(rows('logprobs'), length, 'float32'),
    }),
  });
  const flat = new Float32Array(layout.size);
  for (const { key, offset } of layout.tensors) flat.set((await gradients[key]?.data()) ?? [], offset);
  return { lossSum: (await value.data())[0] ?? Number.NaN, gradients: flat };
}

describe('losses and gradients agree with jax-js, parameter by parameter', () => {
  const losses: readonly Loss[] = [
    { kind: 'cross_entropy' },
    { kind: 'importance_sampling' },
    { kind: 'ppo', clipLow: 0.8, clipHigh: 1.25 },
  ];
  for (const loss of losses) {
    it(loss.kind, async () => {
      const values = parameters();
      const start = loss.kind === 'cross_entropy' ? undefined : (await ours(values, someData())).logprobs;
      const data = someData(start);
      const own = await ours(values, data, loss);
      const expected = await theirs(values, data, loss);
      // Terms of both signs cancel in the policy losses: absolute, not relative.
      expect(Math.abs(own.lossSum - expected.lossSum)).toBeLessThan(2e-4);
      for (const { key, offset, size } of layout.tensors) {
        let worst = 0;
        let largest = 0;
        for (let i = offset; i < offset + size; i++) {
          const wanted = expected.gradients[i] as number;
          worst = Math.max(worst, Math.abs((own.gradients?.[i] ?? Number.NaN) - wanted));
          largest = Math.max(largest, Math.abs(wanted));
        }
        expect(largest, key).toBeGreaterThan(0);
        expect(worst / largest, `${key}: relative to its largest gradient`).toBeLessThan(2e-5);
      }
    });
  }
});
