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
  /** Mean of −log p over the sampled tokens of trained turns: an estimate of the policy's entropy per token, in nats. */
  readonly entropy: number;
}

/** How the trainer's log-probabilities compare with those recorded at sampling, over the trained tokens. */
export interface PolicyMetrics {
  /** Share of tokens whose ratio is beyond the threshold that its advantage pushes it to; those have no gradient. */
  readonly clipFraction: number;
  /** Mean of ρ − 1 − log ρ: an estimate of how far the policy has moved from the one that sampled, in nats. */
  readonly divergence: number;
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

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
