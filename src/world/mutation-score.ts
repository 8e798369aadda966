/**
 * A test of the world's tests: mutants of reference programs, other ones than those the tests were chosen with, are run
 * on the private tests and on many more inputs. A mutant that differs somewhere should fail a private test; the share
 * that does is the mutation score.
 */
import { createRng } from '../core/rng.js';
import type { Sandbox } from '../execution/types.js';
import {
  createProblem,
  draftProblem,
  drawInputs,
  drawMutants,
  isSameExecution,
  PUBLIC_TESTS,
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

/** Measures over the first test problems. `probes`: how many inputs beyond the tests decide what differs. */
export async function measureMutationScore(
  sandbox: Sandbox,
  options: {
    readonly seed: string | number;
    readonly problems: number;
    /** Mutants per problem. */
    readonly mutants: number;
    readonly probes: number;
  },
): Promise<MutationScore> {
  const { seed, problems, mutants, probes } = options;
  const score = { problems: 0, mutants: 0, different: 0, caught: 0, caughtByPublic: 0 };
  for (let index = 0; score.problems < problems; index++) {
    const problem = await createProblem(sandbox, seed, 'test', index);
    if (!problem) continue;
    const rng = createRng(`${seed}/mutation-score/${index}`);
    const { source, composition } = draftProblem(seed, 'test', index, 0);
    const tests = [...problem.publicTests, ...problem.privateTests].map(({ input }) => input);
    const extra = drawInputs(composition, rng.fork('probes'), probes).map((line) => `${line}\n`);
    const inputs = [...tests, ...extra].map((stdin) => ({ kind: 'stdin', stdin }) as const);
    const [expected, ...all] = await Promise.all(
      [source, ...drawMutants(source, rng, mutants)].map((one) =>
        sandbox.run({ source: one }, inputs, { limits: WORLD_LIMITS }),
      ),
    );
    score.problems++;
    for (const actual of all) {
      const differs = actual.map((one, at) => !isSameExecution(one, expected![at]!));
      score.mutants++;
      if (!differs.includes(true)) continue;
      score.different++;
      if (differs.slice(PUBLIC_TESTS, tests.length).includes(true)) score.caught++;
      if (differs.slice(0, PUBLIC_TESTS).includes(true)) score.caughtByPublic++;
    }
  }
  return score;
}
