/**
 * Every estimate of a summary as one flat row, for CSV.
 */
import type { Comparison } from '../evaluation/compare-runs.js';
import type { Difference, Estimate } from '../evaluation/estimates.js';
import type { SelectionSummary } from '../evaluation/summarise-selections.js';
import { TRANSITIONS } from '../evaluation/summarise-self-rlef.js';
import type { Summary } from '../evaluation/summary.js';

export interface NumberRow {
  readonly table: 'output-prediction' | 'selection' | 'self-rlef' | 'benchmark' | 'change' | 'comparison';
  readonly stage: string;
  readonly model: string;
  /** Verifier, feedback, or the stage compared with. */
  readonly arm: string;
  readonly metric: string;
  readonly group: string;
  readonly k: number | null;
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly problems: number;
  readonly items: number | null;
  readonly unscored: number | null;
  readonly comparator: string;
}

/** All estimates, flat. */
export function numberRows(summary: Summary): NumberRow[] {
  const rows: NumberRow[] = [];
  const add = (
    place: Pick<NumberRow, 'table' | 'stage' | 'model' | 'arm' | 'comparator'>,
    metric: string,
    result: Estimate | Difference,
    more: { readonly group?: string; readonly k?: number; readonly unscored?: number } = {},
  ): void => {
    rows.push({
      ...place,
      metric,
      group: more.group ?? '',
      k: more.k ?? null,
      value: result.value,
      low: result.interval?.low ?? null,
      high: result.interval?.high ?? null,
      problems: result.problems,
      items: 'items' in result ? result.items : null,
      unscored: more.unscored ?? ('unscored' in result ? result.unscored : null),
    });
  };
  for (const { stage, model, comparators, groups } of summary.predictions) {
    const place = {
      table: 'output-prediction',
      stage,
      model,
      arm: '',
      comparator: comparators.join('+'),
    } as const;
    for (const { group, accuracy, wishful } of groups) {
      add(place, 'accuracy', accuracy, { group });
      add(place, 'wishful', wishful, { group });
    }
  }
  for (const change of summary.predictionChanges) {
    const place = {
      table: 'change',
      stage: change.to,
      model: change.model,
      arm: `from ${change.from}`,
      comparator: '',
    } as const;
    add(place, 'output-prediction accuracy', change.accuracy, { group: change.group });
    add(place, 'wishful', change.wishful, { group: change.group });
  }
  for (const { stage, model, verifier, accuracy, asExpected, differs, wishful } of summary.ownMixes) {
    const arm = verifier === model ? '' : `programs by ${model}`;
    const place = { table: 'output-prediction', stage, model: verifier, arm, comparator: 'output' } as const;
    add(place, 'accuracy', accuracy, { group: 'own as written' });
    add(place, 'accuracy', asExpected, { group: 'own as written: as-expected' });
    add(place, 'accuracy', differs, { group: 'own as written: differs' });
    add(place, 'wishful', wishful, { group: 'own as written: differs' });
  }
  for (const selection of summary.selections) addSelection(selection, add);
  for (const change of summary.selectionChanges) {
    const place = {
      table: 'change',
      stage: change.to,
      model: change.model,
      arm: `from ${change.from}`,
      comparator: '',
    } as const;
    add(place, 'pass', change.passAt1, { k: 1 });
    add(place, 'pass', change.passAtK, { k: change.k });
    add(place, 'best simulated', change.bestAtKSimulated, { k: change.k });
  }
  for (const {
    stage,
    model,
    feedback,
    comparators,
    allTests,
    publicTests,
    submittedShare,
  } of summary.selfRlef) {
    const place = {
      table: 'self-rlef',
      stage,
      model,
      arm: feedback,
      comparator: comparators.join('+'),
    } as const;
    for (const [group, outcome] of [
      ['all tests', allTests],
      ['public tests', publicTests],
    ] as const) {
      add(place, 'first program', outcome.first, { group });
      add(place, 'submitted program', outcome.submitted, { group });
      add(place, 'submitted − first', outcome.gain, { group });
      for (const name of TRANSITIONS) add(place, name, outcome.transitions[name], { group });
    }
    add(place, 'ended by #SUBMIT', submittedShare);
  }
  for (const { stage, model, feedback, against, allTests } of summary.selfRlefContrasts) {
    const place = {
      table: 'self-rlef',
      stage,
      model,
      arm: `${feedback} − ${against}`,
      comparator: '',
    } as const;
    add(place, 'submitted program', allTests, { group: 'all tests' });
  }
  for (const { benchmark, stage, model, comparators, passAtK, majorityAtK, counts } of summary.benchmarks) {
    const place = {
      table: 'benchmark',
      stage,
      model,
      arm: benchmark,
      comparator: comparators.join('+'),
    } as const;
    for (const { k, estimate } of passAtK)
      add(place, 'pass', estimate, { k, unscored: counts.unscored ?? 0 });
    for (const { k, estimate } of majorityAtK)
      add(place, 'majority', estimate, { k, unscored: counts.unscored ?? 0 });
  }
  return rows;
}

