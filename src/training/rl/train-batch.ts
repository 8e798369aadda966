/**
 * One batch into the weights: policy gradients, with supervised examples mixed in where the options ask for them.
 */
import { normaliseWeights, type SftBatch } from '../sft-data.js';
import type { AdamParams, Datum, TrainingClient } from '../types.js';
import { splitGroups } from './batching.js';
import { policyData } from './policy-data.js';
import { divergenceFrom, type PolicyMetrics, policyMetrics } from './step-metrics.js';
import type { AdvantagedGroup } from './types.js';

export interface UpdateOptions {
  /** Ratio thresholds; CWM's are 0.8 and 1.25. */
  readonly clip: { readonly low: number; readonly high: number };
  /** N of the objective (policy-data.ts). */
  readonly normalizer: number;
  /** Optimizer steps that the batch is split into. CWM takes one. */
  readonly updatesPerBatch: number;
  readonly adam: AdamParams;
  /** The weights that the policy's divergence is measured from; absent when it is not measured in this step. */
  readonly reference?: Pick<TrainingClient, 'forward'>;
  readonly replay?: {
    /** Weight of a replayed token against an RL token of advantage 1. */
    readonly weight: number;
    /** The supervised examples of the next optimizer step. */
    next(): Promise<SftBatch>;
  };
}

export interface UpdateResult {
  /** −J of the objective, summed over the batch, before the steps. */
  readonly loss: number;
  /** Of the last optimizer step. */
  readonly gradNorm: number;
  /** Sequence tokens that went through the engine, prompts and replay included. */
  readonly tokens: number;
  /** From the first update, whose forward pass ran on the weights that the batch met. */
  readonly policy?: PolicyMetrics;
  /** Mean loss per replayed token. */
  readonly replayLoss?: number;
}

/** Trains on groups of which each has a non-zero advantage. There must be at least one. */
export async function trainBatch(
  client: TrainingClient,
  groups: readonly AdvantagedGroup[],
  options: UpdateOptions,
): Promise<UpdateResult> {
  const { clip, adam, updatesPerBatch, normalizer } = options;
  const version = client.version;
  const parts = splitGroups(groups, updatesPerBatch);
  let loss = 0;
  let gradNorm = 0;
  let tokens = 0;
  let policy: PolicyMetrics | undefined;
  let replayLoss: number | undefined;
  for (const [i, part] of parts.entries()) {
    // A part is its share of the batch, and so is the constant that it is divided by.
    const data = policyData(part, normalizer / parts.length);
    const replayed = await replayFor(normalizer / parts.length, options);
    const sequences = data.map(({ datum }) => datum);
    const [forward, supervised, step, reference] = await Promise.all([
      client.forwardBackward(sequences, { kind: 'ppo', clipLow: clip.low, clipHigh: clip.high }),
      replayed && client.forwardBackward(replayed.data, { kind: 'cross_entropy' }),
      client.optimStep(adam),
      i === 0 ? options.reference?.forward(sequences) : undefined,
    ]);
    loss += forward.lossSum / parts.length;
    gradNorm = step.gradNorm;
    tokens += sequenceTokens(sequences) + (replayed ? sequenceTokens(replayed.data) : 0);
    if (supervised && replayed) replayLoss = supervised.lossSum / replayed.total;
    if (i > 0) continue;
    policy = policyMetrics(data, forward.logprobs, version, clip);
    if (policy && reference) {
      policy = { ...policy, divergenceFromStart: divergenceFrom(data, forward.logprobs, reference.logprobs) };
    }
  }
  return {
    loss,
    gradNorm,
    tokens,
    ...(policy && { policy }),
    ...(replayLoss !== undefined && { replayLoss }),
  };
}

/** Supervised data whose weights are in units of the objective: `weight` / N for each token. */
async function replayFor(
  normalizer: number,
  { replay }: UpdateOptions,
): Promise<{ readonly data: readonly Datum[]; readonly total: number } | undefined> {
  if (!replay) return undefined;
  const { data } = await replay.next();
  const counted = data.flatMap(({ lossInputs }) => lossInputs.weights ?? []).filter((weight) => weight > 0);
  const total = (replay.weight * counted.length) / normalizer;
  return { data: normaliseWeights(data, total), total };
}

function sequenceTokens(data: readonly Datum[]): number {
  return data.reduce((sum, { tokens }) => sum + tokens.length, 0);
}
