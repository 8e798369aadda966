/**
 * Judging functions by their tests, without the tests entering the candidate's process.
 *
 * 1. The tests are run once with the reference solution, which is trusted, to see which calls they make.
 * 2. The candidate's process is given these calls, all in one run, and answers with `repr`s.
 * 3. Tests of values (`inputs`) are compared here. Others run again in a process of their own, in which the candidate's
 *    function is a table of its answers. What equals the reference's answers has passed already.
 *
 * `weak`: where calls or results are no literals, or an expected exception, candidate and tests share a process; a random
 * word, printed at the end, is then the sign of success. Randomness in tests is seeded, so that calls repeat.
 * Deviation: a test that looks at how the candidate changed an argument sees it unchanged (none of the published does).
 */
import { randomUUID } from 'node:crypto';
import { InfrastructureError, messageOf } from '../../core/errors.js';
import { type PythonValue, parsePythonLiteral, safeParsePythonLiteral } from '../../core/python-literal.js';
import { retryInfrastructure } from '../../execution/judge.js';
import type { Execution } from '../../execution/types.js';
import { DEFAULT_LIMITS, type Limits, type ProgramInput } from '../../problem/types.js';
import type { JudgeContext, Judged } from './benchmark.js';
import type { FunctionProblem } from './function-code.js';
import { recordingProgram, replayingProgram, weakProgram } from './function-programs.js';
import { argumentShapes, FOUND_OR_NOT, isExpected, pythonSource } from './function-values.js';

/** HumanEval's own limit for all tests of a problem; a program has four times what the reference takes, if that is more. */
const LEAST_TIME_MS = 3_000;
const REFERENCE_TIME_MS = 30_000;

/** Which calls the tests make; without them the tests have to share a process with the candidate. */
export type TestPlan =
  | {
      readonly kind: 'calls';
      /** Python source of the arguments of each call. */
      readonly calls: readonly string[];
      /** `repr` of the reference's results. */
      readonly expected: readonly string[];
      /** Inputs that the reference itself cannot take. */
      readonly dropped: number;
      /** CPU time for all calls of a candidate. */
      readonly timeMs: number;
    }
  | { readonly kind: 'weak'; readonly reason: string };

/** Runs the reference. Throws an InfrastructureError when the sandbox cannot. */
export async function planTests(problem: FunctionProblem, context: JudgeContext): Promise<TestPlan> {
  const reference = referenceOf(problem);
  if (problem.tests.kind === 'inputs') return planInputs(problem, reference, context);
  const recorded = await runOnce(context, recordingProgram(problem, reference), '', REFERENCE_TIME_MS);
  if (recorded.outcome !== 'completed') {
    const why = recorded.error ? `${recorded.error.type}: ${recorded.error.message}` : recorded.outcome;
    return { kind: 'weak', reason: `the reference fails its own tests (${why})` };
  }
  const said = JSON.parse(recorded.stdout.trimEnd().split('\n').at(-1)!) as {
    readonly calls?: readonly string[];
    readonly weak?: string;
  };
  if (said.calls === undefined) return { kind: 'weak', reason: said.weak ?? 'unknown' };
  const answers = await callAll(problem, reference, said.calls, REFERENCE_TIME_MS, context);
  return answers.kind === 'results'
    ? {
        kind: 'calls',
        calls: said.calls,
        expected: answers.results,
        dropped: 0,
        timeMs: timeFor(answers.cpuTimeMs),
      }
    : { kind: 'weak', reason: 'the reference gives no literals' };
}

/** The verdicts of programs that define the function, in their order. Equal programs are run once. */
export async function judgeFunctions(
  problem: FunctionProblem,
  plan: TestPlan,
  sources: readonly string[],
  context: JudgeContext,
): Promise<Judged[]> {
  const known = new Map<string, Promise<Judged>>();
  const replays = new Map<string, Promise<Judged>>();
  return Promise.all(
    sources.map((source) => {
      const before = known.get(source);
      if (before) return before;
      const judging = judgeOne(problem, plan, source, context, replays).catch((error: unknown): Judged => {
        if (!(error instanceof InfrastructureError)) throw error;
        return { verdict: 'unscored', reason: messageOf(error) };
      });
      known.set(source, judging);
      return judging;
    }),
  );
}

