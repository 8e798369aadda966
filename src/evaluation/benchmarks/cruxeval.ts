/**
 * CRUXEval (Gu et al. 2024): 800 short Python functions; predict the output of a call (-O), or find arguments that give
 * an output (-I). The published score executes `assert expected == generation`.
 *
 * Deviations, neither of which changes a published boolean of the samples that we have (cruxeval.test.ts):
 * - -O: nothing is executed. The generation has to be a Python literal; any other expression is `unparsed`.
 * - -I: the expected output does not enter the process that evaluates the generated call; its result is compared as a
 *   literal outside.
 */
import { z } from 'zod';
import { InfrastructureError } from '../../core/errors.js';
import { pythonEquals, safeParsePythonLiteral } from '../../core/python-literal.js';
import { retryInfrastructure } from '../../execution/judge.js';
import type { Execution, Sandbox } from '../../execution/types.js';
import type { Verdict } from '../../execution/verdict.js';
import { DEFAULT_LIMITS } from '../../problem/types.js';
import { parseRows } from './rows.js';

export const CRUXEVAL_SOURCE =
  'Download data/cruxeval.jsonl from github.com/facebookresearch/cruxeval (MIT).';

const row = z.object({
  id: z.string(),
  /** Defines `f`. */
  code: z.string(),
  /** The arguments of the call, as Python source. */
  input: z.string(),
  /** The result, as a Python literal. */
  output: z.string(),
});
export type CruxEvalProblem = Readonly<z.infer<typeof row>>;

export function parseCruxEval(rows: readonly unknown[]): CruxEvalProblem[] {
  return parseRows(rows, row, 'CRUXEval');
}

/** As published. */
const LIMITS = { ...DEFAULT_LIMITS, cpuTimeMs: 3_000 };

/** The verdict of a predicted output, such as `[1, 2]`. A generation that holds the call itself is no answer. */
export function judgeCruxEvalOutput(
  problem: CruxEvalProblem,
  generation: string,
): Extract<Verdict, 'accepted' | 'wrong-answer' | 'unparsed'> {
  if (generation.includes(`f(${problem.input})`)) return 'unparsed';
  const answer = safeParsePythonLiteral(generation.trim());
  if (answer === undefined) return 'unparsed';
  const expected = safeParsePythonLiteral(problem.output);
  return expected !== undefined && pythonEquals(answer, expected) ? 'accepted' : 'wrong-answer';
}

/** The verdicts of predicted calls, such as `f([1, 2])`, in their order; equal calls are run once. */
export async function judgeCruxEvalInputs(
  problem: CruxEvalProblem,
  generations: readonly string[],
  sandbox: Sandbox,
  signal?: AbortSignal,
): Promise<Verdict[]> {
  const calls = [...new Set(generations.map((generation) => generation.trim()).filter(isCall))];
  const expected = safeParsePythonLiteral(problem.output);
  const run = async (some: readonly string[]): Promise<Verdict[]> => {
    try {
      const executions = await retryInfrastructure(() =>
        sandbox.run(
          { source: problem.code },
          some.map((expression) => ({ kind: 'call', expression })),
          { limits: LIMITS, ...(signal && { signal }) },
        ),
      );
      return executions.map((execution) => verdictOf(execution, expected));
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      // One call may be to blame: the others still get their verdicts.
      if (some.length === 1) return ['unscored'];
      return (await Promise.all(some.map((call) => run([call])))).flat();
    }
  };
  const verdicts = calls.length === 0 ? [] : await run(calls);
  const byCall = new Map(calls.map((call, i) => [call, verdicts[i]!]));
  return generations.map((generation) => byCall.get(generation.trim()) ?? 'unparsed');
}

function isCall(generation: string): boolean {
  return generation.includes('f(');
}

function verdictOf(execution: Execution, expected: ReturnType<typeof safeParsePythonLiteral>): Verdict {
  if (execution.outcome !== 'completed') return execution.outcome;
  const result = execution.result === undefined ? undefined : safeParsePythonLiteral(execution.result);
  return result !== undefined && expected !== undefined && pythonEquals(result, expected)
    ? 'accepted'
    : 'wrong-answer';
}
