/**
 * When a batch is full (field-notes A): at a budget of tokens that counts only those with a non-zero advantage. Groups
 * without any are kept for the metrics and not trained on. A cap on groups closes the batch when nearly everything is
 * solved, or nothing is. Groups are never split.
 */
import { isMixed } from './advantages.js';
import type { AdvantagedGroup } from './types.js';

export interface BatchLimits {
  /** Trained tokens with a non-zero advantage. */
  readonly tokenBudget: number;
  /** Groups of any kind. */
  readonly maxGroups: number;
}

/** A batch in the making. */
export interface Batch {
  readonly groups: readonly AdvantagedGroup[];
  /** Those with a non-zero advantage. */
  readonly mixed: readonly AdvantagedGroup[];
  /** Trained tokens with a non-zero advantage. */
  readonly tokens: number;
}

export const EMPTY_BATCH: Batch = { groups: [], mixed: [], tokens: 0 };

export function addGroup(batch: Batch, group: AdvantagedGroup): Batch {
  const groups = [...batch.groups, group];
  if (!isMixed(group)) return { ...batch, groups };
  return { groups, mixed: [...batch.mixed, group], tokens: batch.tokens + countedTokens(group) };
}

export function isFull(batch: Batch, limits: BatchLimits): boolean {
  return batch.tokens >= limits.tokenBudget || batch.groups.length >= limits.maxGroups;
}

/**
 * How many more groups to sample side by side, so that the batch is about full and little is sampled beyond it.
 * `tokensPerGroup` is what a group of the batch before counted on average, `undefined` where there was none. At least
 * an eighth of the cap, since few rollouts at a time are decoded slowly; never more than the cap leaves.
 */
export function groupsWanted(batch: Batch, limits: BatchLimits, tokensPerGroup: number | undefined): number {
  const { tokenBudget, maxGroups } = limits;
  const room = maxGroups - batch.groups.length;
  const expected = batch.groups.length > 0 ? batch.tokens / batch.groups.length : tokensPerGroup;
  const wanted = expected === undefined ? maxGroups / 4 : (tokenBudget - batch.tokens) / expected;
  return Math.max(1, Math.min(room, Math.ceil(Math.max(wanted, maxGroups / 8))));
}

/** Trained tokens of the group that have a non-zero advantage. */
export function countedTokens(group: AdvantagedGroup): number {
  let count = 0;
  for (const [i, { turns }] of group.rollouts.entries()) {
    if (group.advantages[i] === 0) continue;
    for (const { trained, tokens } of turns) if (trained) count += tokens.length;
  }
  return count;
}

/** Splits groups into at most `parts` parts of nearly equal numbers of counted tokens, in order; none is empty. */
export function splitGroups(
  groups: readonly AdvantagedGroup[],
  parts: number,
): readonly (readonly AdvantagedGroup[])[] {
  const total = groups.reduce((sum, group) => sum + countedTokens(group), 0);
  const split: AdvantagedGroup[][] = Array.from({ length: parts }, () => []);
  let before = 0;
  for (const group of groups) {
    const middle = before + countedTokens(group) / 2;
    split[Math.min(parts - 1, Math.floor((middle * parts) / total))]!.push(group);
    before += countedTokens(group);
  }
  return split.filter((part) => part.length > 0);
}
