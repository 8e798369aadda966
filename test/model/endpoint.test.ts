/**
 * Endpoints over real HTTP: what a call gives, and what becomes of everything a server can do wrong.
 */
import { describe, expect, test } from 'vitest';
import { type Clock, createInstantClock } from '../../src/core/clock.js';
import { UsageError } from '../../src/core/errors.js';
import { createEndpointChatModel } from '../../src/model/language-model.js';
import { createMeter } from '../../src/model/meter.js';
import { SpendingLimitError } from '../../src/model/model-error.js';
import type { ChatModel, ChatRequest } from '../../src/model/types.js';
import { withConcurrencyLimit, withRetry, withTimeout } from '../../src/model/wrappers.js';
import { type Asked, type ServerAnswer, startChatServer } from '../support/chat-server.js';

const REQUEST: ChatRequest = {
  messages: [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'one two three' },
  ],
  maxTokens: 50,
  temperature: 0.7,
  topP: 0.9,
  seed: 11,
};

async function serving<T>(
  answer: (asked: Asked) => ServerAnswer,
  work: (model: ChatModel, server: Awaited<ReturnType<typeof startChatServer>>) => Promise<T>,
): Promise<T> {
  await using server = await startChatServer(answer);
  return await work(
    createEndpointChatModel({ baseUrl: server.baseUrl, model: 'm', apiKey: 'secret' }),
    server,
  );
}

/** One answer per question, then an error of the test. */
function script(...answers: ServerAnswer[]): (asked: Asked) => ServerAnswer {
  return ({ ordinal }) => {
    const answer = answers[ordinal];
    if (answer === undefined) throw new Error('the script has run out');
    return answer;
  };
}

describe('a call', () => {
  test('sends messages and sampling, and gives text, stop reasons and counts', async () => {
    await serving(script('four five'), async (model, server) => {
      expect(await model.generate(REQUEST)).toEqual({
        text: 'four five',
        stopReason: 'stop',
        rawStopReason: 'stop',
        usage: { promptTokens: 5, completionTokens: 2 },
      });
      expect(server.asked[0]).toMatchObject({
        model: 'm',
        messages: REQUEST.messages,
        temperature: 0.7,
        top_p: 0.9,
        max_tokens: 50,
        seed: 11,
        authorization: 'Bearer secret',
      });
    });
  });

  test('keeps what was thought apart, and counts it', async () => {
    const answer = { kind: 'answer', text: 'yes', reasoning: 'let me see', finish: 'length' } as const;
    const response = await serving(script(answer), (model) => model.generate(REQUEST));
    expect(response).toMatchObject({ text: 'yes', reasoning: 'let me see', stopReason: 'length' });
    expect(response.usage.completionTokens).toBe(4);
  });

  test('keeps the raw stop reason of one that it does not know', async () => {
    const answer = { kind: 'answer', text: 'no', finish: 'content_filter' } as const;
    const response = await serving(script(answer), (model) => model.generate(REQUEST));
    expect(response).toMatchObject({ stopReason: 'other', rawStopReason: 'content_filter' });
  });

  test('guesses the counts where the server gives none, and says so', async () => {
    const answer = { kind: 'answer', text: 'x'.repeat(40), usage: false } as const;
    const response = await serving(script(answer), (model) => model.generate(REQUEST));
    expect(response.usage).toMatchObject({ completionTokens: 10, estimated: true });
  });

  test('takes a prompt that is too long for the context as data', async () => {
    const body = JSON.stringify({ error: { message: "This model's maximum context length is 8 tokens" } });
    const response = await serving(script({ kind: 'status', status: 400, body }), (model) =>
      model.generate(REQUEST),
    );
    expect(response).toMatchObject({ text: '', stopReason: 'length', rawStopReason: 'context-length' });
  });
});

describe('a fault', () => {
  const faults: readonly (readonly [string, ServerAnswer, object])[] = [
    [
      'a busy server',
      { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
      { code: 'http-429', retryable: true, retryAfterMs: 7000 },
    ],
    ['a server error', { kind: 'status', status: 503 }, { code: 'http-503', retryable: true }],
    ['a refused request', { kind: 'status', status: 400 }, { code: 'http-400', retryable: false }],
    ['a broken connection', { kind: 'cut' }, { retryable: true }],
    ['a stream that ends early', { kind: 'cut', end: true }, { code: 'cut-stream', retryable: true }],
    ['wrong JSON', { kind: 'garbage' }, { retryable: true }],
  ];
  test.each(faults)(
    '%s is an infrastructure error that says whether to try again',
    async (_, fault, expected) => {
      await serving(script(fault), async (model) => {
        await expect(model.generate(REQUEST)).rejects.toMatchObject({ boundary: 'model', ...expected });
      });
    },
  );

  test.each([401, 404])('status %d is wrong use, and is not tried again', async (status) => {
    await serving(script({ kind: 'status', status }), async (model, server) => {
      await expect(withRetry(model).generate(REQUEST)).rejects.toThrow(UsageError);
      expect(server.asked).toHaveLength(1);
    });
  });

  test('nobody listening at all is an infrastructure error', async () => {
    const { baseUrl } = await startChatServer(() => '').then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server;
    });
    const model = createEndpointChatModel({ baseUrl, model: 'm' });
    await expect(model.generate(REQUEST)).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  });
});

