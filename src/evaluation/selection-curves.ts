/**
 * One problem's curves over k: what would have been submitted with k programs to choose from, under each rule of choosing.
 *
 * Ranking: the number of public tests passed, really or by simulation; a response without a program ranks below all
 * programs, in both arms (our choice: no run is needed to see it). Arms that simulate average the estimator over the
 * prediction draws, one prediction per (program, test) each; nothing is pooled into a vote.
 */
import { majorityCurve, passAtK, rankScoreCurve } from './estimators.js';
import type { CandidateRecord } from './records.js';

/**
 * `pass`: any of them right. `executed`, `simulated`: most public tests passed, really or by simulation. `majority`: the
 * simulated outputs that most programs share, whatever the tests expect. `short`: the shortest response.
 */
export type SelectionArm = 'pass' | 'executed' | 'simulated' | 'majority' | 'short';

/** One problem's curves, [k] each. */
export interface Curves {
  readonly problem: string;
  readonly programs: number;
  readonly draws: number;
  readonly pass: readonly number[];
  readonly executed: readonly number[];
  readonly short: readonly number[];
  /** Any of them passes all public tests (paper, table 6). */
  readonly publicPass: readonly number[];
  /** `null` where simulations are missing. */
  readonly simulated: readonly number[] | null;
  readonly majority: readonly number[] | null;
}

/** Curves at `ks`, in their order; shares in [0, 1]. `programs`: all scored (scoredPrograms), at least as many as the largest k. */
export function curvesOf(
  problem: string,
  programs: readonly CandidateRecord[],
  ks: readonly number[],
): Curves {
  const score = (program: CandidateRecord): number => (program.verdictAll === 'accepted' ? 1 : 0);
  const ranked = (rank: (program: CandidateRecord) => number): number[] =>
    rankScoreCurve(
      programs.map((program) => ({ rank: rank(program), score: score(program) })),
      ks,
    );
  const anyOf = (isRight: (program: CandidateRecord) => boolean): number[] => {
    const right = programs.filter(isRight).length;
    return ks.map((k) => passAtK(programs.length, right, k));
  };
  const draws = completeDraws(programs);
  const simulated = draws.map((draw) => ranked((program) => simulatedPasses(program, draw)));
  const majority = draws.map((draw) =>
    majorityCurve(
      programs.map((program) => ({ answer: simulatedOutputs(program, draw), score: score(program) })),
      ks,
    ),
  );
  return {
    problem,
    programs: programs.length,
    draws: draws.length,
    pass: anyOf((program) => score(program) === 1),
    executed: ranked(executedPasses),
    short: ranked((program) => -program.responseTokens),
    publicPass: anyOf(
      ({ source, verdictPublic }) =>
        source !== null && verdictPublic.every((verdict) => verdict === 'accepted'),
    ),
    simulated: meanOf(simulated),
    majority: meanOf(majority),
  };
}

/** Public tests really passed; −1 without a program. */
export function executedPasses({ source, verdictPublic }: CandidateRecord): number {
  return source === null ? -1 : verdictPublic.filter((verdict) => verdict === 'accepted').length;
}

/** Public tests passed by one draw of simulations; −1 without a program. */
export function simulatedPasses({ source, simulations }: CandidateRecord, draw: number): number {
  return source === null ? -1 : simulations.filter(({ passed }) => passed[draw] === true).length;
}

/** The draws in which every program has a scored prediction for every public test. */
export function completeDraws(programs: readonly CandidateRecord[]): number[] {
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

/** Whether the machinery failed to judge it, on its public tests or on all. */
export function isUnscored({ verdictAll, verdictPublic }: CandidateRecord): boolean {
  return verdictAll === 'unscored' || verdictPublic.includes('unscored');
}

export function scoredPrograms(programs: readonly CandidateRecord[]): CandidateRecord[] {
  return programs.filter((program) => !isUnscored(program));
}

/** Blanks at the end aside; `null` (no vote) where any output could not be read. */
function simulatedOutputs({ source, simulations }: CandidateRecord, draw: number): string | null {
  if (source === null) return null;
  const outputs = simulations.map(({ predictions }) => predictions[draw]?.trimEnd());
  return outputs.includes(undefined) ? null : JSON.stringify(outputs);
}

function meanOf(curves: readonly (readonly number[])[]): number[] | null {
  const [first] = curves;
  if (first === undefined) return null;
  return first.map((_, i) => curves.reduce((sum, curve) => sum + curve[i]!, 0) / curves.length);
}
