/**
 * Reinforcement learning above the TrainingClient seam, as CWM does it (paper §5, A.3; DESIGN.md): groups of rollouts
 * per prompt, advantages against the length-weighted mean of the group, batches by token budget, the clipped objective
 * of policy-data.ts without a KL term. Synchronous, or asynchronous with rollouts going on beside training.
 *
 * A step: collect a batch → train on it → put the new weights behind the sampler → count, report, validate, save.
 */
import { systemClock } from '../../core/clock.js';
import { rollout } from '../../episode/rollout.js';
import { learningRateAt, progressOf, secondsLeft } from '../schedule.js';
import { type SftBatch, sftBatches } from '../sft-data.js';
import type { TrainingClient } from '../types.js';
import { modelTokens } from './advantages.js';
import { type Collected, collectBatch } from './collect.js';
import { type CancellableRoll, sampleGroup } from './group.js';
import { createStreamSource, createWaveSource, type GroupSource } from './group-source.js';
import { createLiveSampler, type LiveSampler } from './live-sampler.js';
import {
  FRESH_RL_STATE,
  type ResolvedRlOptions,
  type RlOptions,
  type RlState,
  type RlStep,
  resolveRlOptions,
} from './options.js';
import { createPromptQueue, type PromptQueue } from './prompt-queue.js';
import { stalenessHistogram } from './staleness.js';
import { taskMetrics } from './step-metrics.js';
import { trainBatch, type UpdateResult } from './train-batch.js';

/**
 * Trains until the budget is used up, or goes on with what the checkpoints hold. Returns the last state. The client's
 * weights are those of the last step; the best by validation are in the checkpoints. Rejects with the signal's reason
 * when aborted; nothing is left running then.
 */
export async function trainRl(client: TrainingClient, given: RlOptions): Promise<RlState> {
  const options = resolveRlOptions(given);
  const saved = await options.checkpoints?.load('latest');
  if (saved) await client.loadState(saved.folder);
  let state = saved?.state ?? FRESH_RL_STATE;
  if (state.finished || progressOf(state, options.budget) >= 1) return state;

  const queue = createPromptQueue(options.tasks, options.seed, state.prompts);
  const replay = createReplay(client, options, state);
  await using live = createLiveSampler(await client.saveWeightsForSampler(), options.weightRefresh);
  await using source = createSource(client, options, queue, live, () => progressOf(state, options.budget));
  while (!state.finished) {
    options.signal?.throwIfAborted();
    const { step, collected, position } = await takeStep(client, options, {
      queue,
      source,
      live,
      state,
      replay,
    });
    state = {
      ...state,
      steps: step.step,
      tokens: step.tokens,
      seconds: step.seconds,
      prompts: queue.state(),
      tokensPerGroup: collected.batch.tokens / collected.batch.groups.length,
      replay: position,
      finished: step.progress >= 1,
    };
    await options.onStep?.(step, collected.counted);
    state = await validateAndSave(client, options, live, state, step);
  }
  return state;
}

interface Parts {
  readonly queue: PromptQueue;
  readonly source: GroupSource;
  readonly live: LiveSampler;
  readonly state: RlState;
  readonly replay: AsyncGenerator<SftBatch, never, void> | undefined;
}

async function takeStep(client: TrainingClient, options: ResolvedRlOptions, parts: Parts) {
  const { queue, source, live, state, replay } = parts;
  const clock = options.clock ?? systemClock;
  const startedMs = clock.now();
  const collected = await collectBatch(source, queue, {
    limits: options.batch,
    maxStaleness: options.maxStaleness,
    maxAttempts: options.maxAttempts,
    tokensPerGroup: state.tokensPerGroup,
    ...(options.reject && { reject: options.reject }),
    version: client.version,
  });
  const collectedMs = clock.now();
  const { batch } = collected;
  const staleness = stalenessHistogram(batch.mixed, client.version);
  const middle = { ...state, steps: state.steps + 0.5, tokens: state.tokens + batch.tokens / 2 };
  const learningRate = learningRateAt(middle, options.budget, options.schedule);
  let position = state.replay;
  let update: UpdateResult | undefined;
  if (batch.mixed.length > 0) {
    update = await trainBatch(client, batch.mixed, {
      clip: options.clip,
      normalizer: options.normalizer,
      updatesPerBatch: options.updatesPerBatch,
      adam: { ...options.adam, learningRate },
      ...(options.reference &&
        state.steps % options.reference.every === 0 && { reference: options.reference.client }),
      ...(replay && {
        replay: {
          weight: options.replay!.weight,
          next: async () => {
            const { value } = await replay.next();
            position = value.next;
            return value;
          },
        },
      }),
    });
    live.swap(await client.saveWeightsForSampler());
    source.onVersion(client.version);
  }
  const stepSeconds = (clock.now() - startedMs) / 1000;
  const waitingSeconds = (collectedMs - startedMs) / 1000;
  const step = describeStep(client, options, state, collected, update, {
    learningRate,
    stepSeconds,
    waitingSeconds,
  });
  return { step: { ...step, staleness }, collected, position };
}

