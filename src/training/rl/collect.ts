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
  /** Put back for being slow. */
  readonly stragglers: number;
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

/** So many groups in a row that could not be scored are an outage, and no matter of their prompts. */
const OUTAGE_GROUPS = 8;

/**
 * Collects groups until the batch is full. Throws an InfrastructureError when nothing can be scored any more, as when the
 * sampler or the sandbox is gone: going on would give up prompt after prompt. What was taken since the last save is then
 * sampled again by the next session.
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
  let stragglers = 0;
  let unscored = 0;
  let unscoredInARow = 0;
  let rejected = 0;

  const sort = (result: GroupResult): void => {
    switch (result.kind) {
      case 'scored': {
        if (isStale(result.group, version, maxStaleness)) {
          stale += 1;
          queue.putBack(result.group.prompt);
          return;
        }
        unscoredInARow = 0;
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
      case 'cancelled': {
        const { prompt, reason } = result;
        if (reason === 'too-old') stale += 1;
        else stragglers += 1;
        // A straggler with the same random numbers would be one again.
        queue.putBack(reason === 'too-old' ? prompt : { ...prompt, failures: prompt.failures + 1 });
        return;
      }
      case 'unscored': {
        const { prompt, reason } = result;
        failures[reason] = (failures[reason] ?? 0) + 1;
        unscoredInARow += 1;
        if (unscoredInARow >= OUTAGE_GROUPS) throw outage(unscoredInARow, reason);
        if (prompt.failures + 1 < maxAttempts) {
          unscored += 1;
          queue.putBack({ ...prompt, failures: prompt.failures + 1 });
          return;
        }
        queue.finish(prompt);
        counted.push({ kind: 'abandoned', prompt, reason });
        return;
      }
      default:
        result satisfies never;
    }
  };
  while (!isFull(batch, limits)) {
    for (const result of await source.next(groupsWanted(batch, limits, tokensPerGroup))) sort(result);
  }
  return { batch, counted, stale, stragglers, unscored, failures, rejected };
}

function outage(groups: number, reason: string): InfrastructureError {
  return new InfrastructureError(
    `RL cannot go on: the last ${groups} groups could not be scored. ${reason}. Once it is mended, the same command goes ` +
      'on from the last save',
    { code: 'nothing-can-be-scored', boundary: 'engine', retryable: true },
  );
}
