/**
 * Means and paired differences over several seeds. A seed stands for one training run on one set of problems; so the
 * bootstrap has two levels: seeds are drawn with replacement, and within each drawn seed its problems. Differences are
 * paired: both sides see the same draws.
 *
 * With three seeds, 3 of 27 draws hold one seed alone: the interval shows how much the runs differ, but rests on few of
 * them; each seed's own value is therefore given beside it.
 */
import { createRng, type Rng } from '../core/rng.js';
import { type Cluster, clusterMean, type Interval, quantile } from './statistics.js';

/** [seed] by problem. */
export type SeededClusters = ReadonlyMap<number, ReadonlyMap<string, Cluster>>;

export interface SeedEstimate {
  /** Pooled over all items of all problems of all seeds. */
  readonly value: number;
  readonly interval: Interval | null;
  readonly perSeed: ReadonlyMap<number, number>;
  readonly problems: number;
  readonly items: number;
}

export interface SeedOptions {
  readonly resamples?: number;
  readonly level?: number;
  readonly seed?: string;
}

export interface SeedStatistics {
  /** `undefined` when nothing was scored. */
  estimate(clusters: SeededClusters): SeedEstimate | undefined;
  /** mean(a) − mean(b) on the seeds and problems that both have; `items` counts those of `a`. */
  difference(a: SeededClusters, b: SeededClusters): SeedEstimate | undefined;
}

/** Equal numbers of problems per seed give equal resamples, so that what is compared sees the same draws. */
export function createSeedStatistics({
  resamples = 2_000,
  level = 0.95,
  seed = 'report',
}: SeedOptions = {}): SeedStatistics {
  const known = new Map<string, Uint16Array>();
  const drawsFor = (sizes: readonly number[]): Uint16Array => {
    const key = sizes.join('/');
    const draws = known.get(key) ?? drawProblems(sizes, resamples, createRng(seed).fork(key));
    known.set(key, draws);
    return draws;
  };
  const summarise = (a: SeededClusters, b: SeededClusters, of: Statistic): SeedEstimate | undefined => {
    const perSeed = new Map<number, readonly Pair[]>();
    for (const [seed, mine] of [...a].sort(([x], [y]) => x - y)) {
      const pairs = paired(mine, b.get(seed) ?? new Map());
      if (pairs.length > 0) perSeed.set(seed, pairs);
    }
    const all = [...perSeed.values()].flat();
    if (all.length === 0) return undefined;
    const draws = drawsFor([...perSeed.values()].map(({ length }) => length));
    const values = Float64Array.from({ length: resamples }, (_, r) => drawn(all, draws, r * all.length, of))
      .filter((value) => !Number.isNaN(value))
      .sort();
    const interval = { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) };
    return {
      value: statisticOf(all, of),
      interval: all.length < 2 ? null : interval,
      perSeed: new Map([...perSeed].map(([seed, pairs]) => [seed, statisticOf(pairs, of)])),
      problems: all.length,
      items: all.reduce((items, [{ count }]) => items + count, 0),
    };
  };
  return {
    estimate: (clusters) => summarise(clusters, clusters, (mean) => mean),
    difference: (a, b) => summarise(a, b, (mean, other) => mean - other),
  };
}

type Pair = readonly [Cluster, Cluster];
type Statistic = (mean: number, other: number) => number;

/** [resample * problems + problem] how often a problem is drawn; the problems of the seeds one after another. */
function drawProblems(sizes: readonly number[], resamples: number, rng: Rng): Uint16Array {
  const total = sizes.reduce((a, b) => a + b, 0);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const counts = new Uint16Array(resamples * total);
  for (let r = 0; r < resamples; r++) {
    for (let left = sizes.length; left > 0; left--) {
      const seed = rng.int(0, sizes.length - 1);
      const [start, size] = [starts[seed]!, sizes[seed]!];
      for (let i = 0; i < size; i++) counts[r * total + start + rng.int(0, size - 1)]! += 1;
    }
  }
  return counts;
}

function drawn(pairs: readonly Pair[], counts: Uint16Array, from: number, of: Statistic): number {
  let [mine, mineCount, other, otherCount] = [0, 0, 0, 0];
  for (let i = 0; i < pairs.length; i++) {
    const times = counts[from + i]!;
    const [a, b] = pairs[i]!;
    mine += times * a.sum;
    mineCount += times * a.count;
    other += times * b.sum;
    otherCount += times * b.count;
  }
  return of(mine / mineCount, other / otherCount);
}

function statisticOf(pairs: readonly Pair[], of: Statistic): number {
  return of(clusterMean(pairs.map(([a]) => a))!, clusterMean(pairs.map(([, b]) => b))!);
}

/** In the order of the problems' names, so that resampling sees them in one order. */
function paired(a: ReadonlyMap<string, Cluster>, b: ReadonlyMap<string, Cluster>): Pair[] {
  return [...a.keys()]
    .filter((problem) => b.has(problem))
    .sort()
    .map((problem) => [a.get(problem)!, b.get(problem)!]);
}
