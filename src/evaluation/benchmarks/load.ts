/**
 * Every benchmark by name: which file it is read from, what its items ask, how they are judged.
 *
 * Prompts of solving and output prediction are those of the method (src/episode/prompts); the others ask for the same
 * marks, so that answers.ts reads them all. Published few-shot prompts are not repeated here: they belong to base models.
 */

import type { PromptStyle } from '../../episode/prompt-style.js';
import { readCall, readFinalAnswer, readOutput, readProgram } from '../../episode/prompts/answers.js';
import type { ComparatorName } from '../../execution/comparators.js';
import { judge } from '../../execution/judge.js';
import type { Problem } from '../../problem/types.js';
import type { BenchmarkItem, BenchmarkName, JudgeContext, Judged, LoadedBenchmark } from './benchmark.js';
import {
  CRUXEVAL_SOURCE,
  type CruxEvalProblem,
  judgeCruxEvalInputs,
  judgeCruxEvalOutput,
  parseCruxEval,
} from './cruxeval.js';
import { FUNCTION_CODE_SOURCES, parseEvalPlus, parseHumanEval, parseMbpp } from './function-code.js';
import { functionItem } from './function-item.js';
import { finalNumbersEqual, GSM8K_SOURCE, parseGsm8k } from './gsm8k.js';
import { MATH500_SOURCE, mathAnswersEqual, parseMath500 } from './math-answer.js';
import { predictionItems } from './prediction-items.js';
import { readProblemFile } from './problem-files.js';
import { readBenchmarkRows } from './rows.js';

const LCB_SOURCE =
  'Download test.jsonl … test6.jsonl of huggingface.co/datasets/livecodebench/code_generation_lite (release v6), or one of them.';
const DMC_SOURCE =
  "Download the valid and test Parquet files of huggingface.co/datasets/deepmind/code_contests (CC BY 4.0) and write them as JSON lines, such as by duckdb -c \"COPY (FROM '*.parquet') TO 'dmc.jsonl'\".";

/** Which file to get, in a sentence. */
export const BENCHMARK_SOURCES: Readonly<Record<BenchmarkName, string>> = {
  'cruxeval-o': CRUXEVAL_SOURCE,
  'cruxeval-i': CRUXEVAL_SOURCE,
  'lcb-io': LCB_SOURCE,
  'lcb-io-out': LCB_SOURCE,
  dmc: DMC_SOURCE,
  'dmc-out': DMC_SOURCE,
  ...FUNCTION_CODE_SOURCES,
  gsm8k: GSM8K_SOURCE,
  'math-500': MATH500_SOURCE,
};

export const BENCHMARK_NAMES = Object.keys(BENCHMARK_SOURCES) as readonly BenchmarkName[];

export interface LoadOptions {
  readonly style: PromptStyle;
  /** In place of the benchmark's own, for stdin problems. */
  readonly comparator?: ComparatorName;
  /** Whether solve prompts show the public tests; default true. */
  readonly publicTestsInPrompt?: boolean;
  /** The first so many problems only. */
  readonly limit?: number;
  /** For output prediction: programs to ask about, in place of those in the file. */
  readonly programs?: readonly { readonly problem: string; readonly id: string; readonly source: string }[];
}

