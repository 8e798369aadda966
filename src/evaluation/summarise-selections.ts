/**
 * Choosing among k programs (paper §3, figure 4): the curves of every rule of choosing (selection-curves.ts), the
 * *simulation gap* between best@k by execution and by simulation, and what each costs (selection-costs.ts).
 *
 * One set of problems for all arms and all k, so that curves can be compared: a problem with fewer scored programs
 * than the largest k, or whose simulations are incomplete, is left out and counted.
 *
 * A run that stops simulating early has no curves by simulation; it has one point, what it submitted (`settled`).
 */

import {
  aligned,
  compareStages,
  type Difference,
  difference,
  type Estimate,
  estimate,
  groupBy,
  type SummaryContext,
} from './estimates.js';
import type { SelectionRecord } from './records.js';
import { type SelectionCost, selectionCosts } from './selection-costs.js';
import { type Curves, curvesOf, isUnscored, type SelectionArm, scoredPrograms } from './selection-curves.js';
import type { Cluster } from './statistics.js';

/** What runs submitted, where they chose, all their predictions counted together. */
export interface SettledChoice {
  readonly stoppedEarly: boolean;
  /** Most programs to choose from. */
  readonly k: number;
  /** Share of problems whose submitted program is right. */
  readonly right: Estimate;
  /** Minus pass@1 of the same programs; and best@k by execution minus this. */
  readonly gain: Difference;
  readonly gap: Difference;
  readonly predictionsMade: number;
  readonly predictionsSaved: number;
  /** Ties that inputs written by the model were asked to break; those in which one program led. */
  readonly tiesAsked: number;
  readonly tiesBroken: number;
}

export interface SelectionSummary {
  readonly stage: string;
  readonly model: string;
  /** Equal to `model` unless another model simulated. */
  readonly verifier: string;
  readonly publicTestsInPrompt: boolean;
  readonly comparators: readonly string[];
  /** Problems in the curves; the others by reason. */
  readonly problems: number;
  readonly leftOut: { readonly tooFewScoredPrograms: number; readonly simulationsIncomplete: number };
  /** Programs per problem in the curves: fewest and most. */
  readonly programsPerProblem: { readonly min: number; readonly max: number };
  readonly unscoredPrograms: number;
  readonly unscoredPredictions: number;
  /** Predictions per (program, test); 0 when nothing was simulated. */
  readonly draws: number;
  /** 1…largest k. */
  readonly ks: readonly number[];
  /** [k] per arm; `simulated` and `majority` are empty when nothing was simulated, or not in full. */
  readonly arms: Readonly<Record<SelectionArm, readonly Estimate[]>>;
  /** [k] any of them passes all public tests. */
  readonly publicPass: readonly Estimate[];
  /** [k] best@k by execution − by simulation. */
  readonly gap: readonly Difference[];
  /** [k] best@k by simulation − pass@1. */
  readonly gain: readonly Difference[];
  /** [k] best@k by simulation − short-1@k. */
  readonly overShort: readonly Difference[];
  /** pass@1 over every program if all unscored ones had been wrong, or right. */
  readonly passAt1Bounds: { readonly worst: number; readonly best: number } | null;
  /** "This program passes this public test": what the simulations said against what execution says. */
  readonly confusion: {
    readonly truePass: number;
    readonly falsePass: number;
    readonly falseFail: number;
    readonly trueFail: number;
  };
  /** [k] completion tokens per problem. */
  readonly costs: readonly SelectionCost[];
  /** `undefined` where runs submitted nothing themselves, or nothing was judged. */
  readonly settled?: SettledChoice;
}

/** A later stage minus an earlier one, on the problems that both have. */
export interface SelectionChange {
  readonly model: string;
  readonly from: string;
  readonly to: string;
  /** The k of the last two. */
  readonly k: number;
  readonly passAt1: Difference;
  readonly passAtK: Difference;
  readonly bestAtKSimulated: Difference;
}

interface Arm {
  readonly summary: SelectionSummary;
  readonly curves: readonly Curves[];
}

