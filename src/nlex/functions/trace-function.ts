/**
 * From a function to explained executions: its candidate inputs are run and traced, those that show something new are
 * kept, each is checked for determinism under another hash seed, narrated and grounded.
 *
 * Coverage-guided: an input is kept when it reaches a new line or another outcome, then for a new result, up to
 * `most`. Paper §2.1 asks an LLM for inputs; that is an extra candidate source here (`propose`).
 */
import { createRng } from '../../core/rng.js';
import type { Sandbox, Trace } from '../../execution/types.js';
import type { Limits } from '../../problem/types.js';
import { type Grounding, type GroundingThresholds, groundExplanation, rejectionOf } from '../grounding.js';
import { narrateByLine } from '../line-narrator.js';
import type { FoundFunction } from './find-functions.js';
import { type CandidateInput, findCalls, makeCalls, mutateCall } from './inputs.js';

export interface TraceOptions {
  readonly seed: string | number;
  /** Executions kept of one function. */
  readonly most: number;
  readonly thresholds: GroundingThresholds;
  /** The same sandbox under another hash seed; determinism is not checked without. */
  readonly other?: Sandbox;
  /** More calls, such as an LLM's. */
  readonly propose?: (target: FoundFunction) => Promise<readonly string[]>;
}

export interface ExplainedExecution {
  readonly target: FoundFunction;
  readonly input: CandidateInput;
  /** Python literal. */
  readonly result: string;
  readonly events: number;
  readonly explanation: string;
  readonly grounding: Grounding;
}

export interface TracedFunction {
  readonly executions: readonly ExplainedExecution[];
  /** How many (function, input) pairs were run. */
  readonly tried: number;
  /** Reason → count of pairs that gave nothing. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** Little: what takes longer gives no trace within the caps. */
const LIMITS: Limits = { cpuTimeMs: 1_000, memoryLimitBytes: 256 * 1024 * 1024, outputLimitBytes: 100_000 };
const LONGEST_RESULT = 1_000;
const DRAWN = 3;
const MUTATED = 4;

interface Tried {
  readonly input: CandidateInput;
  readonly trace: Trace;
}

export async function traceFunction(
  sandbox: Sandbox,
  target: FoundFunction,
  fileText: string,
  options: TraceOptions,
): Promise<TracedFunction> {
  const rng = createRng(`${options.seed}/${target.path}/${target.name}`);
  const dropped: Record<string, number> = {};
  const drop = (reason: string, count = 1): void => {
    dropped[reason] = (dropped[reason] ?? 0) + count;
  };
  const seen = new Set<string>();
  const tried: Tried[] = [];
  const attempt = async (candidates: readonly CandidateInput[]): Promise<void> => {
    const fresh = candidates.filter(({ expression }) => !seen.has(expression) && seen.add(expression));
    if (fresh.length === 0) return;
    const calls = fresh.map(({ expression }) => ({ kind: 'call', expression }) as const);
    const traces = await sandbox.trace({ source: target.source }, calls, { limits: LIMITS });
    traces.forEach((trace, at) => {
      tried.push({ input: fresh[at]!, trace });
    });
  };
  const proposed = (await options.propose?.(target)) ?? [];
  const found = findCalls(target, fileText);
  await attempt([
    ...found,
    ...proposed.map((expression) => ({ expression, origin: 'proposed' }) as const),
    ...(found.length >= options.most ? [] : makeCalls(target, rng, DRAWN)),
  ]);
  const worked = tried.filter(isUsable);
  if (worked.length > 0 && worked.length < options.most) {
    const { expression } = rng.pick(worked).input;
    await attempt(mutateCall(expression, rng, MUTATED));
  }
  for (const one of tried) if (!isUsable(one)) drop(faultOf(one));
  const chosen = choose(tried.filter(isUsable), options.most);
  if (tried.length === 0) drop('no input: a parameter takes an object');
  const executions: ExplainedExecution[] = [];
  const again = await traceAgain(target, chosen, options.other);
  for (const [at, { input, trace }] of chosen.entries()) {
    if (again && !isSame(trace, again[at]!)) {
      drop('not deterministic');
      continue;
    }
    const call = { kind: 'call', expression: input.expression } as const;
    const told = narrateByLine(target.source, trace, call);
    const grounding = groundExplanation({ source: target.source, input: call, trace }, told);
    const rejection = rejectionOf(grounding, options.thresholds);
    if (rejection !== undefined) {
      drop(rejection);
      continue;
    }
    executions.push({
      target,
      input,
      result: trace.execution.result!,
      events: trace.events.length,
      explanation: told.slice(0, told.lastIndexOf('\nThe result of ')),
      grounding,
    });
  }
  return { executions, tried: tried.length, dropped };
}

function isUsable({ trace }: Tried): boolean {
  const { outcome, result } = trace.execution;
  if (outcome !== 'completed' || trace.excluded !== undefined || trace.events.length < 2) return false;
  return result !== undefined && result.length <= LONGEST_RESULT && !/^<|[[({,: ]</.test(result);
}

function faultOf({ trace }: Tried): string {
  const { outcome, error, result } = trace.execution;
  // One label: which cap ends a long run can depend on how busy the machine is.
  if (trace.excluded !== undefined || outcome === 'time-limit') return 'too long (events, size or time)';
  if (outcome !== 'completed') return error === undefined ? outcome : `raises ${error.type}`;
  if (trace.events.length < 2) return 'nothing to trace';
  return result !== undefined && result.length > LONGEST_RESULT ? 'result too long' : 'result is no literal';
}

/** Those that reach new lines, then those with a result not yet seen. */
function choose(tried: readonly Tried[], most: number): Tried[] {
  const lines = new Set<number>();
  const results = new Set<string>();
  const chosen = new Set<Tried>();
  const take = (one: Tried): void => {
    chosen.add(one);
    results.add(one.trace.execution.result!);
    for (const { line } of one.trace.events) lines.add(line);
  };
  for (const one of tried) {
    if (chosen.size < most && one.trace.events.some(({ line }) => !lines.has(line))) take(one);
  }
  for (const one of tried) {
    if (chosen.size < most && !results.has(one.trace.execution.result!)) take(one);
  }
  for (const one of tried) if (chosen.size < Math.min(2, most)) chosen.add(one);
  return tried.filter((one) => chosen.has(one));
}

async function traceAgain(
  target: FoundFunction,
  chosen: readonly Tried[],
  other: Sandbox | undefined,
): Promise<readonly Trace[] | undefined> {
  if (!other || chosen.length === 0) return undefined;
  const calls = chosen.map(({ input }) => ({ kind: 'call', expression: input.expression }) as const);
  return other.trace({ source: target.source }, calls, { limits: LIMITS });
}

function isSame(a: Trace, b: Trace): boolean {
  return (
    a.execution.result === b.execution.result &&
    a.execution.stdout === b.execution.stdout &&
    JSON.stringify(a.events) === JSON.stringify(b.events)
  );
}