function describeStep(
  client: TrainingClient,
  options: ResolvedRlOptions,
  state: RlState,
  { batch, counted, stale, stragglers, unscored, failures, rejected }: Collected,
  update: UpdateResult | undefined,
  times: { readonly learningRate: number; readonly stepSeconds: number; readonly waitingSeconds: number },
): Omit<RlStep, 'staleness'> {
  const spent = {
    steps: state.steps + 1,
    tokens: state.tokens + batch.tokens,
    seconds: state.seconds + times.stepSeconds,
  };
  const sampledTokens = batch.groups
    .flatMap(({ rollouts }) => rollouts)
    .reduce((sum, rollout) => sum + modelTokens(rollout), 0);
  const left = secondsLeft(spent, options.budget);
  return {
    step: spent.steps,
    version: client.version,
    ...times,
    ...(update && { loss: update.loss, gradNorm: update.gradNorm }),
    ...(update?.policy && { policy: update.policy }),
    ...(update?.replayLoss !== undefined && { replayLoss: update.replayLoss }),
    tasks: taskMetrics(batch.groups),
    mixedShare: batch.groups.length > 0 ? batch.mixed.length / batch.groups.length : 0,
    groups: {
      trained: batch.mixed.length,
      uniform: batch.groups.length - batch.mixed.length,
      stale,
      stragglers,
      unscored,
      abandoned: counted.filter(({ kind }) => kind === 'abandoned').length,
    },
    failures,
    rejected,
    sampledTokens,
    trainedTokens: batch.tokens,
    tokens: spent.tokens,
    seconds: spent.seconds,
    tokensPerSecond: times.stepSeconds > 0 ? sampledTokens / times.stepSeconds : 0,
    progress: progressOf(spent, options.budget),
    ...(left !== undefined && { secondsLeft: left }),
  };
}

async function validateAndSave(
  client: TrainingClient,
  options: ResolvedRlOptions,
  live: LiveSampler,
  reached: RlState,
  step: RlStep,
): Promise<RlState> {
  const { validate, checkpoints, saveEvery } = options;
  let state = reached;
  let better = false;
  if (validate && (state.finished || state.steps % validate.every === 0)) {
    const score = await validate.run(live, step);
    better = state.best === undefined || score > state.best;
    if (better) state = { ...state, best: score };
  }
  if (checkpoints && (state.finished || better || state.steps % saveEvery === 0)) {
    await checkpoints.save(client, state.steps, state, better ? ['best', 'latest'] : ['latest']);
  }
  return state;
}

function createSource(
  client: TrainingClient,
  options: ResolvedRlOptions,
  queue: PromptQueue,
  live: LiveSampler,
  progress: () => number,
): GroupSource {
  const { renderer, sandbox, groupSize, seed } = options;
  const roll: CancellableRoll = (signal) => (episode) =>
    rollout(episode, live, renderer, sandbox, {
      signal,
      ...(options.retry && { retry: options.retry }),
      ...(options.clock && { clock: options.clock }),
    });
  const tasks = new Map(options.tasks.map((task) => [task.name, task]));
  const create = options.rollouts === 'synchronous' ? createWaveSource : createStreamSource;
  return create({
    queue,
    maxInFlight: options.groupsInFlight,
    maxStaleness: options.maxStaleness,
    maxAttempts: options.maxAttempts,
    ...(options.stragglerPatience !== undefined && { stragglerPatience: options.stragglerPatience }),
    clock: options.clock ?? systemClock,
    version: client.version,
    ...(options.signal && { signal: options.signal }),
    start: (prompt, signal) => {
      const task = tasks.get(prompt.task);
      if (!task) throw new Error(`there is no task ${prompt.task}`);
      return sampleGroup(task, prompt, groupSize, roll, { seed, signal, progress: progress() });
    },
  });
}

function createReplay(
  client: TrainingClient,
  { replay }: ResolvedRlOptions,
  state: RlState,
): Parts['replay'] {
  if (!replay) return undefined;
  const { source, batchTokens } = replay;
  return sftBatches(source, { batchTokens, maxLength: client.maxLength, start: state.replay });
}