async function judgeOne(
  problem: FunctionProblem,
  plan: TestPlan,
  source: string,
  context: JudgeContext,
  replays: Map<string, Promise<Judged>>,
): Promise<Judged> {
  if (plan.kind === 'weak') return judgeWeakly(problem, source, context);
  if (plan.calls.length === 0) {
    return { verdict: 'unscored', reason: 'the tests hold no call that the reference answers by a literal' };
  }
  const answers = await callAll(problem, source, plan.calls, plan.timeMs, context);
  const { cpuTimeMs } = answers;
  if (answers.kind === 'failed') return { verdict: answers.outcome, cpuTimeMs };
  const { results } = answers;
  if (results.every((result, i) => result === plan.expected[i])) return { verdict: 'accepted', cpuTimeMs };
  const values = results.map(safeParsePythonLiteral);
  if (problem.tests.kind === 'inputs') {
    const right = values.every((value, i) => isRight(problem, plan, value, i));
    return { verdict: right ? 'accepted' : 'wrong-answer', cpuTimeMs };
  }
  if (values.includes(undefined)) return judgeWeakly(problem, source, context);
  const key = JSON.stringify(results);
  const before = replays.get(key);
  if (before) return { ...(await before), cpuTimeMs };
  const judging = replay(problem, plan.calls, results, source, context);
  replays.set(key, judging);
  return { ...(await judging), cpuTimeMs };
}

/** The tests, with the candidate's answers in its place. */
async function replay(
  problem: FunctionProblem,
  calls: readonly string[],
  results: readonly string[],
  source: string,
  context: JudgeContext,
): Promise<Judged> {
  const given = JSON.stringify({ calls, results });
  const replaying = replayingProgram(problem, referenceOf(problem));
  const played = await runOnce(context, replaying, given, REFERENCE_TIME_MS);
  switch (played.outcome === 'completed' ? played.stdout.trimEnd().split('\n').at(-1) : undefined) {
    case 'accepted':
      return { verdict: 'accepted' };
    case 'wrong-answer':
      return { verdict: 'wrong-answer' };
    default:
      // The tests made other calls this time: what they do depends on the answers.
      return judgeWeakly(problem, source, context);
  }
}

async function judgeWeakly(problem: FunctionProblem, source: string, context: JudgeContext): Promise<Judged> {
  const sign = randomUUID();
  const execution = await runOnce(context, weakProgram(problem, source, sign), '', REFERENCE_TIME_MS / 3);
  if (execution.outcome !== 'completed') {
    const failed = execution.error?.type === 'AssertionError' ? 'wrong-answer' : execution.outcome;
    return { verdict: failed, weak: true, cpuTimeMs: execution.cpuTimeMs };
  }
  const passed = execution.stdout.trimEnd().endsWith(sign);
  return { verdict: passed ? 'accepted' : 'runtime-error', weak: true, cpuTimeMs: execution.cpuTimeMs };
}

type Answers =
  | { readonly kind: 'results'; readonly results: readonly string[]; readonly cpuTimeMs: number }
  | {
      readonly kind: 'failed';
      readonly outcome: Exclude<Execution['outcome'], 'completed'>;
      readonly cpuTimeMs: number;
    };

