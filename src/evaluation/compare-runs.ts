/**
 * Runs side by side: the main numbers of each, and the difference of each from the first, paired over the problems that both
 * have. A run is compared by what it recorded last: its newest stage.
 */
import {
  aligned,
  clustersBy,
  compareStages,
  type Difference,
  difference,
  type Estimate,
  estimate,
  groupBy,
  type SummaryContext,
} from './estimates.js';
import { passAtK } from './estimators.js';
import type { BenchmarkRecord, EvaluationRecord, SelectionRecord } from './records.js';
import { curvesOf, isUnscored, scoredPrograms } from './selection-curves.js';
import type { Cluster } from './statistics.js';
import { latest } from './summarise-benchmarks.js';

export interface RunToCompare {
  /** Unique among the runs. */
  readonly name: string;
  readonly records: readonly EvaluationRecord[];
}

export interface ComparisonRow {
  readonly metric: string;
  /** [run] `null` where the run has no such records. */
  readonly values: readonly (Estimate | null)[];
  /** [run] minus the first run that has the metric, on shared problems; `null` for that run itself. */
  readonly differences: readonly (Difference | null)[];
}

export interface Comparison {
  readonly runs: readonly string[];
  readonly rows: readonly ComparisonRow[];
}

type Clusters = ReadonlyMap<string, Cluster>;

/** `context.maxK` is the largest k of best@k. */
export function compareRuns(runs: readonly RunToCompare[], context: SummaryContext): Comparison {
  const k = largestCommonK(runs, context.maxK);
  const perRun = runs.map(({ records }) => metricsOf(records, k));
  const metrics = [...new Set(perRun.flatMap((found) => [...found.keys()]))];
  return {
    runs: runs.map(({ name }) => name),
    rows: metrics.map((metric) => {
      const clusters = perRun.map((found) => found.get(metric));
      const base = clusters.findIndex((found) => found !== undefined);
      return {
        metric,
        values: clusters.map((found) => (found ? estimate(ordered(found), context) : null)),
        differences: clusters.map((found, i) => {
          if (found === undefined || i === base) return null;
          const [mine, theirs] = aligned(found, clusters[base]!);
          return difference(mine, theirs, context);
        }),
      };
    }),
  };
}

function ordered(clusters: Clusters): Cluster[] {
  return [...clusters.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cluster]) => cluster);
}

/** The same k for all runs, so that what is compared is comparable. */
function largestCommonK(runs: readonly RunToCompare[], maxK: number): number {
  return runs.reduce((least, { records }) => {
    const programs = selectionsOf(records).map((record) => scoredPrograms(record.programs).length);
    return programs.length === 0
      ? least
      : Math.min(
          least,
          programs.reduce((a, b) => Math.max(a, b), 0),
        );
  }, maxK);
}

/** Per metric, what each problem contributes. */
function metricsOf(records: readonly EvaluationRecord[], k: number): Map<string, Clusters> {
  const found = new Map<string, Clusters>();
  const add = (metric: string, clusters: Clusters): void => {
    const filled = new Map([...clusters].filter(([, { count }]) => count > 0));
    if (filled.size > 0) found.set(metric, filled);
  };
  const predictions = newest(records.filter((record) => record.schema === 'output-prediction/1'));
  const right = (verdict: string): number | null =>
    verdict === 'unscored' ? null : verdict === 'correct' ? 1 : 0;
  for (const [name, some] of [
    ['output prediction', predictions],
    ['output prediction, program prints what is expected', predictions.filter((p) => p.asExpected)],
    ['output prediction, program prints something else', predictions.filter((p) => !p.asExpected)],
  ] as const) {
    add(
      name,
      clustersBy(some, (record) => record.predictions.map(({ verdict }) => right(verdict))),
    );
  }
  // A run that has but one kind of prompt is compared as it is: with public tests against without is a comparison, too.
  const arms = [...groupBy(selectionsOf(records), armOf)];
  for (const [arm, some] of arms) addSelections(some, arms.length > 1 ? arm : '', k, add);
  const repairs = newest(records.filter((record) => record.schema === 'self-rlef/1'));
  for (const [feedback, some] of groupBy(repairs, (record) => record.feedback)) {
    for (const [end, place] of [
      ['first', 0],
      ['submitted', -1],
    ] as const) {
      add(
        `self-repair (${feedback} feedback), ${end} program`,
        clustersBy(some, ({ programs }) => {
          const passed = programs.at(place)!.allPassed;
          return [passed === null ? null : passed ? 1 : 0];
        }),
      );
    }
  }
  const answers = latest(newest(records.filter((record) => record.schema === 'benchmark/1')));
  for (const [name, some] of groupBy(answers, ({ benchmark }) => benchmark)) {
    add(
      `${name}, pass@1`,
      clustersBy(byItem(some), ({ score }) => [score]),
    );
  }
  return found;
}

