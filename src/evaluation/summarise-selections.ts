/**
 * Choosing among k programs (paper §3, figure 4): pass@k, best@k by execution (the oracle of the method, which
 * really runs the public tests), best@k by simulation, short-1@k, and the *simulation gap* between the two best@k.
 *
 * Ranking: the number of public tests passed, really or by simulation; a response without a program ranks below all
 * programs, in both arms (our choice: no run is needed to see it). The simulated arm averages the estimator over the
 * prediction draws, one prediction per (program, test) each; nothing is pooled into a vote.
 *
 * One set of problems for all arms and all k, so that curves can be compared: a problem with fewer scored programs
 * than the largest k, or whose simulations are incomplete, is left out and counted.
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
import { passAtK, rankScoreCurve } from './estimators.js';
import type { CandidateRecord, SelectionRecord } from './records.js';
import type { Cluster } from './statistics.js';

export type SelectionArm = 'pass' | 'executed' | 'simulated' | 'short';

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
  /** [k] per arm; `simulated` is empty when nothing was simulated. */
  readonly arms: Readonly<Record<SelectionArm, readonly Estimate[]>>;
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
  /** Mean completion tokens per program: its response, and one draw of its simulations on all public tests. */
  readonly tokensPerProgram: { readonly response: number | null; readonly simulations: number | null };
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

/** One problem's curves, [k] each. */
export interface Curves {
  readonly problem: string;
  readonly programs: number;
  readonly draws: number;
  readonly pass: readonly number[];
  readonly executed: readonly number[];
  readonly short: readonly number[];
  readonly simulated: readonly number[] | null;
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
    programs: record.programs.filter((program) => !isUnscored(program)),
  }));
  const largestK = Math.min(context.maxK, Math.max(0, ...scored.map(({ programs }) => programs.length)));
  const ks = Array.from({ length: largestK }, (_, i) => i + 1);
  const enough = scored.filter(({ programs }) => largestK > 0 && programs.length >= largestK);
  const computed = enough.map(({ record, programs }) => curvesOf(record.problem, programs, ks));
  const anySimulated = computed.some((curve) => curve.simulated !== null);
  const curves = anySimulated ? computed.filter((curve) => curve.simulated !== null) : computed;

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
      short: arm((curve) => curve.short),
    },
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
  };
  return { summary, curves };
}

/** The curves of one problem. */
export function curvesOf(
  problem: string,
  programs: readonly CandidateRecord[],
  ks: readonly number[],
): Curves {
  const score = (program: CandidateRecord): number => (program.verdictAll === 'accepted' ? 1 : 0);
  const correct = programs.filter((program) => score(program) === 1).length;
  const ranked = (rank: (program: CandidateRecord) => number): number[] =>
    rankScoreCurve(
      programs.map((program) => ({ rank: rank(program), score: score(program) })),
      ks,
    );
  const executed = (program: CandidateRecord): number =>
    program.source === null ? -1 : program.verdictPublic.filter((verdict) => verdict === 'accepted').length;
  const draws = completeDraws(programs);
  const perDraw = draws.map((draw) =>
    ranked((program) =>
      program.source === null
        ? -1
        : program.simulations.filter((simulation) => simulation.passed[draw] === true).length,
    ),
  );
  return {
    problem,
    programs: programs.length,
    draws: draws.length,
    pass: ks.map((k) => passAtK(programs.length, correct, k)),
    executed: ranked(executed),
    short: ranked((program) => -program.responseTokens),
    simulated:
      perDraw.length === 0
        ? null
        : ks.map((_, i) => perDraw.reduce((sum, curve) => sum + curve[i]!, 0) / perDraw.length),
  };
}

/** The draws in which every program has a scored prediction for every public test. */
function completeDraws(programs: readonly CandidateRecord[]): number[] {
  const readable = programs.filter((program) => program.source !== null);
  // Nothing to simulate: every ranking is the same, and one draw stands for all.
  if (readable.every((program) => program.verdictPublic.length === 0)) return [0];
  if (readable.some((program) => program.simulations.length < program.verdictPublic.length)) return [];
  const passed = readable.flatMap((program) => program.simulations.map((simulation) => simulation.passed));
  const draws = passed.reduce((most, list) => Math.max(most, list.length), 0);
  return Array.from({ length: draws }, (_, draw) => draw).filter((draw) =>
    passed.every((list) => typeof list[draw] === 'boolean'),
  );
}

function isUnscored(program: CandidateRecord): boolean {
  return program.verdictAll === 'unscored' || program.verdictPublic.includes('unscored');
}

function countPrograms(
  records: readonly SelectionRecord[],
): Pick<
  SelectionSummary,
  'unscoredPrograms' | 'unscoredPredictions' | 'passAt1Bounds' | 'confusion' | 'tokensPerProgram'
> {
  const confusion = { truePass: 0, falsePass: 0, falseFail: 0, trueFail: 0 };
  let [programs, unscored, accepted, unscoredPredictions, responseTokens] = [0, 0, 0, 0, 0];
  let [simulated, simulationTokens] = [0, 0];
  for (const program of records.flatMap((record) => record.programs)) {
    programs++;
    responseTokens += program.responseTokens;
    if (isUnscored(program)) unscored++;
    else if (program.verdictAll === 'accepted') accepted++;
    const costs = program.simulations.flatMap(({ tokens }) =>
      tokens === undefined || tokens.length === 0 ? [] : [tokens.reduce((a, b) => a + b, 0) / tokens.length],
    );
    if (costs.length > 0 || program.source === null) {
      simulated++;
      simulationTokens += costs.reduce((a, b) => a + b, 0);
    }
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
    tokensPerProgram: {
      response: programs === 0 ? null : responseTokens / programs,
      simulations: simulationTokens === 0 ? null : simulationTokens / simulated,
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
