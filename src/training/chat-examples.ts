/**
 * Conversations into SFT sequences, with loss on the assistant's tokens only. Every answer is tokenised as a model would
 * have sampled it: after the tokens of its rendered prompt, as text of its own, closed by the token that ends a turn. So
 * nothing is trained that sampling could not produce.
 *
 * Where the template renders earlier turns as it rendered them when they were answered, a conversation is one sequence.
 * Where it does not (some drop the thinking of earlier turns), each answer is a sequence of its own, after the prompt that
 * it would really have had.
 */
import type { ChatTokenizer } from '../model/tokenizer.js';
import type { ChatMessage } from '../model/types.js';
import type { SftExample } from './sft-data.js';

interface Answer {
  /** The rendered conversation up to the answer. */
  readonly prompt: string;
  readonly text: string;
}

/** The sequences of a conversation; none when the assistant says nothing, or something before anybody else. */
export function encodeChat(tokenizer: ChatTokenizer, messages: readonly ChatMessage[]): SftExample[] {
  const answers = messages.flatMap(({ role, content }, at): Answer[] =>
    role === 'assistant' && at > 0
      ? [
          {
            prompt: tokenizer.renderText({ messages: messages.slice(0, at), addGenerationPrompt: true }),
            text: content,
          },
        ]
      : [],
  );
  const end = tokenizer.endOfTurn;
  const sequences: Answer[][] = [];
  for (const answer of answers) {
    const open = sequences.at(-1);
    const last = open?.at(-1);
    if (open && last && answer.prompt.startsWith(`${last.prompt}${last.text}${end}`)) open.push(answer);
    else sequences.push([answer]);
  }
  return sequences.map((sequence) => encodeSequence(tokenizer, sequence));
}

function encodeSequence(tokenizer: ChatTokenizer, answers: readonly Answer[]): SftExample {
  const completionTokens: number[] = [];
  const completionWeights: number[] = [];
  const add = (tokens: readonly number[], weight: number): void => {
    for (const token of tokens) {
      completionTokens.push(token);
      completionWeights.push(weight);
    }
  };
  let before = answers[0]!.prompt;
  for (const { prompt, text } of answers) {
    if (before !== prompt) add(tokenizer.encode(prompt.slice(before.length)), 0);
    add(tokenizer.encodeCompletion(text), 1);
    before = `${prompt}${text}${tokenizer.endOfTurn}`;
  }
  return { promptTokens: tokenizer.encode(answers[0]!.prompt), completionTokens, completionWeights };
}
