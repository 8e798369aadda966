/**
 * Sampling one group: as many rollouts of a prompt as the group size says, side by side; all scored, or none counted.
 */
import { childController } from '../../core/abort.js';
import type { RlTask, Roll } from './tasks.js';
import type { CalledOff, GroupResult, Prompt, ScoredRollout } from './types.js';

/** What a group's signal is aborted with when that group alone is called off. */
export class GroupCalledOff extends Error {
  readonly why: CalledOff;

  constructor(why: CalledOff) {
    super(`the group was called off: ${why}`);
    this.why = why;
  }
}

/** A `Roll` that can be called off. */
export type CancellableRoll = (signal: AbortSignal) => Roll;

/**
 * Samples a group. The first rollout that stays unscored calls the others off. Everything that was started has ended
 * when this returns or throws. Rejects with the signal's reason when aborted, unless that is
 * a `GroupCalledOff`.
 */
export async function sampleGroup(
  task: RlTask,
  prompt: Prompt,
  groupSize: number,
  roll: CancellableRoll,
  options: { readonly seed: number | string; readonly signal: AbortSignal; readonly progress: number },
): Promise<GroupResult> {
  const { controller: group, release } = childController(options.signal);
  let unscored: string | undefined;
  let fault: { readonly error: unknown } | undefined;
  const rollouts = await Promise.all(
    Array.from({ length: groupSize }, async (_, member): Promise<ScoredRollout | undefined> => {
      try {
        const seed = `${options.seed}/${prompt.ordinal}/${prompt.failures}/${member}`;
        const attempt = await task.attempt(prompt.index, seed, roll(group.signal), options.progress);
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
  const { aborted, reason } = options.signal;
  if (aborted && reason instanceof GroupCalledOff) return { kind: 'cancelled', prompt, reason: reason.why };
  options.signal.throwIfAborted();
  if (unscored !== undefined) return { kind: 'unscored', prompt, reason: unscored };
  return { kind: 'scored', group: { prompt, rollouts: rollouts as ScoredRollout[] } };
}
