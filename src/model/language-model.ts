/**
 * A `ChatModel` on top of any AI SDK language model (`LanguageModelV3`, AI SDK 6), and the OpenAI-compatible endpoints that
 * most servers offer (vLLM, SGLang, llama.cpp, Ollama, hosted ones).
 *
 * One call is one attempt: retries, time limits, caching and counting are wrappers (with-retry.ts, …). What the endpoint
 * does wrong becomes a `ModelError` that says whether trying again may help; a wrong key, address or model name is a
 * `UsageError`; a prompt longer than the context is data: no text, stop reason `length`.
 */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, type LanguageModelV3, type LanguageModelV3CallOptions } from '@ai-sdk/provider';
import { InfrastructureError, messageOf, UsageError } from '../core/errors.js';
import { ModelError, readRetryAfter } from './model-error.js';
import type { ChatMessage, ChatModel, ChatRequest, ChatResponse, StopReason, Usage } from './types.js';

export interface EndpointOptions {
  /** Such as `http://localhost:8000/v1`. */
  readonly baseUrl: string;
  /** The model's name at the endpoint. */
  readonly model: string;
  readonly apiKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further fields of the request's body, such as `{ chat_template_kwargs: { enable_thinking: false } }`. */
  readonly extraBody?: Readonly<Record<string, unknown>>;
}

/** A model behind an OpenAI-compatible endpoint (`/chat/completions`, streamed). */
export function createEndpointChatModel(options: EndpointOptions): ChatModel {
  const { baseUrl, model, apiKey, headers, extraBody } = options;
  const provider = createOpenAICompatible({
    name: 'endpoint',
    baseURL: baseUrl.replace(/\/+$/, ''),
    includeUsage: true,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    ...(extraBody === undefined ? {} : { transformRequestBody: (body) => ({ ...body, ...extraBody }) }),
  });
  return createLanguageModelChatModel(provider.chatModel(model), { id: model, stream: true });
}

export interface LanguageModelOptions {
  /** What records call the model; default its own `modelId`. */
  readonly id?: string;
  /** Read the answer as a stream; needed where long answers would pass a limit on response headers. Default false. */
  readonly stream?: boolean;
}

/** Any AI SDK language model as a `ChatModel`. */
export function createLanguageModelChatModel(
  model: LanguageModelV3,
  { id = model.modelId, stream = false }: LanguageModelOptions = {},
): ChatModel {
  return {
    id,
    generate: async (request) => {
      request.signal?.throwIfAborted();
      try {
        const answer = await (stream ? streamed(model, request) : generated(model, request));
        return toResponse(answer, request);
      } catch (error) {
        request.signal?.throwIfAborted();
        return refused(error, id);
      }
    },
  };
}

interface Answer {
  text: string;
  reasoning: string;
  finish: { readonly unified: string; readonly raw: string | undefined } | undefined;
  promptTokens: number | undefined;
  completionTokens: number | undefined;
}

async function generated(model: LanguageModelV3, request: ChatRequest): Promise<Answer> {
  const { content, finishReason, usage } = await model.doGenerate(toCallOptions(request));
  const textOf = (type: 'text' | 'reasoning'): string =>
    content.map((part) => (part.type === type ? part.text : '')).join('');
  return {
    text: textOf('text'),
    reasoning: textOf('reasoning'),
    finish: finishReason,
    promptTokens: usage.inputTokens.total,
    completionTokens: usage.outputTokens.total,
  };
}

async function streamed(model: LanguageModelV3, request: ChatRequest): Promise<Answer> {
  const { stream } = await model.doStream(toCallOptions(request));
  const answer: Answer = {
    text: '',
    reasoning: '',
    finish: undefined,
    promptTokens: undefined,
    completionTokens: undefined,
  };
  for await (const part of stream) {
    switch (part.type) {
      case 'text-delta':
        answer.text += part.delta;
        break;
      case 'reasoning-delta':
        answer.reasoning += part.delta;
        break;
      case 'error':
        throw part.error;
      case 'finish':
        answer.finish = part.finishReason;
        answer.promptTokens = part.usage.inputTokens.total;
        answer.completionTokens = part.usage.outputTokens.total;
        break;
      default:
    }
  }
  return answer;
}

