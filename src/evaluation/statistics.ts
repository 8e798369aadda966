/**
 * Intervals. The unit of resampling is the *problem*: samples of one problem are not independent, so every interval
 * is a percentile bootstrap over problems (clusters), and two arms on the same problems are compared within each
 * resample (paired). A plain proportion of independent items has Wilson's interval.
 *
 * Deviation from a textbook percentile bootstrap: where every problem has the same score 0 or 1, resampling can only
 * give a width of zero, which claims too much; Wilson's interval over the problems is given instead.
 */
import type { Rng } from '../core/rng.js';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** One problem's share in a mean: the sum of the scores of its items, and how many items were scored. */
export interface Cluster {
  readonly sum: number;
  readonly count: number;
}

export interface BootstrapOptions {
  readonly rng: Rng;
  /** How often the problems are drawn anew; default 2,000. */
  readonly resamples?: number;
  /** Coverage in (0, 1); default 0.95. */
  readonly level?: number;
}

/** Intervals over one list of problems. All calls see the same resamples, so their results are paired. */
export interface Bootstrap {
  /** Number of problems. */
  readonly size: number;
  /** Interval of Σ sum / Σ count; `null` with fewer than two problems that have items. */
  mean(clusters: readonly Cluster[]): Interval | null;
  /** Interval of mean(a) − mean(b), problem by problem in the same order. */
  difference(a: readonly Cluster[], b: readonly Cluster[]): Interval | null;
}

const Z_95 = 1.959963984540054;

/** Creates the resamples: `size` problems, drawn with replacement. */
export function createBootstrap(size: number, options: BootstrapOptions): Bootstrap {
  const resamples = options.resamples ?? 2_000;
  const level = options.level ?? 0.95;
  // counts[r * size + i]: how often problem i is in resample r
  const counts = new Uint16Array(resamples * size);
  for (let r = 0; r < resamples; r++) {
    for (let draw = 0; draw < size; draw++) counts[r * size + options.rng.int(0, size - 1)]! += 1;
  }
  const statistic = (clusters: readonly Cluster[]): Float64Array => {
    if (clusters.length !== size) {
      throw new RangeError(`bootstrap: ${clusters.length} problems were given, ${size} expected`);
    }
    const sums = Float64Array.from(clusters, (cluster) => cluster.sum);
    const sizes = Float64Array.from(clusters, (cluster) => cluster.count);
    const values = new Float64Array(resamples);
    for (let r = 0; r < resamples; r++) {
      let sum = 0;
      let count = 0;
      for (let i = 0, at = r * size; i < size; i++, at++) {
        sum += counts[at]! * sums[i]!;
        count += counts[at]! * sizes[i]!;
      }
      values[r] = sum / count;
    }
    return values;
  };
  const interval = (values: Float64Array): Interval | null => {
    const sorted = values.filter((value) => !Number.isNaN(value)).sort();
    if (sorted.length === 0) return null;
    return { low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) };
  };
  return {
    size,
    mean: (clusters) => {
      const filled = clusters.filter((cluster) => cluster.count > 0);
      if (filled.length < 2) return null;
      const only = onlyValue(filled);
      if (only === 0 || only === 1) return wilsonInterval(only * filled.length, filled.length);
      return interval(statistic(clusters));
    },
    difference: (a, b) => {
      const shared = a.filter((cluster, i) => cluster.count > 0 && (b[i]?.count ?? 0) > 0);
      if (shared.length < 2) return null;
      const values = statistic(a);
      const others = statistic(b);
      for (let r = 0; r < values.length; r++) values[r]! -= others[r]!;
      return interval(values);
    },
  };
}

/** Σ sum / Σ count, or `null` when nothing was counted. */
export function clusterMean(clusters: readonly Cluster[]): number | null {
  let sum = 0;
  let count = 0;
  for (const cluster of clusters) {
    sum += cluster.sum;
    count += cluster.count;
  }
  return count === 0 ? null : sum / count;
}

/** Wilson's score interval of `successes` out of `total` independent items; `z` defaults to 95%. */
export function wilsonInterval(successes: number, total: number, z: number = Z_95): Interval {
  if (total <= 0 || successes < 0 || successes > total) {
    throw new RangeError(`wilsonInterval: ${successes} of ${total} is no proportion`);
  }
  const p = successes / total;
  const scale = 1 + z ** 2 / total;
  const centre = (p + z ** 2 / (2 * total)) / scale;
  const half = (z / scale) * Math.sqrt((p * (1 - p)) / total + z ** 2 / (4 * total ** 2));
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === total ? 1 : Math.min(1, centre + half),
  };
}

/** The q-quantile, linear between order statistics (Hyndman and Fan's type 7); `sorted` ascends and is not empty. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

function onlyValue(clusters: readonly Cluster[]): number | null {
  const first = clusters[0]!.sum / clusters[0]!.count;
  return clusters.every((cluster) => cluster.sum / cluster.count === first) ? first : null;
}
