/**
 * The arms of a findings set as numbers: every metric over seeds and problems, and the comparisons that the set asks for.
 */
import { ARM_METRICS, type ArmMeasures, type MetricName, measureArm } from '../../evaluation/arm-metrics.js';
import type { SeedEstimate, SeededClusters, SeedStatistics } from '../../evaluation/over-seeds.js';
import type { ArmRun, SetComparison, SetReportInput } from './types.js';

export interface SetMeasures {
  /** By seed, by problem; empty where the arm has no such records. */
  clusters(arm: string, metric: MetricName): SeededClusters;
  estimate(arm: string, metric: MetricName): SeedEstimate | undefined;
}

/** `refuted`: the interval lies on the other side of zero. */
export type ComparisonVerdict = 'confirmed' | 'refuted' | 'undecided' | 'missing';

export interface ComparedClaim extends SetComparison {
  readonly against: { readonly arm: string; readonly metric: MetricName };
  readonly value: SeedEstimate | undefined;
  readonly other: SeedEstimate | undefined;
  readonly difference: SeedEstimate | undefined;
  readonly verdict: ComparisonVerdict;
}

export const METRIC_NAMES = Object.keys(ARM_METRICS) as readonly MetricName[];

export function measureSet(runs: readonly ArmRun[], statistics: SeedStatistics): SetMeasures {
  const measured = runs.map(({ facts, records }) => ({ facts, measures: measureArm(records) }));
  const clusters = (arm: string, metric: MetricName): SeededClusters =>
    new Map(
      measured
        .filter(({ facts }) => facts.arm === arm)
        .flatMap(({ facts, measures }) => seeded(facts.seed, measures, metric)),
    );
  return { clusters, estimate: (arm, metric) => statistics.estimate(clusters(arm, metric)) };
}

function seeded(
  seed: number,
  measures: ArmMeasures,
  metric: MetricName,
): [number, NonNullable<ReturnType<ArmMeasures['get']>>][] {
  const found = measures.get(metric);
  return found === undefined ? [] : [[seed, found]];
}

export function compareClaims(
  { compare }: Pick<SetReportInput, 'compare'>,
  measures: SetMeasures,
  statistics: SeedStatistics,
): ComparedClaim[] {
  return compare.map((claim) => {
    const { arm, metric, expect } = claim;
    const against = { arm: claim.against.arm ?? arm, metric: claim.against.metric ?? metric };
    const difference = statistics.difference(
      measures.clusters(arm, metric),
      measures.clusters(against.arm, against.metric),
    );
    return {
      ...claim,
      against,
      value: measures.estimate(arm, metric),
      other: measures.estimate(against.arm, against.metric),
      difference,
      verdict: verdictOf(difference, expect),
    };
  });
}

function verdictOf(difference: SeedEstimate | undefined, expect: SetComparison['expect']): ComparisonVerdict {
  if (difference === undefined) return 'missing';
  const { interval } = difference;
  if (interval === null || (interval.low <= 0 && interval.high >= 0)) return 'undecided';
  return interval.low > 0 === (expect === 'higher') ? 'confirmed' : 'refuted';
}
