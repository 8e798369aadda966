/**
 * The `llm` narrator: a chat model rewrites program and trace as an explanation (paper §2.1, A.5; the prompt is our own
 * wording of what they ask for). What it writes is believed only as far as grounding supports it.
 */
import { safeParsePythonLiteral } from '../core/python-literal.js';
import { formatTrace } from '../execution/trace-format.js';
import type { Trace } from '../execution/types.js';
import type { ChatMessage, ChatModel } from '../model/types.js';
import type { ProgramInput } from '../problem/types.js';

export interface LlmNarration {
  readonly explanation: string;
  /** The output that the model states, in the form of `groundExplanation`'s `output`. */
  readonly output: string;
}

export interface LlmNarratorOptions {
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** Longer traces are not sent. */
const LONGEST_TRACE = 60_000;

export function narrationPrompt(source: string, trace: Trace, input: ProgramInput): ChatMessage[] {
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

/** Asks the model; undefined when its answer lacks the markers or was cut off, or the trace is too long to send. */
export async function narrateByModel(
  model: ChatModel,
  source: string,
  trace: Trace,
  input: ProgramInput,
  options: LlmNarratorOptions,
): Promise<LlmNarration | undefined> {
  const messages = narrationPrompt(source, trace, input);
  if (messages[0]!.content.length > LONGEST_TRACE) return undefined;
  const { temperature = 0, ...rest } = options;
  const { text, stopReason } = await model.generate({ messages, temperature, ...rest });
  const told = stopReason === 'length' ? undefined : readNarration(text);
  if (told === undefined || input.kind === 'call') return told;
  const printed = safeParsePythonLiteral(told.output);
  return { ...told, output: printed?.kind === 'str' ? printed.value : told.output };
}

/** Reads the last explanation and output of an answer. */
export function readNarration(text: string): LlmNarration | undefined {
  const found =
    /\[EXPLANATION\]\s*([\s\S]*?)\s*\[\/EXPLANATION\]\s*\[OUTPUT\]\s*([\s\S]*?)\s*\[\/OUTPUT\]/.exec(text);
  const [, explanation = '', output = ''] = found ?? [];
  return explanation === '' ? undefined : { explanation, output };
}
