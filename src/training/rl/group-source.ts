/**
 * Where the trainer gets its groups from. Two ways:
 * - *waves* (synchronous): sample a number of groups, wait for all of them, train. Every token is on policy, and equal
 *   seeds give equal runs.
 * - a *stream* (asynchronous): a bounded number of groups is always under way, also while training goes on; finished
 *   ones wait in order of arrival. When as many wait as the bound allows, sampling pauses (back-pressure). Groups that
 *   have grown too old to be trained on are called off.
 * In both, a group that is long behind the others can be called off as a straggler.
 */
import { childController, onAbort } from '../../core/abort.js';
import type { Clock } from '../../core/clock.js';
import type { PolicyVersion } from '../../model/types.js';
import { GroupCalledOff } from './group.js';
import type { PromptQueue } from './prompt-queue.js';
import type { GroupResult, Prompt } from './types.js';

export interface GroupSource extends AsyncDisposable {
  /** The next results, at least one; in a wave at most `wanted`. Throws what a group threw. */
  next(wanted: number): Promise<readonly GroupResult[]>;
  /** Groups under way or waiting. */
  readonly inFlight: number;
  /** Tells of new weights. */
  onVersion(version: PolicyVersion): void;
}

/** Samples the group of a prompt; rejects with the signal's reason when aborted. */
export type StartGroup = (prompt: Prompt, signal: AbortSignal) => Promise<GroupResult>;

export interface SourceOptions {
  readonly queue: PromptQueue;
  readonly start: StartGroup;
  /** Most groups under way and waiting together; at least 1. */
  readonly maxInFlight: number;
  readonly version: PolicyVersion;
  readonly maxStaleness: number;
  /** A straggler is a group that has taken so many times the mean of the finished ones; none is called off by default. */
  readonly stragglerPatience?: number;
  /** The last of so many attempts at a prompt is never called off as a straggler. */
  readonly maxAttempts: number;
  readonly clock: Pick<Clock, 'now'>;
  /** Calls everything off; `next` then throws its reason. */
  readonly signal?: AbortSignal;
}

/** Results come in the order of the prompts. */
export function createWaveSource(options: SourceOptions): GroupSource {
  const { queue, maxInFlight, signal, version } = options;
  const { controller, release } = childController(signal);
  const crew = createCrew(options);
  let wave: Promise<unknown> = Promise.resolve();
  return {
    get inFlight() {
      return crew.running.size;
    },
    next: async (wanted) => {
      controller.signal.throwIfAborted();
      const prompts = Array.from({ length: Math.max(1, Math.min(wanted, maxInFlight)) }, () => queue.take());
      const settled = Promise.allSettled(
        prompts.map(async (prompt) => {
          try {
            return await crew.begin(prompt, version, controller.signal);
          } catch (error) {
            controller.abort(error);
            throw error;
          }
        }),
      );
      wave = settled;
      const results = await settled;
      controller.signal.throwIfAborted();
      return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    },
    onVersion: () => {},
    [Symbol.asyncDispose]: async () => {
      release();
      controller.abort(new Error('the training has ended'));
      await wave;
    },
  };
}

/** Results come in the order of arrival, one at a time. Sampling begins with the first `next`. */
export function createStreamSource(options: SourceOptions): GroupSource {
  const { queue, maxInFlight, maxStaleness } = options;
  const { controller: all, release } = childController(options.signal);
  const crew = createCrew(options);
  const ready: GroupResult[] = [];
  let version = options.version;
  let fault: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  let closed = false;
  const unlink = onAbort(options.signal, (reason) => {
    fault ??= { error: reason };
    wake?.();
  });

  const begin = (prompt: Prompt): void => {
    crew
      .begin(prompt, version, all.signal)
      .then((result) => void ready.push(result))
      .catch((error: unknown) => {
        fault ??= { error };
      })
      .finally(() => wake?.());
  };
  const fill = (): void => {
    while (!closed && !fault && crew.running.size + ready.length < maxInFlight) begin(queue.take());
  };
  return {
    get inFlight() {
      return crew.running.size + ready.length;
    },
    next: async () => {
      fill();
      while (ready.length === 0 && !fault) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (fault) throw fault.error;
      const result = ready.shift()!;
      fill();
      return [result];
    },
    onVersion: (next) => {
      version = next;
      for (const { controller, since } of crew.running) {
        if (next - since > maxStaleness) controller.abort(new GroupCalledOff('too-old'));
      }
      fill();
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      unlink();
      release();
      all.abort(new Error('the training has ended'));
      await Promise.all([...crew.running].map(({ done }) => done));
    },
  };
}

interface Running {
  readonly controller: AbortController;
  readonly since: PolicyVersion;
  readonly startedMs: number;
  /** Then it is not called off for being slow. */
  readonly lastAttempt: boolean;
  readonly done: Promise<unknown>;
}

/** The groups under way. Whenever one ends, those that are long behind are called off. */
function createCrew(options: SourceOptions) {
  const { start, clock, stragglerPatience, maxAttempts } = options;
  const running = new Set<Running>();
  let finished = 0;
  let totalMs = 0;

  const callOffStragglers = (): void => {
    if (stragglerPatience === undefined || finished < FEWEST_TO_COMPARE) return;
    const limitMs = (stragglerPatience * totalMs) / finished;
    for (const { controller, startedMs, lastAttempt } of running) {
      if (!lastAttempt && clock.now() - startedMs > limitMs)
        controller.abort(new GroupCalledOff('straggler'));
    }
  };
  const begin = (prompt: Prompt, since: PolicyVersion, signal: AbortSignal): Promise<GroupResult> => {
    const { controller, release } = childController(signal);
    const startedMs = clock.now();
    const result = start(prompt, controller.signal);
    const done = result
      .then(({ kind }) => {
        if (kind !== 'scored') return;
        finished += 1;
        totalMs += clock.now() - startedMs;
      })
      .catch(() => undefined)
      .finally(() => {
        release();
        running.delete(group);
        callOffStragglers();
      });
    const group: Running = {
      controller,
      since,
      startedMs,
      lastAttempt: prompt.failures + 1 >= maxAttempts,
      done,
    };
    running.add(group);
    return done.then(() => result);
  };
  return { running, begin };
}

/** Before so many groups have finished, nobody knows what slow is. */
const FEWEST_TO_COMPARE = 8;
