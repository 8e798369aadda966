/**
 * A test of the world's tests: mutants of reference programs are run on the private tests and on many more inputs. A
 * mutant that differs somewhere should fail a private test; the share that does is the mutation score.
 */
import { createRng } from '../core/rng.js';
import type { Execution, Sandbox } from '../execution/types.js';
import { mutateProgram } from './mutate.js';
import {
  draftProblem,
  drawInputs,
  PRIVATE_TESTS,
  PUBLIC_TESTS,
  toProblem,
  WORLD_LIMITS,
} from './problems.js';

export interface MutationScore {
  readonly problems: number;
  readonly mutants: number;
  /** Mutants that behave otherwise on some input, and those of them that fail a private test. */
  readonly different: number;
  readonly caught: number;
  /** Those that fail a public test. */
  readonly caughtByPublic: number;
}

/** Measures over the test problems from `first` on. `probes`: how many inputs beyond the tests decide what differs. */
export async function measureMutationScore(
  sandbox: Sandbox,
  options: {
    readonly seed: string | number;
    readonly problems: number;
    readonly mutants: number;
    readonly probes: number;
    /** Private tests per problem; default the world's. */
    readonly privateTests?: number;
  },
): Promise<MutationScore> {
  const { seed, problems, mutants, probes } = options;
  const score = { problems: 0, mutants: 0, different: 0, caught: 0, caughtByPublic: 0 };
  const tests = PUBLIC_TESTS + (options.privateTests ?? PRIVATE_TESTS);
  for (let index = 0; score.problems < problems && index < problems * 20; index++) {
    const draft = draftProblem(seed, 'test', index, tests);
    if (draft.inputs.length < tests) continue;
    const rng = createRng(`${seed}/mutants/${index}`);
    const extra = drawInputs(draft.composition, rng.fork('probes'), probes).filter(
      (input) => !draft.inputs.includes(input),
    );
    const inputs = [...draft.inputs, ...extra].map(
      (line) => ({ kind: 'stdin', stdin: `${line}\n` }) as const,
    );
    const run = (source: string): Promise<Execution[]> =>
      sandbox.run({ source }, inputs, { limits: WORLD_LIMITS });
    const expected = await run(draft.source);
    if (!toProblem(draft, expected.slice(0, tests))) continue;
    score.problems++;
    const sources = new Set<string>();
    for (let tries = 0; tries < 40 && sources.size < mutants; tries++) {
      const mutated = mutateProgram(draft.source, rng);
      if (mutated !== undefined) sources.add(mutated);
    }
    for (const source of sources) {
      const actual = await run(source);
      const differs = actual.map((one, at) => isDifferent(one, expected[at]!));
      score.mutants++;
      if (!differs.includes(true)) continue;
      score.different++;
      if (differs.slice(PUBLIC_TESTS, tests).includes(true)) score.caught++;
      if (differs.slice(0, PUBLIC_TESTS).includes(true)) score.caughtByPublic++;
    }
  }
  return score;
}

function isDifferent(actual: Execution, expected: Execution): boolean {
  return actual.outcome !== expected.outcome || actual.stdout.trimEnd() !== expected.stdout.trimEnd();
}
