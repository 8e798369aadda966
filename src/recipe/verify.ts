/**
 * `deskcheck verify` (paper §3): programs sampled for each problem, simulated on its public tests, one chosen; with a sandbox
 * also judged, so that best@k, its oracle and the simulation gap can be reported.
 *
 * With `earlyStop` simulation ends once the choice is settled. What is saved is counted, and what was chosen is judged; there
 * is then no curve by simulation: that needs every prediction.
 */

import {
  recordSelection,
  type Simulations,
  type Solution,
  sampleSolutions,
  simulateSolutions,
} from '../evaluation/evaluate-selection.js';
import {
  createEvaluationContext,
  type EvaluationContext,
  playEpisode,
  verifierOf,
} from '../evaluation/evaluation-context.js';
import { ownPredictions } from '../evaluation/own-predictions.js';
import type { CandidateRecord, ChoiceRecord, SelectionRecord } from '../evaluation/records.js';
import type { ComparatorName } from '../execution/comparators.js';
import type { Verdict } from '../execution/verdict.js';
import type { Problem } from '../problem/types.js';
import { programScore, replayRace, type Vote } from '../selection/early-stop.js';
import { selectCandidate } from '../selection/rank.js';
import { chooseBySimulation, type Outcome, type PlacedAgreement } from '../selection/self-verify.js';
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
  readonly simulationTemperature?: number;
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
  /** Where programs tied on the public tests and inputs written by the model were asked. */
  readonly tie?: 'broken' | 'left';
}

export function runVerify(
  options: ModelRunOptions & { readonly settings: VerifySettings },
): Promise<ModelRunResult<ChoiceOutcome>> {
  const { settings } = options;
  return runOverProblems(options, (problem, _, workplace) => verifyProblem(problem, workplace, settings));
}

/** Most tokens of one completion: what was asked for, else what fits the model. */
export function maxTokensFor(
  { solver }: Pick<Workplace, 'solver'>,
  { maxTokens }: { readonly maxTokens?: number },
): { readonly solve: number; readonly simulate: number; readonly review: number } {
  if (maxTokens !== undefined) return { solve: maxTokens, simulate: maxTokens, review: maxTokens };
  return solver.style.id === 'terse' ? MAX_TOKENS : { solve: 8_192, simulate: 8_192, review: 8_192 };
}

async function verifyProblem(
  problem: Problem,
  workplace: Workplace,
  settings: VerifySettings,
): Promise<Worked<ChoiceOutcome>> {
  const context = contextOf(problem, workplace, settings);
  const solutions = await sampleSolutions(context);
  if (settings.earlyStop) return chooseEarly(context, solutions, settings);
  const record = await recordSelection(context, solutions, await simulateSolutions(context, solutions));
  const outcome = chooseFrom(record, settings);
  const { chosen, predictions: made, saved } = outcome;
  const choice: ChoiceRecord = { chosen, vote: settings.vote, stoppedEarly: false, made, saved };
  // The simulations themselves are predictions about the model's own programs.
  return { outcome, records: [...ownPredictions(record), { ...record, choice }] };
}

function contextOf(problem: Problem, workplace: Workplace, settings: VerifySettings): EvaluationContext {
  const { solver, verifier, sandbox, signal } = workplace;
  const { samples, predictions, comparator, seed, publicTestsInPrompt } = settings;
  const { temperature, topP, simulationTemperature } = settings;
  return createEvaluationContext(solver.model, sandbox, problem, {
    stage: 'verify',
    style: solver.style,
    verifier: { model: verifier.model, style: verifier.style },
    seed,
    sampling: { temperature, topP, simulationTemperature },
    samples,
    predictions,
    maxTokens: maxTokensFor(workplace, settings),
    publicTestsInPrompt,
    maxPrograms: 1,
    repairSamples: 0,
    keepEpisodes: 0,
    comparator,
    signal,
  });
}

/** The choice among stored samples: a pure function of the record, so that it can be made again. */
function chooseFrom(
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

/** Simulates until the choice is settled; every sample is judged all the same, where there is a sandbox. */
async function chooseEarly(
  context: EvaluationContext,
  solutions: readonly Solution[],
  settings: VerifySettings,
): Promise<Worked<ChoiceOutcome>> {
  const { problem, model, options } = context;
  const { predictions, vote, comparator, seed, generatedTests = 0 } = settings;
  const verifier = verifierOf(context);
  const verified = await chooseBySimulation(
    {
      problem,
      style: options.style,
      verifierStyle: verifier.style,
      maxTokens: options.maxTokens,
      ...{ comparator, seed, predictions, vote, generatedTests },
    },
    solutions.map(({ source, verdictAll }): Outcome => {
      if (source !== null) return { kind: 'program', program: { source } };
      return verdictAll === 'unscored' ? { kind: 'unscored', reason: 'no answer' } : { kind: 'unparsed' };
    }),
    (episode) => playEpisode(context, episode, model),
    (episode) => playEpisode(context, episode, verifier.model),
  );
  const { index, candidates, agreement, predictionsMade: made, predictionsSaved: saved } = verified;
  const simulations: Simulations = new Map(
    candidates.flatMap((candidate) =>
      candidate.kind === 'program' ? [[candidate.program.source, candidate.predictions] as const] : [],
    ),
  );
  const record = await recordSelection(context, solutions, simulations);
  const choice: ChoiceRecord = {
    ...{ chosen: index ?? null, vote, stoppedEarly: true, made, saved },
    ...(agreement && { generated: toGenerated(agreement) }),
  };
  const chosen = index === undefined ? undefined : candidates[index];
  const source = index === undefined ? null : solutions[index]!.source;
  const unscored = record.programs.some(hasUnscored);
  return {
    outcome: {
      problem: problem.id,
      chosen: index ?? null,
      source,
      points: chosen?.kind === 'program' ? chosen.score.least : 0,
      outOf: problem.publicTests.length * (vote === 'share' ? predictions : 1),
      predictions: made,
      saved,
      verdict:
        index === undefined ? (unscored ? 'unscored' : 'unparsed') : record.programs[index]!.verdictAll,
      ...(agreement && { tie: tieOf(agreement) }),
      ...(unscored ? { unscored } : {}),
    },
    records: [{ ...record, choice }],
  };
}

function toGenerated({
  inputs,
  agreed,
  points,
  places,
  predictions,
}: PlacedAgreement): ChoiceRecord['generated'] {
  return { inputs, agreed: agreed.map((output) => output ?? null), tied: places, points, predictions };
}

function tieOf({ points }: PlacedAgreement): 'broken' | 'left' {
  const most = Math.max(0, ...points);
  return most > 0 && points.some((value) => value < most) ? 'broken' : 'left';
}
