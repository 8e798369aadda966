/**
 * What stands between an episode and a model, each a `ChatModel` around a `ChatModel`: a limit on calls in flight, a time
 * limit per call, and tries again with back-off. `withEndpointManners` puts them together in the one order that makes sense:
 * a call waits for its place, keeps it while it backs off (so a busy endpoint is asked less), and has its time limit anew
 * in each try.
 */
import { childController } from '../core/abort.js';
import { type Clock, systemClock } from '../core/clock.js';
import { InfrastructureError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import { ModelError } from './model-error.js';
import type { ChatModel } from './types.js';

export interface RetryOptions {
  /** Tries in all; default 6. */
  readonly maxAttempts?: number;
  /** Wait before the second try, doubled each time, ±25%; default 500. A Retry-After that is longer is honoured. */
  readonly baseDelayMs?: number;
  /** No wait is longer, a Retry-After excepted; default 60,000. */
  readonly maxDelayMs?: number;
  /** A Retry-After beyond this is not waited for: the call fails. Default 10 minutes. */
  readonly maxRetryAfterMs?: number;
  readonly clock?: Clock;
}

/** Tries again what may pass: `InfrastructureError`s that say so. The last error is thrown. */
export function withRetry(model: ChatModel, options: RetryOptions = {}): ChatModel {
  const { maxAttempts = 6, baseDelayMs = 500, maxDelayMs = 60_000, clock = systemClock } = options;
  const { maxRetryAfterMs = 600_000 } = options;
  const rng = createRng('retry');
  return {
    id: model.id,
    generate: async (request) => {
      for (let attempt = 1; ; attempt++) {
        let waitMs: number;
        try {
          return await model.generate(request);
        } catch (error) {
          request.signal?.throwIfAborted();
          if (!(error instanceof InfrastructureError) || !error.retryable) throw error;
          if (attempt >= maxAttempts) throw exhausted(error, attempt);
          const asked = error instanceof ModelError ? (error.retryAfterMs ?? 0) : 0;
          if (asked > maxRetryAfterMs) throw exhausted(error, attempt);
          const backOff = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1)) * (0.75 + rng.next() / 2);
          waitMs = Math.max(asked, backOff);
        }
        await clock.sleep(waitMs, request.signal);
      }
    },
  };
}

/** The same error, no longer to be tried again: drivers above would only repeat what was repeated here. */
function exhausted(error: InfrastructureError, attempts: number): ModelError {
  return new ModelError(`${error.message} (tried ${attempts} times)`, {
    code: error.code,
    retryable: false,
    cause: error,
  });
}

/** A call that takes longer is given up as a `ModelError` that may be tried again. */
export function withTimeout(model: ChatModel, timeoutMs: number, clock: Clock = systemClock): ChatModel {
  return {
    id: model.id,
    generate: async (request) => {
      const { controller, release } = childController(request.signal);
      const timer = new AbortController();
      const late = new ModelError(`no answer within ${timeoutMs / 1000} s`, {
        code: 'timeout',
        retryable: true,
      });
      const alarm = clock.sleep(timeoutMs, timer.signal).then(
        () => {
          controller.abort(late);
          throw late;
        },
        // The call ended first.
        () => new Promise<never>(() => undefined),
      );
      try {
        return await Promise.race([model.generate({ ...request, signal: controller.signal }), alarm]);
      } finally {
        timer.abort();
        release();
      }
    },
  };
}

/** At most `limit` calls in flight; the others wait in order. */
export function withConcurrencyLimit(model: ChatModel, limit: number): ChatModel {
  let inFlight = 0;
  const waiting: (() => void)[] = [];
  const enter = async (): Promise<void> => {
    if (inFlight < limit) {
      inFlight++;
      return;
    }
    // The place is handed on, never free in between.
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next) next();
    else inFlight--;
  };
  return {
    id: model.id,
    generate: async (request) => {
      await enter();
      try {
        request.signal?.throwIfAborted();
        return await model.generate(request);
      } finally {
        leave();
      }
    },
  };
}

export interface EndpointManners {
  /** Calls in flight; default 16. */
  readonly concurrency?: number;
  /** Per try; default 10 minutes. */
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
}

/** Concurrency limit around retries around the time limit. */
export function withEndpointManners(model: ChatModel, options: EndpointManners = {}): ChatModel {
  const timed = withTimeout(model, options.timeoutMs ?? 600_000);
  return withConcurrencyLimit(withRetry(timed, options.retry), options.concurrency ?? 16);
}
