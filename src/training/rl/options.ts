/**
 * What RL is told, what it reports, and what it remembers. Defaults are the paper's and CWM's (PAPER.md §3; field-notes A).
 */
import type { Clock } from '../../core/clock.js';
import { UsageError } from '../../core/errors.js';
import type { RetryPolicy } from '../../episode/drive.js';
import type { Sandbox } from '../../execution/types.js';
import type { ChatRenderer } from '../../model/renderer.js';
import type { PolicyVersion, Sampler } from '../../model/types.js';
import type { Checkpoints } from '../checkpoints.js';
import type { Budget, Schedule } from '../schedule.js';
import type { DataPosition, SftSource } from '../sft-data.js';
import type { AdamParams, TrainingClient } from '../types.js';
import type { BatchLimits } from './batching.js';
import type { WeightRefresh } from './live-sampler.js';
import type { PromptQueueState } from './prompt-queue.js';
import type { PolicyMetrics, TaskMetrics } from './step-metrics.js';
import type { RlTask } from './tasks.js';
import type { AdvantagedGroup, Prompt, ScoredRollout } from './types.js';

export interface RlOptions {
  readonly tasks: readonly RlTask[];
  readonly renderer: ChatRenderer;
  /** For episodes that run programs. */
  readonly sandbox?: Sandbox;
  readonly seed: number | string;
  /** Rollouts per prompt; default 8. */
  readonly groupSize?: number;
  /** When a step's batch is full. */
  readonly batch: BatchLimits;
  /** `synchronous`: sample, then train, on policy. `asynchronous`: sample while training goes on. */
  readonly rollouts: 'synchronous' | 'asynchronous';
  /**
   * Asynchronous: most groups under way and waiting together. Synchronous: most groups of one wave, which is otherwise
   * as large as the batch is expected to need. Default: as many as a batch may hold.
   */
  readonly groupsInFlight?: number;
  /** Asynchronous: whether turns under way go on with new weights (live-sampler.ts); default `mid-turn`, as CWM's do. */
  readonly weightRefresh?: WeightRefresh;
  /** Policy steps after which a group is discarded and its prompt put back; default 8. */
  readonly maxStaleness?: number;
  /**
   * Calls off a group that has been under way for so many times the mean of the finished ones (2 or more, say), and puts
   * its prompt back, to be sampled anew; its last attempt is never called off. What is slow is often what is long, so
   * this favours short answers. Default: nothing is called off for being slow.
   */
  readonly stragglerPatience?: number;
  /** Ratio thresholds of the clip; default 0.8 and 1.25. */
  readonly clip?: { readonly low: number; readonly high: number };
  /** N of the objective (policy-data.ts); default: the token budget of a batch. */
  readonly normalizer?: number;
  /** Optimizer steps per batch; default 1. */
  readonly updatesPerBatch?: number;
  readonly adam: Omit<AdamParams, 'learningRate'>;
  readonly schedule: Schedule;
  /** Steps, trained tokens, or seconds of sampling and training. */
  readonly budget: Budget;
  /** Supervised examples trained beside the rollouts, against forgetting; default none. */
  readonly replay?: {
    readonly source: SftSource;
    /** Sequence tokens per optimizer step. */
    readonly batchTokens: number;
    /** Weight of a replayed token against an RL token of advantage 1. */
    readonly weight: number;
  };
  /** Rollouts that are not to be trained on, such as gibberish (shaping.ts); they are counted. Default: none. */
  readonly reject?: (rollout: ScoredRollout) => boolean;
  /** Weights that the policy's divergence is measured from, every so many steps; default: not measured. */
  readonly reference?: { readonly client: Pick<TrainingClient, 'forward'>; readonly every: number };
  /** How often a prompt is sampled whose group stays unscored, before it is given up; default 3. */
  readonly maxAttempts?: number;
  readonly retry?: RetryPolicy;
  /** Where the run is kept, so that the same call goes on after a kill; without it nothing is saved. */
  readonly checkpoints?: Checkpoints<RlState>;
  /** Steps between two saves; default 10. */
  readonly saveEvery?: number;
  /** Measures the policy; the higher the better. Called at intervals, and at the end. */
  readonly validate?: {
    /** Steps between two validations; the paper's is 200. */
    readonly every: number;
    run(sampler: Pick<Sampler, 'sample' | 'version'>, step: RlStep): Promise<number>;
  };
  /** Called after each step. After a resume, rows of steps beyond the checkpoint's come again: replace those. */
  readonly onStep?: (step: RlStep, groups: readonly CountedGroup[]) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** A prompt that was counted in a step, once and for good. */
export type CountedGroup =
  /** `uniform`: all rewards equal, so that there was nothing to train on. */
  | { readonly kind: 'trained' | 'uniform'; readonly group: AdvantagedGroup; readonly staleness: number }
  /** Could not be scored, however often it was tried. */
  | { readonly kind: 'abandoned'; readonly prompt: Prompt; readonly reason: string };

/** What a step was like. */
export interface RlStep {
  readonly step: number;
  /** Of the weights after the step. */
  readonly version: PolicyVersion;
  readonly learningRate: number;
  /** Absent, like `gradNorm` and `policy`, when no group had differing rewards and so nothing was trained. */
  readonly loss?: number;
  readonly gradNorm?: number;
  readonly policy?: PolicyMetrics;
  readonly replayLoss?: number;
  readonly tasks: Readonly<Record<string, TaskMetrics>>;
  /** Share of the scored groups whose rewards differ. */
  readonly mixedShare: number;
  readonly groups: {
    readonly trained: number;
    readonly uniform: number;
    /** Discarded as too old, or called off for it; their prompts were put back. */
    readonly stale: number;
    /** Called off for being slow; their prompts were put back. */
    readonly stragglers: number;
    /** Met an infrastructure failure; their prompts were put back. */
    readonly unscored: number;
    readonly abandoned: number;
  };
  /** Why groups stayed unscored or were abandoned, with counts. */
  readonly failures: Readonly<Record<string, number>>;
  /** Rollouts that `reject` left out. */
  readonly rejected: number;
  /** How many of the trained groups have each staleness. */
  readonly staleness: Readonly<Record<number, number>>;
  /** Tokens that were sampled for this step's groups, and those of them that were trained. */
  readonly sampledTokens: number;
  readonly trainedTokens: number;
  /** Trained tokens over all steps. */
  readonly tokens: number;
  /** Of this step: all of it, and of that the time spent waiting for groups. */
  readonly stepSeconds: number;
  readonly waitingSeconds: number;
  /** Over all steps and sessions. */
  readonly seconds: number;
  /** Sampled tokens per second of the step. */
  readonly tokensPerSecond: number;
  /** Share of the budget used, in [0, 1]. */
  readonly progress: number;
  readonly secondsLeft?: number;
}

/** What a run has to remember beside the weights. */
export interface RlState {
  readonly schema: 'rl-state/1';
  readonly steps: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly prompts: PromptQueueState;
  readonly replay: DataPosition;
  /** Counted tokens per group of the last batch, from which the next is sized; absent before the first. */
  readonly tokensPerGroup?: number;
  readonly best?: number;
  readonly finished: boolean;
}

export const FRESH_RL_STATE: RlState = {
  schema: 'rl-state/1',
  steps: 0,
  tokens: 0,
  seconds: 0,
  prompts: { nextOrdinal: 0, issued: {}, unfinished: [] },
  replay: { epoch: 0, index: 0 },
  finished: false,
};

/** For `openCheckpoints`. Throws a UsageError for a state that this version did not write. */
export function parseRlState(state: unknown): RlState {
  if (
    typeof state === 'object' &&
    state !== null &&
    'schema' in state &&
    state.schema === FRESH_RL_STATE.schema
  ) {
    return state as RlState;
  }
  throw new UsageError(
    'the checkpoint was not written by this version of RL; remove its folder to train anew',
  );
}

/** The options with their defaults. Throws a UsageError for values that cannot be. */
export function resolveRlOptions(options: RlOptions) {
  const { batch } = options;
  if (options.tasks.length === 0) throw new UsageError('RL needs at least one task');
  if (!(batch.tokenBudget > 0) || !(batch.maxGroups >= 1)) {
    throw new UsageError(
      `a batch needs a positive token budget and at least one group; got ${batch.tokenBudget} and ${batch.maxGroups}`,
    );
  }
  const groupSize = options.groupSize ?? 8;
  if (options.stragglerPatience !== undefined && !(options.stragglerPatience > 1)) {
    throw new UsageError(
      `stragglerPatience is a multiple of a group's mean time, above 1; got ${options.stragglerPatience}`,
    );
  }
  if (!(groupSize >= 2))
    throw new UsageError(`a group needs at least 2 rollouts to compare, got ${groupSize}`);
  return {
    ...options,
    groupSize,
    groupsInFlight: options.groupsInFlight ?? batch.maxGroups,
    weightRefresh: options.weightRefresh ?? 'mid-turn',
    maxStaleness: options.maxStaleness ?? 8,
    clip: options.clip ?? { low: 0.8, high: 1.25 },
    normalizer: options.normalizer ?? batch.tokenBudget,
    updatesPerBatch: options.updatesPerBatch ?? 1,
    maxAttempts: options.maxAttempts ?? 3,
    saveEvery: options.saveEvery ?? 10,
  };
}

export type ResolvedRlOptions = ReturnType<typeof resolveRlOptions>;
