/**
 * Output-prediction forms of problem sets (paper §6: LCB-IO-Out, DMC-Out): programs for each problem, right and wrong, and
 * every public test; the answer is what the program really prints. Programs that do not end normally are not asked about.
 *
 * The paper takes 20 unfiltered samples per problem; they come from a file of programs, or from the data set itself (its
 * Python 3 solutions, right and wrong), which is another population and not to be compared with the paper's numbers.
 */
import { readOutput } from '../../episode/prompts/answers.js';
import { type ComparatorName, outputsMatch } from '../../execution/comparators.js';
import { judge, retryInfrastructure } from '../../execution/judge.js';
import type { Execution } from '../../execution/types.js';
import type { Problem } from '../../problem/types.js';
import type { BenchmarkItem, JudgeContext, PredictionItem } from './benchmark.js';
import type { LoadOptions } from './load.js';

/** The paper's number. */
const MOST_PROGRAMS = 20;

interface Candidate {
  readonly id: string;
  readonly source: string;
  /** Unknown for programs from a file: then it is found out. */
  readonly correct?: boolean;
}

export async function predictionItems(
  problems: readonly Problem[],
  comparator: ComparatorName,
  options: LoadOptions,
  context: JudgeContext,
): Promise<{ readonly items: BenchmarkItem[]; readonly leftOut: Record<string, number> }> {
  const leftOut: Record<string, number> = {};
  const drop = (reason: string): void => {
    leftOut[reason] = (leftOut[reason] ?? 0) + 1;
  };
  const perProblem = await Promise.all(
    problems.map(async (problem) => {
      const candidates = candidatesOf(problem, options).slice(0, MOST_PROGRAMS);
      if (candidates.length === 0) drop('without programs');
      if (problem.publicTests.length === 0) drop('without public tests');
      if (candidates.length === 0 || problem.publicTests.length === 0) return [];
      const items = await Promise.all(candidates.map((candidate) => itemsOf(problem, candidate)));
      return items.flat();
    }),
  );
  return { items: perProblem.flat(), leftOut };

  async function itemsOf(problem: Problem, candidate: Candidate): Promise<BenchmarkItem[]> {
    const { sandbox, signal } = context;
    const inputs = problem.publicTests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
    const executions = await retryInfrastructure(() =>
      sandbox.run(candidate, inputs, {
        ...(problem.limits && { limits: problem.limits }),
        ...(signal && { signal }),
      }),
    );
    const correct =
      candidate.correct ??
      (await judge(sandbox, candidate, problem, { stopEarly: true, ...(signal && { signal }) })).verdict ===
        'accepted';
    return executions.flatMap((execution, test) => {
      if (execution.outcome !== 'completed') {
        drop('program does not end normally');
        return [];
      }
      return [itemOf(problem, { ...candidate, correct }, test, execution)];
    });
  }

  function itemOf(
    problem: Problem,
    { id, source, correct }: Required<Candidate>,
    test: number,
    { stdout }: Execution,
  ): BenchmarkItem {
    const { input, output: expected } = problem.publicTests[test]!;
    const asked = { kind: 'stdin', stdin: input } as const;
    const prediction: PredictionItem = {
      programId: id,
      programSource: source,
      programCorrect: correct,
      origin: options.programs === undefined ? (correct ? 'reference' : 'mutant') : 'own',
      input,
      expected,
      actual: stdout,
      asExpected: outputsMatch(comparator, stdout, expected),
    };
    return {
      id: `${problem.id}#${id}#${test}`,
      problem: problem.id,
      messages: options.style.predictOutput({ source }, asked),
      read: (completion) => readOutput(completion, asked),
      readRaw: (generation) => generation,
      judge: async (answers) =>
        answers.map((answer) => ({
          verdict: outputsMatch(comparator, answer, stdout) ? 'accepted' : 'wrong-answer',
        })),
      prediction,
    };
  }
}

function candidatesOf(problem: Problem, { programs }: LoadOptions): Candidate[] {
  if (programs !== undefined) return programs.filter((program) => program.problem === problem.id);
  return (problem.programs ?? []).map(({ source, correct }, index) => ({
    id: String(index),
    source,
    correct,
  }));
}
