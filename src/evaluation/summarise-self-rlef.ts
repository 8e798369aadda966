/**
 * Self-RLEF (paper §4, tables 3, 5 and 9): the first program against the submitted one, with each kind of feedback.
 * The submitted program is the last one; "passes" means all tests, or the public ones where that is said.
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
import type { SelfRlefRecord } from './records.js';
import type { Cluster } from './statistics.js';

export type Transition = 'failFail' | 'failPass' | 'passFail' | 'passPass';
export const TRANSITIONS: readonly Transition[] = ['failFail', 'failPass', 'passFail', 'passPass'];

/** Either set of tests: pass rates before and after, and the paper's table 5. */
export interface RepairOutcome {
  readonly first: Estimate;
  readonly submitted: Estimate;
  /** submitted − first */
  readonly gain: Difference;
  readonly transitions: Readonly<Record<Transition, Estimate>>;
}

export interface SelfRlefSummary {
  readonly stage: string;
  readonly model: string;
  readonly feedback: SelfRlefRecord['feedback'];
  readonly comparators: readonly string[];
  readonly episodes: number;
  /** Public and private tests together. */
  readonly allTests: RepairOutcome;
  readonly publicTests: RepairOutcome;
  readonly meanProgramsUsed: number;
  readonly mostProgramsUsed: number;
  /**
   * [budget] what a budget of 1, 2, … programs would have submitted, all tests (paper, table 9). Exact, not a new run: an
   * episode under a smaller budget is the beginning of the same episode, and its last program goes in unchecked.
   */
  readonly byBudget: readonly {
    readonly budget: number;
    readonly submitted: Estimate;
    readonly meanProgramsUsed: number;
  }[];
  /** Share of episodes that ended by `#SUBMIT`. */
  readonly submittedShare: Estimate;
  readonly meanCompletionTokens: number | null;
}

/** Submitted with one feedback minus submitted with another, on the problems that both have. */
export interface SelfRlefContrast {
  readonly stage: string;
  readonly model: string;
  readonly feedback: SelfRlefRecord['feedback'];
  readonly against: SelfRlefRecord['feedback'];
  readonly allTests: Difference;
}

const FEEDBACKS: readonly SelfRlefRecord['feedback'][] = ['none', 'simulated', 'executed'];

/** Groups by model, stage and feedback, in the order of the stages. */
export function summariseSelfRlef(
  records: readonly SelfRlefRecord[],
  context: SummaryContext,
): { selfRlef: SelfRlefSummary[]; selfRlefContrasts: SelfRlefContrast[] } {
  const groups = [...groupBy(records, (r) => JSON.stringify([r.model, r.stage, r.feedback])).values()].sort(
    ([a], [b]) =>
      compareStages(a!.stage, b!.stage) || FEEDBACKS.indexOf(a!.feedback) - FEEDBACKS.indexOf(b!.feedback),
  );
  const selfRlefContrasts: SelfRlefContrast[] = [];
  for (const siblings of groupBy(groups, ([r]) => JSON.stringify([r!.model, r!.stage])).values()) {
    const executed = siblings.find(([r]) => r!.feedback === 'executed');
    for (const group of siblings) {
      if (executed === undefined || group === executed) continue;
      const { stage, model, feedback } = group[0]!;
      const [a, b] = aligned(rate(group, last, 'allPassed'), rate(executed, last, 'allPassed'));
      const allTests = difference(a, b, context);
      selfRlefContrasts.push({ stage, model, feedback, against: 'executed', allTests });
    }
  }
  return { selfRlef: groups.map((group) => summariseGroup(group, context)), selfRlefContrasts };
}

function summariseGroup(records: readonly SelfRlefRecord[], context: SummaryContext): SelfRlefSummary {
  const { stage, model, feedback } = records[0]!;
  const spent = records.flatMap((record) => record.completionTokens ?? []);
  const mostProgramsUsed = records.reduce((most, r) => Math.max(most, r.programs.length), 0);
  return {
    stage,
    model,
    feedback,
    comparators: [...new Set(records.map((record) => record.comparator))].sort(),
    episodes: records.length,
    allTests: repairOutcome(records, 'allPassed', context),
    publicTests: repairOutcome(records, 'publicPassed', context),
    meanProgramsUsed: records.reduce((sum, r) => sum + r.programs.length, 0) / records.length,
    mostProgramsUsed,
    byBudget: Array.from({ length: mostProgramsUsed }, (_, i) => withBudget(records, i + 1, context)),
    submittedShare: estimate(
      [...clustersBy(records, (record) => [record.submitted ? 1 : 0]).values()],
      context,
    ),
    meanCompletionTokens: spent.length === 0 ? null : spent.reduce((a, b) => a + b, 0) / spent.length,
  };
}

function withBudget(
  records: readonly SelfRlefRecord[],
  budget: number,
  context: SummaryContext,
): SelfRlefSummary['byBudget'][number] {
  const used = records.map(({ programs }) => Math.min(budget, programs.length));
  const submitted = rate(
    records,
    ({ programs }) => programs[Math.min(budget, programs.length) - 1]!,
    'allPassed',
  );
  return {
    budget,
    submitted: estimate([...submitted.values()], context),
    meanProgramsUsed: used.reduce((a, b) => a + b, 0) / records.length,
  };
}

type PassField = 'allPassed' | 'publicPassed';

function repairOutcome(
  records: readonly SelfRlefRecord[],
  field: PassField,
  context: SummaryContext,
): RepairOutcome {
  // An episode takes part when both its ends are scored, so that the four transitions sum to one.
  const scored = records.filter((r) => first(r)[field] !== null && last(r)[field] !== null);
  const unscored = records.length - scored.length;
  const before = rate(scored, first, field);
  const after = rate(scored, last, field);
  const share = (name: Transition): Estimate => {
    const clusters = clustersBy(scored, (r) => [
      transition(first(r)[field], last(r)[field]) === name ? 1 : 0,
    ]);
    return estimate([...clusters.values()], context, unscored);
  };
  const [a, b] = aligned(after, before);
  return {
    first: estimate([...before.values()], context, unscored),
    submitted: estimate([...after.values()], context, unscored),
    gain: difference(a, b, context),
    transitions: {
      failFail: share('failFail'),
      failPass: share('failPass'),
      passFail: share('passFail'),
      passPass: share('passPass'),
    },
  };
}

type Pick = (record: SelfRlefRecord) => SelfRlefRecord['programs'][number];
const first: Pick = (record) => record.programs[0]!;
const last: Pick = (record) => record.programs.at(-1)!;

function rate(records: readonly SelfRlefRecord[], pick: Pick, field: PassField): Map<string, Cluster> {
  return clustersBy(records, (record) => {
    const passed = pick(record)[field];
    return [passed === null ? null : passed ? 1 : 0];
  });
}

function transition(before: boolean | null, after: boolean | null): Transition {
  if (before === true) return after === true ? 'passPass' : 'passFail';
  return after === true ? 'failPass' : 'failFail';
}
