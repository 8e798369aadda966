/**
 * Judging: a program against the tests of a stdin problem, run for real; and what judges of other inputs share.
 *
 * Owns: which tests are run, the verdict of each, the verdict of the program. Expected outputs stay here: the process
 * that runs the program never has them. An infrastructure failure is retried and then gives `unscored`, never a
 * failure. An exit code is no evidence: a program that leaves early has printed what it has printed. Function-call
 * problems have their own judge (calls.ts).
 */
import { InfrastructureError, UsageError } from '../core/errors.js';
import {
  DEFAULT_LIMITS,
  type Limits,
  type Problem,
  type Program,
  type ProgramInput,
  type TestCase,
} from '../problem/types.js';
import { type ComparatorName, outputsMatch } from './comparators.js';
import type { Execution, Sandbox } from './types.js';
import type { TestVerdict, Verdict } from './verdict.js';

export interface JudgeOptions {
  /** Default `codecontests`. */
  readonly comparator?: ComparatorName;
  /** `all` (the default): public tests, then private ones. */
  readonly tests?: 'public' | 'all';
  /** Stop after the first test that is not accepted; its verdict decides anyway. */
  readonly stopEarly?: boolean;
  /** Judge by the first so many tests only. */
  readonly maxTests?: number;
  /** In place of the problem's own, each. */
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
}

export interface ProgramVerdict {
  /** The first failure in test order; `unscored` when nothing failed but some test could not be run. */
  readonly verdict: Verdict;
  readonly comparator: ComparatorName;
  /** In test order; with `stopEarly` shorter than the problem's tests. */
  readonly tests: readonly TestVerdict[];
  /** Of all tests together. */
  readonly cpuTimeMs: number;
  /** The largest of its tests, where the sandbox measures it. */
  readonly peakMemoryBytes?: number;
}

/** One run to be judged: what the program is given, and what its execution is worth. */
interface JudgedRun {
  readonly input: ProgramInput;
  verdictOf(execution: Execution): TestVerdict;
}

export interface RunsOptions {
  /** Stop after the first run that is not accepted. */
  readonly stopEarly?: boolean;
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
}

const ATTEMPTS = 3;

/** Judges one program. Throws a UsageError when the problem has no tests of the kind asked for. */
export async function judge(
  sandbox: Sandbox,
  program: Program,
  problem: Problem,
  options: JudgeOptions = {},
): Promise<ProgramVerdict> {
  const comparator = options.comparator ?? 'codecontests';
  const { stopEarly = false, signal } = options;
  const limits = { ...(problem.limits ?? DEFAULT_LIMITS), ...options.limits };
  const runs = testsOf(problem, options).map(
    ({ input, output }): JudgedRun => ({
      input: { kind: 'stdin', stdin: input },
      verdictOf: (execution) => judgeExecution(execution, output, comparator),
    }),
  );
  return judgeRuns(sandbox, program, runs, comparator, { stopEarly, limits, ...(signal && { signal }) });
}

/** Judges one program by runs of any kind. */
export async function judgeRuns(
  sandbox: Sandbox,
  program: Program,
  runs: readonly JudgedRun[],
  comparator: ComparatorName,
  options: RunsOptions,
): Promise<ProgramVerdict> {
  const verdicts: TestVerdict[] = [];
  // With `stopEarly` in growing steps, so that a wrong program costs few runs and a right one few round trips.
  while (verdicts.length < runs.length) {
    const done = verdicts.length;
    const some = options.stopEarly === true ? runs.slice(done, done + Math.max(1, done)) : runs;
    verdicts.push(...(await runAll(sandbox, program, some, comparator, options)));
    if (options.stopEarly === true && verdicts.some(({ verdict }) => verdict !== 'accepted')) break;
  }
  return summarise(verdicts, comparator);
}

/** The verdict of one execution whose output should be `expected`. */
export function judgeExecution(
  execution: Execution,
  expected: string,
  comparator: ComparatorName,
): TestVerdict {
  const { outcome, stdout, cpuTimeMs, peakMemoryBytes } = execution;
  const right = outcome === 'completed' && outputsMatch(comparator, stdout, expected);
  return {
    verdict: outcome !== 'completed' ? outcome : right ? 'accepted' : 'wrong-answer',
    comparator,
    cpuTimeMs,
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
  };
}

/** Runs `work`, again when our machinery failed in a way that may pass. */
export async function retryInfrastructure<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof InfrastructureError) || !error.retryable || attempt >= ATTEMPTS) throw error;
    }
  }
}

function testsOf(problem: Problem, options: JudgeOptions): readonly TestCase[] {
  const { publicTests, privateTests } = problem;
  const all = options.tests === 'public' ? publicTests : [...publicTests, ...privateTests];
  const tests = options.maxTests === undefined ? all : all.slice(0, options.maxTests);
  if (tests.length === 0) {
    throw new UsageError(
      `problem ${problem.id} has no ${options.tests === 'public' ? 'public ' : ''}tests to judge by; leave it out`,
    );
  }
  return tests;
}

function summarise(tests: readonly TestVerdict[], comparator: ComparatorName): ProgramVerdict {
  const failure = tests.find(({ verdict }) => verdict !== 'accepted' && verdict !== 'unscored');
  const unscored = tests.find(({ verdict }) => verdict === 'unscored');
  const peaks = tests.flatMap(({ peakMemoryBytes }) => peakMemoryBytes ?? []);
  return {
    verdict: (failure ?? unscored)?.verdict ?? 'accepted',
    comparator,
    tests,
    cpuTimeMs: tests.reduce((sum, test) => sum + test.cpuTimeMs, 0),
    ...(peaks.length > 0 && { peakMemoryBytes: Math.max(...peaks) }),
  };
}

async function runAll(
  sandbox: Sandbox,
  program: Program,
  runs: readonly JudgedRun[],
  comparator: ComparatorName,
  options: RunsOptions,
): Promise<TestVerdict[]> {
  const inputs = runs.map(({ input }) => input);
  try {
    const executions = await retryInfrastructure(() => sandbox.run(program, inputs, options));
    return executions.map((execution, index) => (runs[index] as JudgedRun).verdictOf(execution));
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    // One run may be to blame: the others still get their verdicts.
    if (runs.length === 1) return [{ verdict: 'unscored', comparator, cpuTimeMs: 0, reason: error.message }];
    const each = runs.map((run) => runAll(sandbox, program, [run], comparator, options));
    return (await Promise.all(each)).flat();
  }
}
