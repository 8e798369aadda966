/**
 * SFT data of the small world. A *family* is one training problem: its reference program and often a mutant of it are
 * run and traced for real on the same inputs, and narrated; some families also give a solving and a review example.
 * Deterministic: family n of a seed is the same on every machine, whatever was made before it.
 */
import { createRng, type Rng } from '../core/rng.js';
import type { Sandbox, Trace } from '../execution/types.js';
import type { Problem, Program, ProgramInput, TestFeedback } from '../problem/types.js';
import { writeFunction } from '../world/compose.js';
import { mutateProgram } from '../world/mutate.js';
import {
  draftProblem,
  isTraceWithinWorld,
  type ProblemDraft,
  PUBLIC_TESTS,
  WORLD_LIMITS,
} from '../world/problems.js';
import {
  type ChatExample,
  type ExampleStyle,
  executionExample,
  reviewExample,
  solvingExample,
} from './examples.js';
import { parsePython } from './python-source.js';
import { narrateTersely } from './terse-narrator.js';

/** What share of families gives each kind of example. */
export interface FamilyMix {
  readonly mutant: number;
  /** Executions in function form instead of stdin form. */
  readonly call: number;
  readonly solving: number;
  readonly review: number;
  /** Whether reviews see executions in words, beside their outputs. */
  readonly toldReviews: boolean;
}

const DEFAULT_FAMILY_MIX: FamilyMix = {
  mutant: 0.8,
  call: 0.08,
  solving: 0.35,
  review: 0.35,
  toldReviews: false,
};

export interface Family {
  readonly examples: readonly ChatExample[];
  /** Why examples are missing, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** Makes family `index`. A reference program that leaves the world gives no examples. */
export async function createFamily(
  sandbox: Sandbox,
  style: ExampleStyle,
  seed: string | number,
  index: number,
  mix: FamilyMix = DEFAULT_FAMILY_MIX,
): Promise<Family> {
  const rng = createRng(`${seed}/family/${index}`);
  const draft = draftProblem(seed, 'train', index, PUBLIC_TESTS);
  const asCall = rng.chance(mix.call);
  const inputs = draft.inputs.map((input) => toInput(draft, input, asCall));
  const reference: Program = { source: asCall ? writeFunction(draft.composition) : draft.source };
  const mutant = rng.chance(mix.mutant) ? drawMutant(reference, rng) : undefined;
  const [traces, mutantTraces] = await Promise.all([
    sandbox.trace(reference, inputs, { limits: WORLD_LIMITS }),
    mutant ? sandbox.trace(mutant, inputs, { limits: WORLD_LIMITS }) : [],
  ]);
  if (!traces.every((trace) => isTraceUsable(trace, asCall)))
    return { examples: [], dropped: { 'out of the world': 1 } };

  const examples: ChatExample[] = [];
  const dropped: Record<string, number> = {};
  const addExecutions = (program: Program, all: readonly Trace[]): void => {
    const parsed = parsePython(program.source);
    all.forEach((trace, at) => {
      const told = isTraceUsable(trace, asCall) ? narrateTersely(parsed, trace) : undefined;
      if (told === undefined) {
        const reason = trace.execution.outcome === 'completed' ? 'not narrated' : trace.execution.outcome;
        dropped[reason] = (dropped[reason] ?? 0) + 1;
        return;
      }
      const explained = { explanation: told, output: outputOf(trace, asCall), narrator: 'terse' };
      examples.push(executionExample(style, program, inputs[at]!, explained));
    });
  };
  addExecutions(reference, traces);
  if (mutant) addExecutions(mutant, mutantTraces);
  if (!asCall) examples.push(...taskExamples(style, draft, traces, mutant, mutantTraces, rng, mix));
  return { examples, dropped };
}

function taskExamples(
  style: ExampleStyle,
  draft: ProblemDraft,
  traces: readonly Trace[],
  mutant: Program | undefined,
  mutantTraces: readonly Trace[],
  rng: Rng,
  mix: FamilyMix,
): ChatExample[] {
  const reference: Program = { source: draft.source };
  const problem: Problem = {
    id: draft.id,
    statement: draft.statement,
    publicTests: draft.inputs.map((input, at) => ({
      input: `${input}\n`,
      output: traces[at]!.execution.stdout,
    })),
    privateTests: [],
  };
  const out: ChatExample[] = [];
  if (rng.chance(mix.solving)) out.push(solvingExample(style, problem, reference));
  if (rng.chance(mix.review)) {
    const wrong = mutant !== undefined && rng.chance(0.65);
    const shown = wrong ? mutantTraces : traces;
    const parsed = mix.toldReviews ? parsePython((wrong ? mutant : reference).source) : undefined;
    const feedback = problem.publicTests.map(({ input, output }, at): TestFeedback => {
      const { outcome, stdout } = shown[at]!.execution;
      const actual = outcome === 'completed' ? stdout : undefined;
      const execution = parsed && narrateTersely(parsed, shown[at]!);
      const passed = actual?.trimEnd() === output.trimEnd();
      return { input, expected: output, actual, passed, ...(execution !== undefined && { execution }) };
    });
    if (feedback.every(({ actual }) => (actual?.length ?? 0) <= 40)) {
      out.push(reviewExample(style, problem, wrong ? mutant : reference, feedback, reference));
    }
  }
  return out;
}

function drawMutant(reference: Program, rng: Rng): Program | undefined {
  for (let tries = 0; tries < 8; tries++) {
    const source = mutateProgram(reference.source, rng);
    if (source !== undefined) return { source };
  }
  return undefined;
}

function toInput(draft: ProblemDraft, line: string, asCall: boolean): ProgramInput {
  return asCall
    ? { kind: 'call', expression: `f(${draft.composition.input.literal(line)})` }
    : { kind: 'stdin', stdin: `${line}\n` };
}

/** For a call the result stands in for the output. */
function outputOf(trace: Trace, asCall: boolean): string {
  return asCall ? (trace.execution.result ?? '') : trace.execution.stdout;
}

function isTraceUsable(trace: Trace, asCall: boolean): boolean {
  if (!asCall) return isTraceWithinWorld(trace);
  return isTraceWithinWorld({
    ...trace,
    execution: { ...trace.execution, stdout: trace.execution.result ?? '' },
  });
}
