/**
 * Problems of the small world: drafts (a composition in words and in Python, with inputs) and, once a sandbox has run
 * the reference program, problems with tests. Deterministic by seed, split and index.
 */
import { createRng, type Rng } from '../core/rng.js';
import type { Execution, Sandbox, Trace } from '../execution/types.js';
import type { Limits, Problem, TestCase } from '../problem/types.js';
import {
  type Composition,
  compositionKey,
  DEFAULT_DEPTH_WEIGHTS,
  type DepthWeights,
  drawComposition,
  type Split,
  splitOf,
  writeProgram,
  writeStatement,
} from './compose.js';
import { mutateProgram } from './mutate.js';

export const PUBLIC_TESTS = 2;
export const PRIVATE_TESTS = 8;
/** Inputs that private tests are chosen from, and mutants of the reference program that they are chosen to tell apart. */
const CANDIDATES = 24;
const MUTANTS_TO_CATCH = 6;

/** What programs of the world may use: far more than a right one needs, little enough to end a wrong one soon. */
export const WORLD_LIMITS: Limits = {
  cpuTimeMs: 1_000,
  memoryLimitBytes: 256 * 1024 * 1024,
  outputLimitBytes: 10_000,
};

/** Numbers beyond this are out of the world: arithmetic on them would be another skill. */
const LARGEST = 99;
const LONGEST_OUTPUT = 30;

export interface ProblemDraft {
  readonly id: string;
  readonly composition: Composition;
  readonly statement: string;
  readonly source: string;
  /** Distinct stdin lines, without line ends; the first `PUBLIC_TESTS` are public. */
  readonly inputs: readonly string[];
}

/** Depth of problems to solve, in RL and evaluation: two or three stages. */
export const PROBLEM_DEPTH: DepthWeights = [0, 0, 0.6, 0.4];

function depthFor(split: Split): DepthWeights {
  return split === 'train' ? DEFAULT_DEPTH_WEIGHTS : PROBLEM_DEPTH;
}

/** Draws the draft with this number. The same arguments give the same draft on every machine. */
export function draftProblem(
  seed: string | number,
  split: Split,
  index: number,
  tests: number,
  depth: DepthWeights = depthFor(split),
): ProblemDraft {
  const rng = createRng(`${seed}/${split}/${index}`);
  let composition = drawComposition(rng, depth);
  while (splitOf(composition) !== split) composition = drawComposition(rng, depth);
  return {
    id: `world-${split}-${index}`,
    composition,
    statement: writeStatement(composition, rng),
    source: writeProgram(composition),
    inputs: drawInputs(composition, rng, tests),
  };
}

/** Distinct inputs, the public tests' first; fewer than asked for when the kind of input has no more. */
export function drawInputs(composition: Composition, rng: Rng, count: number): string[] {
  const seen = new Set<string>();
  for (let tries = 0; seen.size < count && tries < count * 20; tries++) {
    seen.add(composition.input.draw(rng, seen.size < PUBLIC_TESTS));
  }
  return [...seen];
}

/** Whether an execution stays inside the world: it ended, and printed something short with small numbers. */
export function isWithinWorld(execution: Execution): boolean {
  const { outcome, stdout } = execution;
  if (outcome !== 'completed' || stdout.length > LONGEST_OUTPUT || stdout.trim() === '') return false;
  return numbersOf(stdout).every((number) => Math.abs(number) <= LARGEST);
}

/** The same for everything that happened on the way. */
export function isTraceWithinWorld(trace: Trace): boolean {
  if (trace.excluded !== undefined || !isWithinWorld(trace.execution)) return false;
  return trace.events.every((event) =>
    Object.entries(event.changes).every(
      ([name, value]) => name === 's' || numbersOf(value).every((number) => Math.abs(number) <= LARGEST),
    ),
  );
}

/**
 * Makes `count` problems of a split with public and private tests, by running the reference programs. Drafts that
 * fall out of the world are passed over, so indexes have gaps.
 */
export async function createProblems(
  sandbox: Sandbox,
  seed: string | number,
  split: Split,
  count: number,
  depth: DepthWeights,
  onProgress?: (done: number) => void,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (let next = 0; problems.length < count; ) {
    const first = next;
    next += 32;
    const made = await Promise.all(
      Array.from({ length: 32 }, (_, offset) => createProblem(sandbox, seed, split, first + offset, depth)),
    );
    for (const problem of made) {
      if (!problem || problems.length >= count) continue;
      const source = problem.programs?.[0]?.source ?? '';
      if (seen.has(source)) continue;
      seen.add(source);
      problems.push(problem);
    }
    onProgress?.(problems.length);
  }
  return problems;
}

