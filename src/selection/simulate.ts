/**
 * Self-verification (paper §3): for each candidate program and each public test, the model predicts the output; what
 * it predicts is compared with what the test expects. The prompt shows neither the expected output nor the problem.
 *
 * Deviation from the paper, to save tokens: samples that are the same program are simulated once, and share those
 * predictions. Stopping early (early-stop.ts) is ours too.
 */

import { type PredictOutputOutcome, predictOutput } from '../episode/environments/predict-output.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import type { Episode, Played } from '../episode/types.js';
import type { ComparatorName } from '../execution/comparators.js';
import type { Problem, Program } from '../problem/types.js';
import { createRace, type Vote } from './early-stop.js';
import type { Prediction, SimulatedProgram } from './types.js';

export interface SimulationSpec {
  readonly problem: Pick<Problem, 'id' | 'publicTests'>;
  readonly programs: readonly Program[];
  readonly style: PromptStyle;
  /** The most tokens of one prediction. */
  readonly maxTokens: number;
  /** Predictions per program and test; the paper samples 5 and averages over them. */
  readonly draws: number;
  /** Default `codecontests`. */
  readonly comparator?: ComparatorName;
  /** Equal seeds give the same predictions for the same program, test and draw, in whatever order they are asked for. */
  readonly seed: number | string;
}

/** Plays one prediction: `play` or `rollout` with everything else filled in. Calls are made concurrently. */
export type PlayPrediction = (
  episode: Episode<PredictOutputOutcome>,
) => Promise<Played<PredictOutputOutcome>>;

/** Simulates every program on every public test. One result per program, in order. */
export async function simulatePublicTests(
  spec: SimulationSpec,
  play: PlayPrediction,
): Promise<SimulatedProgram[]> {
  const simulated = new Map(
    await Promise.all(
      distinctSources(spec.programs).map(async (source) => {
        const predictions = await Promise.all(
          spec.problem.publicTests.map((_, test) =>
            Promise.all(
              Array.from({ length: spec.draws }, (_, draw) => predict(spec, play, source, test, draw)),
            ),
          ),
        );
        return [source, predictions] as const;
      }),
    ),
  );
  return spec.programs.map((program) => ({ program, predictions: simulated.get(program.source)! }));
}

export interface EarlySimulation {
  readonly simulated: readonly SimulatedProgram[];
  /** Predictions made, and those that simulating every distinct program in full would have made besides. */
  readonly made: number;
  readonly saved: number;
}

/**
 * The same until the choice is settled: a program that cannot win any more is not simulated further. The program that is
 * chosen in the end is the one that full simulation would choose, ties included.
 */
export async function simulateUntilDecided(
  spec: SimulationSpec & { readonly vote: Vote },
  play: PlayPrediction,
  onPrediction?: (source: string, test: number, prediction: Prediction) => void,
): Promise<EarlySimulation> {
  const sources = distinctSources(spec.programs);
  const race = createRace(sources.length, spec.problem.publicTests.length, spec.draws, spec.vote);
  for (let round = race.next(); round.length > 0; round = race.next()) {
    await Promise.all(
      round.map(async ({ program, test, draw }) => {
        const source = sources[program]!;
        const prediction = await predict(spec, play, source, test, draw);
        onPrediction?.(source, test, prediction);
        race.note(program, test, prediction);
      }),
    );
  }
  const { made, total } = race;
  return {
    simulated: spec.programs.map((program) => ({
      program,
      predictions: race.predictions[sources.indexOf(program.source)]!,
    })),
    made: made(),
    saved: total - made(),
  };
}

function distinctSources(programs: readonly Program[]): string[] {
  return [...new Set(programs.map(({ source }) => source))];
}

async function predict(
  spec: SimulationSpec,
  play: PlayPrediction,
  source: string,
  test: number,
  draw: number,
): Promise<Prediction> {
  const { input, output } = spec.problem.publicTests[test]!;
  const played = await play(
    predictOutput({
      kind: 'predict-output',
      program: { source },
      input: { kind: 'stdin', stdin: input },
      expected: output,
      comparator: spec.comparator ?? 'codecontests',
      style: spec.style,
      maxTokens: spec.maxTokens,
      seed: `${spec.seed}/${spec.problem.id}/simulate/${test}/${draw}/${source}`,
    }),
  );
  return predictionOf(played);
}

function predictionOf(played: Played<PredictOutputOutcome>): Prediction {
  const tokens = completionTokens(played);
  if (played.kind === 'unscored') return { kind: 'unscored', reason: played.reason, tokens };
  const { outcome } = played;
  const last = played.journal.at(-1)?.response;
  const told = { tokens, ...(last?.kind === 'turn' ? { completion: last.text } : {}) };
  return outcome.kind === 'predicted'
    ? { kind: 'predicted', output: outcome.output, matches: outcome.matches ?? false, ...told }
    : { ...outcome, ...told };
}

/** Completion tokens over all turns of an episode. */
export function completionTokens({ journal }: Pick<Played<unknown>, 'journal'>): number {
  return journal.reduce(
    (sum, { response }) => sum + (response.kind === 'turn' ? response.completionTokens : 0),
    0,
  );
}