describe('trying again', () => {
  test('honours Retry-After and otherwise waits twice as long each time', async () => {
    const clock = createInstantClock();
    const answers = script(
      { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
      { kind: 'cut' },
      { kind: 'status', status: 500 },
      'at last',
    );
    const response = await serving(answers, (model) =>
      withRetry(model, { clock, baseDelayMs: 1000 }).generate(REQUEST),
    );
    expect(response.text).toBe('at last');
    const [first, second, third] = clock.slept;
    expect(first).toBe(7000);
    expect(second).toBeGreaterThanOrEqual(1500);
    expect(second).toBeLessThanOrEqual(2500);
    expect(third).toBeGreaterThanOrEqual(3000);
    expect(third).toBeLessThanOrEqual(5000);
  });

  test('ends after so many tries with an error that is not to be tried again', async () => {
    const options = { clock: createInstantClock(), maxAttempts: 3 };
    await serving(
      () => ({ kind: 'status', status: 500 }),
      async (model, server) => {
        await expect(withRetry(model, options).generate(REQUEST)).rejects.toMatchObject({
          code: 'http-500',
          retryable: false,
          message: expect.stringContaining('tried 3 times'),
        });
        expect(server.asked).toHaveLength(3);
      },
    );
  });

  test('a server that never answers is given up after the time limit', async () => {
    // A clock whose alarm rings when the question has arrived, and never for the second one.
    let ring = (): void => undefined;
    const clock: Clock = { now: () => 0, sleep: () => new Promise((resolve) => (ring = resolve)) };
    const answer = ({ ordinal }: Asked): ServerAnswer => {
      if (ordinal > 0) return 'better';
      ring();
      return { kind: 'silence' };
    };
    await serving(answer, async (model, server) => {
      const retrying = withRetry(withTimeout(model, 30_000, clock), { clock: createInstantClock() });
      expect((await retrying.generate(REQUEST)).text).toBe('better');
      expect(server.asked).toHaveLength(2);
    });
  });

  test('cancelling ends a call at once, with the reason that was given', async () => {
    const stop = new AbortController();
    await serving(
      () => {
        stop.abort(new Error('enough'));
        return { kind: 'silence' };
      },
      async (model) => {
        const call = withTimeout(model, 60_000).generate({ ...REQUEST, signal: stop.signal });
        await expect(call).rejects.toThrow('enough');
      },
    );
  });
});

test('no more calls than allowed are in flight', async () => {
  let [inFlight, most, calls] = [0, 0, 0];
  const model: ChatModel = {
    id: 'slow',
    generate: async () => {
      calls++;
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
      return { text: '', stopReason: 'stop', usage: { promptTokens: 1, completionTokens: 1 } };
    },
  };
  const limited = withConcurrencyLimit(model, 3);
  await Promise.all(Array.from({ length: 20 }, () => limited.generate(REQUEST)));
  expect([most, calls]).toEqual([3, 20]);
});

describe('the meter', () => {
  test('counts tokens and money over models at their prices', async () => {
    await serving(
      () => 'four five',
      async (model) => {
        const meter = createMeter();
        const dear = meter.count(model, { prompt: 1_000_000, completion: 2_000_000 });
        await Promise.all([dear.generate(REQUEST), meter.count(model).generate(REQUEST)]);
        expect(meter.spending()).toMatchObject({ calls: 2, promptTokens: 10, completionTokens: 4, money: 9 });
      },
    );
  });

  test('never passes the limit, however many calls are asked for at once', async () => {
    await serving(
      () => 'w '.repeat(40),
      async (model, server) => {
        const meter = createMeter(400);
        const metered = meter.count(model);
        const calls = await Promise.allSettled(Array.from({ length: 50 }, () => metered.generate(REQUEST)));
        const refused = calls.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
        expect(refused.every(({ reason }) => reason instanceof SpendingLimitError)).toBe(true);
        const { promptTokens, completionTokens } = meter.spending();
        expect(promptTokens + completionTokens).toBeLessThanOrEqual(400);
        // 45 tokens each, and a call is let in while 64 are left (50, and 14 for the prompt by estimate).
        expect(server.asked).toHaveLength(8);
      },
    );
  });
});
