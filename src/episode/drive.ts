/**
 * What the drivers share: carrying an episode from its journal to its end, answering the requests of a yield side by
 * side, retrying infrastructure failures, and giving up on an episode as *unscored* when one persists.
 */
import { childController } from '../core/abort.js';
import { type Clock, systemClock } from '../core/clock.js';
import { InfrastructureError, UsageError } from '../core/errors.js';
import type { Sandbox } from '../execution/types.js';
import { hashRequest, replay } from './journal.js';
import type { Episode, JournalEntry, Played, Request, Run, RunResponse } from './types.js';

/** How often a failing request is tried, and how long to wait in between: `baseDelayMs`, doubled each time. */
export interface RetryPolicy {
  /** Tries in all; at least 1. */
  readonly maxAttempts: number;
  readonly baseDelayMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { maxAttempts: 4, baseDelayMs: 250 };

export interface DriveOptions {
  /** Ends the work; the driver then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The journal of an earlier attempt, or any prefix of it; the episode goes on from there. */
  readonly journal?: readonly JournalEntry[];
  /** Called with each new answer as it arrives, before the episode goes on; here a caller writes it to disk. */
  readonly onEntry?: (entry: JournalEntry) => void | Promise<void>;
  readonly retry?: RetryPolicy;
  readonly clock?: Clock;
}

/** Answers one request; throws an InfrastructureError when our machinery fails. */
export type Answer = (request: Request, signal: AbortSignal) => Promise<Omit<JournalEntry, 'request'>>;

const CALLED_OFF = new InfrastructureError('another request of the same step failed', {
  code: 'called-off',
  boundary: 'model',
  retryable: false,
});

/**
 * Plays an episode to its end. Everything that was started has ended when this returns or throws. Errors other than
 * InfrastructureError are faults of the program or the caller, and are thrown as they are.
 */
export async function drive<Outcome>(
  episode: Episode<Outcome>,
  answer: Answer,
  options: DriveOptions = {},
): Promise<Played<Outcome>> {
  const { signal } = options;
  signal?.throwIfAborted();
  const start = replay(episode, options.journal ?? []);
  const journal = [...start.journal];
  if (start.kind === 'finished') return { kind: 'finished', outcome: start.outcome, journal };
  let requests = start.requests;
  let answered = start.answered;
  try {
    for (;;) {
      const { entries, failure } = await answerAll(requests, answered, answer, options);
      journal.push(...entries);
      if (failure) return { kind: 'unscored', reason: describe(failure), journal };
      const step = episode.next(entries.map(({ response }) => response));
      if (step.done) return { kind: 'finished', outcome: step.value, journal };
      requests = step.value;
      answered = [];
    }
  } finally {
    episode.return(undefined as never);
  }
}

/** Runs a program in the sandbox: how both drivers answer a `Run`. */
export async function answerRun(
  run: Run,
  sandbox: Sandbox | undefined,
  signal: AbortSignal,
): Promise<{ readonly response: RunResponse }> {
  if (!sandbox) throw new UsageError('this episode runs programs; give its driver a sandbox');
  const executions = await sandbox.run(run.program, run.inputs, {
    ...(run.limits && { limits: run.limits }),
    signal,
  });
  if (executions.length !== run.inputs.length) {
    throw new InfrastructureError(
      `the sandbox gave ${executions.length} results for ${run.inputs.length} inputs`,
      {
        code: 'sandbox-result-count',
        boundary: 'sandbox',
        retryable: true,
      },
    );
  }
  return { response: { kind: 'run', executions } };
}

/**
 * Answers the requests that have no entry yet. When one fails for good, the others are called off and waited for;
 * the first error decides. `entries` are in the order of the requests, and complete unless there is a failure.
 */
async function answerAll(
  requests: readonly Request[],
  answered: readonly (JournalEntry | undefined)[],
  answer: Answer,
  options: DriveOptions,
): Promise<{ readonly entries: readonly JournalEntry[]; readonly failure?: InfrastructureError }> {
  const { controller: step, release } = childController(options.signal);
  let firstError: { readonly error: unknown } | undefined;
  const entries = await Promise.all(
    requests.map(async (request, i): Promise<JournalEntry | undefined> => {
      const known = answered[i];
      if (known) return known;
      try {
        const given = await withRetry(() => answer(request, step.signal), step.signal, options);
        const entry = { request: hashRequest(request), ...given };
        await options.onEntry?.(entry);
        return entry;
      } catch (error) {
        firstError ??= { error };
        step.abort(CALLED_OFF);
        return undefined;
      }
    }),
  );
  release();
  options.signal?.throwIfAborted();
  const given = entries.filter((entry) => entry !== undefined);
  if (!firstError) return { entries: given };
  if (firstError.error instanceof InfrastructureError) return { entries: given, failure: firstError.error };
  throw firstError.error;
}

async function withRetry<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
  options: DriveOptions,
): Promise<T> {
  const { maxAttempts, baseDelayMs } = options.retry ?? DEFAULT_RETRY;
  const clock = options.clock ?? systemClock;
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      const retryable = error instanceof InfrastructureError && error.retryable;
      if (!retryable || attempts >= maxAttempts || signal.aborted) throw error;
    }
    await clock.sleep(baseDelayMs * 2 ** (attempts - 1), signal);
  }
}

function describe(error: InfrastructureError): string {
  return `${error.boundary}: ${error.message} (${error.code})`;
}
