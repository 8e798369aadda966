/** The value of a loss over one batch, from its log-probabilities; its gradient is in train-graph.ts. */
import type { Loss } from '../../types.js';
import type { BatchArrays } from './packing.js';

/** Sum over the tokens of a filled batch; `logprobs` [N]. */
export function lossSum(loss: Loss, arrays: BatchArrays, logprobs: Float32Array): number {
  let sum = 0;
  const { weights, advantages, sampled } = arrays;
  if (loss.kind === 'cross_entropy') {
    for (let i = 0; i < logprobs.length; i++) {
      const weight = weights[i] as number;
      if (weight !== 0) sum -= weight * (logprobs[i] as number);
    }
    return sum;
  }
  const low = loss.kind === 'ppo' ? loss.clipLow : 0;
  const high = loss.kind === 'ppo' ? loss.clipHigh : Number.POSITIVE_INFINITY;
  for (let i = 0; i < logprobs.length; i++) {
    const advantage = advantages[i] as number;
    if (advantage === 0) continue;
    const ratio = Math.exp((logprobs[i] as number) - (sampled[i] as number));
    sum -= Math.min(ratio * advantage, Math.min(Math.max(ratio, low), high) * advantage);
  }
  return sum;
}
