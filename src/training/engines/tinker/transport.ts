/**
 * One HTTP call to a Tinker server, and what its status means: wait and send the same again, or an error that says whether
 * sending again could ever help. The same body may arrive twice, so every caller numbers what must not happen twice.
 *
 * Source: field-notes E; the SDK's api_future_impl.py and retry_handler.py for the meaning of 402, 408, 410, 429 and 5xx.
 * Deviation: a failure that lasts is given up after `patienceMs`, where the SDK retries without end.
 */
import type { z } from 'zod';
import { childController } from '../../../core/abort.js';
import { type Clock, systemClock } from '../../../core/clock.js';
import { InfrastructureError, messageOf, UsageError } from '../../../core/errors.js';

export interface TransportOptions {
  /** Such as `http://localhost:8000`; calls go to `/api/v1/…` below it. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** How long a failing server is tried, in all, before a call is given up; default 10 minutes. */
  readonly patienceMs?: number;
  /** How long one HTTP request may take; default 45 s, as long as the SDK's. */
  readonly requestTimeoutMs?: number;
  readonly clock?: Clock;
  /** In [0, 1): spreads the retries of many calls; default Math.random. */
  readonly random?: () => number;
}

/** What a call ended in when it is not an answer. `again`: at once; `later`: after a pause. */
export type Trouble =
  | {
      readonly kind: 'again' | 'later';
      readonly status: number;
      readonly detail: string;
      readonly waitMs?: number;
      /** The server may have begun the work although no answer came. */
      readonly maybeDone: boolean;
    }
  | { readonly kind: 'conflict' | 'gone' | 'rejected'; readonly status: number; readonly detail: string };

export type Reply =
  | { readonly kind: 'answer'; readonly body: unknown }
  | { readonly kind: 'trouble'; readonly trouble: Trouble };

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  readonly once?: boolean;
}

