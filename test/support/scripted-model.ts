/**
 * Stand-ins for a model: they answer from a script, and throw when it runs out. One script serves a `ChatModel`
 * and a `Sampler`, so that both drivers can be shown the same answers.
 */
import type { ChatRenderer } from '../../src/model/renderer.js';
import type { ChatMessage, ChatModel, PolicyVersion, Sampler, StopReason } from '../../src/model/types.js';

export type ScriptLine =
  | string
  | { readonly text: string; readonly stopReason: StopReason }
  /** Thrown instead of answering. */
  | { readonly error: Error };

/** What was asked, as a chat model sees it. */
export interface Asked {
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed?: number | undefined;
}

export interface ScriptedModel extends ChatModel {
  readonly asked: readonly Asked[];
}

export function createScriptedModel(script: readonly ScriptLine[]): ScriptedModel {
  const lines = [...script];
  const asked: Asked[] = [];
  return {
    id: 'scripted',
    asked,
    generate: async ({ messages, maxTokens, temperature, seed, signal }) => {
      signal?.throwIfAborted();
      asked.push({ messages, maxTokens, temperature, seed });
      const { text, stopReason } = next(lines);
      return { text, stopReason, usage: { promptTokens: 1, completionTokens: text.length + 1 } };
    },
  };
}

const STOP = 0;

/** One token per UTF-16 unit; prompts are the canonical text of the messages. */
export const charRenderer: ChatRenderer = {
  stopTokens: [STOP],
  renderPrompt: (messages) =>
    [...messages.map(({ role, content }) => `${role}:${content}\n`).join('')].map((c) => c.charCodeAt(0)),
  decode: (tokens) => String.fromCharCode(...tokens),
};

/** Answers in `charRenderer`'s tokens; each token's log-probability is −0.5, its version `version`. */
export function createScriptedSampler(script: readonly ScriptLine[], version = 0): Sampler {
  const lines = [...script];
  return {
    version: version as PolicyVersion,
    sample: async ({ signal }) => {
      signal?.throwIfAborted();
      const { text, stopReason } = next(lines);
      const tokens = [...text].map((c) => c.charCodeAt(0));
      if (stopReason === 'stop') tokens.push(STOP);
      return {
        tokens,
        logprobs: tokens.map(() => -0.5),
        versions: tokens.map(() => version as PolicyVersion),
        stopReason,
      };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function next(lines: ScriptLine[]): { readonly text: string; readonly stopReason: StopReason } {
  const line = lines.shift();
  if (line === undefined) throw new Error('the script has run out');
  if (typeof line === 'string') return { text: line, stopReason: 'stop' };
  if ('error' in line) throw line.error;
  return line;
}
