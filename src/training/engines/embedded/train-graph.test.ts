/**
 * Locks: whole-model gradients of all three losses; clipping on both sides, by hand; packing changes nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../../core/rng.js';
import type { Datum, Loss } from '../../types.js';
import { initialize, layOut, resolveConfig } from './architecture.js';
import { lossSum } from './loss.js';
import { fillBatch, readLogprobs } from './packing.js';
import { costModelOf, deal, type PlannedBatch, planBatches } from './plan-batches.js';
import { TrainPrograms } from './train-programs.js';

const config = resolveConfig({
  vocabSize: 11,
  hiddenSize: 16,
  layers: 2,
  heads: 2,
  keyValueHeads: 1,
  intermediateSize: 24,
  maxLength: 16,
});
const layout = layOut(config);
const parameters = initialize(config, layout, 'train-graph');
const rng = createRng('train-graph/data');
// Gains away from 1, so that a forgotten factor would show.
for (const tensor of layout.tensors) {
  if (tensor.decays) continue;
  for (let i = 0; i < tensor.size; i++) parameters[tensor.offset + i] = 0.7 + 0.6 * rng.next();
}
let programs: TrainPrograms;

beforeAll(() => {
  programs = new TrainPrograms(config, layout, parameters, 1);
});
afterAll(() => programs.release());

function datum(length: number, extra: Partial<Datum['lossInputs']> = {}): Datum {
  const ids = (): number[] => Array.from({ length }, () => rng.int(0, config.vocabSize - 1));
  return { tokens: ids(), lossInputs: { targetTokens: ids(), ...extra } };
}

async function run(
  data: readonly Datum[],
  loss: Loss,
  batch: PlannedBatch,
): Promise<{ loss: number; gradients: Float32Array; logprobs: Float32Array[] }> {
  const gradients = new Float32Array(layout.size);
  const filled = fillBatch(batch, data, loss);
  const output = await programs.run(filled, gradients);
  const logprobs: Float32Array[] = [];
  readLogprobs(batch, data, loss, output, logprobs);
  return { loss: lossSum(loss, filled.arrays, output), gradients, logprobs };
}

/** All data in one run, side by side in as few rows as first fit finds. */
function plan(data: readonly Datum[]): PlannedBatch {
  const free: number[] = [];
  const placements = data.map(({ tokens }, index) => {
    let row = free.findIndex((left) => left >= tokens.length);
    if (row < 0) row = free.push(config.maxLength) - 1;
    const start = config.maxLength - (free[row] as number);
    free[row] = (free[row] as number) - tokens.length;
    return { datum: index, row, start };
  });
  return { bucket: { rows: free.length, length: config.maxLength }, placements };
}

/** Three data whose recorded log-probabilities put ratios well inside and well outside the thresholds. */
async function policyData(): Promise<Datum[]> {
  const plain = [datum(7), datum(5), datum(9)];
  const { logprobs } = await run(plain, { kind: 'cross_entropy' }, plan(plain));
  return plain.map(({ tokens, lossInputs }, index) => ({
    tokens,
    lossInputs: {
      ...lossInputs,
      weights: tokens.map((_, t) => (t === 0 ? 0 : 1)),
      advantages: tokens.map((_, t) => [1.5, -0.7, 0, 0.4][(t + index) % 4] as number),
      logprobs: tokens.map(
        (_, t) =>
          ((logprobs[index] as Float32Array)[t] as number) + ([-0.5, 0.05, 0.6, -0.1, 0][t % 5] as number),
      ),
    },
  }));
}

describe('gradients of the whole model agree with finite differences, parameter by parameter', () => {
  const losses: readonly Loss[] = [
    { kind: 'cross_entropy' },
    { kind: 'importance_sampling' },
    { kind: 'ppo', clipLow: 0.8, clipHigh: 1.25 },
  ];
  for (const loss of losses) {
    it(loss.kind, async () => {
      const data =
        loss.kind === 'cross_entropy'
          ? [datum(7, { weights: [0, 1, 0.5, 2, 0, 1, 1] }), datum(9), datum(4)]
          : await policyData();
      const batch = plan(data);
      const { gradients } = await run(data, loss, batch);
      const kept = parameters.slice();
      for (const tensor of layout.tensors) {
        const direction = Float32Array.from({ length: tensor.size }, () => rng.next() * 2 - 1);
        const length = Math.hypot(...direction);
        const epsilon = 3e-3;
        const lossAt = async (sign: number): Promise<number> => {
          for (let i = 0; i < tensor.size; i++) {
            parameters[tensor.offset + i] =
              (kept[tensor.offset + i] as number) + (sign * epsilon * (direction[i] as number)) / length;
          }
          const result = await run(data, loss, batch);
          parameters.set(kept);
          return result.loss;
        };
        const numeric = ((await lossAt(1)) - (await lossAt(-1))) / (2 * epsilon);
        let analytic = 0;
        for (let i = 0; i < tensor.size; i++) {
          analytic += ((gradients[tensor.offset + i] as number) * (direction[i] as number)) / length;
        }
        expect(Math.abs(analytic - numeric), `${tensor.key}: ${analytic} against ${numeric}`).toBeLessThan(
          5e-3 * Math.max(0.5, Math.abs(numeric)),
        );
      }
    });
  }
});