/** Runs side by side, flat; `model` names the run, `arm` whether it is a value or a difference from the first run. */
export function comparisonRows(comparison: Comparison | undefined): NumberRow[] {
  if (comparison === undefined) return [];
  const rowOf = (run: string, metric: string, arm: string, result: Estimate | Difference): NumberRow => ({
    table: 'comparison',
    stage: '',
    model: run,
    arm,
    metric,
    group: '',
    k: null,
    value: result.value,
    low: result.interval?.low ?? null,
    high: result.interval?.high ?? null,
    problems: result.problems,
    items: 'items' in result ? result.items : null,
    unscored: null,
    comparator: '',
  });
  return comparison.rows.flatMap(({ metric, values, differences }) =>
    comparison.runs.flatMap((run, i) => {
      const [value, change] = [values[i], differences[i]];
      return [
        ...(value ? [rowOf(run, metric, 'value', value)] : []),
        ...(change ? [rowOf(run, metric, 'difference', change)] : []),
      ];
    }),
  );
}

type Add = (
  place: Pick<NumberRow, 'table' | 'stage' | 'model' | 'arm' | 'comparator'>,
  metric: string,
  result: Estimate | Difference,
  more?: { readonly group?: string; readonly k?: number; readonly unscored?: number },
) => void;

function addSelection(selection: SelectionSummary, add: Add): void {
  const { stage, model, verifier, comparators, ks, arms, gap, gain, overShort, publicTestsInPrompt } =
    selection;
  const place = {
    table: 'selection',
    stage,
    model,
    arm: [
      verifier === model ? 'self' : `verifier ${verifier}`,
      ...(publicTestsInPrompt ? [] : ['no public tests in prompt']),
    ].join(', '),
    comparator: comparators.join('+'),
  } as const;
  for (const [i, k] of ks.entries()) {
    const more = { k, unscored: selection.unscoredPrograms };
    add(place, 'pass', arms.pass[i]!, more);
    add(place, 'best executed', arms.executed[i]!, more);
    add(place, 'short-1', arms.short[i]!, more);
    add(place, 'passes all public tests', selection.publicPass[i]!, more);
    if (arms.majority[i]) add(place, 'majority', arms.majority[i], more);
    if (arms.simulated[i]) add(place, 'best simulated', arms.simulated[i], more);
    if (gap[i]) add(place, 'simulation gap', gap[i], { k });
    if (gain[i]) add(place, 'best simulated − pass@1', gain[i], { k });
    if (overShort[i]) add(place, 'best simulated − short-1', overShort[i], { k });
  }
  if (selection.settled) {
    const { k, right, gain, gap } = selection.settled;
    add(place, 'submitted', right, { k });
    add(place, 'submitted − pass@1', gain, { k });
    add(place, 'best executed − submitted', gap, { k });
  }
}
