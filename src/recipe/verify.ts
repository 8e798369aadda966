/**
 * `deskcheck verify` (paper §3): programs sampled for each problem, simulated on its public tests, one chosen; with a sandbox
 * also judged, so that best@k, its oracle and the simulation gap can be reported.
 *
 * With `earlyStop` simulation ends once the choice is settled. What is saved is counted, but there are then no curves: those
 * need every prediction.
 */
import { InfrastructureError } from '../core/errors.js';
import { evaluateProblem } from '../evaluation/evaluate-model.js';
import { ownPredictions } from '../evaluation/own-predictions.js';
import type { CandidateRecord, SelectionRecord } from '../evaluation/records.js';
import type { ComparatorName } from '../execution/comparators.js';
import { judge } from '../execution/judge.js';
import type { Verdict } from '../execution/verdict.js';
import type { Problem } from '../problem/types.js';
import { programScore, replayRace, type Vote } from '../selection/early-stop.js';
import { selectCandidate } from '../selection/rank.js';
import { selfVerify } from '../selection/self-verify.js';
import type { Prediction } from '../selection/types.js';
import { MAX_TOKENS } from './context.js';
import {
  type ModelRunOptions,
  type ModelRunResult,
  type ProblemOutcome,
  runOverProblems,
  type Settings,
  type Worked,
  type Workplace,
} from './model-run.js';

export interface VerifySettings extends Settings {
  readonly command: 'verify';
  readonly samples: number;
  readonly predictions: number;
  readonly vote: Vote;
  readonly earlyStop: boolean;
  /** Inputs that break ties (src/selection/agreement.ts); only with `earlyStop`. */
  readonly generatedTests?: number;
  readonly publicTestsInPrompt: boolean;
  readonly temperature: number;
  readonly topP: number;
  /** Of one completion; default: what fits the kind of model. */
  readonly maxTokens?: number;
  readonly comparator: ComparatorName;
}

/** What was chosen for a problem, and by what. */
export interface ChoiceOutcome extends ProblemOutcome {
  /** Its place among the samples; `null` when none held a program. */
  readonly chosen: number | null;
  /** Its points, of so many. */
  readonly points: number;
  readonly outOf: number;
  /** Predictions made; and saved by stopping early (where it was off: that it would have saved). */
  readonly predictions: number;
  readonly saved: number;
  /** Of the chosen program, on all tests; `unscored` without a sandbox. */
  readonly verdict: Verdict;
}

export function runVerify(
  options: ModelRunOptions & { readonly settings: VerifySettings },
): Promise<ModelRunResult<ChoiceOutcome>> {
  const { settings } = options;
  return runOverProblems(options, (problem, index, workplace) =>
    settings.earlyStop
      ? chooseOnly(problem, workplace, settings)
      : evaluateAndChoose(problem, index, workplace, settings),
  );
}

/** Most tokens of one completion: what was asked for, else what fits the model. */
export function maxTokensFor(
  { solver }: Pick<Workplace, 'solver'>,
  { maxTokens }: { readonly maxTokens?: number },
): { readonly solve: number; readonly simulate: number; readonly review: number } {
  if (maxTokens !== undefined) return { solve: maxTokens, simulate: maxTokens, review: maxTokens };
  return solver.style.id === 'terse' ? MAX_TOKENS : { solve: 8_192, simulate: 8_192, review: 8_192 };
}

async function evaluateAndChoose(
  problem: Problem,
  index: number,
  workplace: Workplace,
  settings: VerifySettings,
): Promise<Worked<ChoiceOutcome>> {
  const { solver, verifier, sandbox, signal } = workplace;
  const { samples, predictions, temperature, topP, comparator, seed, publicTestsInPrompt } = settings;
  const records = await evaluateProblem(solver.model, sandbox, problem, index, {
    stage: 'verify',
    style: solver.style,
    verifier: { model: verifier.model, style: verifier.style },
    seed,
    sampling: { temperature, topP },
    samples,
    predictions,
    maxTokens: maxTokensFor(workplace, settings),
    publicTestsInPrompt,
    // The simulations themselves are predictions about the model's own programs.
    outputPredictions: false,
    maxPrograms: 1,
    repairSamples: 0,
    keepEpisodes: 0,
    comparator,
    signal,
  });
  const selection = records.find((record): record is SelectionRecord => record.schema === 'selection/1')!;
  return { outcome: chooseFrom(selection, settings), records: [...ownPredictions(selection), ...records] };
}

