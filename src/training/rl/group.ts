/**
 * Sampling one group: as many rollouts of a prompt as the group size says, side by side; all scored, or none counted.
 */
import { childController } from '../../core/abort.js';
import type { RlTask, Roll } from './tasks.js';
import type { GroupResult, Prompt, ScoredRollout } from './types.js';

/** The reason with which a group is called off that has grown too old. */
export const TOO_OLD = Symbol('too old to be trained on');

/** A `Roll` that can be called off. */
export type CancellableRoll = (signal: AbortSignal) => Roll;

/**
 * Samples a group. The first rollout that stays unscored calls the others off. Everything that was started has ended
 * when this returns or throws. Rejects with the signal's reason when aborted, unless that is `TOO_OLD`.
 */
export async function sampleGroup(
  task: RlTask,
  prompt: Prompt,
  groupSize: number,
  roll: CancellableRoll,
  options: { readonly seed: number | string; readonly signal: AbortSignal },
): Promise<GroupResult> {
  const { controller: group, release } = childController(options.signal);
  let unscored: string | undefined;
  let fault: { readonly error: unknown } | undefined;
  const rollouts = await Promise.all(
    Array.from({ length: groupSize }, async (_, member): Promise<ScoredRollout | undefined> => {
      try {
        const seed = `${options.seed}/${prompt.ordinal}/${prompt.failures}/${member}`;
        const attempt = await task.attempt(prompt.index, seed, roll(group.signal));
        if (!('kind' in attempt)) return attempt;
        unscored ??= attempt.reason;
      } catch (error) {
        if (!group.signal.aborted) fault ??= { error };
      }
      group.abort(new Error('another rollout of the group failed'));
      return undefined;
    }),
  );
  release();
  if (fault) throw fault.error;
  if (options.signal.aborted && options.signal.reason === TOO_OLD) return { kind: 'cancelled', prompt };
  options.signal.throwIfAborted();
  if (unscored !== undefined) return { kind: 'unscored', prompt, reason: unscored };
  return { kind: 'scored', group: { prompt, rollouts: rollouts as ScoredRollout[] } };
}
