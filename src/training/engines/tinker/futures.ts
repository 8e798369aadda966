/**
 * Futures: a call is accepted with a request id, and its result is fetched by long poll.
 *
 * - 408, and our own timeout: poll the same id again, at once, for as long as it takes
 * - 429, 5xx, no connection: again after a growing pause, until patience ends
 * - 410: the result is gone; the original call is sent again (its number keeps the server from doing it twice)
 * - 400: SkyRL's word for a failed call; but a proxy may have said it, so it is believed the third time
 * - 200 with `try_again` or `error`: the hosted service's words for the first and the last of these
 */
import type { z } from 'zod';
import { InfrastructureError } from '../../../core/errors.js';
import { parseAnswer, refusal, type Transport } from './transport.js';
import { failedAnswer, tryAgainAnswer } from './wire.js';

const MOST_RESUBMISSIONS = 5;
const MOST_BAD_REQUESTS = 3;

/** Fetches the result of the call that was accepted as `requestId`; `resubmit` sends it again and gives its new id. */
export async function awaitFuture<T>(
  transport: Transport,
  call: string,
  requestId: string,
  resubmit: () => Promise<string>,
  schema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<T> {
  let id = requestId;
  for (let submissions = 1; ; submissions++) {
    const result = await poll(transport, call, id, signal);
    if (result.kind === 'result') return parseAnswer(schema, result.body, call);
    if (submissions > MOST_RESUBMISSIONS) {
      throw new InfrastructureError(`${call}: the server lost its result ${submissions} times`, {
        code: 'result-lost',
        boundary: 'engine',
        retryable: true,
      });
    }
    id = await resubmit();
  }
}

type Polled = { readonly kind: 'result'; readonly body: unknown } | { readonly kind: 'gone' };

async function poll(transport: Transport, call: string, id: string, signal?: AbortSignal): Promise<Polled> {
  let sinceMs: number | undefined;
  let attempt = 0;
  let badRequests = 0;
  for (;;) {
    const reply = await transport.request('POST', 'retrieve_future', { request_id: id }, signal);
    if (reply.kind === 'answer') {
      if (!tryAgainAnswer.safeParse(reply.body).success)
        return { kind: 'result', body: checked(call, reply.body) };
      sinceMs = undefined;
      continue;
    }
    const { trouble } = reply;
    switch (trouble.kind) {
      case 'again':
        sinceMs = undefined;
        attempt = 0;
        break;
      case 'later':
        sinceMs ??= transport.clock.now();
        await transport.pause(attempt++, sinceMs, trouble, signal);
        break;
      case 'gone':
        return { kind: 'gone' };
      case 'rejected':
        if (trouble.status === 400 && ++badRequests < MOST_BAD_REQUESTS) break;
        throw refusal(call, trouble);
      case 'conflict':
        throw refusal(call, trouble);
      default:
        trouble satisfies never;
    }
  }
}

function checked(call: string, body: unknown): unknown {
  const failed = failedAnswer.safeParse(body);
  if (!failed.success) return body;
  throw new InfrastructureError(`${call}: the Tinker server failed: ${failed.data.error}`, {
    code: 'request-failed',
    boundary: 'engine',
    retryable: failed.data.category === 'server',
  });
}
