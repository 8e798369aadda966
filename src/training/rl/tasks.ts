/**
 * An RL task: prompts, the episode that each of them is, and the reward of its outcome.
 */
import type { Reward } from '../../episode/rewards.js';
import type { Episode, Trajectory } from '../../episode/types.js';
import type { PromptTask } from './prompt-queue.js';
import type { ScoredRollout } from './types.js';

/** Rolls an episode out; the loop fills in the sampler, the renderer and the sandbox. */
export type Roll = <Outcome>(episode: Episode<Outcome>) => Promise<Trajectory<Outcome>>;

/** A task whose kind of outcome is its own business. Made by `createRlTask`. */
export interface RlTask extends PromptTask {
  /**
   * One rollout of a prompt. `seed` differs between the members of a group; `progress` in [0, 1] is the share of the
   * budget that was used when the group began.
   */
  attempt(
    index: number,
    seed: string,
    roll: Roll,
    progress: number,
  ): Promise<ScoredRollout | { readonly kind: 'unscored'; readonly reason: string }>;
}

export interface RlTaskOptions<Outcome extends { readonly kind: string }> {
  readonly name: string;
  /** Relative share of the samples (paper A.3: output prediction 15%, beside Self-RLEF 25%). */
  readonly weight: number;
  /** Number of prompts; `Infinity` where they are made up without end. */
  readonly size: number;
  /** What the shaped reward is multiplied by (paper A.3: output prediction 0.8); default 1. */
  readonly rewardScale?: number;
  readonly reward: Reward<Outcome>;
  /** What becomes of the reward in view of the tokens that the model wrote, such as `penaliseLength`; default: nothing. */
  readonly shape?: (reward: number, tokens: number) => number;
  /** The episode of a prompt, at that share of the budget. Equal arguments give equal episodes. */
  episode(index: number, seed: string, progress: number): Episode<Outcome>;
}

export function createRlTask<Outcome extends { readonly kind: string }>(
  options: RlTaskOptions<Outcome>,
): RlTask {
  const { name, weight, size, rewardScale = 1, reward } = options;
  return {
    name,
    weight,
    size,
    attempt: async (index, seed, roll, progress) => {
      const trajectory = await roll(options.episode(index, seed, progress));
      if (trajectory.kind === 'unscored') return { kind: 'unscored', reason: trajectory.reason };
      const { outcome, turns } = trajectory;
      const rawReward = reward.score(outcome);
      const tokens = turns.reduce((sum, turn) => sum + turn.tokens.length, 0);
      const shaped = options.shape ? options.shape(rawReward, tokens) : rawReward;
      return { reward: rewardScale * shaped, rawReward, ending: outcome.kind, turns };
    },
  };
}
