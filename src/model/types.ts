/**
 * The Model seam: what can answer a prompt. `ChatModel` takes messages and gives text (any endpoint);
 * `Sampler` takes token ids and gives token ids with their log-probabilities (what RL needs).
 */

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Why generation ended: at a stop token or string, at the token limit, or otherwise (`other`). */
export type StopReason = 'stop' | 'length' | 'other';

export interface SamplingParams {
  /** The most tokens to generate; at least 1. */
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** Nucleus mass in (0, 1]; 1 (the default) keeps everything. */
  readonly topP?: number;
  /** How many of the likeliest tokens are kept; 0 (the default) keeps all. */
  readonly topK?: number;
  /** Equal seeds and prompts give equal samples where the model can promise it. */
  readonly seed?: number;
}

export interface ChatRequest extends SamplingParams {
  readonly messages: readonly ChatMessage[];
  readonly signal?: AbortSignal;
}

export interface Usage {
  readonly promptTokens: number;
  /** Thinking included. */
  readonly completionTokens: number;
  /** Set when the endpoint counted nothing and these are guesses from the length of the text. */
  readonly estimated?: true;
}

export interface ChatResponse {
  /** The answer, without a thinking block that the provider keeps apart (one inside the text stays: answers.ts drops it). */
  readonly text: string;
  /** What a reasoning model thought, where the provider keeps it apart. */
  readonly reasoning?: string;
  readonly stopReason: StopReason;
  /** The stop reason in the provider's own word, where there is one. */
  readonly rawStopReason?: string;
  readonly usage: Usage;
}

/** Messages in, text out. Throws `InfrastructureError` (boundary `model`) when no answer could be had. */
export interface ChatModel {
  readonly id: string;
  generate(request: ChatRequest): Promise<ChatResponse>;
}

/** How many optimizer steps the weights had seen that produced a token. */
export type PolicyVersion = number & { readonly __brand: 'PolicyVersion' };

export interface SampleRequest extends SamplingParams {
  /** Token ids of the prompt, at least one. */
  readonly prompt: readonly number[];
  /** Generation ends at, and includes, one of these. */
  readonly stopTokens: readonly number[];
  /** It also ends when the completion ends in one of these, each at least one token. Not every engine has them. */
  readonly stopSequences?: readonly (readonly number[])[];
  readonly signal?: AbortSignal;
  /**
   * Ends generation early: what was sampled so far is given, perhaps nothing, with the stop reason `other`. For going on
   * with newer weights. An engine may pay it no heed.
   */
  readonly interrupt?: AbortSignal;
}

export interface Sample {
  /** [completion] token ids, the stop token included when one was met. Empty, for the reason `length`, when the prompt left no room. */
  readonly tokens: readonly number[];
  /** [completion] natural-log probabilities at temperature 1 over the full vocabulary. */
  readonly logprobs: readonly number[];
  /** [completion] the version of the weights that each token was sampled from. */
  readonly versions: readonly PolicyVersion[];
  readonly stopReason: StopReason;
}

/**
 * Token ids in; ids, log-probabilities and versions out. Concurrent calls are batched by the engine. A prompt that leaves
 * no room in the context is answered by no tokens and `length`: a long program is data, not misuse.
 */
export interface Sampler {
  readonly version: PolicyVersion;
  sample(request: SampleRequest): Promise<Sample>;
  [Symbol.asyncDispose](): Promise<void>;
}
