/**
 * Which task the next prompt belongs to, or which data set the next SFT example (paper A.3: mixed by sample weight). The choice depends on the ordinal
 * and the seed alone, so it can be made again after a kill. It follows the additive recurrence of the golden ratio,
 * which keeps every stretch of prompts close to the wanted shares, where independent draws would wander.
 */
import { UsageError } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * The index of the task of a prompt. The weights are relative, non-negative, not all 0; a task of weight 0 is never
 * chosen. Throws a UsageError for other weights.
 */
export function taskAt(ordinal: number, weights: readonly number[], seed: number | string): number {
  return createTaskMix(weights, seed)(ordinal);
}

/** `taskAt` for many ordinals. */
export function createTaskMix(
  weights: readonly number[],
  seed: number | string,
): (ordinal: number) => number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0) || weights.some((weight) => !(weight >= 0))) {
    throw new UsageError(
      `the weights of the tasks must not be negative, nor all 0; they are ${weights.join(', ')}`,
    );
  }
  const start = createRng(seed).fork('task-mix').next();
  const last = weights.findLastIndex((weight) => weight > 0);
  return (ordinal) => {
    const place = (start + ordinal * GOLDEN) % 1;
    let upTo = 0;
    for (const [task, weight] of weights.entries()) {
      upTo += weight / total;
      if (weight > 0 && place < upTo) return task;
    }
    return last;
  };
}
