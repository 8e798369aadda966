/**
 * Checks data and writes planned batches (plan-batches.ts) into the arrays that the graphs read. Data that share
 * a row are kept apart by segment numbers; positions restart at 0 for each.
 */
import { UsageError } from '../../../core/errors.js';
import type { Datum, Loss } from '../../types.js';
import type { FilledBatch } from './lane.js';
import type { PlannedBatch } from './plan-batches.js';

/** The arrays that a train graph reads for a run of N tokens: [N] each, the thresholds [1]. */
export interface BatchArrays {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  readonly positions: Int32Array;
  readonly segments: Int32Array;
  readonly weights: Float32Array;
  readonly advantages: Float32Array;
  readonly sampled: Float32Array;
  readonly clipLow: Float32Array;
  readonly clipHigh: Float32Array;
}

const PADDING = -1;

function createBatchArrays(tokens: number): BatchArrays {
  return {
    tokens: new Int32Array(tokens),
    targets: new Int32Array(tokens),
    positions: new Int32Array(tokens),
    segments: new Int32Array(tokens),
    weights: new Float32Array(tokens),
    advantages: new Float32Array(tokens),
    sampled: new Float32Array(tokens),
    clipLow: new Float32Array(1),
    clipHigh: new Float32Array(1),
  };
}

/** Throws UsageError for the first datum that the engine cannot take. */
export function checkData(data: readonly Datum[], maxLength: number, vocabSize: number, loss?: Loss): void {
  for (const [index, datum] of data.entries()) {
    const length = datum.tokens.length;
    const fail = (message: string): never => {
      throw new UsageError(`datum ${index}: ${message}`);
    };
    if (length === 0) fail('it has no tokens');
    if (length > maxLength) {
      fail(`it has ${length} tokens, the engine takes at most ${maxLength}; shorten it or raise maxLength`);
    }
    const { targetTokens, weights, logprobs, advantages } = datum.lossInputs;
    for (const [name, list] of Object.entries({ targetTokens, weights, logprobs, advantages })) {
      if (list !== undefined && list.length !== length) {
        fail(`lossInputs.${name} has ${list.length} entries, tokens has ${length}; they must be equal`);
      }
    }
    if (loss !== undefined && loss.kind !== 'cross_entropy') {
      if (logprobs === undefined || advantages === undefined) {
        fail(`the loss ${loss.kind} needs lossInputs.logprobs and lossInputs.advantages`);
      }
    }
    for (const id of datum.tokens)
      if (!(id >= 0 && id < vocabSize)) fail(`token ${id} is not in 0…${vocabSize - 1}`);
    for (const id of targetTokens) {
      if (!(id >= 0 && id < vocabSize)) fail(`target ${id} is not in 0…${vocabSize - 1}`);
    }
  }
  if (loss?.kind === 'ppo' && !(loss.clipLow <= 1 && loss.clipHigh >= 1)) {
    throw new UsageError(
      `ppo: clipLow (${loss.clipLow}) and clipHigh (${loss.clipHigh}) are ratios around 1, such as 0.8 and 1.25`,
    );
  }
}

/** Lays a planned batch out. Without a loss, only what the forward graph reads. */
export function fillBatch(batch: PlannedBatch, data: readonly Datum[], loss?: Loss): FilledBatch {
  const arrays = createBatchArrays(batch.bucket.rows * batch.bucket.length);
  arrays.segments.fill(PADDING);
  arrays.clipLow[0] = loss?.kind === 'ppo' ? loss.clipLow : 0;
  arrays.clipHigh[0] = loss?.kind === 'ppo' ? loss.clipHigh : Number.POSITIVE_INFINITY;
  for (const { datum: index, row, start } of batch.placements) {
    const { tokens, lossInputs } = data[index] as Datum;
    const base = row * batch.bucket.length + start;
    arrays.tokens.set(tokens, base);
    arrays.targets.set(lossInputs.targetTokens, base);
    for (let t = 0; t < tokens.length; t++) arrays.positions[base + t] = t;
    arrays.segments.fill(index, base, base + tokens.length);
    if (loss !== undefined) fillLoss(arrays, base, lossInputs, loss);
  }
  return { bucket: batch.bucket, arrays };
}

function fillLoss(arrays: BatchArrays, base: number, inputs: Datum['lossInputs'], loss: Loss): void {
  const { targetTokens, weights, logprobs, advantages } = inputs;
  for (let t = 0; t < targetTokens.length; t++) {
    const weight = weights?.[t] ?? 1;
    if (loss.kind === 'cross_entropy') {
      arrays.weights[base + t] = weight;
      continue;
    }
    const advantage = weight * (advantages?.[t] ?? 0);
    // A token that is left out keeps sampled = 0: its ratio is then p ≤ 1, never an overflow times zero.
    if (advantage === 0) continue;
    arrays.advantages[base + t] = advantage;
    arrays.sampled[base + t] = logprobs?.[t] ?? 0;
  }
}
