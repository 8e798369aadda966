/**
 * The nouns of RL above the seam: a prompt with its ordinal, the rollouts of its group, and what became of them.
 */
import type { TurnRecord } from '../../episode/types.js';

/** One draw from the task mix. The ordinal names it for good; a group is sampled for it, and counted once. */
export interface Prompt {
  readonly ordinal: number;
  readonly task: string;
  /** Which of the task's prompts. */
  readonly index: number;
  /** How often its group could not be scored, or was called off as a straggler, so far. */
  readonly failures: number;
}

/** One episode that ended with an outcome. */
export interface ScoredRollout {
  /** What the algorithm sees: the task's reward, shaped and scaled. */
  readonly reward: number;
  /** The task's reward itself. */
  readonly rawReward: number;
  /** The `kind` of the outcome. */
  readonly ending: string;
  readonly turns: readonly TurnRecord[];
}

/** A whole group: as many rollouts of one prompt as the group size says, all scored. */
export interface ScoredGroup {
  readonly prompt: Prompt;
  readonly rollouts: readonly ScoredRollout[];
}

/** A scored group with the advantage of each rollout. */
export interface AdvantagedGroup extends ScoredGroup {
  /** [rollout] */
  readonly advantages: readonly number[];
}

/** What became of one sampling of a prompt. */
export type GroupResult =
  | { readonly kind: 'scored'; readonly group: ScoredGroup }
  /** A rollout met an infrastructure failure that persisted. */
  | { readonly kind: 'unscored'; readonly prompt: Prompt; readonly reason: string }
  | { readonly kind: 'cancelled'; readonly prompt: Prompt; readonly reason: CalledOff };

/** Why a group was called off: it had grown too old to be trained on, or was long behind the others. */
export type CalledOff = 'too-old' | 'straggler';
