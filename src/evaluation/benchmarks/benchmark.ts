/**
 * What a benchmark is, for whoever runs it: items with a prompt, a rule that reads the answer, and a judge; the comparator
 * by name. Reading the answer out of a completion is src/episode/prompts/answers.ts's business.
 */
import type { ComparatorName } from '../../execution/comparators.js';
import type { Sandbox } from '../../execution/types.js';
import type { Verdict } from '../../execution/verdict.js';
import type { ChatMessage } from '../../model/types.js';

export type BenchmarkName =
  | 'cruxeval-o'
  | 'cruxeval-i'
  | 'lcb-io'
  | 'dmc'
  | 'lcb-io-out'
  | 'dmc-out'
  | 'humaneval'
  | 'humaneval+'
  | 'mbpp'
  | 'mbpp+'
  | 'gsm8k'
  | 'math-500';

export interface Judged {
  readonly verdict: Verdict;
  /** Judged inside the candidate's own process: a program that means to deceive could. */
  readonly weak?: true;
  /** For `unscored`: what failed. */
  readonly reason?: string;
  /** What its runs took, where the judge of the benchmark tells. */
  readonly cpuTimeMs?: number;
}

export interface JudgeContext {
  readonly sandbox: Sandbox;
  readonly signal?: AbortSignal;
}

export interface BenchmarkItem {
  readonly id: string;
  /** The unit of resampling; the item itself unless several items come from one problem. */
  readonly problem: string;
  readonly messages: readonly ChatMessage[];
  /** The answer in a chat completion, or undefined. */
  read(completion: string): string | undefined;
  /** The answer that a recorded generation of the benchmark's own form is, such as the rest of a function. */
  readRaw(generation: string): string | undefined;
  /** One per answer, in order. Infrastructure failures give `unscored`. */
  judge(answers: readonly string[], context: JudgeContext): Promise<readonly Judged[]>;
  /** For output prediction: which program and input it asks about. */
  readonly prediction?: PredictionItem;
}

/** What an output-prediction record needs beside the answers. */
export interface PredictionItem {
  readonly programId: string;
  readonly programSource: string;
  readonly programCorrect: boolean;
  readonly origin: 'reference' | 'mutant' | 'own';
  readonly input: string;
  readonly expected: string;
  readonly actual: string;
  readonly asExpected: boolean;
}

export interface LoadedBenchmark {
  readonly name: BenchmarkName;
  /** Recorded with every verdict; `number`, `math` and `tests` are those of GSM8K, MATH and function tests. */
  readonly comparator: ComparatorName | 'number' | 'math' | 'tests';
  readonly items: readonly BenchmarkItem[];
  /** Rows that cannot be used, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
}
