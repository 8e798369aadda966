/**
 * From a function to explained executions: its candidate inputs are run and traced, those that show something new are
 * kept, each is checked for determinism under another hash seed, narrated and grounded.
 *
 * Coverage-guided: what worked is mutated while lines of the function are left that nothing reached (and too few inputs
 * worked), again while that reaches new ones; an input is kept when it reaches a new line, then for a new result, up to
 * `most`. Paper §2.1 asks an LLM for inputs; that is an extra candidate source here (`propose`).
 */
import { createRng } from '../../core/rng.js';
import type { Sandbox, Trace } from '../../execution/types.js';
import type { Limits } from '../../problem/types.js';
import type { GroundingThresholds } from '../grounding.js';
import { type Explained, explain, type Narrator } from '../narrator.js';
import { parsePython } from '../python-source.js';
import type { FoundFunction } from './find-functions.js';
import { type CallIndex, type CandidateInput, findCalls, makeCalls, mutateCall } from './inputs.js';
import type { ProposeInputs } from './propose-inputs.js';

export interface TraceOptions {
  readonly seed: string | number;
  /** Executions kept of one function. */
  readonly most: number;
  readonly narrator: Narrator;
  readonly thresholds: GroundingThresholds;
  /** The same sandbox under another hash seed; determinism is not checked without. */
  readonly other?: Sandbox;
  /** More calls, such as an LLM's. */
  readonly propose?: ProposeInputs;
  readonly signal?: AbortSignal;
}

export interface ExplainedExecution {
  readonly target: FoundFunction;
  readonly input: CandidateInput;
  /** Python literal. */
  readonly result: string;
  readonly events: number;
  readonly explained: Explained;
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
/** Mutations tried at once, and how often while they reach new lines. */
const MUTATED = 4;
const ROUNDS = 3;

interface Tried {
  readonly input: CandidateInput;
  readonly trace: Trace;
}

/** Tries inputs for a function and explains what is kept. `calls`: those of its file. */
export async function traceFunction(
  sandbox: Sandbox,
  target: FoundFunction,
  calls: CallIndex,
  options: TraceOptions,
): Promise<TracedFunction> {
  const dropped: Record<string, number> = {};
  const drop = (reason: string): void => {
    dropped[reason] = (dropped[reason] ?? 0) + 1;
  };
  const tried = await tryInputs(sandbox, target, calls, options);
  if (tried.length === 0) drop('no input: a parameter takes an object');
  for (const one of tried) if (!isUsable(one)) drop(faultOf(one));
  const chosen = choose(tried.filter(isUsable), options.most);
  const again = await traceAgain(target, chosen, options);
  const steady = chosen.filter(({ trace }, at) => again === undefined || isSame(trace, again[at]!));
  for (let i = steady.length; i < chosen.length; i++) drop('not deterministic');
  const told = await Promise.all(
    steady.map(({ input, trace }) =>
      explain(
        { source: target.source, input: toCall(input), trace },
        options.narrator,
        options.thresholds,
        options.signal,
      ),
    ),
  );
  const executions = told.flatMap((explained, at): ExplainedExecution[] => {
    if (explained.kind === 'rejected') {
      drop(explained.reason);
      return [];
    }
    const { input, trace } = steady[at]!;
    return [{ target, input, result: trace.execution.result!, events: trace.events.length, explained }];
  });
  return { executions, tried: tried.length, dropped };
}

/** Traces the candidate inputs: found and proposed ones, made ones where few were found, mutations of one that worked. */
async function tryInputs(
  sandbox: Sandbox,
  target: FoundFunction,
  calls: CallIndex,
  { seed, most, propose, signal }: TraceOptions,
): Promise<Tried[]> {
  const rng = createRng(`${seed}/${target.path}/${target.name}`);
  const seen = new Set<string>();
  const tried: Tried[] = [];
  const attempt = async (candidates: readonly CandidateInput[]): Promise<void> => {
    const fresh = candidates.filter(({ expression }) => !seen.has(expression) && seen.add(expression));
    if (fresh.length === 0) return;
    const traces = await sandbox.trace({ source: target.source }, fresh.map(toCall), {
      limits: LIMITS,
      ...(signal && { signal }),
    });
    traces.forEach((trace, at) => {
      tried.push({ input: fresh[at]!, trace });
    });
  };
  const found = findCalls(target, calls);
  const proposed = (await propose?.(target, signal)) ?? [];
  const made = found.length + proposed.length >= most ? [] : makeCalls(target, rng, DRAWN);
  await attempt([...found, ...proposed, ...made]);
  const wanted = reachableLines(target);
  for (let round = 0; round < ROUNDS; round++) {
    const worked = tried.filter(isUsable);
    const reached = linesOf(worked);
    const left = [...wanted].filter((line) => !reached.has(line)).length;
    if (worked.length === 0 || (worked.length >= most && left === 0)) break;
    await attempt(mutateCall(rng.pick(telling(worked)).input.expression, rng, MUTATED));
    const isNew = [...linesOf(tried.filter(isUsable))].some((line) => !reached.has(line));
    if (!isNew || left === 0) break;
  }
  return tried;
}

/** The lines of the function's statements, but for those that only raise. */
function reachableLines({ name, source }: FoundFunction): Set<number> {
  const lines = source.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^def\\s+${name}\\b`).test(line));
  const after = lines.findIndex((line, at) => at > start && /^[^\s#)]/.test(line));
  const end = after < 0 ? lines.length : after;
  const out = new Set<number>();
  for (const { line, kind, text } of parsePython(source).statements.values()) {
    const silent = kind === 'other' && /^(raise|def|class|import|from|global|nonlocal|try)\b/.test(text);
    if (line > start + 1 && line <= end && !silent && !/^[rRuU]?["']/.test(text)) out.add(line);
  }
  return out;
}

function linesOf(tried: readonly Tried[]): Set<number> {
  return new Set(tried.flatMap(({ trace }) => trace.events.map(({ line }) => line)));
}

/** Those that reached a line which none before them did: what the next inputs are made from. */
function telling(worked: readonly Tried[]): Tried[] {
  const lines = new Set<number>();
  return worked.filter(({ trace }) => {
    const before = lines.size;
    for (const { line } of trace.events) lines.add(line);
    return lines.size > before;
  });
}

function toCall({ expression }: CandidateInput): { readonly kind: 'call'; readonly expression: string } {
  return { kind: 'call', expression };
}

function isUsable({ trace }: Tried): boolean {
  const { outcome, result } = trace.execution;
  if (outcome !== 'completed' || trace.excluded !== undefined || trace.events.length < 2) return false;
  return result !== undefined && result.length <= LONGEST_RESULT && !/^<|[[({,: ]</.test(result);
}

function faultOf({ trace }: Tried): string {
  const { outcome, error, result } = trace.execution;
  // One label: which cap ends a long run can depend on how busy the machine is.
  const cut = trace.excluded !== undefined && trace.excluded !== 'not-handed-over';
  if (cut || outcome === 'time-limit') return 'too long (events, size or time)';
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
  { other, signal }: TraceOptions,
): Promise<readonly Trace[] | undefined> {
  if (!other || chosen.length === 0) return undefined;
  const calls = chosen.map(({ input }) => toCall(input));
  return other.trace({ source: target.source }, calls, { limits: LIMITS, ...(signal && { signal }) });
}

function isSame(a: Trace, b: Trace): boolean {
  return (
    a.execution.result === b.execution.result &&
    a.execution.stdout === b.execution.stdout &&
    JSON.stringify(a.events) === JSON.stringify(b.events)
  );
}