/** The choice among stored samples: a pure function of the record, so that it can be made again. */
export function chooseFrom(
  { problem, programs }: SelectionRecord,
  { predictions: draws, vote, seed }: Pick<VerifySettings, 'predictions' | 'vote' | 'seed'>,
): ChoiceOutcome {
  const scores = programs.map((program) =>
    program.source === null ? undefined : programScore(predictionsOf(program), draws, vote).least,
  );
  const chosen = selectCandidate(scores, `${seed}/${problem}`);
  const program = chosen === undefined ? undefined : programs[chosen];
  const distinct = new Map(
    programs.flatMap((one) => (one.source === null ? [] : [[one.source, predictionsOf(one)] as const])),
  );
  const unscored = programs.some(hasUnscored);
  const { made, total } = replayRace([...distinct.values()], draws, vote);
  return {
    problem,
    chosen: chosen ?? null,
    source: program?.source ?? null,
    points: chosen === undefined ? 0 : scores[chosen]!,
    outOf: (program?.simulations.length ?? 0) * (vote === 'share' ? draws : 1),
    predictions: total,
    saved: total - made,
    verdict: program?.verdictAll ?? (unscored ? 'unscored' : 'unparsed'),
    ...(unscored ? { unscored } : {}),
  };
}

/** Whether a call failed for good: a sample that is neither a program nor unreadable, or a prediction without an answer. */
function hasUnscored({ source, verdictAll, simulations }: CandidateRecord): boolean {
  return source === null
    ? verdictAll === 'unscored'
    : simulations.some(({ passed }) => passed.includes(null));
}

function predictionsOf({ simulations }: CandidateRecord): Prediction[][] {
  return simulations.map(({ predictions, passed }) =>
    predictions.map((output, draw): Prediction => {
      if (passed[draw] === null) return { kind: 'unscored', reason: 'recorded as unscored' };
      if (output === null) return { kind: 'unparsed' };
      return { kind: 'predicted', output, matches: passed[draw] === true };
    }),
  );
}

async function chooseOnly(
  problem: Problem,
  workplace: Workplace,
  settings: VerifySettings,
): Promise<Worked<ChoiceOutcome>> {
  const { solver, verifier, sandbox, signal } = workplace;
  const { samples, predictions, vote, temperature, topP, comparator, seed, publicTestsInPrompt } = settings;
  const verified = await selfVerify({
    model: solver.model,
    verifier: verifier.model,
    verifierStyle: verifier.style,
    problem,
    style: solver.style,
    sampling: { temperature, topP },
    maxTokens: maxTokensFor(workplace, settings),
    publicTestsInPrompt,
    comparator,
    seed,
    samples,
    predictions,
    vote,
    generatedTests: settings.generatedTests ?? 0,
    signal,
  }).catch(noSample);
  if (!verified) return { outcome: { ...NO_CHOICE, problem: problem.id }, records: [] };
  const { program, index, candidates, predictionsMade, predictionsSaved } = verified;
  const chosen = index === undefined ? undefined : candidates[index];
  const unscored = candidates.some(
    (candidate) =>
      candidate.kind === 'unscored' ||
      (candidate.kind === 'program' && candidate.predictions.flat().some(({ kind }) => kind === 'unscored')),
  );
  const judged =
    program && sandbox ? await judge(sandbox, program, problem, { comparator, signal }) : undefined;
  return {
    outcome: {
      problem: problem.id,
      chosen: index ?? null,
      source: program?.source ?? null,
      points: chosen?.kind === 'program' ? chosen.score.least : 0,
      outOf: problem.publicTests.length * (vote === 'share' ? predictions : 1),
      predictions: predictionsMade,
      saved: predictionsSaved,
      verdict: judged?.verdict ?? (program ? 'unscored' : 'unparsed'),
      ...(unscored ? { unscored } : {}),
    },
    records: [],
  };
}

const NO_CHOICE = {
  ...{ source: null, chosen: null, points: 0, outOf: 0, predictions: 0, saved: 0 },
  verdict: 'unscored',
  unscored: true,
} as const;

/** One problem that the machinery failed does not end the run. */
function noSample(error: unknown): undefined {
  if (error instanceof InfrastructureError && error.code === 'no-sample') return undefined;
  throw error;
}
