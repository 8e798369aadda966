/** Rollouts and groups to write RL tests about. */
import type { TurnRecord } from '../../src/episode/types.js';
import type { PolicyVersion } from '../../src/model/types.js';
import type { ScoredGroup, ScoredRollout } from '../../src/training/rl/types.js';

/** A turn of `length` tokens, by default trained, of version 0, each token with log-probability −1. */
export function makeTurn(length: number, fields: Partial<TurnRecord> = {}): TurnRecord {
  const all = <T>(value: T): T[] => new Array<T>(length).fill(value);
  return {
    purpose: 'solve',
    trained: true,
    promptTokens: [1],
    tokens: all(2),
    logprobs: all(-1),
    versions: all(0 as PolicyVersion),
    stopReason: 'stop',
    ...fields,
  };
}

export function makeRollout(reward: number, ...turns: readonly TurnRecord[]): ScoredRollout {
  return { reward, rawReward: reward, ending: 'program', turns };
}

/** One rollout per pair of reward and length. */
export function makeGroup(
  members: readonly (readonly [number, number])[],
  ordinal = 0,
  task = 'solve',
): ScoredGroup {
  return {
    prompt: { ordinal, task, index: 0, failures: 0 },
    rollouts: members.map(([reward, length]) => makeRollout(reward, makeTurn(length))),
  };
}
