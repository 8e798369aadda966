/**
 * Filling one batch from the source of groups: each result is counted, or its prompt put back.
 */
import { InfrastructureError } from '../../core/errors.js';
import type { PolicyVersion } from '../../model/types.js';
import { isMixed, withAdvantages } from './advantages.js';
import { addGroup, type Batch, type BatchLimits, EMPTY_BATCH, groupsWanted, isFull } from './batching.js';
import type { GroupSource } from './group-source.js';
import type { CountedGroup } from './options.js';
import type { PromptQueue } from './prompt-queue.js';
import { isStale, stalenessOf } from './staleness.js';
import type { GroupResult, ScoredRollout } from './types.js';

export interface Collected {
  readonly batch: Batch;
  readonly counted: readonly CountedGroup[];
  /** Put back for being too old. */
  readonly stale: number;
  /** Put back for an infrastructure failure. */
  readonly unscored: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Rollouts that were not to be trained on. */
  readonly rejected: number;
}

export interface CollectOptions {
  readonly limits: BatchLimits;
  readonly maxStaleness: number;
  /** Tries of a prompt before it is given up. */
  readonly maxAttempts: number;
  /** What a group of the batch before counted on average, if there was one. */
  readonly tokensPerGroup: number | undefined;
  readonly reject?: (rollout: ScoredRollout) => boolean;
  /** Of the weights that will be trained. */
  readonly version: PolicyVersion;
}

/**
 * Collects groups until the batch is full. Throws an InfrastructureError when more groups had to be given up than a
 * batch may hold: then nothing can be scored, and going on would only burn time.
 */
export async function collectBatch(
  source: GroupSource,
  queue: PromptQueue,
  { limits, maxStaleness, maxAttempts, tokensPerGroup, reject, version }: CollectOptions,
): Promise<Collected> {
  const counted: CountedGroup[] = [];
  const failures: Record<string, number> = {};
  let batch = EMPTY_BATCH;
  let stale = 0;
  let unscored = 0;
  let abandoned = 0;
  let rejected = 0;

  const sort = (result: GroupResult): void => {
    switch (result.kind) {
      case 'scored': {
        if (isStale(result.group, version, maxStaleness)) {
          stale += 1;
          queue.putBack(result.group.prompt);
          return;
        }
        const group = withAdvantages(result.group, reject);
        if (reject) rejected += group.rollouts.filter(reject).length;
        batch = addGroup(batch, group);
        queue.finish(group.prompt);
        counted.push({
          kind: isMixed(group) ? 'trained' : 'uniform',
          group,
          staleness: stalenessOf(group, version),
        });
        return;
      }
      case 'cancelled':
        stale += 1;
        queue.putBack(result.prompt);
        return;
      case 'unscored': {
        const { prompt, reason } = result;
        failures[reason] = (failures[reason] ?? 0) + 1;
        if (prompt.failures + 1 < maxAttempts) {
          unscored += 1;
          queue.putBack({ ...prompt, failures: prompt.failures + 1 });
          return;
        }
        abandoned += 1;
        queue.finish(prompt);
        counted.push({ kind: 'abandoned', prompt, reason });
        if (abandoned > limits.maxGroups) throw hopeless(abandoned, reason);
        return;
      }
      default:
        result satisfies never;
    }
  };
  while (!isFull(batch, limits)) {
    for (const result of await source.next(groupsWanted(batch, limits, tokensPerGroup))) sort(result);
  }
  return { batch, counted, stale, unscored, failures, rejected };
}

function hopeless(abandoned: number, reason: string): InfrastructureError {
  return new InfrastructureError(
    `RL cannot go on: ${abandoned} groups in one step could not be scored. ${reason}`,
    {
      code: 'nothing-can-be-scored',
      boundary: 'engine',
      retryable: false,
    },
  );
}
