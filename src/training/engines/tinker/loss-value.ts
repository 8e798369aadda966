/** The value of a loss, from the log-probabilities that a server gave: servers report sums, means, or nothing. */
import type { Datum, Loss } from '../../types.js';

/** The seam's sum over the tokens of one datum; `logprobs` [T]. */
export function lossOf(datum: Datum, loss: Loss, logprobs: Float32Array): number {
  const { weights, advantages, logprobs: sampled } = datum.lossInputs;
  let sum = 0;
  for (let t = 0; t < logprobs.length; t++) {
    const weight = weights?.[t] ?? 1;
    if (weight === 0) continue;
    const logprob = logprobs[t]!;
    if (loss.kind === 'cross_entropy') {
      sum -= weight * logprob;
      continue;
    }
    const advantage = weight * advantages![t]!;
    if (advantage === 0) continue;
    const ratio = Math.exp(logprob - sampled![t]!);
    if (loss.kind === 'importance_sampling') sum -= ratio * advantage;
    else
      sum -= Math.min(ratio * advantage, Math.min(Math.max(ratio, loss.clipLow), loss.clipHigh) * advantage);
  }
  return sum;
}
