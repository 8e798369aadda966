/**
 * Answers kept on disk by the content of their question, so that work that was stopped asks only what is missing, and
 * stored answers are scored again without a model.
 *
 * One JSON line per call, with the question in full: `{ key, model, request, response }`. The key is the hash of model,
 * messages and sampling. Only lines' places are kept in memory. A question without a seed, at a temperature above 0, has
 * no one answer, and passes by.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat, truncate } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { hashJson } from '../core/canonical-json.js';
import { InfrastructureError, UsageError } from '../core/errors.js';
import type { Spending } from './meter.js';
import { completionRow } from './recorded-model.js';
import type { ChatModel, ChatRequest, ChatResponse } from './types.js';

export interface ResponseCache {
  get(key: string): Promise<ChatResponse | undefined>;
  put(key: string, model: string, request: ChatRequest, response: ChatResponse): Promise<void>;
  readonly size: number;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface CacheOptions {
  /** The model's name in keys, where its id does not tell one state of its weights from another. Default its id. */
  readonly id?: string;
  /** Called for each answer that came from the cache. */
  readonly onHit?: (response: ChatResponse) => void;
}

/** Wraps a model; equal questions in flight at the same time are asked once. */
export function withCache(model: ChatModel, cache: ResponseCache, options: CacheOptions = {}): ChatModel {
  const { id = model.id, onHit } = options;
  const inFlight = new Map<string, Promise<ChatResponse>>();
  return {
    id: model.id,
    generate: async (request) => {
      if (request.seed === undefined && request.temperature > 0) return model.generate(request);
      const key = requestKey(id, request);
      const known = await cache.get(key);
      if (known) {
        onHit?.(known);
        return known;
      }
      const asked = inFlight.get(key);
      if (asked) {
        // Whoever asked first may have been called off; then this one asks for itself.
        const shared = await asked.catch(() => undefined);
        if (shared) {
          onHit?.(shared);
          return shared;
        }
        request.signal?.throwIfAborted();
      }
      const asking = model.generate(request).then(async (response) => {
        await cache.put(key, id, request, response);
        return response;
      });
      inFlight.set(key, asking);
      try {
        return await asking;
      } finally {
        if (inFlight.get(key) === asking) inFlight.delete(key);
      }
    },
  };
}

/** A model that only the cache answers for: what is missing there is an error that names the call. */
export function createUnaskedModel(id: string): ChatModel {
  return {
    id,
    generate: async ({ messages }) => {
      const prompt = messages.at(-1)?.content.slice(0, 60).replaceAll('\n', ' ') ?? '';
      throw new UsageError(`no stored answer of ${id} to "${prompt}…"; leave out --rescore to ask for it`);
    },
  };
}

function requestKey(model: string, request: ChatRequest): string {
  const { messages, maxTokens, temperature, topP = 1, topK = 0, seed } = request;
  return hashJson({ model, messages, maxTokens, temperature, topP, topK, seed });
}

/** Opens or creates the file. A last line that a kill cut off is cut away. */
export async function openResponseCache(path: string): Promise<ResponseCache> {
  const { places, length } = await indexLines(path);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > length) await truncate(path, length);
  const file = await open(path, 'a+');
  let end = length;
  let last: Promise<unknown> = Promise.resolve();
  return {
    get size() {
      return places.size;
    },
    get: async (key) => {
      const place = places.get(key);
      return place === undefined ? undefined : readResponse(file, place, path);
    },
    put: async (key, model, request, response) => {
      const bytes = Buffer.from(`${JSON.stringify({ key, ...completionRow(model, request, response) })}\n`);
      const written = last.then(async () => {
        await file.appendFile(bytes);
        places.set(key, { start: end, length: bytes.length });
        end += bytes.length;
      });
      last = written.catch(() => undefined);
      await written;
    },
    [Symbol.asyncDispose]: async () => {
      await last;
      await file.close();
    },
  };
}

/** What the stored calls of a file cost when they were asked. An absent file costs nothing. */
export async function readStoredUsage(path: string): Promise<Omit<Spending, 'cachedCalls' | 'money'>> {
  const sum = { calls: 0, promptTokens: 0, completionTokens: 0, estimated: false };
  if (!(await stat(path).catch(() => undefined))) return sum;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const usage = usageOf(line);
    if (usage === undefined) continue;
    sum.calls++;
    sum.promptTokens += usage.promptTokens;
    sum.completionTokens += usage.completionTokens;
    sum.estimated ||= usage.estimated === true;
  }
  return sum;
}

/** `undefined` for a line that a kill cut off. */
function usageOf(line: string): ChatResponse['usage'] | undefined {
  try {
    return (JSON.parse(line) as { response?: ChatResponse }).response?.usage;
  } catch {
    return undefined;
  }
}

interface Place {
  readonly start: number;
  readonly length: number;
}

async function readResponse(file: FileHandle, { start, length }: Place, path: string): Promise<ChatResponse> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, start);
  try {
    return (JSON.parse(bytes.toString('utf8')) as { response: ChatResponse }).response;
  } catch (cause) {
    throw new InfrastructureError(`${path} is damaged at byte ${start}; remove that line`, {
      code: 'damaged-cache',
      boundary: 'storage',
      retryable: false,
      cause,
    });
  }
}

/** The key is the first field of each line, so that no line has to be parsed. */
const KEY = /^\{"key":"([0-9a-f]{64})"/;

async function indexLines(path: string): Promise<{ places: Map<string, Place>; length: number }> {
  const places = new Map<string, Place>();
  let start = 0;
  let head = '';
  let at = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let to = chunk.indexOf(10, from); to >= 0; to = chunk.indexOf(10, from)) {
        const line =
          head + (head.length < 100 ? chunk.toString('latin1', from, Math.min(to, from + 100)) : '');
        const end = at + to + 1;
        const key = KEY.exec(line)?.[1];
        if (key !== undefined) places.set(key, { start, length: end - start });
        start = end;
        head = '';
        from = to + 1;
      }
      if (head.length < 100) head += chunk.toString('latin1', from, Math.min(chunk.length, from + 100));
      at += chunk.length;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { places, length: start };
}
