/**
 * Between messages and token ids: a chat template and a tokenizer, as far as sampling needs them.
 */
import type { ChatMessage, ChatModel, Sampler } from './types.js';

export interface ChatRenderer {
  /** The token ids of a prompt, up to and including what opens the assistant's turn. At least one. */
  renderPrompt(messages: readonly ChatMessage[]): readonly number[];
  /** The text of a completion, special tokens left out. */
  decode(tokens: readonly number[]): string;
  /** Generation ends at one of these. */
  readonly stopTokens: readonly number[];
}

/** A `ChatModel` on top of a sampler. It does not own the sampler. */
export function createSamplerChatModel(
  id: string,
  sampler: Pick<Sampler, 'sample'>,
  renderer: ChatRenderer,
): ChatModel {
  return {
    id,
    generate: async ({ messages, ...request }) => {
      const prompt = renderer.renderPrompt(messages);
      const sample = await sampler.sample({ ...request, prompt, stopTokens: renderer.stopTokens });
      return {
        text: decodeCompletion(sample.tokens, renderer),
        stopReason: sample.stopReason,
        usage: { promptTokens: prompt.length, completionTokens: sample.tokens.length },
      };
    },
  };
}

/** The text of a completion without the stop token that may end it. */
export function decodeCompletion(tokens: readonly number[], renderer: ChatRenderer): string {
  const last = tokens.at(-1);
  const stopped = last !== undefined && renderer.stopTokens.includes(last);
  return renderer.decode(stopped ? tokens.slice(0, -1) : tokens);
}
