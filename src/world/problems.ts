/**
 * Problems of the small world: drafts (a composition in words and in Python, with inputs) and, once a sandbox has run
 * the reference program, problems with tests. Deterministic by seed, split and index.
 */
import { createRng, type Rng } from '../core/rng.js';
import type { Execution, Sandbox, Trace } from '../execution/types.js';
import type { Limits, Problem } from '../problem/types.js';
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

export const PUBLIC_TESTS = 2;
export const PRIVATE_TESTS = 8;

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

export function depthFor(split: Split): DepthWeights {
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
 * A problem from a draft and the executions of its reference program on the draft's inputs; `undefined` when it falls
 * out of the world or its outputs hardly depend on the input.
 */
export function toProblem(draft: ProblemDraft, executions: readonly Execution[]): Problem | undefined {
  if (draft.inputs.length < PUBLIC_TESTS + 3 || !executions.every(isWithinWorld)) return undefined;
  if (new Set(executions.map(({ stdout }) => stdout)).size < 3) return undefined;
  const tests = draft.inputs.map((input, index) => ({
    input: `${input}\n`,
    output: executions[index]!.stdout,
  }));
  return {
    id: draft.id,
    statement: draft.statement,
    publicTests: tests.slice(0, PUBLIC_TESTS),
    privateTests: tests.slice(PUBLIC_TESTS),
    limits: WORLD_LIMITS,
    source: `world:${compositionKey(draft.composition)}`,
    programs: [{ source: draft.source, correct: true }],
  };
}

/**
 * Makes `count` problems of a split with public and private tests, by running the reference programs. Drafts that
 * fall out of the world are passed over, so indexes have gaps. `range` inputs have six values: such problems have
 * fewer private tests and are passed over too unless there are enough.
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
    const drafts = Array.from({ length: 32 }, (_, offset) =>
      draftProblem(seed, split, next + offset, PUBLIC_TESTS + PRIVATE_TESTS, depth),
    );
    next += drafts.length;
    const made = await Promise.all(
      drafts.map(async (draft) => {
        const inputs = draft.inputs.map((input) => ({ kind: 'stdin', stdin: `${input}\n` }) as const);
        return toProblem(
          draft,
          await sandbox.run({ source: draft.source }, inputs, { limits: WORLD_LIMITS }),
        );
      }),
    );
    for (const problem of made) {
      if (!problem || problem.privateTests.length < PRIVATE_TESTS || problems.length >= count) continue;
      const source = problem.programs?.[0]?.source ?? '';
      if (seen.has(source)) continue;
      seen.add(source);
      problems.push(problem);
    }
    onProgress?.(problems.length);
  }
  return problems;
}

function numbersOf(text: string): number[] {
  return [...text.matchAll(/-?\d+/g)].map(([digits]) => Number(digits));
}
