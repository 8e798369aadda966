/**
 * Where the trainer gets its groups from. Two ways:
 * - *waves* (synchronous): sample a number of groups, wait for all of them, train. Every token is on policy, and equal
 *   seeds give equal runs.
 * - a *stream* (asynchronous): a bounded number of groups is always under way, also while training goes on; finished
 *   ones wait in order of arrival. When as many wait as the bound allows, sampling pauses (back-pressure). Groups that
 *   have grown too old to be trained on are called off.
 */
import { childController, onAbort } from '../../core/abort.js';
import type { PolicyVersion } from '../../model/types.js';
import { TOO_OLD } from './group.js';
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
  /** Calls everything off; `next` then throws its reason. */
  readonly signal?: AbortSignal;
}

/** Results come in the order of the prompts. */
export function createWaveSource({ queue, start, maxInFlight, signal }: SourceOptions): GroupSource {
  const { controller, release } = childController(signal);
  let wave: Promise<unknown> = Promise.resolve();
  let inFlight = 0;
  return {
    get inFlight() {
      return inFlight;
    },
    next: async (wanted) => {
      controller.signal.throwIfAborted();
      const prompts = Array.from({ length: Math.max(1, Math.min(wanted, maxInFlight)) }, () => queue.take());
      inFlight = prompts.length;
      const settled = Promise.allSettled(
        prompts.map(async (prompt) => {
          try {
            return await start(prompt, controller.signal);
          } catch (error) {
            controller.abort(error);
            throw error;
          }
        }),
      );
      wave = settled;
      const results = await settled;
      inFlight = 0;
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

interface Running {
  readonly controller: AbortController;
  readonly since: PolicyVersion;
  readonly done: Promise<void>;
}

/** Results come in the order of arrival, one at a time. Sampling begins with the first `next`. */
export function createStreamSource(options: SourceOptions): GroupSource {
  const { queue, start, maxInFlight, maxStaleness } = options;
  const ready: GroupResult[] = [];
  const running = new Set<Running>();
  let version = options.version;
  let fault: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  let closed = false;
  const unlink = onAbort(options.signal, (reason) => {
    fault ??= { error: reason };
    for (const { controller } of running) controller.abort(reason);
    wake?.();
  });

  const begin = (prompt: Prompt): void => {
    const controller = new AbortController();
    const done = start(prompt, controller.signal)
      .then((result) => void ready.push(result))
      .catch((error: unknown) => {
        fault ??= { error };
      })
      .finally(() => {
        running.delete(group);
        wake?.();
      });
    const group: Running = { controller, since: version, done };
    running.add(group);
  };
  const fill = (): void => {
    while (!closed && !fault && running.size + ready.length < maxInFlight) begin(queue.take());
  };
  return {
    get inFlight() {
      return running.size + ready.length;
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
      for (const { controller, since } of running) if (next - since > maxStaleness) controller.abort(TOO_OLD);
      fill();
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      unlink();
      for (const { controller } of running) controller.abort(new Error('the training has ended'));
      await Promise.all([...running].map(({ done }) => done));
    },
  };
}
