/**
 * A file of problems in any form that programs can be judged by, and the judge of each: stdin problems (ours, CodeContests,
 * LiveCodeBench), calls with their results (ours, APPS, CRUXEval), functions with tests of their own (HumanEval, HumanEval+,
 * MBPP, MBPP+). The first row says which form it is.
 *
 * Left out: what a model is asked, and how programs are read out of its answers (load.ts).
 */
import { z } from 'zod';
import { UsageError } from '../../core/errors.js';
import { safeParsePythonLiteral } from '../../core/python-literal.js';
import { type CallTest, judgeCalls } from '../../execution/calls.js';
import type { ComparatorName } from '../../execution/comparators.js';
import { type JudgeOptions, judge, type ProgramVerdict } from '../../execution/judge.js';
import { limitsRow } from '../../problem/read-problems.js';
import { DEFAULT_LIMITS, type Limits, type Problem } from '../../problem/types.js';
import type { JudgeContext } from './benchmark.js';
import { parseCruxEval } from './cruxeval.js';
import { type FunctionProblem, parseEvalPlus, parseHumanEval, parseMbpp } from './function-code.js';
import { completeFunction } from './function-item.js';
import { judgeFunctions, planTests, type TestPlan } from './function-judge.js';
import { pythonSource } from './function-values.js';
import { readProblemFile } from './problem-files.js';
import { parseRows, readBenchmarkRows } from './rows.js';

/** What became of a program. Tests of a function are one whole, so `tests` is empty then. */
export type ProgramJudgement = Omit<ProgramVerdict, 'comparator'> & {
  readonly comparator: ComparatorName | 'tests';
  /** Judged inside the candidate's own process: a program that means to deceive could. */
  readonly weak?: true;
  /** For `unscored`: what failed. */
  readonly reason?: string;
};

export interface JudgedProblem {
  readonly id: string;
  /** Judges a program; for function problems also the rest of a function, after the problem's own head. */
  judge(source: string, options: JudgeOptions, context: JudgeContext): Promise<ProgramJudgement>;
}

/** Reads all problems, by id. Throws a UsageError for a form that is not known and for an id that comes twice. */
export async function readJudgedProblems(path: string): Promise<Map<string, JudgedProblem>> {
  const list = await readForm(path);
  const problems = new Map(list.map((problem) => [problem.id, problem]));
  if (problems.size < list.length) {
    const twice = list.find((problem) => problems.get(problem.id) !== problem);
    throw new UsageError(`${path}: two problems are called ${twice?.id}; ids have to be unique`);
  }
  if (problems.size === 0) throw new UsageError(`${path} holds no problems`);
  return problems;
}

async function readForm(path: string): Promise<JudgedProblem[]> {
  const rows = await readBenchmarkRows(path, 'Name a file of problems.');
  const [first] = rows;
  const has = (field: string): boolean => typeof first === 'object' && first !== null && field in first;
  if (has('calls')) return parseCallRows(rows).map(callProblem);
  if (has('input_output')) return parseApps(rows).map(callProblem);
  if (has('code') && has('output')) return parseCruxEval(rows).map(cruxEvalProblem);
  if (has('base_input')) {
    const exact = await readBenchmarkRows(path, '', { exactNumbers: true });
    const isMbpp = String((first as { readonly task_id?: unknown }).task_id).startsWith('Mbpp');
    return parseEvalPlus(exact, isMbpp ? 'words' : 'head').map(functionProblem);
  }
  if (has('canonical_solution')) return parseHumanEval(rows).map(functionProblem);
  if (has('test_list')) return parseMbpp(rows).map(functionProblem);
  if (!has('publicTests') && !has('public_tests') && !has('private_test_cases')) {
    throw new UsageError(
      `${path}: the first row is of no known form; it needs publicTests or calls (ours), or to be a row of CodeContests, LiveCodeBench, APPS (with fn_name), CRUXEval, HumanEval(+) or MBPP(+) as published`,
    );
  }
  return (await readProblemFile(path)).problems.map(stdinProblem);
}

function stdinProblem(problem: Problem): JudgedProblem {
  return {
    id: problem.id,
    judge: (source, options, { sandbox, signal }) =>
      judge(sandbox, { source }, problem, { ...options, ...(signal && { signal }) }),
  };
}

interface CallProblem {
  readonly id: string;
  readonly tests: readonly CallTest[];
  readonly limits?: Limits;
}

function callProblem({ id, tests, limits }: CallProblem): JudgedProblem {
  return {
    id,
    judge: (source, options, { sandbox, signal }) =>
      judgeCalls(sandbox, { source }, tests.slice(0, options.maxTests), {
        stopEarly: options.stopEarly === true,
        limits: { ...(limits ?? DEFAULT_LIMITS), ...options.limits },
        ...(signal && { signal }),
      }),
  };
}

function cruxEvalProblem({ id, input, output }: ReturnType<typeof parseCruxEval>[number]): JudgedProblem {
  return callProblem({ id, tests: [{ expression: `f(${input})`, expected: output }] });
}

function functionProblem(problem: FunctionProblem): JudgedProblem {
  let plan: Promise<TestPlan> | undefined;
  return {
    id: problem.id,
    judge: async (source, _options, context) => {
      plan ??= planTests(problem, context);
      plan.catch(() => {
        plan = undefined;
      });
      const program = completeFunction(problem, source);
      const [judged] = await judgeFunctions(problem, await plan, [program], context);
      const { cpuTimeMs = 0, ...rest } = judged!;
      return { ...rest, comparator: 'tests', tests: [], cpuTimeMs };
    },
  };
}

const literal = z.string().refine((text) => safeParsePythonLiteral(text) !== undefined, {
  message: 'expected a Python literal',
});
const callRow = z.object({
  id: z.string().min(1),
  /** The result of each call as a Python literal. */
  calls: z.array(z.object({ call: z.string().min(1), result: literal })).min(1),
  limits: limitsRow.optional(),
});

function parseCallRows(rows: readonly unknown[]): CallProblem[] {
  return parseRows(rows, callRow, 'call').map(({ id, calls, limits }) => ({
    id,
    tests: calls.map(({ call, result }) => ({ expression: call, expected: result })),
    ...(limits && { limits }),
  }));
}

const appsRow = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  problem_id: z.union([z.string(), z.number()]).optional(),
  input_output: z.union([z.string().transform((text) => JSON.parse(text) as unknown), z.unknown()]).pipe(
    z.object({
      fn_name: z.string(),
      inputs: z.array(z.array(z.unknown())).min(1),
      outputs: z.array(z.unknown()),
    }),
  ),
});

/** APPS, the problems that are functions. An output is the result, or (as published) a list that holds nothing but it. */
function parseApps(rows: readonly unknown[]): CallProblem[] {
  return parseRows(rows, appsRow, 'APPS (function)').map(({ id, problem_id, input_output }, index) => {
    const { fn_name, inputs, outputs } = input_output;
    const wrapped = outputs.every((output) => Array.isArray(output) && output.length === 1);
    return {
      id: String(problem_id ?? id ?? index),
      tests: inputs.map((args, i) => ({
        expression: `${fn_name}(${args.map((value) => pythonSource(value)).join(', ')})`,
        expected: pythonSource(wrapped ? (outputs[i] as unknown[])[0] : outputs[i]),
      })),
    };
  });
}
