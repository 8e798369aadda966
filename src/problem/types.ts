/**
 * The nouns that every room shares: a problem, its tests, a program.
 */

/** What a program is given: text on standard input, or one call of a function it defines. */
export type ProgramInput =
  | { readonly kind: 'stdin'; readonly stdin: string }
  /** `expression` is Python source of one call with literal arguments, such as `f(1, [2, 3])`. */
  | { readonly kind: 'call'; readonly expression: string };

/** One test of a stdin problem. */
export interface TestCase {
  /** What the program reads from standard input. */
  readonly input: string;
  /** What it has to print, compared by a named comparator. */
  readonly output: string;
}

/** A Python program, as source text. */
export interface Program {
  readonly source: string;
}

/** What one execution may use. */
export interface Limits {
  /** CPU time; the wall-clock backstop is derived from it by the sandbox. */
  readonly cpuTimeMs: number;
  readonly memoryLimitBytes: number;
  /** Most bytes of standard output. */
  readonly outputLimitBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  cpuTimeMs: 6_000,
  memoryLimitBytes: 512 * 1024 * 1024,
  outputLimitBytes: 4 * 1024 * 1024,
};

/** One row of a problem file. */
export interface Problem {
  readonly id: string;
  /** The task in words, without the public tests (prompts add them, or leave them out: paper A.1.3). */
  readonly statement: string;
  /** Shown to the solver, and used for self-verification. */
  readonly publicTests: readonly TestCase[];
  /** Never shown; together with the public tests they decide whether a program is right. */
  readonly privateTests: readonly TestCase[];
  readonly limits?: Limits;
  /** Where the problem comes from. */
  readonly source?: string;
  /** Known programs, the first correct one being the reference. */
  readonly programs?: readonly { readonly source: string; readonly correct: boolean }[];
}

/** What a program did on one public test, as a review turn is told: really, or by simulation. */
export interface TestFeedback {
  readonly input: string;
  readonly expected: string;
  /** The (predicted or executed) output; `undefined` when no prediction could be read. */
  readonly actual: string | undefined;
  readonly passed: boolean;
  /** How that output came about, in words, where a review is to see it. */
  readonly execution?: string;
}
