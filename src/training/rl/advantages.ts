/**
 * Advantages as in CWM (paper §5; field-notes A): A_i = R_i − μ with μ = Σ R_i L_i / Σ L_i over the group, where L_i
 * is the number of tokens that the model wrote in rollout i, over all its turns. No division by the standard
 * deviation. Every trained token of a rollout has the same advantage.
 *
 * With the length-weighted mean Σ L_i A_i = 0: what the tokens of a group are pushed up and down balances, however
 * long the right and the wrong answers are.
 */
import type { AdvantagedGroup, ScoredGroup, ScoredRollout } from './types.js';

/** One advantage per member; all exactly 0 when the rewards are equal. `length` ≥ 0, in tokens. */
export function groupAdvantages(
  members: readonly { readonly reward: number; readonly length: number }[],
): readonly number[] {
  const rewards = members.map(({ reward }) => reward);
  if (new Set(rewards).size <= 1) return rewards.map(() => 0);
  const total = members.reduce((sum, { length }) => sum + length, 0);
  if (total === 0) throw new RangeError('groupAdvantages: no rollout of the group holds a token');
  const mean = members.reduce((sum, { reward, length }) => sum + reward * length, 0) / total;
  return rewards.map((reward) => reward - mean);
}

/** The group with its advantages. A rollout that is rejected has no part in the mean, and advantage 0. */
export function withAdvantages(
  group: ScoredGroup,
  reject: (rollout: ScoredRollout) => boolean = () => false,
): AdvantagedGroup {
  const rejected = group.rollouts.map(reject);
  const kept = group.rollouts.filter((_, i) => !rejected[i]);
  const own = groupAdvantages(
    kept.map((rollout) => ({ reward: rollout.reward, length: modelTokens(rollout) })),
  );
  let next = 0;
  return { ...group, advantages: rejected.map((out) => (out ? 0 : own[next++]!)) };
}

/** Whether the group teaches anything: not all of its advantages are 0. */
export function isMixed(group: AdvantagedGroup): boolean {
  return group.advantages.some((advantage) => advantage !== 0);
}

/** Tokens that the model wrote, over all turns. */
export function modelTokens(rollout: ScoredRollout): number {
  return rollout.turns.reduce((sum, { tokens }) => sum + tokens.length, 0);
}
