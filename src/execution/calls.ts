/**
 * Judging by calls: a function that a program defines, called with literal arguments, against results as literals.
 *
 * The expected results stay here. Each call is one run; its process knows the call and nothing of what is expected.
 * Left out: tests that are Python code of their own (HumanEval, MBPP), which need a checker that holds the code.
 * Departure from `==` in Python: a result that is no literal, such as a `Counter`, equals no literal; the verdict's
 * `reason` says so.
 */
import { UsageError } from '../core/errors.js';
import { safeParsePythonLiteral } from '../core/python-literal.js';
import type { Program } from '../problem/types.js';
import { outputsMatch } from './comparators.js';
import { judgeRuns, type ProgramVerdict, type RunsOptions } from './judge.js';
import type { Execution, Sandbox } from './types.js';
import type { TestVerdict } from './verdict.js';

export interface CallTest {
  /** One call with literal arguments, such as `f(1, [2, 3])`. */
  readonly expression: string;
  /** The result as a Python literal. */
  readonly expected: string;
}

/** Judges one program by calls. Throws a UsageError when there are no tests or an expected result is no literal. */
export async function judgeCalls(
  sandbox: Sandbox,
  program: Program,
  tests: readonly CallTest[],
  options: RunsOptions = {},
): Promise<ProgramVerdict> {
  if (tests.length === 0) throw new UsageError('judgeCalls: there are no tests to judge by');
  for (const { expected } of tests) {
    if (safeParsePythonLiteral(expected) === undefined) {
      throw new UsageError(
        `judgeCalls: an expected result has to be a Python literal, got ${expected.slice(0, 80)}`,
      );
    }
  }
  const runs = tests.map(({ expression, expected }) => ({
    input: { kind: 'call', expression } as const,
    verdictOf: (execution: Execution) => verdictOf(execution, expected),
  }));
  return judgeRuns(sandbox, program, runs, 'literal', options);
}

function verdictOf(execution: Execution, expected: string): TestVerdict {
  const { outcome, result, cpuTimeMs, peakMemoryBytes } = execution;
  const used = { comparator: 'literal', cpuTimeMs, ...(peakMemoryBytes && { peakMemoryBytes }) } as const;
  if (outcome !== 'completed') return { verdict: outcome, ...used };
  // A program that leaves by `os._exit(0)` has not failed by its own account, and has not answered either.
  if (result === undefined) {
    return { verdict: 'runtime-error', ...used, reason: 'the program ended before the call returned' };
  }
  if (outputsMatch('literal', result, expected)) return { verdict: 'accepted', ...used };
  const reason = `the result is no literal: ${result.slice(0, 80)}`;
  return {
    verdict: 'wrong-answer',
    ...used,
    ...(safeParsePythonLiteral(result) === undefined && { reason }),
  };
}
