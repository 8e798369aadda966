/**
 * Output prediction (paper §6, tables 1, 2 and 8): accuracy, split by whether the program prints what was expected,
 * with the share of wishful answers; and how far agreement among repeated predictions tells a right one.
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
import type { OutputPredictionRecord, PredictionVerdict } from './records.js';

/**
 * `as-expected`: what the program prints on this input is what the test expects; `differs`: it prints something else,
 * so a model that believes the program to be right answers wishfully. The rest are the programs' origins.
 */
export type PredictionGroupName = 'all' | 'as-expected' | 'differs' | OutputPredictionRecord['origin'];

export interface PredictionGroup {
  readonly group: PredictionGroupName;
  /** Share of correct predictions, averaged over draws: pass@1. */
  readonly accuracy: Estimate;
  /** Share of wishful predictions; 0 by definition where the output is as expected. */
  readonly wishful: Estimate;
  readonly counts: Readonly<Record<PredictionVerdict, number>>;
}

/** Records whose most frequent prediction had a share of agreement in (previous, upTo]. */
export interface AgreementBin {
  readonly upTo: number;
  readonly items: number;
  /** Mean share of agreement in the bin, and the share of items whose most frequent prediction was correct. */
  readonly agreement: number;
  readonly accuracy: number;
}

export interface PredictionSummary {
  readonly stage: string;
  readonly model: string;
  readonly comparators: readonly string[];
  /** Only groups that have records. */
  readonly groups: readonly PredictionGroup[];
  /** Mean completion tokens of a scored prediction. */
  readonly meanTokens: number | null;
  /** Accuracy over everything if all unscored predictions had been wrong, or right. */
  readonly bounds: { readonly worst: number; readonly best: number } | null;
  /** Empty unless records have several predictions. */
  readonly agreement: readonly AgreementBin[];
}

/** A later stage's accuracy minus an earlier one's, on the problems that both were asked about. */
export interface PredictionChange {
  readonly model: string;
  readonly from: string;
  readonly to: string;
  readonly group: PredictionGroupName;
  readonly accuracy: Difference;
  readonly wishful: Difference;
}

const GROUPS: readonly PredictionGroupName[] = [
  'all',
  'as-expected',
  'differs',
  'reference',
  'mutant',
  'own',
];

/** Groups by model and stage, in the order of the stages. */
export function summarisePredictions(
  records: readonly OutputPredictionRecord[],
  context: SummaryContext,
): { predictions: PredictionSummary[]; predictionChanges: PredictionChange[] } {
  const arms = [...groupBy(records, (record) => JSON.stringify([record.model, record.stage])).values()].sort(
    (a, b) => compareStages(a[0]!.stage, b[0]!.stage),
  );
  const predictionChanges: PredictionChange[] = [];
  for (const byModel of groupBy(arms, (arm) => arm[0]!.model).values()) {
    for (let i = 1; i < byModel.length; i++)
      predictionChanges.push(...changes(byModel[i - 1]!, byModel[i]!, context));
  }
  return { predictions: arms.map((arm) => summariseArm(arm, context)), predictionChanges };
}

function summariseArm(
  records: readonly OutputPredictionRecord[],
  context: SummaryContext,
): PredictionSummary {
  const groups = GROUPS.map((group) => ({ group, members: members(records, group) }))
    .filter(({ members }) => members.length > 0)
    .map(({ group, members }) => summariseGroup(group, members, context));
  const { accuracy, counts } = groups[0] ?? summariseGroup('all', [], context);
  const all = accuracy.items + counts.unscored;
  let tokens = 0;
  for (const { predictions } of records)
    for (const { verdict, tokens: spent } of predictions) if (verdict !== 'unscored') tokens += spent;
  return {
    stage: records[0]!.stage,
    model: records[0]!.model,
    comparators: [...new Set(records.map((record) => record.comparator))].sort(),
    groups,
    meanTokens: accuracy.items === 0 ? null : tokens / accuracy.items,
    bounds:
      all === 0 ? null : { worst: counts.correct / all, best: (counts.correct + counts.unscored) / all },
    agreement: agreementBins(records),
  };
}

function summariseGroup(
  group: PredictionGroupName,
  records: readonly OutputPredictionRecord[],
  context: SummaryContext,
): PredictionGroup {
  const counts = { correct: 0, wishful: 0, wrong: 0, unparsed: 0, truncated: 0, unscored: 0 };
  for (const { predictions } of records) for (const { verdict } of predictions) counts[verdict]++;
  return {
    group,
    accuracy: estimate([...shares(records, 'correct').values()], context, counts.unscored),
    wishful: estimate([...shares(records, 'wishful').values()], context, counts.unscored),
    counts,
  };
}

function changes(
  before: readonly OutputPredictionRecord[],
  after: readonly OutputPredictionRecord[],
  context: SummaryContext,
): PredictionChange[] {
  return GROUPS.flatMap((group) => {
    const was = members(before, group);
    const is = members(after, group);
    if (was.length === 0 || is.length === 0) return [];
    const change = (verdict: PredictionVerdict): Difference => {
      const [a, b] = aligned(shares(is, verdict), shares(was, verdict));
      return difference(a, b, context);
    };
    return [
      {
        model: after[0]!.model,
        from: before[0]!.stage,
        to: after[0]!.stage,
        group,
        accuracy: change('correct'),
        wishful: change('wishful'),
      },
    ];
  });
}

function members(
  records: readonly OutputPredictionRecord[],
  group: PredictionGroupName,
): readonly OutputPredictionRecord[] {
  switch (group) {
    case 'all':
      return records;
    case 'as-expected':
      return records.filter((record) => record.asExpected);
    case 'differs':
      return records.filter((record) => !record.asExpected);
    default:
      return records.filter((record) => record.origin === group);
  }
}

/** Per problem, how many of the scored predictions have the verdict. */
function shares(records: readonly OutputPredictionRecord[], verdict: PredictionVerdict) {
  return clustersBy(records, (record) =>
    record.predictions.map((prediction) =>
      prediction.verdict === 'unscored' ? null : prediction.verdict === verdict ? 1 : 0,
    ),
  );
}

/** Bins of a fifth. Only records with at least two scored predictions and one readable answer take part. */
function agreementBins(records: readonly OutputPredictionRecord[]): AgreementBin[] {
  const bins = Array.from({ length: 5 }, () => ({ items: 0, agreement: 0, correct: 0 }));
  for (const { predictions } of records) {
    const scored = predictions.filter((prediction) => prediction.verdict !== 'unscored');
    if (scored.length < 2) continue;
    const classes = [
      ...groupBy(
        scored.filter((prediction) => prediction.output !== null),
        // Equal up to the comparator where it matters: all correct answers are one class.
        ({ verdict, output }) => (verdict === 'wrong' ? `wrong ${output}` : verdict),
      ).values(),
    ];
    const most = Math.max(0, ...classes.map((answers) => answers.length));
    if (most === 0) continue;
    const winners = classes.filter((answers) => answers.length === most);
    const agreement = most / scored.length;
    const bin = bins[Math.min(4, Math.ceil(agreement * 5 - 1e-9) - 1)]!;
    bin.items += 1;
    bin.agreement += agreement;
    bin.correct += winners.filter((answers) => answers[0]!.verdict === 'correct').length / winners.length;
  }
  return bins.flatMap(({ items, agreement, correct }, i) =>
    items === 0
      ? []
      : [{ upTo: (i + 1) / 5, items, agreement: agreement / items, accuracy: correct / items }],
  );
}
