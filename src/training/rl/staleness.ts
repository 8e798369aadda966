/**
 * How old a group is (DESIGN.md; paper §5): the policy steps between the weights that sampled its *oldest* token and the
 * weights that would be trained on it. CWM counts from the most recent token; the oldest is the stricter rule.
 */
import type { PolicyVersion } from '../../model/types.js';
import type { ScoredGroup } from './types.js';

/** Policy steps, 0 when every token is of the current version; 0 too for a group without tokens. */
export function stalenessOf(group: Pick<ScoredGroup, 'rollouts'>, current: PolicyVersion): number {
  let oldest: number = current;
  for (const { turns } of group.rollouts) {
    for (const { versions } of turns) for (const version of versions) if (version < oldest) oldest = version;
  }
  return current - oldest;
}

/** Whether the group may no longer be trained on. The paper's `maxStaleness` is 8. */
export function isStale(
  group: Pick<ScoredGroup, 'rollouts'>,
  current: PolicyVersion,
  maxStaleness: number,
): boolean {
  return stalenessOf(group, current) > maxStaleness;
}

/** How many groups have each staleness. */
export function stalenessHistogram(
  groups: readonly Pick<ScoredGroup, 'rollouts'>[],
  current: PolicyVersion,
): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const group of groups) {
    const staleness = stalenessOf(group, current);
    counts[staleness] = (counts[staleness] ?? 0) + 1;
  }
  return counts;
}
