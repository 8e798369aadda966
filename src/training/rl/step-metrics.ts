/**
 * What one RL step was like, in numbers. Pure; a row of these is a line of metrics.jsonl.
 */
import type { PolicyVersion } from '../../model/types.js';
import { isMixed, modelTokens } from './advantages.js';
import type { PolicyDatum } from './policy-data.js';
import type { AdvantagedGroup } from './types.js';

/** Of one task, over the groups of a step. */
export interface TaskMetrics {
  readonly groups: number;
  /** Mean of the unscaled reward. */
  readonly reward: number;
  /** Share of groups whose rewards differ, the only ones that teach. */
  readonly mixedShare: number;
  readonly truncatedShare: number;
  readonly unparsedShare: number;
  /** Mean number of tokens that the model wrote in an episode. */
  readonly meanTokens: number;
  /** Share of the 4-grams of trained turns that the same turn held before: how much an answer repeats itself. */
  readonly repetition: number;
  /** Mean of −log p over the sampled tokens of trained turns: an estimate of the policy's entropy per token, in nats. */
  readonly entropy: number;
}

/** How the trainer's log-probabilities compare with those recorded at sampling, over the trained tokens. */
export interface PolicyMetrics {
  /** Share of tokens whose ratio is beyond the threshold that its advantage pushes it to; those have no gradient. */
  readonly clipFraction: number;
  /** Mean of ρ − 1 − log ρ: an estimate of how far the policy has moved from the one that sampled, in nats. */
  readonly divergence: number;
  /** The same from the weights at the start of the run, on this step's tokens; absent when it was not measured. */
  readonly divergenceFromStart?: number;
  /**
   * |trainer − sampler| on tokens of the current version alone, where both should be the same number; absent when
   * there is no such token.
   */
  readonly mismatch?: { readonly mean: number; readonly max: number; readonly tokens: number };
}

/** By task, in the order in which the tasks appear. */
export function taskMetrics(groups: readonly AdvantagedGroup[]): Readonly<Record<string, TaskMetrics>> {
  const tasks = [...new Set(groups.map(({ prompt }) => prompt.task))];
  return Object.fromEntries(
    tasks.map((task) => [task, metricsOf(groups.filter(({ prompt }) => prompt.task === task))]),
  );
}

/**
 * How far the policy has moved from a reference, in nats per token: the mean of r − 1 − log r with r = p_reference / p
 * on tokens that the policy sampled, an unbiased and never negative estimate of KL(policy ‖ reference). Arrays as in
 * `policyMetrics`.
 */
export function divergenceFrom(
  data: readonly PolicyDatum[],
  logprobs: readonly Float32Array[],
  reference: readonly Float32Array[],
): number {
  let sum = 0;
  let tokens = 0;
  for (const [i, { turn, start }] of data.entries()) {
    for (let t = start; t < start + turn.tokens.length; t++) {
      const change = reference[i]![t]! - logprobs[i]![t]!;
      sum += Math.exp(change) - 1 - change;
      tokens += 1;
    }
  }
  return tokens > 0 ? sum / tokens : 0;
}

function metricsOf(groups: readonly AdvantagedGroup[]): TaskMetrics {
  const rollouts = groups.flatMap((group) => group.rollouts);
  const trained = rollouts.flatMap(({ turns }) => turns.filter((turn) => turn.trained));
  const endings = (ending: string): number => rollouts.filter((rollout) => rollout.ending === ending).length;
  let surprise = 0;
  let tokens = 0;
  for (const { logprobs } of trained) {
    tokens += logprobs.length;
    for (const logprob of logprobs) surprise -= logprob;
  }
  return {
    groups: groups.length,
    reward: mean(rollouts.map(({ rawReward }) => rawReward)),
    mixedShare: groups.filter(isMixed).length / groups.length,
    truncatedShare: endings('truncated') / rollouts.length,
    unparsedShare: endings('unparsed') / rollouts.length,
    meanTokens: mean(rollouts.map(modelTokens)),
    repetition: repetition(trained.map((turn) => turn.tokens)),
    entropy: tokens > 0 ? surprise / tokens : 0,
  };
}

/**
 * Compares `logprobs` (per datum [T], from the forward pass before the step) with the recorded ones. `version` is that
 * of the weights of the forward pass. Absent when there are no data.
 */
export function policyMetrics(
  data: readonly PolicyDatum[],
  logprobs: readonly Float32Array[],
  version: PolicyVersion,
  clip: { readonly low: number; readonly high: number },
): PolicyMetrics | undefined {
  let tokens = 0;
  let clipped = 0;
  let divergence = 0;
  let gap = 0;
  let largest = 0;
  let onPolicy = 0;
  for (const [i, { turn, advantage, start }] of data.entries()) {
    for (const [t, recorded] of turn.logprobs.entries()) {
      const change = logprobs[i]![start + t]! - recorded;
      const ratio = Math.exp(change);
      tokens += 1;
      divergence += ratio - 1 - change;
      if (advantage > 0 ? ratio > clip.high : ratio < clip.low) clipped += 1;
      if (turn.versions[t] !== version) continue;
      onPolicy += 1;
      gap += Math.abs(change);
      largest = Math.max(largest, Math.abs(change));
    }
  }
  if (tokens === 0) return undefined;
  return {
    clipFraction: clipped / tokens,
    divergence: divergence / tokens,
    ...(onPolicy > 0 && { mismatch: { mean: gap / onPolicy, max: largest, tokens: onPolicy } }),
  };
}

/** Over all turns: 4-grams met before in their turn, by all 4-grams. */
function repetition(turns: readonly (readonly number[])[]): number {
  let repeated = 0;
  let total = 0;
  for (const tokens of turns) {
    const seen = new Set<string>();
    for (let t = 0; t + 4 <= tokens.length; t++) {
      const gram = `${tokens[t]} ${tokens[t + 1]} ${tokens[t + 2]} ${tokens[t + 3]}`;
      total += 1;
      if (seen.has(gram)) repeated += 1;
      else seen.add(gram);
    }
  }
  return total > 0 ? repeated / total : 0;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
