/**
 * Packs data into rows of a bucket and fills the graph's inputs. Several data share a row; segment numbers keep
 * them apart and positions restart at 0 for each.
 */
import { UsageError } from '../../../core/errors.js';
import type { Datum, Loss } from '../../types.js';
import type { Bucket } from './train-graph.js';

/** Where a datum lies in a bucket. */
export interface Placement {
  /** Index in the caller's list. */
  readonly datum: number;
  readonly row: number;
  /** First token in the row. */
  readonly start: number;
}

export interface PackedBatch {
  readonly bucket: Bucket;
  readonly placements: readonly Placement[];
}

/** The arrays that a train graph reads, N = rows × length. Reused from batch to batch. */
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

/** Tokens that one run of a graph works on; more brings no speed, only memory. */
const TOKENS_PER_RUN = 2048;
const SHORTEST_ROW = 64;
const PADDING = -1;

export function createBatchArrays(bucket: Bucket): BatchArrays {
  const count = bucket.rows * bucket.length;
  return {
    tokens: new Int32Array(count),
    targets: new Int32Array(count),
    positions: new Int32Array(count),
    segments: new Int32Array(count),
    weights: new Float32Array(count),
    advantages: new Float32Array(count),
    sampled: new Float32Array(count),
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

/** Plans the runs of a list of data; first fit, longest first. The plan depends on the lengths alone. */
export function planBatches(lengths: readonly number[], maxLength: number): PackedBatch[] {
  const order = lengths
    .map((_, i) => i)
    .sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
  const longest = lengths[order[0] ?? 0] ?? 1;
  let rowLength = Math.min(SHORTEST_ROW, maxLength);
  while (rowLength < longest) rowLength = Math.min(rowLength * 2, maxLength);
  const rows: { free: number; data: { datum: number; start: number }[] }[] = [];
  for (const datum of order) {
    const length = lengths[datum] as number;
    let row = rows.find(({ free }) => free >= length);
    if (row === undefined) {
      row = { free: rowLength, data: [] };
      rows.push(row);
    }
    row.data.push({ datum, start: rowLength - row.free });
    row.free -= length;
  }
  const rowsPerRun = Math.max(1, Math.floor(TOKENS_PER_RUN / rowLength));
  const batches: PackedBatch[] = [];
  for (let first = 0; first < rows.length; ) {
    let count = rowsPerRun;
    while (count > rows.length - first) count = Math.ceil(count / 2);
    const placements = rows
      .slice(first, first + count)
      .flatMap(({ data }, row) => data.map(({ datum, start }) => ({ datum, row, start })));
    batches.push({ bucket: { rows: count, length: rowLength }, placements });
    first += count;
  }
  return batches;
}

/** Writes a planned batch into the arrays of its bucket. Without a loss, only what the forward graph reads. */
export function fillBatch(
  arrays: BatchArrays,
  batch: PackedBatch,
  data: readonly Datum[],
  loss?: Loss,
): void {
  arrays.tokens.fill(0);
  arrays.targets.fill(0);
  arrays.positions.fill(0);
  arrays.segments.fill(PADDING);
  arrays.weights.fill(0);
  arrays.advantages.fill(0);
  arrays.sampled.fill(0);
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
