/**
 * The building blocks of every summary: means with intervals, paired differences, grouping by problem and stage.
 */
import { createRng } from '../core/rng.js';
import { type Bootstrap, type Cluster, clusterMean, createBootstrap, type Interval } from './statistics.js';

export interface Estimate {
  /** `null` when nothing was scored. */
  readonly value: number | null;
  /** 95% bootstrap over problems; `null` with fewer than two problems. */
  readonly interval: Interval | null;
  /** Problems with at least one scored item. */
  readonly problems: number;
  /** Scored items. */
  readonly items: number;
  /** Items that the machinery failed to score. */
  readonly unscored: number;
}

/** A mean minus another on the same problems. */
export interface Difference {
  readonly value: number | null;
  /** Paired bootstrap over problems. */
  readonly interval: Interval | null;
  readonly problems: number;
}

/** The settings of all intervals of a summary. */
export interface BootstrapSettings {
  readonly resamples: number;
  readonly level: number;
  readonly seed: string;
}

/** What the summarisers need from outside: resamples of a given number of problems. */
export interface SummaryContext {
  readonly maxK: number;
  /** Equal sizes give equal resamples. */
  bootstrap(problems: number): Bootstrap;
}

/** `maxK` is the largest k of the curves. */
export function createSummaryContext(settings: BootstrapSettings, maxK: number): SummaryContext {
  const known = new Map<number, Bootstrap>();
  return {
    maxK,
    bootstrap: (problems) => {
      let bootstrap = known.get(problems);
      if (bootstrap === undefined) {
        const rng = createRng(settings.seed).fork(problems);
        bootstrap = createBootstrap(problems, { rng, resamples: settings.resamples, level: settings.level });
        known.set(problems, bootstrap);
      }
      return bootstrap;
    },
  };
}

/** A pooled mean with its interval. */
export function estimate(clusters: readonly Cluster[], context: SummaryContext, unscored = 0): Estimate {
  const filled = clusters.filter((cluster) => cluster.count > 0);
  return {
    value: clusterMean(filled),
    interval: context.bootstrap(filled.length).mean(filled),
    problems: filled.length,
    items: filled.reduce((items, cluster) => items + cluster.count, 0),
    unscored,
  };
}

/** mean(a) − mean(b) over the problems where both have items; the lists are in the same order of problems. */
export function difference(
  a: readonly Cluster[],
  b: readonly Cluster[],
  context: SummaryContext,
): Difference {
  const both = a.map((_, i) => i).filter((i) => a[i]!.count > 0 && (b[i]?.count ?? 0) > 0);
  const mine = both.map((i) => a[i]!);
  const theirs = both.map((i) => b[i]!);
  if (both.length === 0) return { value: null, interval: null, problems: 0 };
  return {
    value: clusterMean(mine)! - clusterMean(theirs)!,
    interval: context.bootstrap(both.length).difference(mine, theirs),
    problems: both.length,
  };
}

/** Aligns two maps by problem; problems that only one side has get an empty cluster on the other. */
export function aligned(
  a: ReadonlyMap<string, Cluster>,
  b: ReadonlyMap<string, Cluster>,
): [Cluster[], Cluster[]] {
  const empty: Cluster = { sum: 0, count: 0 };
  const problems = [...new Set([...a.keys(), ...b.keys()])].sort();
  return [problems.map((p) => a.get(p) ?? empty), problems.map((p) => b.get(p) ?? empty)];
}

/** Sums scores into one cluster per problem; items without a score (`null`) are left out. */
export function clustersBy<T extends { readonly problem: string }>(
  items: Iterable<T>,
  scores: (item: T) => Iterable<number | null>,
): Map<string, Cluster> {
  const clusters = new Map<string, { sum: number; count: number }>();
  for (const item of items) {
    let cluster = clusters.get(item.problem);
    if (cluster === undefined) {
      cluster = { sum: 0, count: 0 };
      clusters.set(item.problem, cluster);
    }
    for (const score of scores(item)) {
      if (score === null) continue;
      cluster.sum += score;
      cluster.count += 1;
    }
  }
  return clusters;
}

/** Groups by a key, in order of first appearance. */
export function groupBy<T>(items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}

/** The model without its stage: checkpoints are often called `tiny-sft` and `tiny-rl`, and are one model's stages. */
export function modelName({ model, stage }: { readonly model: string; readonly stage: string }): string {
  const end = `-${stage}`;
  return model.endsWith(end) && model.length > end.length ? model.slice(0, -end.length) : model;
}

const STAGES = ['base', 'pretrained', 'sft', 'rl'];

/** Stages in the order in which training passes them; others after them, by name. */
export function compareStages(a: string, b: string): number {
  const place = (stage: string): number => {
    const at = STAGES.indexOf(stage);
    return at === -1 ? STAGES.length : at;
  };
  return place(a) - place(b) || (a < b ? -1 : a > b ? 1 : 0);
}
