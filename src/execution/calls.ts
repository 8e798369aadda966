/**
 * Judging by calls: a function that a program defines, called with literal arguments, against results as literals.
 *
 * The expected results stay here. Each call is one run; its process knows the call and nothing of what is expected.
 * Left out: tests that are Python code of their own (HumanEval, MBPP), which need a checker that holds the code.
 * Departure from `==` in Python: a result that is no literal, such as a `Counter`, equals no literal; the verdict's
 * `reason` says so.
 */
import { InfrastructureError, UsageError } from '../core/errors.js';
import { safeParsePythonLiteral } from '../core/python-literal.js';
import type { Limits, Program } from '../problem/types.js';
import { outputsMatch } from './comparators.js';
import { type ProgramVerdict, programVerdict, retryInfrastructure } from './judge.js';
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
  options: { readonly limits?: Limits; readonly signal?: AbortSignal } = {},
): Promise<ProgramVerdict> {
  if (tests.length === 0) throw new UsageError('judgeCalls: there are no tests to judge by');
  for (const { expected } of tests) {
    if (safeParsePythonLiteral(expected) === undefined) {
      throw new UsageError(
        `judgeCalls: an expected result has to be a Python literal, got ${expected.slice(0, 80)}`,
      );
    }
  }
  const inputs = tests.map(({ expression }) => ({ kind: 'call', expression }) as const);
  let verdicts: TestVerdict[];
  try {
    const executions = await retryInfrastructure(() => sandbox.run(program, inputs, options));
    verdicts = executions.map((execution, i) => verdictOf(execution, tests[i]?.expected ?? ''));
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    const unscored = {
      verdict: 'unscored',
      comparator: 'literal',
      cpuTimeMs: 0,
      reason: error.message,
    } as const;
    verdicts = tests.map(() => unscored);
  }
  return { ...programVerdict(verdicts), comparator: 'literal', tests: verdicts };
}

function verdictOf(execution: Execution, expected: string): TestVerdict {
  const { outcome, result = '', cpuTimeMs, peakMemoryBytes } = execution;
  const isRight = outcome === 'completed' && outputsMatch('literal', result, expected);
  const isLiteral = safeParsePythonLiteral(result) !== undefined;
  return {
    verdict: outcome !== 'completed' ? outcome : isRight ? 'accepted' : 'wrong-answer',
    comparator: 'literal',
    cpuTimeMs,
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
    ...(outcome === 'completed' && !isLiteral
      ? { reason: `the result is no literal: ${result.slice(0, 80)}` }
      : {}),
  };
}
