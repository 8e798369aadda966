/**
 * What RL on output prediction is asked: programs for the training problems that end normally, each with a public test's
 * input and what it really prints. Of the paper's kind (PAPER.md §3) are the model's own right solutions; ours can also be
 * references, mutants of them, and the model's own wrong programs.
 */
import { createRng } from '../../core/rng.js';
import type { Sandbox } from '../../execution/types.js';
import type { Problem } from '../../problem/types.js';
import { mutateProgram } from '../../world/mutate.js';
import { isWithinWorld, WORLD_LIMITS } from '../../world/problems.js';
import type { Recipe } from '../schema.js';
import type { OwnPrograms } from './own-programs.js';

export type PredictionOrigin = Recipe['rl']['predictionsFrom'][number];

export interface PredictionItem {
  readonly problem: string;
  readonly origin: PredictionOrigin;
  readonly source: string;
  readonly input: string;
  /** What the program prints, by execution. */
  readonly output: string;
}

export interface PredictionSources {
  readonly from: readonly PredictionOrigin[];
  /** What the model wrote for the problems, where its programs are among them. */
  readonly own?: readonly OwnPrograms[];
}

/** Deterministic by seed; in the order of the problems. `onProblem` is told how many are done. */
export async function createPredictions(
  sandbox: Sandbox,
  problems: readonly Problem[],
  seed: number | string,
  { from, own = [] }: PredictionSources = { from: ['reference', 'mutant'] },
  onProblem: (done: number) => void = () => undefined,
): Promise<PredictionItem[]> {
  let done = 0;
  const ownOf = new Map(own.map((row) => [row.problem, row]));
  const items = await Promise.all(
    problems.map(async (problem): Promise<PredictionItem[]> => {
      const reference = problem.programs?.[0]?.source;
      const outputs = problem.publicTests.map(({ output }) => output);
      const all = [
        ...(reference === undefined ? [] : itemsOf(problem, 'reference', reference, outputs)),
        ...ownItems(problem, ownOf.get(problem.id)),
        ...(reference === undefined || !from.includes('mutant')
          ? []
          : await mutantItems(sandbox, problem, reference, `${seed}/${problem.id}`)),
      ];
      onProblem(++done);
      return all.filter(({ origin }) => from.includes(origin));
    }),
  );
  return items.flat();
}

/** One per public test. */
function itemsOf(
  { id, publicTests }: Problem,
  origin: PredictionOrigin,
  source: string,
  outputs: readonly string[],
): PredictionItem[] {
  return publicTests.map(({ input }, at) => ({ problem: id, origin, source, input, output: outputs[at]! }));
}

function ownItems(problem: Problem, own: OwnPrograms | undefined): PredictionItem[] {
  return (own?.programs ?? []).flatMap(({ source, right, outputs }) =>
    itemsOf(problem, right ? 'own-right' : 'own-wrong', source, outputs),
  );
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
