/**
 * Writes planned batches (plan-batches.ts) into the arrays that the graphs read. Data that share
 * a row are kept apart by segment numbers; positions restart at 0 for each.
 */
import type { Datum, Loss } from '../../types.js';
import type { FilledBatch } from './lane.js';
import type { PlannedBatch } from './plan-batches.js';

/** The arrays that a train graph reads for a run of N tokens, M of which are kept (see train-graph.ts). */
export interface BatchArrays {
  /** [N]. */
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  readonly segments: Int32Array;
  /** [M] index of each kept token in the N. */
  readonly kept: Int32Array;
  /** [M]. */
  readonly targets: Int32Array;
  readonly weights: Float32Array;
  readonly advantages: Float32Array;
  readonly sampled: Float32Array;
  /** [1]. */
  readonly clipLow: Float32Array;
  readonly clipHigh: Float32Array;
}

const PADDING = -1;

/**
 * Lays a planned batch out. Without a loss every token is kept; with one, those whose weight is not 0 (and when
 * there are none, one of weight 0, since a graph cannot run on nothing).
 */
export function fillBatch(batch: PlannedBatch, data: readonly Datum[], loss?: Loss): FilledBatch {
  const count = batch.bucket.rows * batch.bucket.length;
  let keptCount = 0;
  for (const { datum } of batch.placements) keptCount += countKept(data[datum] as Datum, loss);
  const arrays = createBatchArrays(count, Math.max(1, keptCount));
  arrays.segments.fill(PADDING);
  arrays.clipLow[0] = loss?.kind === 'ppo' ? loss.clipLow : 0;
  arrays.clipHigh[0] = loss?.kind === 'ppo' ? loss.clipHigh : Number.POSITIVE_INFINITY;
  let at = 0;
  for (const { datum: index, row, start } of batch.placements) {
    const { tokens, lossInputs } = data[index] as Datum;
    const base = row * batch.bucket.length + start;
    arrays.tokens.set(tokens, base);
    for (let t = 0; t < tokens.length; t++) arrays.positions[base + t] = t;
    arrays.segments.fill(index, base, base + tokens.length);
    for (let t = 0; t < tokens.length; t++) {
      if (!isKept(lossInputs, t, loss)) continue;
      arrays.kept[at] = base + t;
      arrays.targets[at] = lossInputs.targetTokens[t] as number;
      if (loss !== undefined) fillLoss(arrays, at, lossInputs, t, loss);
      at += 1;
    }
  }
  return { bucket: batch.bucket, arrays };
}

/** Puts the log-probabilities [M] of a batch's run where they belong: `into` [datum][T], 0 for tokens not kept. */
export function readLogprobs(
  batch: PlannedBatch,
  data: readonly Datum[],
  loss: Loss | undefined,
  logprobs: Float32Array,
  into: Float32Array[],
): void {
  let at = 0;
  for (const { datum: index } of batch.placements) {
    const { tokens, lossInputs } = data[index] as Datum;
    const list = new Float32Array(tokens.length);
    for (let t = 0; t < list.length; t++) {
      if (isKept(lossInputs, t, loss)) list[t] = logprobs[at++] as number;
    }
    into[index] = list;
  }
}

function isKept(inputs: Datum['lossInputs'], t: number, loss: Loss | undefined): boolean {
  return loss === undefined || inputs.weights === undefined || inputs.weights[t] !== 0;
}

function countKept({ tokens, lossInputs }: Datum, loss: Loss | undefined): number {
  let count = 0;
  for (let t = 0; t < tokens.length; t++) if (isKept(lossInputs, t, loss)) count += 1;
  return count;
}

function fillLoss(arrays: BatchArrays, at: number, inputs: Datum['lossInputs'], t: number, loss: Loss): void {
  const weight = inputs.weights?.[t] ?? 1;
  if (loss.kind === 'cross_entropy') {
    arrays.weights[at] = weight;
    return;
  }
  const advantage = weight * (inputs.advantages?.[t] ?? 0);
  // A token that is left out keeps sampled = 0: its ratio is then p ≤ 1, never an overflow times zero.
  if (advantage === 0) return;
  arrays.advantages[at] = advantage;
  arrays.sampled[at] = inputs.logprobs?.[t] ?? 0;
}

function createBatchArrays(count: number, kept: number): BatchArrays {
  return {
    tokens: new Int32Array(count),
    positions: new Int32Array(count),
    segments: new Int32Array(count),
    kept: new Int32Array(kept),
    targets: new Int32Array(kept),
    weights: new Float32Array(kept),
    advantages: new Float32Array(kept),
    sampled: new Float32Array(kept),
    clipLow: new Float32Array(1),
    clipHigh: new Float32Array(1),
  };
}
