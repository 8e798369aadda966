/**
 * How episodes speak to a model: prompts out, answers in. Two styles implement it: `paper` (prompts/paper.ts, for
 * models that read English; PAPER.md §2, §5) and `terse` (prompts/terse.ts, for the embedded model, where every token costs).
 */
import type { ChatMessage } from '../model/types.js';
import type { Problem, Program, ProgramInput } from '../problem/types.js';

/** The feedback of one public test in a review turn: what the program printed, or is predicted to print. */
export interface TestFeedback {
  readonly input: string;
  readonly expected: string;
  /** The (predicted or executed) output; `undefined` when no prediction could be read. */
  readonly actual: string | undefined;
  readonly passed: boolean;
}

/** A completion read for its answer. `truncated`: cut off by the token limit before the answer; `unparsed`: otherwise unreadable. */
export type Parsed<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'unparsed' }
  | { readonly kind: 'truncated' };

/** Submit the program as it is, or replace it. */
export type Review = { readonly kind: 'submit' } | { readonly kind: 'fix'; readonly program: Program };

export interface PromptStyle {
  readonly id: 'paper' | 'terse';
  /** Program and input → simulated output. Holds neither the expected output nor the problem. */
  predictOutput(program: Program, input: ProgramInput): readonly ChatMessage[];
  solve(problem: Problem, options: { readonly includePublicTests: boolean }): readonly ChatMessage[];
  review(problem: Problem, program: Program, feedback: readonly TestFeedback[]): readonly ChatMessage[];
  /** The predicted stdout (stdin form) or the Python literal (call form). */
  parseOutput(text: string, input: ProgramInput): string | undefined;
  parseProgram(text: string): Program | undefined;
  parseReview(text: string): Review | undefined;
}
