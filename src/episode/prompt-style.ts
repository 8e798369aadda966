/**
 * How episodes speak to a model: prompts out, answers in. Two styles implement it: `paper` (prompts/paper.ts, for
 * models that read English; PAPER.md §2, §5) and `terse` (prompts/terse.ts, for the embedded model, where every token costs).
 */
import type { ExampleStyle } from '../nlex/examples.js';
import type { Program, ProgramInput } from '../problem/types.js';

export type { TestFeedback } from '../problem/types.js';

/** A completion read for its answer. `truncated`: cut off by the token limit before the answer; `unparsed`: otherwise unreadable. */
export type Parsed<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'unparsed' }
  | { readonly kind: 'truncated' };

/** Submit the program as it is, or replace it. */
export type Review = { readonly kind: 'submit' } | { readonly kind: 'fix'; readonly program: Program };

/** Prompts and written answers are what SFT examples are made of, so they are declared there. */
export interface PromptStyle extends ExampleStyle {
  readonly id: 'paper' | 'terse';
  /** The predicted stdout (stdin form) or the Python literal (call form). */
  parseOutput(text: string, input: ProgramInput): string | undefined;
  parseProgram(text: string): Program | undefined;
  parseReview(text: string): Review | undefined;
}
