/**
 * The `llm` narrator: a chat model rewrites program and trace as an explanation (paper §2.1, A.5; the prompt is our own
 * wording of what they ask for). What it writes is believed only as far as grounding supports it.
 *
 * An answer that cannot be used is a reason for leaving the execution out. A model that cannot be reached is not: calls
 * that fail one after the other end the work, which then goes on where it was; a single one is left out and counted.
 */
import { InfrastructureError } from '../core/errors.js';
import { safeParsePythonLiteral } from '../core/python-literal.js';
import { formatTrace } from '../execution/trace-format.js';
import type { Trace } from '../execution/types.js';
import type { ChatMessage, ChatModel, ChatResponse } from '../model/types.js';
import type { ProgramInput } from '../problem/types.js';
import type { Narration, Narrator } from './narrator.js';

export interface LlmNarratorOptions {
  /** Of one explanation. */
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  /** Equal seeds ask equal questions. */
  readonly seed?: number;
}

/** Characters; longer prompts are not sent. */
const LONGEST_PROMPT = 60_000;
/** So many calls that fail for good, with none answered in between, mean that the model is gone. */
const FAILURES_IN_A_ROW = 4;

export function createLlmNarrator(model: ChatModel, options: LlmNarratorOptions): Narrator {
  const { temperature = 0, ...rest } = options;
  let failed = 0;
  return {
    id: `llm:${model.id}`,
    tell: async ({ source, trace, input }, signal) => {
      const messages = narrationPrompt(source, trace, input);
      if (messages[0]!.content.length > LONGEST_PROMPT) return none('trace too long to send');
      let response: ChatResponse;
      try {
        response = await model.generate({ messages, temperature, ...rest, ...(signal && { signal }) });
      } catch (error) {
        if (!(error instanceof InfrastructureError) || signal?.aborted) throw error;
        if (++failed >= FAILURES_IN_A_ROW) throw error;
        return none(`no answer (${error.code})`);
      }
      failed = 0;
      const narration = readAnswer(response, input);
      return narration.kind === 'told' && mentionsRecord(narration.explanation, source)
        ? none('mentions the record of the execution')
        : narration;
    },
  };
}

function readAnswer({ text, stopReason }: ChatResponse, input: ProgramInput): Narration {
  if (stopReason === 'length') return none('answer cut off by the token limit');
  const told = readNarration(text);
  if (told === undefined) return none('answer without the two marked parts');
  if (input.kind === 'call') return { kind: 'told', ...told };
  const printed = safeParsePythonLiteral(told.output);
  return { kind: 'told', ...told, output: printed?.kind === 'str' ? printed.value : told.output };
}

/** An explanation that leans on the record teaches a model to look for one. Programs about records may say the word. */
function mentionsRecord(explanation: string, source: string): boolean {
  const mention = /\b(?:the|this|given|execution|provided) (trace|record|log)\b/i.exec(explanation);
  return mention !== null && !source.toLowerCase().includes(mention[1]!.toLowerCase());
}

function none(reason: string): Narration {
  return { kind: 'none', reason };
}

function narrationPrompt(source: string, trace: Trace, input: ProgramInput): ChatMessage[] {
  const given = input.kind === 'call' ? `The call: ${input.expression}` : `Standard input:\n${input.stdin}`;
  return [
    {
      role: 'user',
      content: [
        'Explain, step by step, how this Python program runs on the given input.',
        'Below the program is a record of its execution. Use it to get every value right, but never mention it: write as',
        'if you worked everything out yourself from the code.',
        '- Name the concrete values of variables at each step, such as "total becomes 3 + 4 = 7".',
        '- A loop that repeats many times may be summarised; say which values it starts from and where it ends.',
        '- Follow the code as it is, even where it looks wrong. Suggest no changes.',
        '- End with the exact output.',
        '',
        'Put the explanation between [EXPLANATION] and [/EXPLANATION], then the output between [OUTPUT] and [/OUTPUT]:',
        input.kind === 'call'
          ? 'the value that the call returns, as a Python literal.'
          : 'what is printed, as one Python string literal.',
        '',
        'Program:',
        source.trimEnd(),
        '',
        given,
        '',
        'Record:',
        formatTrace('text', trace, source),
      ].join('\n'),
    },
  ];
}

/** Reads the last explanation and output of an answer; what a model thought aloud before them does not count. */
export function readNarration(
  text: string,
): { readonly explanation: string; readonly output: string } | undefined {
  const end = text.lastIndexOf('[/OUTPUT]');
  const start = text.lastIndexOf('[EXPLANATION]', end);
  if (end < 0 || start < 0) return undefined;
  const found = /^\[EXPLANATION\]\s*([\s\S]*?)\s*\[\/EXPLANATION\]\s*\[OUTPUT\]\s*([\s\S]*?)\s*$/.exec(
    text.slice(start, end),
  );
  const [, explanation = '', output = ''] = found ?? [];
  return explanation === '' ? undefined : { explanation, output };
}
