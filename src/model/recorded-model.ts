/**
 * A model that answers from a file of completions, one JSON object per line:
 *
 *     {"messages": [{"role": "user", "content": "…"}], "text": "…", "seed": 7, "stopReason": "stop"}
 *     {"prompt": "…", "completions": ["…", "…"]}
 *
 * or a run's `calls.jsonl`, which has the question under `request` and the answer under `response`. `prompt` is the last
 * message. A question with a recorded seed gets that very answer; otherwise its completions are given out in the order of
 * the file, so a run that has to be repeatable should record seeds.
 */
import { z } from 'zod';
import { hashJson } from '../core/canonical-json.js';
import { UsageError } from '../core/errors.js';
import { readJsonLines } from '../core/json-lines.js';
import { estimateTokens } from './language-model.js';
import type { ChatMessage, ChatModel, ChatRequest, ChatResponse } from './types.js';

const message = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
const stopReason = z.enum(['stop', 'length', 'other']);
const tokens = z.number().int().nonnegative();

const row = z.union([
  z.object({
    request: z.object({ messages: z.array(message), seed: z.number().optional() }),
    response: z.object({
      text: z.string(),
      reasoning: z.string().optional(),
      stopReason,
      rawStopReason: z.string().optional(),
      usage: z.object({ promptTokens: tokens, completionTokens: tokens }),
    }),
  }),
  z.object({
    messages: z.array(message),
    text: z.string(),
    seed: z.number().optional(),
    stopReason: stopReason.default('stop'),
  }),
  z.object({ prompt: z.string(), completions: z.array(z.string()).min(1) }),
]);

/** What a call looks like on disk. */
export function completionRow(model: string, request: ChatRequest, response: ChatResponse): object {
  const { signal: _, ...asked } = request;
  return { model, request: asked, response };
}

/** Reads the file. Throws a UsageError for rows of another shape. */
export async function openRecordedModel(path: string, id = path): Promise<ChatModel> {
  const bySeed = new Map<string, ChatResponse>();
  const inOrder = new Map<string, ChatResponse[]>();
  const add = (key: string, seed: number | undefined, response: ChatResponse): void => {
    if (seed !== undefined) bySeed.set(`${key}/${seed}`, response);
    const known = inOrder.get(key);
    if (known) known.push(response);
    else inOrder.set(key, [response]);
  };
  const rows = await readJsonLines(path);
  if (rows.length === 0) throw new UsageError(`${path} holds no completions, or does not exist`);
  for (const [index, value] of rows.entries()) {
    const read = row.safeParse(value);
    if (!read.success) {
      throw new UsageError(
        `${path}, line ${index + 1}: expected {messages, text}, {prompt, completions} or {request, response}`,
      );
    }
    const { data } = read;
    if ('request' in data) {
      add(keyOf(data.request.messages), data.request.seed, data.response as ChatResponse);
    } else if ('messages' in data) {
      add(keyOf(data.messages), data.seed, responseOf(data.text, data.stopReason, data.messages));
    } else {
      const asked = [{ role: 'user', content: data.prompt }] as const;
      for (const text of data.completions) add(keyOf(asked), undefined, responseOf(text, 'stop', asked));
    }
  }
  return {
    id,
    generate: async ({ messages, seed, signal }) => {
      signal?.throwIfAborted();
      // A recorded prompt is the last message alone.
      const keys = [keyOf(messages), keyOf(messages.slice(-1))];
      for (const key of keys) {
        const exact = bySeed.get(`${key}/${seed}`);
        if (exact) return exact;
      }
      for (const key of keys) {
        const next = inOrder.get(key)?.shift();
        if (next) return next;
      }
      const prompt = messages.at(-1)?.content.slice(0, 60).replaceAll('\n', ' ') ?? '';
      throw new UsageError(`${path} has no (further) completion for "${prompt}…"`);
    },
  };
}

function keyOf(messages: readonly ChatMessage[]): string {
  return hashJson(messages.map(({ role, content }) => ({ role, content })));
}

function responseOf(
  text: string,
  stopReason: ChatResponse['stopReason'],
  messages: readonly ChatMessage[],
): ChatResponse {
  const usage = {
    promptTokens: estimateTokens(messages),
    completionTokens: Math.ceil(text.length / 4),
    estimated: true as const,
  };
  return { text, stopReason, usage };
}
