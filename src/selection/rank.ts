/**
 * best@k (paper §3): the candidate that passes the most public tests, by prediction or by execution, is submitted;
 * ties are broken at random. No private test is looked at.
 */
import { createRng } from '../core/rng.js';
import type { TestVerdict } from '../execution/verdict.js';
import type { Prediction, SimulatedProgram } from './types.js';

/**
 * How many public tests a program is predicted to pass, in one draw of predictions. A prediction that is unreadable,
 * truncated or unscored counts as not passing. Throws a RangeError when a test has no such draw.
 */
export function predictedPasses(simulated: SimulatedProgram, draw = 0): number {
  return simulated.predictions.filter((draws) => {
    const prediction = draws[draw];
    if (!prediction)
      throw new RangeError(`there is no draw ${draw}: the test was predicted ${draws.length} times`);
    return predictsPass(prediction);
  }).length;
}

/**
 * The same over all draws: per test the share of draws that predict a pass, summed. In [0, number of tests]; 0 for
 * a test without draws. Ours: the paper uses one draw, and averages its estimator over several.
 */
export function meanPredictedPasses(simulated: SimulatedProgram): number {
  return simulated.predictions.reduce(
    (sum, draws) => sum + (draws.length === 0 ? 0 : draws.filter(predictsPass).length / draws.length),
    0,
  );
}

/** How many public tests a program really passes: the oracle that simulation is measured against. */
export function executedPasses(verdicts: readonly TestVerdict[]): number {
  return verdicts.filter(({ verdict }) => verdict === 'accepted').length;
}

/**
 * The indices of the candidates, best first: highest score first, equal scores in an order that is random by seed.
 * A candidate without a score (`undefined`: no program could be read) comes after all others.
 */
export function rankCandidates(
  scores: readonly (number | undefined)[],
  seed: number | string,
): readonly number[] {
  const order = createRng(seed)
    .fork('selection')
    .shuffle(scores.map((_, i) => i));
  // Array.prototype.sort is stable, so the shuffled order decides between equals.
  return order.sort((a, b) => (scores[b] ?? -Infinity) - (scores[a] ?? -Infinity) || 0);
}

/** The index of the candidate to submit; `undefined` when none has a score. */
export function selectCandidate(
  scores: readonly (number | undefined)[],
  seed: number | string,
): number | undefined {
  const [best] = rankCandidates(scores, seed);
  return best === undefined || scores[best] === undefined ? undefined : best;
}

function predictsPass(prediction: Prediction): boolean {
  return prediction.kind === 'predicted' && prediction.matches;
}