/**
 * The problem with this number; `undefined` when its public tests fall out of the world, its outputs hardly depend on the
 * input, or too few private tests are left. Private tests are chosen among candidates so that they catch mutants of
 * the reference program, as an author of tests thinks of wrong solutions.
 */
export async function createProblem(
  sandbox: Sandbox,
  seed: string | number,
  split: Split,
  index: number,
  depth: DepthWeights = depthFor(split),
): Promise<Problem | undefined> {
  const draft = draftProblem(seed, split, index, PUBLIC_TESTS + CANDIDATES, depth);
  const inputs = draft.inputs.map((input) => ({ kind: 'stdin', stdin: `${input}\n` }) as const);
  const run = (source: string): Promise<Execution[]> =>
    sandbox.run({ source }, inputs, { limits: WORLD_LIMITS });
  const expected = await run(draft.source);
  if (!expected.slice(0, PUBLIC_TESTS).every(isWithinWorld)) return undefined;
  const usable = expected.flatMap((execution, at) =>
    at >= PUBLIC_TESTS && isWithinWorld(execution) ? [at] : [],
  );
  if (usable.length < PRIVATE_TESTS) return undefined;
  const rng = createRng(`${seed}/${split}/${index}/tests`);
  const mutants = await Promise.all(drawMutants(draft.source, rng, MUTANTS_TO_CATCH).map(run));
  const chosen = chooseTests(
    usable,
    mutants.map((actual) => new Set(usable.filter((at) => !isSameExecution(actual[at]!, expected[at]!)))),
  );
  const tests = [...draft.inputs.keys()].slice(0, PUBLIC_TESTS).concat(chosen);
  if (new Set(tests.map((at) => expected[at]!.stdout)).size < 3) return undefined;
  const toTest = (at: number): TestCase => ({
    input: `${draft.inputs[at]}\n`,
    output: expected[at]!.stdout,
  });
  return {
    id: draft.id,
    statement: draft.statement,
    publicTests: tests.slice(0, PUBLIC_TESTS).map(toTest),
    privateTests: chosen.map(toTest),
    limits: WORLD_LIMITS,
    source: `world:${compositionKey(draft.composition)}`,
    programs: [{ source: draft.source, correct: true }],
  };
}

/** Whether two executions look the same to a judge. */
export function isSameExecution(one: Execution, other: Execution): boolean {
  return one.outcome === other.outcome && one.stdout.trimEnd() === other.stdout.trimEnd();
}

/** Up to `count` different mutants of a program. */
export function drawMutants(source: string, rng: Rng, count: number): string[] {
  const mutants = new Set<string>();
  for (let tries = 0; tries < count * 10 && mutants.size < count; tries++) {
    const mutated = mutateProgram(source, rng);
    if (mutated !== undefined) mutants.add(mutated);
  }
  return [...mutants];
}

/**
 * Chooses `PRIVATE_TESTS` candidates, one at a time: the one that catches the mutants caught least so far, where a mutant
 * counts half with every test that has caught it; the earlier candidate on a tie. In the order of the candidates.
 */
function chooseTests(candidates: readonly number[], caughtBy: readonly ReadonlySet<number>[]): number[] {
  const weights = caughtBy.map(() => 1);
  const chosen = new Set<number>();
  while (chosen.size < PRIVATE_TESTS) {
    const gain = (at: number): number =>
      caughtBy.reduce((sum, tests, mutant) => sum + (tests.has(at) ? weights[mutant]! : 0), 0);
    const left = candidates.filter((at) => !chosen.has(at));
    const best = left.reduce((one, other) => (gain(other) > gain(one) ? other : one));
    chosen.add(best);
    for (const [mutant, tests] of caughtBy.entries()) if (tests.has(best)) weights[mutant]! /= 2;
  }
  return candidates.filter((at) => chosen.has(at));
}

function numbersOf(text: string): number[] {
  return [...text.matchAll(/-?\d+/g)].map(([digits]) => Number(digits));
}
