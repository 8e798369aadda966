/**
 * Inputs proposed by a chat model (paper §2.1 has them from an LLM): it sees the function and writes calls; those with
 * constant arguments are candidates like any other, and are kept only if they show something new.
 */
import { InfrastructureError } from '../../core/errors.js';
import type { ChatMessage, ChatModel, ChatResponse } from '../../model/types.js';
import type { FoundFunction } from './find-functions.js';
import { type CandidateInput, findCalls, indexProposals } from './inputs.js';

export interface ProposalOptions {
  readonly calls: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly seed: number;
}

export type ProposeInputs = (
  target: FoundFunction,
  signal?: AbortSignal,
) => Promise<readonly CandidateInput[]>;

/** As in llm-narrator.ts. */
const FAILURES_IN_A_ROW = 4;

/** Asks the model for calls of a function. An unusable answer proposes nothing; a model that is gone is an error. */
export function createProposer(model: ChatModel, { calls, ...sampling }: ProposalOptions): ProposeInputs {
  let failed = 0;
  return async (target, signal) => {
    const messages = proposalPrompt(target, calls);
    let response: ChatResponse;
    try {
      response = await model.generate({ messages, ...sampling, ...(signal && { signal }) });
    } catch (error) {
      if (!(error instanceof InfrastructureError) || signal?.aborted) throw error;
      if (++failed >= FAILURES_IN_A_ROW) throw error;
      return [];
    }
    failed = 0;
    return findCalls(target, indexProposals(response.text), calls);
  };
}

function proposalPrompt({ name, source }: FoundFunction, calls: number): ChatMessage[] {
  const content = [
    `Write ${calls} different calls of the Python function \`${name}\` below, one per line and nothing else.`,
    '- Every argument is a literal (numbers, strings, lists, tuples, dicts, sets), small enough to work through by hand.',
    '- Together they reach every branch of the function: usual inputs, edges, and inputs that take the rarer paths.',
    '- No call raises an exception, and none needs more than a few hundred steps.',
    '',
    'Program:',
    source.trimEnd(),
  ].join('\n');
  return [{ role: 'user', content }];
}