/** All calls in one run of the candidate's process. */
async function callAll(
  { entryPoint, form }: FunctionProblem,
  source: string,
  calls: readonly string[],
  timeMs: number,
  context: JudgeContext,
): Promise<Answers> {
  const list = calls.map((args) => `show(${entryPoint}(${args}))`).join(', ');
  // A `Counter` equals a dict of the same entries. Long integers are results like any other.
  const value =
    form === 'words' && FOUND_OR_NOT.has(entryPoint)
      ? 'r if isinstance(r, bool) else r is not None'
      : 'dict(r) if isinstance(r, dict) else r';
  const digits = 'getattr(__import__("sys"), "set_int_max_str_digits", id)(0)';
  const expression = `(${digits}, (lambda show: [${list}])(lambda r: repr(${value})))[1]`;
  const { outcome, result, cpuTimeMs } = await run(context, source, { kind: 'call', expression }, timeMs);
  if (outcome !== 'completed') return { kind: 'failed', outcome, cpuTimeMs };
  const shown = result === undefined ? undefined : safeParsePythonLiteral(result);
  // A program that leaves by `sys.exit(0)` has no result.
  if (shown?.kind !== 'list' || shown.items.length !== calls.length)
    return { kind: 'failed', outcome: 'runtime-error', cpuTimeMs };
  return {
    kind: 'results',
    results: shown.items.map((item) => (item.kind === 'str' ? item.value : '<not a repr>')),
    cpuTimeMs,
  };
}

async function planInputs(
  problem: FunctionProblem,
  reference: string,
  context: JudgeContext,
): Promise<TestPlan> {
  if (problem.tests.kind !== 'inputs') throw new TypeError('planInputs: not a problem of inputs');
  const { base, plus, assertion } = problem.tests;
  const shapes = assertion === undefined ? undefined : argumentShapes(assertion, problem.entryPoint);
  const all = [...base, ...plus].map((args) =>
    args.map((value, i) => pythonSource(value, shapes?.[i])).join(', '),
  );
  const together = await callAll(problem, reference, all, REFERENCE_TIME_MS, context);
  const each =
    together.kind === 'results'
      ? together.results
      : // Some input is not for the reference: which?
        await Promise.all(
          all.map(async (args) => {
            const one = await callAll(problem, reference, [args], LEAST_TIME_MS, context);
            return one.kind === 'results' ? one.results[0]! : undefined;
          }),
        );
  const usable = all.flatMap((args, i) => {
    const expected = each[i];
    return expected === undefined || safeParsePythonLiteral(expected) === undefined
      ? []
      : [{ args, expected }];
  });
  return {
    kind: 'calls',
    calls: usable.map(({ args }) => args),
    expected: usable.map(({ expected }) => expected),
    dropped: all.length - usable.length,
    timeMs: together.kind === 'results' ? timeFor(together.cpuTimeMs) : REFERENCE_TIME_MS / 3,
  };
}

function isRight(
  problem: FunctionProblem,
  plan: Extract<TestPlan, { kind: 'calls' }>,
  value: PythonValue | undefined,
  index: number,
): boolean {
  if (value === undefined || problem.tests.kind !== 'inputs') return false;
  const { entryPoint, form } = problem;
  const args = safeParsePythonLiteral(`(${plan.calls[index]},)`);
  return isExpected(
    value,
    parsePythonLiteral(plan.expected[index]!),
    args?.kind === 'tuple' ? args.items : [],
    { entryPoint, form, atol: problem.tests.atol },
  );
}

/** The reference as a whole program. */
export function referenceOf({ form, prompt, canonicalSolution }: FunctionProblem): string {
  return form === 'head' ? `${prompt}${canonicalSolution}` : canonicalSolution;
}

function timeFor(referenceMs: number): number {
  return Math.max(LEAST_TIME_MS, 4 * referenceMs);
}

function runOnce(context: JudgeContext, source: string, stdin: string, timeMs: number): Promise<Execution> {
  return run(context, source, { kind: 'stdin', stdin }, timeMs);
}

async function run(
  { sandbox, signal }: JudgeContext,
  source: string,
  input: ProgramInput,
  cpuTimeMs: number,
): Promise<Execution> {
  const limits: Limits = { ...DEFAULT_LIMITS, cpuTimeMs, outputLimitBytes: 64 * 1024 * 1024 };
  const [execution] = await retryInfrastructure(() =>
    sandbox.run({ source }, [input], { limits, ...(signal && { signal }) }),
  );
  return execution!;
}