export interface Transport {
  readonly clock: Clock;
  /** One request, no retries. Rejects with the signal's reason, or with an error that no retry mends. */
  request(
    method: 'GET' | 'POST' | 'DELETE',
    call: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Reply>;
  /**
   * A request, sent until it is answered or refused. Throws InfrastructureError with the codes of `refusal`. `once`: sending
   * it again could do it twice, so when it may have been done it is given up, with the code `answer-lost`.
   */
  send<T>(call: string, body: unknown, schema: z.ZodType<T>, options?: SendOptions): Promise<T>;
  /** A pause that grows with `attempt`. Throws when `sinceMs` is longer ago than our patience. */
  pause(attempt: number, sinceMs: number, trouble: Trouble, signal?: AbortSignal): Promise<void>;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export function createTransport(options: TransportOptions): Transport {
  const {
    patienceMs = 600_000,
    requestTimeoutMs = 45_000,
    clock = systemClock,
    random = Math.random,
  } = options;
  const base = parseBase(options.baseUrl);

  const request: Transport['request'] = async (method, call, body, signal) => {
    signal?.throwIfAborted();
    const { controller, release } = childController(signal);
    const timer = setTimeout(() => controller.abort(new Error('timeout')), requestTimeoutMs);
    try {
      const response = await fetch(`${base}/api/v1/${call}`, {
        method,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(options.apiKey !== undefined && { 'x-api-key': options.apiKey }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: controller.signal,
      });
      const text = await response.text();
      if (response.ok) return { kind: 'answer', body: parseBody(text, call) };
      return { kind: 'trouble', trouble: troubleOf(response.status, detailOf(text), response.headers) };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UsageError || error instanceof InfrastructureError) throw error;
      const timedOut = controller.signal.aborted;
      const detail = timedOut ? `no answer within ${requestTimeoutMs} ms` : messageOf(error);
      const trouble = { status: 0, detail, maybeDone: !isRefusedConnection(error) } as const;
      return { kind: 'trouble', trouble: { kind: timedOut ? 'again' : 'later', ...trouble } };
    } finally {
      clearTimeout(timer);
      release();
    }
  };

  const pause: Transport['pause'] = async (attempt, sinceMs, trouble, signal) => {
    const waited = clock.now() - sinceMs;
    if (waited > patienceMs) {
      throw new InfrastructureError(
        `the Tinker server at ${base} has not answered for ${Math.round(waited / 1000)} s: ${trouble.detail} (${trouble.status})`,
        { code: 'server-unreachable', boundary: 'engine', retryable: true },
      );
    }
    const wanted = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
    const told = trouble.kind === 'later' ? trouble.waitMs : undefined;
    await clock.sleep(told ?? wanted * (0.75 + 0.5 * random()), signal);
  };

  const send: Transport['send'] = async (call, body, schema, { signal, once = false } = {}) => {
    const sinceMs = clock.now();
    for (let attempt = 0; ; attempt++) {
      const reply = await request('POST', call, body, signal);
      if (reply.kind === 'answer') return parseAnswer(schema, reply.body, call);
      const { trouble } = reply;
      if (trouble.kind !== 'again' && trouble.kind !== 'later') throw refusal(call, trouble);
      if (once && trouble.maybeDone) throw answerLost(call, trouble);
      await pause(attempt, sinceMs, trouble, signal);
    }
  };
  return { clock, request, send, pause };
}

/** The error of a call that the server refused: code `conflict`, `gone`, `not-found` or `rejected`. */
export function refusal(call: string, { kind, status, detail }: Trouble): InfrastructureError {
  return new InfrastructureError(`${call}: the Tinker server refused it with status ${status}: ${detail}`, {
    code: status === 404 ? 'not-found' : kind,
    boundary: 'engine',
    retryable: false,
  });
}

/** Throws an InfrastructureError (`answer-not-understood`) for an answer of another shape. */
export function parseAnswer<T>(schema: z.ZodType<T>, body: unknown, call: string): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const faults = result.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw notUnderstood(call, faults.join('; '));
}

function troubleOf(status: number, detail: string, headers: Headers): Trouble {
  if (status === 408) return { kind: 'again', status, detail, maybeDone: false };
  if (status === 409) return { kind: 'conflict', status, detail };
  if (status === 410) return { kind: 'gone', status, detail };
  // 402: the account is paused for billing; 425: a checkpoint is being written.
  if (status === 402 || status === 425 || status === 429 || status >= 500) {
    const seconds = Number(headers.get('retry-after') ?? Number.NaN);
    const maybeDone = status >= 500;
    return { kind: 'later', status, detail, maybeDone, ...(seconds >= 0 && { waitMs: seconds * 1000 }) };
  }
  if (status === 401 || status === 403) {
    throw new UsageError(`the Tinker server refused the API key (${status}): ${detail}`);
  }
  return { kind: 'rejected', status, detail };
}

function parseBase(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`the Tinker server's address must be an http or https URL, got "${url}"`);
  }
  return url.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
}

function parseBody(text: string, call: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notUnderstood(call, `not JSON: ${text.slice(0, 80)}`);
  }
}

function detailOf(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    if (detail !== undefined)
      return typeof detail === 'string' ? detail : JSON.stringify(detail).slice(0, 400);
  } catch {
    // Not JSON: a proxy's page, or nothing.
  }
  return text.slice(0, 200) || 'no detail';
}

/** Whether the connection was never made, so that nothing can have been done. */
function isRefusedConnection(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'].includes(String(cause?.code));
}

function answerLost(call: string, { detail }: Trouble): InfrastructureError {
  return new InfrastructureError(
    `${call}: the answer was lost (${detail}), and this server does not number its calls, so it cannot be asked again; ` +
      'go on from the last checkpoint',
    { code: 'answer-lost', boundary: 'engine', retryable: true },
  );
}

function notUnderstood(call: string, what: string): InfrastructureError {
  return new InfrastructureError(
    `${call}: the Tinker server's answer is of another shape than the API's: ${what}`,
    {
      code: 'answer-not-understood',
      boundary: 'engine',
      retryable: false,
    },
  );
}
