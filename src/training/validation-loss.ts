/** Loss on examples that are not trained on. */
import { normaliseWeights, type SftExample, sftDatum } from './sft-data.js';
import type { Datum, TrainingClient } from './types.js';

/**
 * Mean of −log p per weighted token over all examples, by forward passes of about `batchTokens` tokens. Examples longer than
 * the engine takes are left out; NaN when none is left.
 */
export async function validationLoss(
  client: Pick<TrainingClient, 'forward' | 'maxLength'>,
  examples: readonly SftExample[],
  batchTokens: number,
): Promise<number> {
  const data = examples.map(sftDatum).filter(({ tokens }) => tokens.length <= client.maxLength);
  if (data.length === 0) return Number.NaN;
  const normalised = normaliseWeights(data);
  const losses = await Promise.all(
    batchesOf(normalised, batchTokens).map(async (batch) => {
      const { logprobs } = await client.forward(batch);
      return batch.reduce((sum, datum, i) => sum + weightedSum(datum, logprobs[i]!), 0);
    }),
  );
  return losses.reduce((sum, loss) => sum + loss, 0);
}

function batchesOf(data: readonly Datum[], batchTokens: number): Datum[][] {
  const batches: Datum[][] = [];
  let tokens = Infinity;
  for (const datum of data) {
    if (tokens + datum.tokens.length > batchTokens) {
      batches.push([]);
      tokens = 0;
    }
    batches.at(-1)!.push(datum);
    tokens += datum.tokens.length;
  }
  return batches;
}

function weightedSum({ lossInputs }: Datum, logprobs: Float32Array): number {
  let sum = 0;
  for (const [t, weight] of (lossInputs.weights ?? []).entries()) {
    if (weight > 0) sum -= weight * logprobs[t]!;
  }
  return sum;
}
