/**
 * Programs sampled for a problem, judged, and simulated on its public tests: one `selection/1` record.
 */
import { type SolveOutcome, solve } from '../episode/environments/solve.js';
import type { ProgramVerdicts } from '../episode/judging.js';
import type { Played } from '../episode/types.js';
import type { Verdict } from '../execution/verdict.js';
import type { Problem } from '../problem/types.js';
import { completionTokens, simulatePublicTests } from '../selection/simulate.js';
import type { Prediction } from '../selection/types.js';
import { findDepartures } from './departures.js';
import { type EvaluationContext, executePublic, playEpisode, verifierOf } from './evaluation-context.js';
import type { CandidateRecord, DepartureRecord, SelectionRecord, SimulationRecord } from './records.js';

/** One sample. */
export interface Solution {
  /** `null` when no program could be read. */
  readonly source: string | null;
  /** Absent without a program, without a sandbox, and where the machinery failed. */
  readonly verdicts: ProgramVerdicts | undefined;
  readonly verdictAll: Verdict;
  readonly responseTokens: number;
}

export function sampleSolutions(context: EvaluationContext): Promise<Solution[]> {
  const { options, problem, sandbox, seed } = context;
  return Promise.all(
    Array.from({ length: options.samples }, async (_, sample) => {
      const played = await playEpisode(
        context,
        solve({
          kind: 'solve',
          problem,
          style: options.style,
          includePublicTests: options.publicTestsInPrompt ?? true,
          maxTokens: options.maxTokens.solve,
          judge: sandbox ? 'all' : 'none',
          comparator: context.comparator,
          seed: `${seed}/solve/${sample}`,
        }),
      );
      return toSolution(played);
    }),
  );
}

function toSolution(played: Played<SolveOutcome>): Solution {
  const responseTokens = completionTokens(played);
  const nothing = { source: null, verdicts: undefined, responseTokens };
  if (played.kind === 'unscored') return { ...nothing, verdictAll: 'unscored' };
  const { outcome } = played;
  if (outcome.kind !== 'program') return { ...nothing, verdictAll: 'unparsed' };
  const { program, verdicts } = outcome;
  return { source: program.source, verdicts, verdictAll: overall(verdicts), responseTokens };
}

/** The first verdict that is not `accepted`. */
function overall(verdicts: ProgramVerdicts | undefined): Verdict {
  if (!verdicts) return 'unscored';
  const all = [...verdicts.public, ...verdicts.private].map(({ verdict }) => verdict);
  return all.find((verdict) => verdict !== 'accepted') ?? 'accepted';
}

/** By source: [public test][draw]. */
export type Simulations = ReadonlyMap<string, readonly (readonly Prediction[])[]>;

/** Every distinct program on every public test, or on the tests given, `options.predictions` times. */
export async function simulateSolutions(
  context: EvaluationContext,
  solutions: readonly Solution[],
  tests: Problem['publicTests'] = context.problem.publicTests,
): Promise<Simulations> {
  const { problem, options } = context;
  const { model, style } = verifierOf(context);
  const simulated = await simulatePublicTests(
    {
      problem: { id: problem.id, publicTests: tests },
      programs: solutions.flatMap(({ source }) => (source === null ? [] : [{ source }])),
      style,
      maxTokens: options.maxTokens.simulate,
      draws: options.predictions,
      comparator: context.comparator,
      seed: options.seed,
    },
    (episode) => playEpisode(context, episode, model),
  );
  return new Map(simulated.map(({ program, predictions }) => [program.source, predictions]));
}

/** The record of a problem: every sample with its simulations beside what it really prints. */
export async function recordSelection(
  context: EvaluationContext,
  solutions: readonly Solution[],
  simulations: Simulations,
): Promise<SelectionRecord> {
  const { problem, options, model } = context;
  const verifier = verifierOf(context);
  const unseenTests = problem.privateTests.slice(0, options.unseenTests ?? 0);
  const unseen =
    unseenTests.length > 0
      ? await simulateSolutions(
          { ...context, options: { ...options, seed: `${options.seed}/unseen` } },
          solutions,
          unseenTests,
        )
      : undefined;
  const told = new Map(
    await Promise.all(
      [...simulations].map(async ([source, predictions]) => {
        const outputs = await executePublic(context, source);
        const departures = await findDepartures(context, source, outputs, predictions);
        return [source, { outputs, simulations: toSimulationRecords(predictions, departures) }] as const;
      }),
    ),
  );
  return {
    schema: 'selection/1',
    problem: problem.id,
    stage: options.stage,
    model: model.id,
    ...(verifier.model.id === model.id ? {} : { verifier: verifier.model.id }),
    comparator: context.comparator,
    publicTestsInPrompt: options.publicTestsInPrompt ?? true,
    statement: problem.statement,
    tests: problem.publicTests,
    programs: solutions.map((solution): CandidateRecord => {
      const { source, verdicts, verdictAll, responseTokens } = solution;
      if (source === null) {
        return { source, verdictPublic: [], verdictAll, responseTokens, simulations: [] };
      }
      const { outputs, simulations } = told.get(source)!;
      return {
        source,
        verdictPublic:
          verdicts?.public.map(({ verdict }) => verdict) ??
          problem.publicTests.map(() => 'unscored' as const),
        verdictAll,
        responseTokens,
        ...(outputs === undefined ? {} : { outputs }),
        simulations,
        ...(unseen && { unseen: toSimulationRecords(unseen.get(source)!, []) }),
      };
    }),
  };
}

function toSimulationRecords(
  predictions: readonly (readonly Prediction[])[],
  departures: readonly (DepartureRecord | undefined)[],
): SimulationRecord[] {
  return predictions.map((draws, test) => ({
    test,
    predictions: draws.map((draw) => (draw.kind === 'predicted' ? draw.output : null)),
    passed: draws.map((draw) =>
      draw.kind === 'unscored' ? null : draw.kind === 'predicted' && draw.matches,
    ),
    tokens: draws.map(({ tokens = 0 }) => tokens),
    ...(departures[test] && { departure: departures[test] }),
  }));
}