function toCallOptions(request: ChatRequest): LanguageModelV3CallOptions {
  const { messages, maxTokens, temperature, topP, topK, seed, signal } = request;
  return {
    prompt: messages.map(toPromptMessage),
    maxOutputTokens: maxTokens,
    temperature,
    ...(topP === undefined || topP === 1 ? {} : { topP }),
    ...(topK === undefined || topK === 0 ? {} : { topK, providerOptions: { endpoint: { top_k: topK } } }),
    ...(seed === undefined ? {} : { seed }),
    ...(signal === undefined ? {} : { abortSignal: signal }),
  };
}

function toPromptMessage({ role, content }: ChatMessage): LanguageModelV3CallOptions['prompt'][number] {
  return role === 'system' ? { role, content } : { role, content: [{ type: 'text', text: content }] };
}

function toResponse(answer: Answer, request: ChatRequest): ChatResponse {
  const { text, reasoning, finish } = answer;
  if (finish === undefined || finish.unified === 'error') {
    throw new ModelError('the answer ended before it was finished', { code: 'cut-stream', retryable: true });
  }
  return {
    text,
    ...(reasoning === '' ? {} : { reasoning }),
    stopReason: toStopReason(finish.unified),
    ...(finish.raw === undefined ? {} : { rawStopReason: finish.raw }),
    usage: usageOf(answer, request),
  };
}

function toStopReason(unified: string): StopReason {
  return unified === 'stop' || unified === 'length' ? unified : 'other';
}

function usageOf({ text, reasoning, promptTokens, completionTokens }: Answer, request: ChatRequest): Usage {
  if (promptTokens !== undefined && completionTokens !== undefined) return { promptTokens, completionTokens };
  return {
    promptTokens: promptTokens ?? estimateTokens(request.messages),
    completionTokens: completionTokens ?? guessTokens(text.length + reasoning.length),
    estimated: true,
  };
}

/** About how many tokens a prompt has: a token per four characters and a few around each message. */
export function estimateTokens(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, { content }) => sum + guessTokens(content.length) + 4, 0);
}

function guessTokens(chars: number): number {
  return Math.ceil(chars / 4);
}

const TOO_LONG = /context.{0,12}(length|window|size)|maximum context|too many tokens|prompt is too long/i;

/** Sorts what an attempt threw; returns the answer to a prompt that has no room. */
function refused(error: unknown, id: string): ChatResponse {
  if (error instanceof InfrastructureError || error instanceof UsageError) throw error;
  if (!APICallError.isInstance(error)) {
    // A body cut off, a broken event, an error event inside a stream: all may pass.
    throw new ModelError(`${id}: ${messageOf(error)}`, { code: 'cut-stream', retryable: true, cause: error });
  }
  const { statusCode: status, responseBody = '', url } = error;
  const said = firstLine(`${error.message} ${responseBody}`);
  if (
    (status === 400 || status === 413 || status === 422) &&
    TOO_LONG.test(`${error.message} ${responseBody}`)
  ) {
    const usage = { promptTokens: 0, completionTokens: 0 };
    return { text: '', stopReason: 'length', rawStopReason: 'context-length', usage };
  }
  if (status === 401 || status === 403) {
    throw new UsageError(`${url} refuses the key (HTTP ${status}); set DESKCHECK_API_KEY. It said: ${said}`);
  }
  if (status === 404 || status === 405) {
    throw new UsageError(
      `${url} has no model "${id}" (HTTP ${status}); check address and name. It said: ${said}`,
    );
  }
  if (status === undefined) {
    throw new ModelError(`${url} cannot be reached: ${said}`, {
      code: 'unreachable',
      retryable: true,
      cause: error,
    });
  }
  if (status < 400) {
    throw new ModelError(`${url} gave an answer that cannot be read: ${said}`, {
      code: 'invalid-response',
      retryable: true,
      cause: error,
    });
  }
  throw new ModelError(`${url} answered HTTP ${status}: ${said}`, {
    code: `http-${status}`,
    retryable: status === 408 || status === 409 || status === 425 || status === 429 || status >= 500,
    retryAfterMs: readRetryAfter(error.responseHeaders),
    cause: error,
  });
}

function firstLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
