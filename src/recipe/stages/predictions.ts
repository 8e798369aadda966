/**
 * What RL on output prediction is asked: programs for the training problems, right ones and mutants that end normally,
 * each with a public test's input and what it really prints (PAPER.md §3; there the programs are the model's own
 * correct solutions).
 */
import { createRng } from '../../core/rng.js';
import type { Sandbox } from '../../execution/types.js';
import type { Problem } from '../../problem/types.js';
import { mutateProgram } from '../../world/mutate.js';
import { isWithinWorld, WORLD_LIMITS } from '../../world/problems.js';

export interface PredictionItem {
  readonly problem: string;
  readonly origin: 'reference' | 'mutant';
  readonly source: string;
  readonly input: string;
  /** What the program prints, by execution. */
  readonly output: string;
}

/** Deterministic by seed; in the order of the problems. */
export async function createPredictions(
  sandbox: Sandbox,
  problems: readonly Problem[],
  seed: number | string,
): Promise<PredictionItem[]> {
  const items = await Promise.all(
    problems.map(async (problem) => {
      const reference = problem.programs?.[0]?.source;
      if (reference === undefined) return [];
      const right = problem.publicTests.map(({ input, output }) => ({
        ...{ problem: problem.id, origin: 'reference' as const, source: reference },
        input,
        output,
      }));
      return [...right, ...(await mutantItems(sandbox, problem, reference, `${seed}/${problem.id}`))];
    }),
  );
  return items.flat();
}

async function mutantItems(
  sandbox: Sandbox,
  problem: Problem,
  reference: string,
  seed: string,
): Promise<PredictionItem[]> {
  const rng = createRng(seed);
  let source: string | undefined;
  for (let tries = 0; tries < 8 && source === undefined; tries++) source = mutateProgram(reference, rng);
  if (source === undefined) return [];
  const program = { source };
  const inputs = problem.publicTests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  const executions = await sandbox.run(program, inputs, { limits: WORLD_LIMITS });
  return executions.flatMap((execution, at) =>
    isWithinWorld(execution)
      ? [
          {
            ...{ problem: problem.id, origin: 'mutant' as const, source: program.source },
            input: problem.publicTests[at]!.input,
            output: execution.stdout,
          },
        ]
      : [],
  );
}
