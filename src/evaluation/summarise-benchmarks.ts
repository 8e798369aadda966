/**
 * Benchmarks: pass@k over items, from several answers each (Chen et al. 2021). Every item weighs the same; intervals
 * resample problems. An item with fewer scored answers than k is left out of that k, and counted.
 */
import {
  clustersBy,
  compareStages,
  type Estimate,
  estimate,
  groupBy,
  type SummaryContext,
} from './estimates.js';
import { majorityAtK, passAtK } from './estimators.js';
import type { BenchmarkRecord, BenchmarkVerdict } from './records.js';

export interface BenchmarkSummary {
  readonly benchmark: string;
  readonly stage: string;
  readonly model: string;
  readonly comparators: readonly string[];
  /** Items with at least one answer, scored or not. */
  readonly items: number;
  readonly answers: number;
  /** Scored answers per item: fewest and most. */
  readonly answersPerItem: { readonly min: number; readonly max: number };
  readonly passAtK: readonly { readonly k: number; readonly estimate: Estimate; readonly leftOut: number }[];
  /** majority@k of the answers as they were read, for benchmarks whose answers are values; empty for programs. */
  readonly majorityAtK: readonly { readonly k: number; readonly estimate: Estimate }[];
  /** Answers by verdict. */
  readonly counts: Readonly<Partial<Record<BenchmarkVerdict, number>>>;
  /** Answers that were judged inside the candidate's own process. */
  readonly weak: number;
  /** Share of accepted answers if all unscored ones had been wrong, or right. */
  readonly bounds: { readonly worst: number; readonly best: number } | null;
  readonly meanTokens: number;
}

const KS = [1, 2, 5, 10, 20, 50, 100, 200];

/** Equal programs are no agreement; equal values are. */
const OF_VALUES: readonly string[] = ['cruxeval-o', 'lcb-io-out', 'dmc-out', 'gsm8k', 'math-500'];

/** Groups by benchmark, model and stage; models keep together, their stages in order. */
export function summariseBenchmarks(
  records: readonly BenchmarkRecord[],
  context: SummaryContext,
): BenchmarkSummary[] {
  const groups = groupBy(records, ({ benchmark, model, stage }) => JSON.stringify([benchmark, model, stage]));
  return [...groups.values()]
    .map((group) => summariseOne(latest(group), context))
    .sort(
      (a, b) =>
        compareTexts(a.benchmark, b.benchmark) ||
        compareTexts(a.model, b.model) ||
        compareStages(a.stage, b.stage),
    );
}

/** The last row of each place: an answer that could not be scored is followed by a later try. */
export function latest(records: readonly BenchmarkRecord[]): BenchmarkRecord[] {
  return [
    ...new Map(records.map((record) => [JSON.stringify([record.item, record.sample]), record])).values(),
  ];
}

function summariseOne(records: readonly BenchmarkRecord[], context: SummaryContext): BenchmarkSummary {
  const { benchmark, stage, model } = records[0]!;
  const counts: Partial<Record<BenchmarkVerdict, number>> = {};
  for (const { verdict } of records) counts[verdict] = (counts[verdict] ?? 0) + 1;
  const items = [...groupBy(records, ({ item }) => item).values()].map((answers) => {
    const scored = answers.filter(({ verdict }) => verdict !== 'unscored');
    return {
      problem: answers[0]!.problem,
      scored: scored.length,
      accepted: scored.filter(({ verdict }) => verdict === 'accepted').length,
      votes: scored.map(({ answer, verdict }) => ({
        answer: answer === null ? null : answer.trim(),
        score: verdict === 'accepted' ? 1 : 0,
      })),
    };
  });
  const isOfValues = OF_VALUES.includes(benchmark);
  const scored = items.map((item) => item.scored);
  const most = scored.reduce((a, b) => Math.max(a, b), 0);
  const [unscored, accepted] = [counts.unscored ?? 0, counts.accepted ?? 0];
  return {
    benchmark,
    stage,
    model,
    comparators: [...new Set(records.map(({ comparator }) => comparator))].sort(),
    items: items.length,
    answers: records.length,
    answersPerItem: { min: scored.reduce((a, b) => Math.min(a, b), most), max: most },
    passAtK: KS.filter((k) => k <= most).map((k) => {
      const enough = items.filter((item) => item.scored >= k);
      const clusters = clustersBy(enough, (item) => [passAtK(item.scored, item.accepted, k)]);
      return {
        k,
        estimate: estimate([...clusters.values()], context, unscored),
        leftOut: items.length - enough.length,
      };
    }),
    majorityAtK: KS.filter((k) => isOfValues && k > 2 && k <= most).map((k) => {
      const enough = items.filter((item) => item.scored >= k);
      const clusters = clustersBy(enough, ({ votes }) => [majorityAtK(votes, k)]);
      return { k, estimate: estimate([...clusters.values()], context, unscored) };
    }),
    counts,
    weak: records.filter(({ weak }) => weak).length,
    bounds:
      records.length === 0
        ? null
        : { worst: accepted / records.length, best: (accepted + unscored) / records.length },
    meanTokens: records.reduce((sum, { tokens }) => sum + tokens, 0) / Math.max(1, records.length),
  };
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