/** Reads a benchmark. Throws a UsageError that says which file to download when it is not there. */
export async function loadBenchmark(
  name: BenchmarkName,
  path: string,
  options: LoadOptions,
  context: JudgeContext,
): Promise<LoadedBenchmark> {
  const rows = (): Promise<unknown[]> =>
    readBenchmarkRows(path, BENCHMARK_SOURCES[name], { exactNumbers: name.endsWith('+') });
  const some = <T>(list: readonly T[]): readonly T[] => list.slice(0, options.limit);
  const whole = <T>(list: readonly T[], itemOf: (entry: T, index: number) => BenchmarkItem) => ({
    items: some(list).map(itemOf),
    leftOut: {},
  });
  switch (name) {
    case 'cruxeval-o':
      return {
        name,
        comparator: 'literal',
        ...whole(parseCruxEval(await rows()), (p) => outputItem(p, options.style)),
      };
    case 'cruxeval-i':
      return { name, comparator: 'literal', ...whole(parseCruxEval(await rows()), inputItem) };
    case 'gsm8k':
      return {
        name,
        comparator: 'number',
        ...whole(parseGsm8k(await rows()), ({ question, answer }, index) =>
          mathItem(`gsm8k/${index}`, question, (given) => finalNumbersEqual(given, answer)),
        ),
      };
    case 'math-500':
      return {
        name,
        comparator: 'math',
        ...whole(parseMath500(await rows()), ({ prompt, answer }, index) =>
          mathItem(`math/${index}`, prompt, (given) => mathAnswersEqual(given, answer)),
        ),
      };
    case 'humaneval':
      return { name, comparator: 'tests', ...whole(parseHumanEval(await rows()), functionItem) };
    case 'mbpp':
      return { name, comparator: 'tests', ...whole(parseMbpp(await rows()), functionItem) };
    case 'humaneval+':
      return { name, comparator: 'tests', ...whole(parseEvalPlus(await rows(), 'head'), functionItem) };
    case 'mbpp+':
      return { name, comparator: 'tests', ...whole(parseEvalPlus(await rows(), 'words'), functionItem) };
    case 'lcb-io':
    case 'dmc': {
      const comparator = options.comparator ?? (name === 'dmc' ? 'codecontests' : 'livecodebench');
      const { problems, leftOut } = await readProblemFile(path, BENCHMARK_SOURCES[name]);
      const items = some(problems).map((problem) => solveItem(problem, comparator, options));
      return { name, comparator, items, leftOut };
    }
    case 'lcb-io-out':
    case 'dmc-out': {
      const comparator = options.comparator ?? 'output';
      const { problems, leftOut } = await readProblemFile(path, BENCHMARK_SOURCES[name]);
      const made = await predictionItems(some(problems), comparator, options, context);
      return { name, comparator, items: made.items, leftOut: { ...leftOut, ...made.leftOut } };
    }
    default:
      return name satisfies never;
  }
}

function outputItem(problem: CruxEvalProblem, style: PromptStyle): BenchmarkItem {
  const input = { kind: 'call', expression: `f(${problem.input})` } as const;
  return {
    id: problem.id,
    problem: problem.id,
    messages: style.predictOutput({ source: `${problem.code.trimEnd()}\n` }, input),
    read: (completion) => readOutput(completion, input),
    readRaw: (generation) => generation,
    judge: async (answers) => answers.map((answer) => ({ verdict: judgeCruxEvalOutput(problem, answer) })),
  };
}

function inputItem(problem: CruxEvalProblem): BenchmarkItem {
  return {
    id: problem.id,
    problem: problem.id,
    messages: [
      {
        role: 'user',
        content: [
          'Find arguments for which this Python function returns the value in the assertion. Any that do will count.',
          'Put your reasoning between [THOUGHT] and [/THOUGHT], then the completed assertion between [ANSWER] and',
          '[/ANSWER]. Its left-hand side has to be one call of f.',
          '',
          `[PYTHON]\n${problem.code.trimEnd()}\nassert f(??) == ${problem.output}\n[/PYTHON]`,
        ].join('\n'),
      },
    ],
    read: readCall,
    readRaw: (generation) => generation,
    judge: async (answers, { sandbox, signal }) =>
      (await judgeCruxEvalInputs(problem, answers, sandbox, signal)).map((verdict) => ({ verdict })),
  };
}

function mathItem(id: string, question: string, isRight: (answer: string) => boolean): BenchmarkItem {
  // LLMEval's rows bring an instruction of their own.
  const asked = question.includes('\\boxed');
  return {
    id,
    problem: id,
    messages: [
      {
        role: 'user',
        content: asked
          ? question
          : `Solve this problem step by step, then put the final answer, and nothing else, within \\boxed{}.\n\n${question}`,
      },
    ],
    read: readFinalAnswer,
    readRaw: (generation) => generation,
    judge: async (answers) =>
      answers.map((answer): Judged => ({ verdict: isRight(answer) ? 'accepted' : 'wrong-answer' })),
  };
}

function solveItem(problem: Problem, comparator: ComparatorName, options: LoadOptions): BenchmarkItem {
  const { style, publicTestsInPrompt = true } = options;
  return {
    id: problem.id,
    problem: problem.id,
    messages: style.solve(problem, { includePublicTests: publicTestsInPrompt }),
    read: (completion) => style.parseProgram(completion)?.source,
    readRaw: (generation) => readProgram(generation, true)?.source,
    judge: (answers, { sandbox, signal }) =>
      Promise.all(
        answers.map(async (source): Promise<Judged> => {
          const settings = { comparator, stopEarly: true, ...(signal && { signal }) };
          const { verdict, tests } = await judge(sandbox, { source }, problem, settings);
          const reason = tests.find((test) => test.verdict === 'unscored')?.reason;
          return verdict === 'unscored' && reason !== undefined ? { verdict, reason } : { verdict };
        }),
      ),
  };
}
