/**
 * SFT examples from real executions, as chat-messages rows: *execution* in both forms of PAPER.md §2 (stdin and function),
 * *solving* (statement → program), and *review* (statement, program, outputs → `#SUBMIT` or a program that is right).
 * The last two are there because the embedded model has no pre-training that would bring these skills.
 */
import type { ChatMessage } from '../model/types.js';
import type { Problem, Program, ProgramInput, TestFeedback } from '../problem/types.js';

/** One row of SFT data, as TRL, Axolotl, LLaMA-Factory and Tinker read it: the last message is the answer. */
export interface ChatExample {
  readonly messages: readonly ChatMessage[];
  readonly metadata: {
    readonly task: 'execution' | 'solving' | 'review';
    /** Of an execution: standard input, or a function call. */
    readonly form?: 'stdin' | 'call';
    /** The problem that the example comes from. */
    readonly problem?: string;
    /** Who wrote the explanation. */
    readonly narrator?: string;
  };
}

/** How prompts are put and answers written; `src/episode/prompts` holds the styles. */
export interface ExampleStyle {
  /** Program and input → simulated output. Holds neither the expected output nor the problem. */
  predictOutput(program: Program, input: ProgramInput): readonly ChatMessage[];
  solve(problem: Problem, options: { readonly includePublicTests: boolean }): readonly ChatMessage[];
  review(problem: Problem, program: Program, feedback: readonly TestFeedback[]): readonly ChatMessage[];
  /** `output`: stdout (stdin form) or a Python literal (call form). An empty explanation gives the answer alone. */
  writeOutput(explanation: string, output: string, input: ProgramInput): string;
  writeProgram(program: Program): string;
  writeSubmit(): string;
}

export function executionExample(
  style: ExampleStyle,
  program: Program,
  input: ProgramInput,
  explained: { readonly explanation: string; readonly output: string; readonly narrator: string },
): ChatExample {
  return {
    messages: [
      ...style.predictOutput(program, input),
      { role: 'assistant', content: style.writeOutput(explained.explanation, explained.output, input) },
    ],
    metadata: { task: 'execution', form: input.kind, narrator: explained.narrator },
  };
}

export function solvingExample(style: ExampleStyle, problem: Problem, program: Program): ChatExample {
  return {
    messages: [
      ...style.solve(problem, { includePublicTests: true }),
      { role: 'assistant', content: style.writeProgram(program) },
    ],
    metadata: { task: 'solving', problem: problem.id },
  };
}

/** `#SUBMIT` exactly when every public test passed, else the program that is right. */
export function reviewExample(
  style: ExampleStyle,
  problem: Problem,
  program: Program,
  feedback: readonly TestFeedback[],
  right: Program,
): ChatExample {
  const answer = feedback.every(({ passed }) => passed) ? style.writeSubmit() : style.writeProgram(right);
  return {
    messages: [...style.review(problem, program, feedback), { role: 'assistant', content: answer }],
    metadata: { task: 'review', problem: problem.id },
  };
}
