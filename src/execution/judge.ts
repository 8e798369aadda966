/**
 * Judging: a program against the tests of a stdin problem, run for real.
 *
 * Owns: which tests are run, the verdict of each, the verdict of the program. Expected outputs stay here: the process
 * that runs the program never has them. An infrastructure failure is retried and then gives `unscored`, never a
 * failure. Function-call problems have their own judge (calls.ts).
 */
import { InfrastructureError, UsageError } from '../core/errors.js';
import type { Limits, Problem, Program, TestCase } from '../problem/types.js';
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
  /** In place of the problem's own limits. */
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
}

export interface ProgramVerdict {
  /** The first failure in test order; `unscored` when nothing failed but some test could not be run. */
  readonly verdict: Verdict;
  readonly comparator: ComparatorName;
  /** In test order; with `stopEarly` shorter than the problem's tests. */
  readonly tests: readonly TestVerdict[];
  readonly cpuTimeMs: number;
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
  const tests = testsOf(problem, options);
  const limits = options.limits ?? problem.limits;
  const verdicts: TestVerdict[] = [];
  // With `stopEarly` in growing steps, so that a wrong program costs few runs and a right one few round trips.
  while (verdicts.length < tests.length) {
    const done = verdicts.length;
    const some = options.stopEarly === true ? tests.slice(done, done + Math.max(1, done)) : tests;
    verdicts.push(...(await judgeTests(sandbox, program, some, comparator, limits, options.signal)));
    if (options.stopEarly === true && verdicts.some(({ verdict }) => verdict !== 'accepted')) break;
  }
  return { ...programVerdict(verdicts), comparator, tests: verdicts };
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

/** The program's verdict from those of its tests. */
export function programVerdict(tests: readonly TestVerdict[]): { verdict: Verdict; cpuTimeMs: number } {
  const failure = tests.find(({ verdict }) => verdict !== 'accepted' && verdict !== 'unscored');
  const unscored = tests.find(({ verdict }) => verdict === 'unscored');
  return {
    verdict: (failure ?? unscored)?.verdict ?? 'accepted',
    cpuTimeMs: tests.reduce((sum, test) => sum + test.cpuTimeMs, 0),
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

async function judgeTests(
  sandbox: Sandbox,
  program: Program,
  tests: readonly TestCase[],
  comparator: ComparatorName,
  limits: Limits | undefined,
  signal: AbortSignal | undefined,
): Promise<TestVerdict[]> {
  const options = {
    ...(limits === undefined ? {} : { limits }),
    ...(signal === undefined ? {} : { signal }),
  };
  const inputs = tests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  const verdictOf = (execution: Execution, index: number): TestVerdict =>
    judgeExecution(execution, tests[index]?.output ?? '', comparator);
  try {
    const executions = await retryInfrastructure(() => sandbox.run(program, inputs, options));
    return executions.map(verdictOf);
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    // One test may be to blame: the others still get their verdicts.
    if (tests.length === 1) return [{ verdict: 'unscored', comparator, cpuTimeMs: 0, reason: error.message }];
    const each = tests.map((test) => judgeTests(sandbox, program, [test], comparator, limits, signal));
    return (await Promise.all(each)).flat();
  }
}
