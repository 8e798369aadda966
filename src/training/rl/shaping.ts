/**
 * What CWM does to rewards and rollouts beyond the plain rule; all of it off unless named (field-notes A).
 */
import type { ScoredRollout } from './types.js';

/**
 * Length penalty, for right answers only: the full reward up to `softMaxTokens`, then falling linearly to the negative
 * of it at `hardMaxTokens` and beyond. CWM moves the soft limit from 8k to 64k over its first 10k steps, with the hard
 * one at 64k.
 */
export function penaliseLength(
  reward: number,
  tokens: number,
  limits: { readonly softMaxTokens: number; readonly hardMaxTokens: number },
): number {
  const { softMaxTokens, hardMaxTokens } = limits;
  if (reward <= 0 || tokens <= softMaxTokens) return reward;
  if (tokens >= hardMaxTokens) return -reward;
  return reward * (1 - (2 * (tokens - softMaxTokens)) / (hardMaxTokens - softMaxTokens));
}

/**
 * Gibberish: a rollout that holds a rare token (a high id, in vocabularies ordered by frequency) which was less likely
 * than a blind draw from the vocabulary by a margin: log p < −ln(vocabulary) − margin. CWM: ids above 100,000 of
 * 128,256, margin 2.
 */
export function isGibberish(
  rollout: ScoredRollout,
  {
    rareFrom,
    vocabSize,
    margin = 2,
  }: { readonly rareFrom: number; readonly vocabSize: number; readonly margin?: number },
): boolean {
  const least = -Math.log(vocabSize) - margin;
  return rollout.turns.some(({ tokens, logprobs }) =>
    tokens.some((token, t) => token > rareFrom && (logprobs[t] ?? 0) < least),
  );
}

/**
 * Which prompts are worth training on, by how often they were solved: CWM's later stages keep 0.1 to 0.7, ends included.
 * `rates` holds one solve rate per prompt; the result the indices kept.
 */
export function promptsByDifficulty(
  rates: readonly number[],
  { least = 0.1, most = 0.7 }: { readonly least?: number; readonly most?: number } = {},
): readonly number[] {
  return rates.flatMap((rate, index) => (rate >= least && rate <= most ? [index] : []));
}
