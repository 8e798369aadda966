/**
 * Supervised fine-tuning above the TrainingClient seam (paper §2.1): cross entropy on the assistant's tokens, as a mean
 * per weighted token of the batch; token-budget batches; warm-up, hold, linear decay; resumable in the middle of an
 * epoch. Every engine is driven alike; packing is the engine's business.
 */
import { type Clock, systemClock } from '../core/clock.js';
import { UsageError } from '../core/errors.js';
import type { Checkpoints } from './checkpoints.js';
import { type Budget, learningRateAt, progressOf, type Schedule, secondsLeft } from './schedule.js';
import { type DataPosition, type SftSource, sftBatches } from './sft-data.js';
import type { AdamParams, TrainingClient } from './types.js';

export type { SftExample, SftSource } from './sft-data.js';

export interface SftOptions {
  readonly source: SftSource;
  /** Most tokens of a step, prompts included. */
  readonly batchTokens: number;
  /** Whether a batch ends with an epoch, so that a budget of whole epochs takes every example equally often. */
  readonly wholeEpochs?: boolean;
  readonly budget: Budget;
  readonly schedule: Schedule;
  /** Everything but the learning rate, which the schedule gives. */
  readonly adam: Omit<AdamParams, 'learningRate'>;
  /** Where the run is kept, so that the same call goes on after a kill; without it nothing is saved. */
  readonly checkpoints?: Checkpoints<SftState>;
  /** Share of the budget between two saves; default 0.05. */
  readonly saveEvery?: number;
  /** Measures the model; the higher the better. Called at intervals, and at the end. */
  readonly validate?: {
    /** Share of the budget between two validations. */
    readonly every: number;
    run(client: TrainingClient, step: SftStep): Promise<number>;
  };
  readonly onStep?: (step: SftStep) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** What a step was like, for logs and progress. */
export interface SftStep {
  /** Optimizer steps so far, this one included. */
  readonly step: number;
  /** Mean loss per weighted token of the batch, before the step. */
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Tokens of this step, and of all steps so far. */
  readonly batchTokens: number;
  readonly tokens: number;
  readonly epoch: number;
  /** Training time over all sessions, validation and saving left out. */
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /** Share of the budget used, in [0, 1]. */
  readonly progress: number;
  readonly secondsLeft?: number;
}

/** What a run has to remember beside the weights. */
export interface SftState {
  readonly schema: 'sft-state/1';
  readonly steps: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly position: DataPosition;
  /** Examples that were longer than the engine takes. */
  readonly skipped: number;
  /** Intervals that are behind us. */
  readonly validations: number;
  readonly best?: number;
  readonly finished: boolean;
}

const FRESH: SftState = {
  schema: 'sft-state/1',
  steps: 0,
  tokens: 0,
  seconds: 0,
  position: { epoch: 0, index: 0 },
  skipped: 0,
  validations: 0,
  finished: false,
};

/** For `openCheckpoints`. Throws a UsageError for a state that this version did not write. */
export function parseSftState(state: unknown): SftState {
  if (typeof state === 'object' && state !== null && 'schema' in state && state.schema === FRESH.schema) {
    return state as SftState;
  }
  throw new UsageError(
    'the checkpoint was not written by this version of SFT; remove its folder to train anew',
  );
}

/**
 * Trains until the budget is used up, or goes on with what the checkpoints hold. Returns the last state. The client's
 * weights are those of the last step; the best by validation are in the checkpoints. Rejects when aborted.
 */
export async function trainSft(client: TrainingClient, options: SftOptions): Promise<SftState> {
  const { budget, schedule, checkpoints, validate, signal } = options;
  const clock = options.clock ?? systemClock;
  const saveEvery = options.saveEvery ?? 0.05;
  const saved = await checkpoints?.load('latest');
  if (saved) await client.loadState(saved.folder);
  let state = saved?.state ?? FRESH;
  if (state.finished) return state;

  const batches = sftBatches(options.source, {
    batchTokens: options.batchTokens,
    maxLength: client.maxLength,
    start: state.position,
    wholeEpochs: options.wholeEpochs === true,
  });
  let savedAt = progressOf(state, budget);
  let batch = (await batches.next()).value;
  for (;;) {
    signal?.throwIfAborted();
    const startedMs = clock.now();
    const middle = { ...state, steps: state.steps + 0.5, tokens: state.tokens + batch.tokens / 2 };
    const learningRate = learningRateAt(middle, budget, schedule);
    // Both are queued at once; the next batch is made ready while the engine works.
    const work = Promise.all([
      client.forwardBackward(batch.data, { kind: 'cross_entropy' }),
      client.optimStep({ ...options.adam, learningRate }),
    ]);
    const [[{ lossSum: loss }, { gradNorm }], { value: nextBatch }] = await Promise.all([
      work,
      batches.next(),
    ]);
    const stepSeconds = (clock.now() - startedMs) / 1000;
    state = {
      ...state,
      steps: state.steps + 1,
      tokens: state.tokens + batch.tokens,
      seconds: state.seconds + stepSeconds,
      position: batch.next,
      skipped: state.skipped + batch.skipped,
    };
    const progress = progressOf(state, budget);
    const left = secondsLeft(state, budget);
    const step: SftStep = {
      step: state.steps,
      loss,
      gradNorm,
      learningRate,
      batchTokens: batch.tokens,
      tokens: state.tokens,
      epoch: batch.next.epoch,
      seconds: state.seconds,
      tokensPerSecond: stepSeconds > 0 ? batch.tokens / stepSeconds : 0,
      progress,
      ...(left !== undefined && { secondsLeft: left }),
    };
    await options.onStep?.(step);
    const finished = progress >= 1;
    let better = false;
    if (validate && (finished || progress >= (state.validations + 1) * validate.every)) {
      const score = await validate.run(client, step);
      better = state.best === undefined || score > state.best;
      state = {
        ...state,
        validations: Math.floor(progress / validate.every),
        best: better ? score : state.best!,
      };
    }
    state = { ...state, finished };
    if (checkpoints && (finished || better || progress >= savedAt + saveEvery)) {
      await checkpoints.save(client, state.steps, state, better ? ['best', 'latest'] : ['latest']);
      savedAt = progress;
    }
    if (finished) return state;
    batch = nextBatch;
  }
}