/** Groups by model, verifier, prompt and stage, in the order of the stages. */
export function summariseSelections(
  records: readonly SelectionRecord[],
  context: SummaryContext,
): { selections: SelectionSummary[]; selectionChanges: SelectionChange[] } {
  const series = (record: SelectionRecord): string =>
    JSON.stringify([record.model, record.verifier ?? record.model, record.publicTestsInPrompt ?? true]);
  const groups = [...groupBy(records, (record) => series(record) + record.stage).values()].sort((a, b) =>
    compareStages(a[0]!.stage, b[0]!.stage),
  );
  const arms = groups.map((group) => ({ key: series(group[0]!), arm: summariseArm(group, context) }));
  const selectionChanges: SelectionChange[] = [];
  for (const stages of groupBy(arms, ({ key }) => key).values()) {
    for (let i = 1; i < stages.length; i++)
      selectionChanges.push(change(stages[i - 1]!.arm, stages[i]!.arm, context));
  }
  return { selections: arms.map(({ arm }) => arm.summary), selectionChanges };
}

function summariseArm(records: readonly SelectionRecord[], context: SummaryContext): Arm {
  const scored = records.map((record) => ({
    record,
    programs: scoredPrograms(record.programs),
  }));
  const largestK = Math.min(context.maxK, Math.max(0, ...scored.map(({ programs }) => programs.length)));
  const ks = Array.from({ length: largestK }, (_, i) => i + 1);
  const enough = scored.filter(({ programs }) => largestK > 0 && programs.length >= largestK);
  const computed = enough.map(({ record, programs }) => curvesOf(record.problem, programs, ks));
  // Where simulating stopped early, what is complete is not a fair part of the problems.
  const inFull = !records.some(({ choice }) => choice?.stoppedEarly);
  const anySimulated = inFull && computed.some((curve) => curve.simulated !== null);
  const curves = anySimulated ? computed.filter((curve) => curve.simulated !== null) : computed;
  const inCurves = new Set(curves.map(({ problem }) => problem));

  const clusters = (values: (curve: Curves) => readonly number[], k: number): Cluster[] =>
    curves.map((curve) => ({ sum: values(curve)[k - 1]!, count: 1 }));
  const arm = (values: (curve: Curves) => readonly number[]): Estimate[] =>
    ks.map((k) => estimate(clusters(values, k), context));
  const simulated = (curve: Curves): readonly number[] => curve.simulated!;
  const against = (k: number, other: Cluster[], sign: 1 | -1): Difference =>
    sign === 1
      ? difference(clusters(simulated, k), other, context)
      : difference(other, clusters(simulated, k), context);
  const simulatedKs = anySimulated ? ks : [];

  const first = records[0]!;
  const summary: SelectionSummary = {
    stage: first.stage,
    model: first.model,
    verifier: first.verifier ?? first.model,
    publicTestsInPrompt: first.publicTestsInPrompt ?? true,
    comparators: [...new Set(records.map((record) => record.comparator))].sort(),
    problems: curves.length,
    leftOut: {
      tooFewScoredPrograms: records.length - enough.length,
      simulationsIncomplete: computed.length - curves.length,
    },
    programsPerProblem: {
      min: curves.length === 0 ? 0 : curves.reduce((least, c) => Math.min(least, c.programs), Infinity),
      max: curves.reduce((most, c) => Math.max(most, c.programs), 0),
    },
    draws: anySimulated ? curves.reduce((most, c) => Math.max(most, c.draws), 0) : 0,
    ks,
    arms: {
      pass: arm((curve) => curve.pass),
      executed: arm((curve) => curve.executed),
      simulated: anySimulated ? arm(simulated) : [],
      majority: anySimulated ? arm((curve) => curve.majority!) : [],
      short: arm((curve) => curve.short),
    },
    publicPass: arm((curve) => curve.publicPass),
    gap: simulatedKs.map((k) =>
      against(
        k,
        clusters((curve) => curve.executed, k),
        -1,
      ),
    ),
    gain: simulatedKs.map((k) =>
      against(
        k,
        clusters((curve) => curve.pass, 1),
        1,
      ),
    ),
    overShort: simulatedKs.map((k) =>
      against(
        k,
        clusters((curve) => curve.short, k),
        1,
      ),
    ),
    ...countPrograms(records),
    costs: inFull
      ? selectionCosts(
          enough.filter(({ record }) => inCurves.has(record.problem)).map(({ programs }) => programs),
          ks,
        )
      : [],
    ...settledOf(records, context),
  };
  return { summary, curves };
}