describe('the policy losses by hand', () => {
  /** One token, so that gradient = coefficient × the cross-entropy gradient. */
  async function coefficient(
    advantage: number,
    ratio: number,
    loss: Loss,
  ): Promise<{ loss: number; factor: number }> {
    const single: Datum = { tokens: [3], lossInputs: { targetTokens: [5] } };
    const batch = plan([single]);
    const reference = await run([single], { kind: 'cross_entropy' }, batch);
    const logprob = (reference.logprobs[0] as Float32Array)[0] as number;
    const data: Datum = {
      tokens: [3],
      lossInputs: { targetTokens: [5], advantages: [advantage], logprobs: [logprob - Math.log(ratio)] },
    };
    const result = await run([data], loss, batch);
    const at = reference.gradients.findIndex((value) => Math.abs(value) > 0.05);
    return {
      loss: result.loss,
      factor: (result.gradients[at] as number) / (reference.gradients[at] as number),
    };
  }
  const ppo: Loss = { kind: 'ppo', clipLow: 0.8, clipHigh: 1.25 };
  // [advantage, ratio] → loss −min(ρA, clip(ρ)A), and the factor ρA of −∇log p where it is not clipped.
  const cases: readonly (readonly [number, number, number, number])[] = [
    [2, 1, -2, 2],
    [2, 1.2, -2.4, 2.4],
    [2, 1.5, -2.5, 0],
    [2, 0.5, -1, 1],
    [-2, 1, 2, -2],
    [-2, 0.5, 1.6, 0],
    [-2, 0.9, 1.8, -1.8],
    [-2, 1.5, 3, -3],
  ];
  for (const [advantage, ratio, loss, factor] of cases) {
    it(`ppo at advantage ${advantage}, ratio ${ratio}: loss ${loss}, gradient factor ${factor}`, async () => {
      const result = await coefficient(advantage, ratio, ppo);
      expect(result.loss).toBeCloseTo(loss, 4);
      expect(result.factor).toBeCloseTo(factor, 4);
    });
  }

  it('importance sampling never clips', async () => {
    const result = await coefficient(2, 3, { kind: 'importance_sampling' });
    expect(result.loss).toBeCloseTo(-6, 4);
    expect(result.factor).toBeCloseTo(6, 4);
  });
});

describe('packing', () => {
  it('gives the same log-probabilities and gradients as one datum per row', async () => {
    const data = [datum(6), datum(4), datum(5), datum(3), datum(16)];
    const loss: Loss = { kind: 'cross_entropy' };
    const packed = await run(data, loss, plan(data));
    const apart = await run(data, loss, {
      bucket: { rows: 5, length: 16 },
      placements: data.map((_, index) => ({ datum: index, row: index, start: 0 })),
    });
    for (const [i, expected] of apart.logprobs.entries()) {
      for (const [t, value] of expected.entries()) expect(packed.logprobs[i]?.[t]).toBeCloseTo(value, 5);
    }
    expect(packed.loss).toBeCloseTo(apart.loss, 4);
    for (const [i, value] of apart.gradients.entries()) {
      expect(Math.abs((packed.gradients[i] as number) - value)).toBeLessThan(2e-5);
    }
  });

  it('leaves tokens of weight 0 out, and gives the others as they are', async () => {
    const whole = [datum(8), datum(6)];
    const loss: Loss = { kind: 'cross_entropy' };
    const expected = await run(whole, loss, plan(whole));
    const weighted = whole.map(({ tokens, lossInputs }) => ({
      tokens,
      lossInputs: { ...lossInputs, weights: tokens.map((_, t) => (t < 4 ? 0 : 1)) },
    }));
    const { logprobs } = await run(weighted, loss, plan(whole));
    for (const [i, list] of logprobs.entries()) {
      for (const [t, value] of list.entries())
        expect(value).toBeCloseTo(t < 4 ? 0 : (expected.logprobs[i]?.[t] ?? 0), 5);
    }
    const none = whole.map(({ tokens, lossInputs }) => ({
      tokens,
      lossInputs: { ...lossInputs, weights: tokens.map(() => 0) },
    }));
    const empty = await run(none, loss, plan(none));
    expect(empty.loss).toBeCloseTo(0);
    expect(empty.gradients.every((value) => value === 0)).toBe(true);
  });

  it('places every datum once, inside its row, without overlap', () => {
    const lengths = Array.from({ length: 60 }, () => rng.int(1, 200));
    const seen = new Set<number>();
    const model = costModelOf(config);
    const shares = deal(lengths, 2);
    expect(shares).toHaveLength(2);
    for (const { bucket, placements } of shares.flatMap((share) => planBatches(lengths, share, model))) {
      const cells = new Set<number>();
      for (const { datum: index, row, start } of placements) {
        expect(seen.has(index)).toBe(false);
        seen.add(index);
        expect(row).toBeLessThan(bucket.rows);
        expect(start + (lengths[index] as number)).toBeLessThanOrEqual(bucket.length);
        for (let t = 0; t < (lengths[index] as number); t++) {
          const cell = row * bucket.length + start + t;
          expect(cells.has(cell)).toBe(false);
          cells.add(cell);
        }
      }
    }
    expect(seen.size).toBe(lengths.length);
    expect(planBatches([], [], model)).toEqual([]);
    expect(deal([5], 3)).toEqual([[0]]);
  });
});
