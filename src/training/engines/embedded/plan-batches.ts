/**
 * Plans how a list of data is cut into runs of the train graph: which data share a row, which rows go together.
 * A run is as long as its longest row, so rows of like length belong together; a run of its own costs little.
 *
 * Rows are sorted by length and cut where a dynamic programme finds the least cost, under a model measured at
 * D = 96: a token costs 1 + 0.75·(attention's arithmetic per token)/(the rest's), a run 30 tokens more.
 * Putting several data into a row pays when there are few: a few packings are tried, the cheapest plan wins.
 */
import { layOut, type ModelConfig } from './architecture.js';

/** Sizes of one run, in rows and tokens per row. */
export interface Bucket {
  readonly rows: number;
  readonly length: number;
}

/** Where a datum lies in a run. */
export interface Placement {
  /** Index in the caller's list. */
  readonly datum: number;
  readonly row: number;
  /** First token in the row. */
  readonly start: number;
}

export interface PlannedBatch {
  readonly bucket: Bucket;
  readonly placements: readonly Placement[];
}

export interface CostModel {
  /** Cost of a token's attention per token of its row; a token without attention costs 1. */
  readonly attention: number;
  /** Cost of a run, in tokens. */
  readonly run: number;
  /** Most tokens in a run of several rows. */
  readonly tokensPerRun: number;
}

interface Row {
  used: number;
  readonly data: { readonly datum: number; readonly start: number }[];
}

const RUN_COST = 30;
/** More brings no speed, only memory. */
const TOKENS_PER_RUN = 2048;
/** Beyond this many data, rows of one datum waste next to nothing. */
const PACKING_LIMIT = 400;
/** Row capacities tried, as shares of the longest datum. */
const CAPACITIES = [1, 0.9, 0.75] as const;

export function costModelOf(config: ModelConfig): CostModel {
  const attention = (0.75 * 2 * config.layers * config.hiddenSize) / layOut(config).size;
  return { attention, run: RUN_COST, tokensPerRun: TOKENS_PER_RUN };
}

/** Deals data out into at most `count` shares of like work: by length, back and forth. Shares are never empty. */
export function deal(lengths: readonly number[], count: number): number[][] {
  const shares: number[][] = Array.from({ length: Math.min(count, lengths.length) }, () => []);
  for (const [i, datum] of byLength(lengths, [...lengths.keys()]).entries()) {
    const turn = i % (2 * shares.length);
    shares[turn < shares.length ? turn : 2 * shares.length - 1 - turn]?.push(datum);
  }
  return shares;
}

/**
 * The cheapest plan found for some of the data: `lengths` of all, each at least 1; `share` their indices.
 * Depends on nothing else.
 */
export function planBatches(
  lengths: readonly number[],
  share: readonly number[],
  model: CostModel,
): PlannedBatch[] {
  const order = byLength(lengths, share);
  const longest = lengths[order[0] ?? 0] ?? 0;
  let best = cut(pack(lengths, order, 0), model);
  if (share.length > PACKING_LIMIT) return best.batches;
  for (const share of CAPACITIES) {
    const candidate = cut(pack(lengths, order, Math.floor(longest * share)), model);
    if (candidate.cost < best.cost) best = candidate;
  }
  return best.batches;
}

function byLength(lengths: readonly number[], share: readonly number[]): number[] {
  return [...share].sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
}

/** Best fit, longest first; a datum longer than `capacity` gets a row of its own. */
function pack(lengths: readonly number[], order: readonly number[], capacity: number): Row[] {
  const rows: Row[] = [];
  for (const datum of order) {
    const length = lengths[datum] as number;
    let best: Row | undefined;
    for (const row of rows) {
      if (row.used + length <= capacity && (best === undefined || row.used > best.used)) best = row;
    }
    if (best === undefined) rows.push({ used: length, data: [{ datum, start: 0 }] });
    else {
      best.data.push({ datum, start: best.used });
      best.used += length;
    }
  }
  return rows.sort((a, b) => b.used - a.used);
}

/** Cuts rows, longest first, into runs at the least cost. */
function cut(rows: readonly Row[], model: CostModel): { cost: number; batches: PlannedBatch[] } {
  const costs = new Float64Array(rows.length + 1).fill(Number.POSITIVE_INFINITY);
  const starts = new Int32Array(rows.length + 1);
  costs[0] = 0;
  for (let end = 1; end <= rows.length; end++) {
    for (let start = end - 1; start >= 0; start--) {
      const length = (rows[start] as Row).used;
      const tokens = (end - start) * length;
      if (end - start > 1 && tokens > model.tokensPerRun) break;
      const cost = (costs[start] as number) + model.run + tokens * (1 + model.attention * length);
      if (cost < (costs[end] as number)) {
        costs[end] = cost;
        starts[end] = start;
      }
    }
  }
  const batches: PlannedBatch[] = [];
  for (let end = rows.length; end > 0; end = starts[end] as number) {
    const run = rows.slice(starts[end] as number, end);
    const placements = run.flatMap(({ data }, row) =>
      data.map(({ datum, start }) => ({ datum, row, start })),
    );
    batches.push({ bucket: { rows: run.length, length: (run[0] as Row).used }, placements });
  }
  return { cost: costs[rows.length] as number, batches: batches.reverse() };
}