function byItem(answers: readonly BenchmarkRecord[]): { problem: string; score: number | null }[] {
  return [...groupBy(answers, ({ item }) => item).values()].map((list) => {
    const scored = list.filter(({ verdict }) => verdict !== 'unscored');
    const accepted = scored.filter(({ verdict }) => verdict === 'accepted').length;
    return {
      problem: list[0]!.problem,
      score: scored.length === 0 ? null : passAtK(scored.length, accepted, 1),
    };
  });
}

function addSelections(
  records: readonly SelectionRecord[],
  arm: string,
  k: number,
  add: (metric: string, clusters: Clusters) => void,
): void {
  const ks = Array.from({ length: k }, (_, i) => i + 1);
  const curves = records
    .map((record) => ({ record, programs: scoredPrograms(record.programs) }))
    .filter(({ programs }) => programs.length >= k && k > 0)
    .map(({ record, programs }) => {
      const curves = curvesOf(record.problem, programs, ks);
      // Where simulating stopped early, what is complete is not a fair part of the problems.
      return record.choice?.stoppedEarly ? { ...curves, simulated: null, majority: null } : curves;
    });
  const of = (value: (curve: (typeof curves)[number]) => number | undefined): Clusters =>
    clustersBy(curves, (curve) => [value(curve) ?? null]);
  add(
    `solve pass@1${arm}`,
    of(({ pass }) => pass[0]),
  );
  add(
    `passes all public tests, pass@1${arm}`,
    of(({ publicPass }) => publicPass[0]),
  );
  if (k < 2) return;
  add(
    `passes all public tests, pass@${k}${arm}`,
    of(({ publicPass }) => publicPass[k - 1]),
  );
  add(
    `pass@${k}${arm}`,
    of(({ pass }) => pass[k - 1]),
  );
  add(
    `best@${k} by simulation${arm}`,
    of(({ simulated }) => simulated?.[k - 1]),
  );
  add(
    `best@${k} by execution${arm}`,
    of(({ executed }) => executed[k - 1]),
  );
  add(
    `submitted by the run${arm}`,
    clustersBy(records, ({ programs, choice }) => {
      if (choice === undefined || programs.some(isUnscored)) return [];
      return [choice.chosen !== null && programs[choice.chosen]?.verdictAll === 'accepted' ? 1 : 0];
    }),
  );
  add(
    `majority@${k} of simulated outputs${arm}`,
    of(({ majority }) => majority?.[k - 1]),
  );
  add(
    `short-1@${k}${arm}`,
    of(({ short }) => short[k - 1]),
  );
}

/** How the prompts were put: with public tests (nothing said) or without. Who verified is the run's own business. */
function armOf({ publicTestsInPrompt }: SelectionRecord): string {
  return publicTestsInPrompt === false ? ', no public tests in the prompt' : '';
}

function selectionsOf(records: readonly EvaluationRecord[]): SelectionRecord[] {
  return newest(records.filter((record) => record.schema === 'selection/1'));
}

function newest<T extends { readonly stage: string }>(records: readonly T[]): T[] {
  const [last] = [...new Set(records.map(({ stage }) => stage))].sort(compareStages).reverse();
  return records.filter(({ stage }) => stage === last);
}
