/**
 * Judging inside an episode: programs are run by the driver, on inputs only, and their outputs are compared here.
 */
import type { ComparatorName } from '../execution/comparators.js';
import { judgeExecution } from '../execution/judge.js';
import type { Execution } from '../execution/types.js';
import type { TestVerdict } from '../execution/verdict.js';
import type { Problem, Program, ProgramInput, TestCase } from '../problem/types.js';
import type { Step } from './ask.js';
import type { Run } from './types.js';

/** Per test, in the order of the problem. */
export interface ProgramVerdicts {
  readonly public: readonly TestVerdict[];
  readonly private: readonly TestVerdict[];
}

export interface ToJudge {
  readonly program: Program;
  /** Executions on the public tests that the episode already has, so that none is run twice. */
  readonly publicExecutions?: readonly Execution[];
}

/** Runs the programs on all tests of the problem, in parallel; verdicts in the order of the programs. */
export function* judgePrograms(
  problem: Problem,
  programs: readonly ToJudge[],
  comparator: ComparatorName,
): Step<readonly ProgramVerdicts[]> {
  const { publicTests, privateTests } = problem;
  const runs = programs.map(({ program, publicExecutions }) =>
    runOf(problem, program, publicExecutions ? privateTests : [...publicTests, ...privateTests]),
  );
  const wanted = runs.filter((run) => run.inputs.length > 0);
  const responses = wanted.length > 0 ? yield wanted : [];
  const executionsOf = new Map(
    wanted.map((run, i) => {
      const response = responses[i];
      if (response?.kind !== 'run') throw new TypeError(`the driver answered a run with ${response?.kind}`);
      return [run, response.executions];
    }),
  );
  return programs.map(({ publicExecutions = [] }, i) => {
    const executions = [...publicExecutions, ...(executionsOf.get(runs[i]!) ?? [])];
    const verdicts = [...publicTests, ...privateTests].map((test, t) => {
      const execution = executions[t];
      if (!execution) throw new TypeError(`the driver gave no execution for test ${t}`);
      return judgeExecution(execution, test.output, comparator);
    });
    return { public: verdicts.slice(0, publicTests.length), private: verdicts.slice(publicTests.length) };
  });
}

/** The request to run a program on tests of a problem, within the problem's limits. */
export function runOf(problem: Problem, program: Program, tests: readonly Pick<TestCase, 'input'>[]): Run {
  const inputs = tests.map(({ input }): ProgramInput => ({ kind: 'stdin', stdin: input }));
  return { kind: 'run', program, inputs, ...(problem.limits && { limits: problem.limits }) };
}

/**
 * What a review turn is shown of an execution: what was printed, cut after `maxChars` characters, and how it failed if
 * it did. A program may print megabytes; a prompt has no room for them.
 */
export function shownOutput(execution: Execution, maxChars = 2_000): string {
  const { stdout } = execution;
  const printed = stdout.length > maxChars ? `${stdout.slice(0, maxChars)}…\n` : stdout;
  const note = failureNote(execution);
  if (note === undefined) return printed;
  return printed === '' || printed.endsWith('\n') ? `${printed}${note}` : `${printed}\n${note}`;
}

function failureNote({ outcome, error }: Execution): string | undefined {
  switch (outcome) {
    case 'completed':
      return undefined;
    case 'runtime-error':
      return error ? `${error.type}: ${error.message}` : 'The program failed.';
    case 'time-limit':
      return 'Execution took too long.';
    case 'memory-limit':
      return 'Out of memory.';
    case 'output-limit':
      return 'Too much output.';
    default:
      return outcome satisfies never;
  }
}
