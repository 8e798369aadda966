/**
 * Self-RLEF (paper §4, A.2): solve, then check the program on the public tests, by simulating it or by running it,
 * and submit it or fix it, over several turns. Every turn is a prompt of its own (context switching); a simulate turn
 * sees neither the expected output nor the problem. The last program that the budget allows is submitted unchecked.
 *
 * Training uses executed feedback and at most one fix (`maxPrograms: 2`); inference simulated feedback and up to 10.
 * Simulate turns are not trained.
 *
 * Ours, where the paper is silent: a review that cannot be read ends the episode without a submission, which the
 * reward counts as failure; the programs so far stay in the outcome, so that a user can still fall back on the last.
 * A problem without public tests has nothing to check, and its first program is submitted.
 */
import type { ComparatorName } from '../../execution/comparators.js';
import { outputsMatch } from '../../execution/comparators.js';
import { judgeExecution } from '../../execution/judge.js';
import { narrationOf } from '../../nlex/compare-narrations.js';
import type { Problem, Program } from '../../problem/types.js';
import {
  ask,
  askAll,
  createTurnMaker,
  execute,
  readAnswer,
  readLastAnswer,
  type Step,
  type TurnMaker,
} from '../ask.js';
import { judgePrograms, type ProgramVerdicts, runOf, shownOutput, type ToJudge } from '../judging.js';
import type { PromptStyle, TestFeedback } from '../prompt-style.js';
import type { Episode } from '../types.js';

export interface SelfRlefSpec {
  readonly kind: 'self-rlef';
  readonly problem: Problem;
  readonly style: PromptStyle;
  readonly includePublicTests: boolean;
  readonly feedback: 'simulated' | 'executed';
  /**
   * What a review is shown of a simulated execution: its output, as in the paper, or all of it (named there as future work).
   * Executed feedback has outputs only. Default `output`.
   */
  readonly feedbackShows?: 'output' | 'execution';
  /** How many programs may be written in all, the first included; at least 1. */
  readonly maxPrograms: number;
  /** The most tokens of one completion, by what the turn is for. */
  readonly maxTokens: { readonly solve: number; readonly simulate: number; readonly review: number };
  /** Which programs to run on all tests in the end: none, the last, or every one. */
  readonly judge: 'none' | 'last' | 'every';
  /** For feedback and judging alike. Default `codecontests`. */
  readonly comparator?: ComparatorName;
  /** Most characters of one executed output that a review is shown; default 2,000. */
  readonly maxFeedbackChars?: number;
  readonly seed: number | string;
}

/** One program that was written, with what became of it. */
export interface SelfRlefProgram {
  readonly program: Program;
  /** Per public test; absent for a program that was submitted unchecked. */
  readonly feedback?: readonly TestFeedback[];
  /** Absent when the spec asks for no judging of this program. */
  readonly verdicts?: ProgramVerdicts;
}

/**
 * How the episode ended: the model submitted the last program; the budget of programs was used up, or there were no
 * public tests to check by, and the last program was submitted unchecked; or a completion, the last of them, held no
 * answer, and nothing was submitted.
 */
export type SelfRlefEnd = 'submitted' | 'out-of-programs' | 'no-public-tests' | 'unparsed' | 'truncated';

export interface SelfRlefOutcome {
  readonly kind: SelfRlefEnd;
  readonly feedback: 'simulated' | 'executed';
  /** In the order of writing; empty when the first completion held no program. The last is the one submitted. */
  readonly programs: readonly SelfRlefProgram[];
}

/**
 * Solve → simulate or run → submit or fix, up to `maxPrograms` programs (paper §4, A.2). Every turn is a prompt of its own, and the
 * tests of one program go out in one yield. The last program is submitted unchecked.
 */
export function* selfRlef(spec: SelfRlefSpec): Episode<SelfRlefOutcome> {
  const { kind, programs } = yield* writePrograms(spec, createTurnMaker(spec.seed));
  const from = spec.judge === 'every' ? 0 : spec.judge === 'last' ? programs.length - 1 : programs.length;
  const verdicts = yield* judgePrograms(spec.problem, programs.slice(from), comparatorOf(spec));
  return {
    kind,
    feedback: spec.feedback,
    programs: programs.map(({ publicExecutions: _, ...program }, i) =>
      i < from ? program : { ...program, verdicts: verdicts[i - from]! },
    ),
  };
}

type Written = SelfRlefProgram & ToJudge;

function* writePrograms(
  spec: SelfRlefSpec,
  turn: TurnMaker,
): Step<{ readonly kind: SelfRlefEnd; readonly programs: readonly Written[] }> {
  const programs: Written[] = [];
  const first = yield* ask(
    turn({
      purpose: 'solve',
      messages: spec.style.solve(spec.problem, { includePublicTests: spec.includePublicTests }),
      maxTokens: spec.maxTokens.solve,
      trained: true,
    }),
  );
  const solved = readAnswer(first, (text) => spec.style.parseProgram(text));
  if (solved.kind !== 'answer') return { kind: solved.kind, programs };
  let program = solved.value;
  while (programs.length + 1 < spec.maxPrograms) {
    if (spec.problem.publicTests.length === 0) {
      return { kind: 'no-public-tests', programs: [...programs, { program }] };
    }
    const written = yield* check(spec, turn, program);
    programs.push(written);
    const reviewed = yield* ask(
      turn({
        purpose: 'review',
        messages: spec.style.review(spec.problem, program, written.feedback),
        maxTokens: spec.maxTokens.review,
        trained: true,
      }),
    );
    const review = readAnswer(reviewed, (text) => spec.style.parseReview(text));
    if (review.kind !== 'answer') return { kind: review.kind, programs };
    if (review.value.kind === 'submit') return { kind: 'submitted', programs };
    program = review.value.program;
  }
  return { kind: 'out-of-programs', programs: [...programs, { program }] };
}

function* check(
  spec: SelfRlefSpec,
  turn: TurnMaker,
  program: Program,
): Step<Written & { readonly feedback: readonly TestFeedback[] }> {
  const tests = spec.problem.publicTests;
  const comparator = comparatorOf(spec);
  switch (spec.feedback) {
    case 'simulated': {
      const run = runOf(spec.problem, program, tests);
      const turns = run.inputs.map((input) =>
        turn({
          purpose: 'simulate',
          messages: spec.style.predictOutput(program, input),
          maxTokens: spec.maxTokens.simulate,
          trained: false,
        }),
      );
      const responses = yield* askAll(turns);
      const feedback = tests.map(({ input, output }, i): TestFeedback => {
        const answer = readLastAnswer(responses[i]!, (text) => spec.style.parseOutput(text, run.inputs[i]!));
        const actual = answer.kind === 'answer' ? answer.value : undefined;
        const passed = actual !== undefined && outputsMatch(comparator, actual, output);
        const told = spec.feedbackShows === 'execution' ? { execution: narrationOf(responses[i]!.text) } : {};
        return { input, expected: output, actual, passed, ...told };
      });
      return { program, feedback };
    }
    case 'executed': {
      const executions = yield* execute(runOf(spec.problem, program, tests));
      const feedback = tests.map(({ input, output }, i): TestFeedback => {
        const execution = executions[i]!;
        const passed = judgeExecution(execution, output, comparator).verdict === 'accepted';
        return { input, expected: output, actual: shownOutput(execution, spec.maxFeedbackChars), passed };
      });
      return { program, feedback, publicExecutions: executions };
    }
  }
}

function comparatorOf(spec: SelfRlefSpec): ComparatorName {
  return spec.comparator ?? 'codecontests';
}
