/**
 * The library as an application uses it: AI SDK models over real HTTP.
 */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModelV3 } from '@ai-sdk/provider';
import { generateText, streamText } from 'ai';
import { describe, expect, test } from 'vitest';
import { InfrastructureError, UsageError } from '../../src/core/errors.js';
import { createEndpointChatModel } from '../../src/model/language-model.js';
import { selfRepair } from '../../src/selection/self-repair.js';
import { type SelfVerifyEvent, selfVerify } from '../../src/selection/self-verify.js';
import { withSelfVerification } from '../../src/selection/with-self-verification.js';
import { type Asked, type ServerAnswer, startChatServer } from '../support/chat-server.js';
import { answerAsModel, timesProblem, timesProgram } from '../support/double-server.js';

async function withModel<T>(
  answer: (asked: Asked) => ServerAnswer,
  work: (model: LanguageModelV3, server: Awaited<ReturnType<typeof startChatServer>>) => Promise<T>,
): Promise<T> {
  await using server = await startChatServer(answer);
  const provider = createOpenAICompatible({ name: 'local', baseURL: server.baseUrl, includeUsage: true });
  return await work(provider.chatModel('m'), server);
}

const problem = timesProblem(0, 4);

describe('selfVerify', () => {
  test('chooses a right program of a model that simulates rightly, and tells how it went', async () => {
    await withModel(answerAsModel({ solve: 0.5, simulate: 1 }), async (model, server) => {
      const events: SelfVerifyEvent[] = [];
      const onProgress = (event: SelfVerifyEvent): number => events.push(event);
      const result = await selfVerify({ model, problem, samples: 6, seed: 3, onProgress });
      expect(result.program?.source).toBe(timesProgram(2));
      expect(result.candidates).toHaveLength(6);
      expect(result.spending.calls).toBe(server.asked.length);
      expect(server.asked.length).toBe(6 + result.predictionsMade);
      expect(result.predictionsSaved).toBeGreaterThan(0);
      expect(events.filter(({ kind }) => kind === 'sampled')).toHaveLength(6);
      expect(events.at(-1)).toEqual({ kind: 'chosen', index: result.index });
    });
  });

  test('lets another model simulate', async () => {
    await withModel(answerAsModel({ solve: 0.5, simulate: 0 }), (model) =>
      withModel(answerAsModel({ solve: 0, simulate: 1 }), async (verifier) => {
        const { program } = await selfVerify({ model, verifier, problem, samples: 6, seed: 3 });
        expect(program?.source).toBe(timesProgram(2));
      }),
    );
  });

  test('is cancelled by its signal', async () => {
    const stop = new AbortController();
    const answer = (): ServerAnswer => {
      stop.abort(new Error('enough'));
      return { kind: 'silence' };
    };
    await withModel(answer, async (model) => {
      await expect(selfVerify({ model, problem, signal: stop.signal })).rejects.toThrow('enough');
    });
  });

  test('says that a model gives no answers, rather than choosing nothing', async () => {
    const refusing = (): ServerAnswer => ({ kind: 'status', status: 400 });
    await withModel(refusing, async (model) => {
      await expect(selfVerify({ model, problem, samples: 2 })).rejects.toThrow(InfrastructureError);
    });
  });

  test('refuses what is no model of AI SDK 6', async () => {
    const model = { specificationVersion: 'v2' } as unknown as LanguageModelV3;
    await expect(selfVerify({ model, problem })).rejects.toThrow(UsageError);
  });
});

describe('selfRepair', () => {
  test('fixes until the simulation passes, then submits', async () => {
    await withModel(answerAsModel({ solve: 0.4, simulate: 1 }), async (model) => {
      const result = await selfRepair({ model, problem, seed: 5 });
      expect(result.end).toBe('submitted');
      expect(result.program?.source).toBe(timesProgram(2));
      expect(
        result.programs.slice(0, -1).every(({ feedback }) => feedback?.some(({ passed }) => !passed)),
      ).toBe(true);
    });
  });

  test('needs a sandbox for executed feedback', async () => {
    const model = createEndpointChatModel({ baseUrl: 'http://127.0.0.1:9/v1', model: 'm' });
    await expect(selfRepair({ model, problem, feedback: 'executed' })).rejects.toThrow(UsageError);
  });
});

describe('withSelfVerification', () => {
  const prompt = 'Solve: read n and print n times 2.\n\nInput:\n```\n3\n```\nOutput:\n```\n6\n```\n';

  test("answers an application's prompt with the program that it chose", async () => {
    await withModel(answerAsModel({ solve: 0.4, simulate: 1 }), async (model, server) => {
      const verified = withSelfVerification(model, { samples: 6 });
      const result = await generateText({ model: verified, prompt, seed: 40 });
      expect(result.text).toContain(timesProgram(2));
      expect(result.providerMetadata?.['deskcheck']).toMatchObject({ samples: 6, tests: 1 });
      expect(result.usage.inputTokens).toBeGreaterThan(6 * 10);
      expect(server.asked.length).toBeGreaterThan(6);
    });
  });

  test('streams the answer once it is chosen', async () => {
    await withModel(answerAsModel({ solve: 0.4, simulate: 1 }), async (model) => {
      const { textStream } = streamText({ model: withSelfVerification(model), prompt, seed: 40 });
      let text = '';
      for await (const delta of textStream) text += delta;
      expect(text).toContain(timesProgram(2));
    });
  });

  test('takes the tests from the call', async () => {
    await withModel(answerAsModel({ solve: 0.4, simulate: 1 }), async (model) => {
      const result = await generateText({
        model: withSelfVerification(model, { samples: 6 }),
        prompt: 'read n and print n times 2',
        seed: 40,
        providerOptions: { deskcheck: { publicTests: [{ input: '3\n', output: '6\n' }] } },
      });
      expect(result.text).toContain(timesProgram(2));
    });
  });

  test('passes an answer on, with a warning, where there is nothing to verify by', async () => {
    await withModel(
      () => 'hello',
      async (model, server) => {
        const result = await generateText({ model: withSelfVerification(model), prompt: 'say hello' });
        expect(result.text).toBe('hello');
        expect(result.warnings).toContainEqual({
          type: 'other',
          message: 'not self-verified: the prompt names no public tests',
        });
        expect(server.asked).toHaveLength(1);
      },
    );
  });
});
