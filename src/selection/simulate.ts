/**
 * Self-verification (paper §3): for each candidate program and each public test, the model predicts the output; what
 * it predicts is compared with what the test expects. The prompt shows neither the expected output nor the problem.
 */

import { type PredictOutputOutcome, predictOutput } from '../episode/environments/predict-output.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import type { Episode, Played } from '../episode/types.js';
import type { ComparatorName } from '../execution/comparators.js';
import type { Problem, Program } from '../problem/types.js';
import type { Prediction, SimulatedProgram } from './types.js';

export interface SimulationSpec {
  readonly problem: Problem;
  readonly programs: readonly Program[];
  readonly style: PromptStyle;
  /** The most tokens of one prediction. */
  readonly maxTokens: number;
  /** Predictions per program and test; the paper samples 5 and averages over them. */
  readonly draws: number;
  /** Default `codecontests`. */
  readonly comparator?: ComparatorName;
  readonly seed: number | string;
}

/** Plays one prediction: `play` or `rollout` with everything else filled in. Calls are made concurrently. */
export type PlayPrediction = (
  episode: Episode<PredictOutputOutcome>,
) => Promise<Played<PredictOutputOutcome>>;

/** Simulates every program on every public test. One result per program, in order. */
export function simulatePublicTests(spec: SimulationSpec, play: PlayPrediction): Promise<SimulatedProgram[]> {
  const draws = Array.from({ length: spec.draws }, (_, draw) => draw);
  return Promise.all(
    spec.programs.map(async (program, p) => ({
      program,
      predictions: await Promise.all(
        spec.problem.publicTests.map((test, t) =>
          Promise.all(
            draws.map(async (draw) =>
              predictionOf(
                await play(
                  predictOutput({
                    kind: 'predict-output',
                    program,
                    input: { kind: 'stdin', stdin: test.input },
                    expected: test.output,
                    comparator: spec.comparator ?? 'codecontests',
                    style: spec.style,
                    maxTokens: spec.maxTokens,
                    seed: `${spec.seed}/${spec.problem.id}/${p}/${t}/${draw}`,
                  }),
                ),
              ),
            ),
          ),
        ),
      ),
    })),
  );
}

function predictionOf(played: Played<PredictOutputOutcome>): Prediction {
  if (played.kind === 'unscored') return { kind: 'unscored', reason: played.reason };
  const { outcome } = played;
  return outcome.kind === 'predicted'
    ? { kind: 'predicted', output: outcome.output, matches: outcome.matches ?? false }
    : outcome;
}