function countPrograms(
  records: readonly SelectionRecord[],
): Pick<SelectionSummary, 'unscoredPrograms' | 'unscoredPredictions' | 'passAt1Bounds' | 'confusion'> {
  const confusion = { truePass: 0, falsePass: 0, falseFail: 0, trueFail: 0 };
  let [programs, unscored, accepted, unscoredPredictions] = [0, 0, 0, 0];
  for (const program of records.flatMap((record) => record.programs)) {
    programs++;
    if (isUnscored(program)) unscored++;
    else if (program.verdictAll === 'accepted') accepted++;
    for (const { test, passed } of program.simulations) {
      const really = program.verdictPublic[test];
      for (const said of passed) {
        if (said === null) unscoredPredictions++;
        else if (really !== undefined && really !== 'unscored') {
          if (really === 'accepted') confusion[said ? 'truePass' : 'falseFail']++;
          else confusion[said ? 'falsePass' : 'trueFail']++;
        }
      }
    }
  }
  return {
    unscoredPrograms: unscored,
    unscoredPredictions,
    passAt1Bounds:
      programs === 0 ? null : { worst: accepted / programs, best: (accepted + unscored) / programs },
    confusion,
  };
}

function settledOf(
  records: readonly SelectionRecord[],
  context: SummaryContext,
): { readonly settled?: SettledChoice } {
  const judged = records.flatMap(({ problem, programs, choice }) => {
    const isJudged = choice !== undefined && programs.length > 0 && !programs.some(isUnscored);
    return isJudged ? [{ problem, programs, choice }] : [];
  });
  if (judged.length === 0) return {};
  const one = (value: number): Cluster => ({ sum: value, count: 1 });
  const right = judged.map(({ programs, choice: { chosen } }) =>
    one(chosen !== null && programs[chosen]?.verdictAll === 'accepted' ? 1 : 0),
  );
  const curves = judged.map(({ problem, programs }) => curvesOf(problem, programs, [1, programs.length]));
  const choices = judged.map(({ choice }) => choice);
  const ties = choices.flatMap(({ generated }) => generated ?? []);
  return {
    settled: {
      stoppedEarly: choices.some(({ stoppedEarly }) => stoppedEarly),
      k: judged.reduce((most, { programs }) => Math.max(most, programs.length), 0),
      right: estimate(right, context, records.length - judged.length),
      gain: difference(
        right,
        curves.map(({ pass }) => one(pass[0]!)),
        context,
      ),
      gap: difference(
        curves.map(({ executed }) => one(executed.at(-1)!)),
        right,
        context,
      ),
      predictionsMade: choices.reduce((sum, { made }) => sum + made, 0),
      predictionsSaved: choices.reduce((sum, { saved }) => sum + saved, 0),
      tiesAsked: ties.length,
      tiesBroken: ties.filter(({ points }) => {
        const most = Math.max(0, ...points);
        return most > 0 && points.some((value) => value < most);
      }).length,
    },
  };
}

function change(before: Arm, after: Arm, context: SummaryContext): SelectionChange {
  const k = Math.min(before.summary.ks.length, after.summary.ks.length);
  const at = (values: (curve: Curves) => readonly number[] | null, index: number): Difference => {
    const map = (arm: Arm): Map<string, Cluster> =>
      new Map(
        arm.curves.map((curve) => {
          const value = values(curve)?.[index];
          return [curve.problem, value === undefined ? { sum: 0, count: 0 } : { sum: value, count: 1 }];
        }),
      );
    const [a, b] = aligned(map(after), map(before));
    return difference(a, b, context);
  };
  return {
    model: after.summary.model,
    from: before.summary.stage,
    to: after.summary.stage,
    k,
    passAt1: at((curve) => curve.pass, 0),
    passAtK: at((curve) => curve.pass, k - 1),
    bestAtKSimulated: at((curve) => curve.simulated, k - 1),
  };
}
