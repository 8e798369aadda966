/**
 * `data programs`: explained executions of contest programs, right and wrong, on their problems' test inputs, in stdin
 * form (paper §2.1). And `data nlex`: explained executions of the programs and inputs that a file lists.
 */
import type { Sandbox, Trace } from '../../execution/types.js';
import type { ExampleStyle } from '../../nlex/examples.js';
import type { GroundingThresholds } from '../../nlex/grounding.js';
import { explain, type Narrator } from '../../nlex/narrator.js';
import type { Limits, Problem, ProgramInput } from '../../problem/types.js';
import { addCounts, type Counts } from './counts.js';
import { executionId, type FactoryRow, toRow } from './rows.js';

export interface ExecutionDataOptions {
  readonly style: ExampleStyle;
  readonly licence: string;
  readonly narrator: Narrator;
  readonly thresholds: GroundingThresholds;
  /** The same sandbox under another hash seed. */
  readonly other?: Sandbox;
  /** Whether a program, or a problem, is in evaluation data. */
  readonly isContaminated?: (text: string) => boolean;
  readonly signal?: AbortSignal;
}

export interface ProgramDataOptions extends ExecutionDataOptions {
  /** Test inputs per program, the public ones first. */
  readonly inputs: number;
  /** Programs per problem: so many right ones, so many wrong ones. */
  readonly programs: number;
}

/** Little: a trace within the caps takes far less. */
const LIMITS: Limits = { cpuTimeMs: 2_000, memoryLimitBytes: 512 * 1024 * 1024, outputLimitBytes: 100_000 };

interface Batch {
  readonly source: string;
  readonly inputs: readonly { readonly input: ProgramInput; readonly origin: string }[];
  readonly from: string;
}

/** The rows of one problem. */
export async function makeProgramRows(
  sandbox: Sandbox,
  problem: Problem,
  options: ProgramDataOptions,
): Promise<{ readonly rows: readonly FactoryRow[]; readonly counts: Counts }> {
  if (options.isContaminated?.(problem.statement))
    return { rows: [], counts: { problems: 1, excluded: { 'in evaluation data': 1 } } };
  const all = problem.programs ?? [];
  const chosen = [true, false].flatMap((right) =>
    all.filter(({ correct }) => correct === right).slice(0, options.programs),
  );
  const tests = [...problem.publicTests, ...problem.privateTests].slice(0, options.inputs);
  const inputs = tests.map(({ input }, at) => ({
    input: { kind: 'stdin', stdin: input } as const,
    origin: at < problem.publicTests.length ? 'public test' : 'private test',
  }));
  let counts: Counts = { problems: 1, programs: chosen.length };
  const rows: FactoryRow[] = [];
  for (const { source, correct } of chosen) {
    const from = `${problem.id} (${correct ? 'right' : 'wrong'} program)`;
    const made = await makeExecutionRows(sandbox, { source, inputs, from }, options);
    rows.push(...made.rows);
    counts = addCounts(counts, made.counts);
    if (made.rows.length > 0) counts = addCounts(counts, { traced: 1 });
  }
  return { rows, counts };
}

/** The rows of one program on its inputs. */
export async function makeExecutionRows(
  sandbox: Sandbox,
  { source, inputs, from }: Batch,
  options: ExecutionDataOptions,
): Promise<{ readonly rows: readonly FactoryRow[]; readonly counts: Counts }> {
  const { other, narrator, thresholds, style, licence, signal } = options;
  if (options.isContaminated?.(source))
    return { rows: [], counts: { excluded: { 'in evaluation data': 1 } } };
  const how = { limits: LIMITS, ...(signal && { signal }) };
  const given = inputs.map(({ input }) => input);
  const traces = await sandbox.trace({ source }, given, how);
  const again = traces.some((trace) => faultOf(trace) === undefined)
    ? await other?.run({ source }, given, how)
    : undefined;
  const dropped: Record<string, number> = {};
  const made = await Promise.all(
    traces.map(async (trace, at): Promise<FactoryRow | string> => {
      const { input, origin } = inputs[at]!;
      const fault = faultOf(trace);
      if (fault !== undefined) return fault;
      const { stdout, result } = trace.execution;
      if (again && (again[at]!.stdout !== stdout || again[at]!.result !== result)) return 'not deterministic';
      const explained = await explain({ source, input, trace }, narrator, thresholds, signal);
      if (explained.kind === 'rejected') return explained.reason;
      const output = input.kind === 'call' ? result! : stdout;
      const events = trace.events.length;
      return toRow(
        { source, input, output, explained, events, from, origin },
        executionId(source, input),
        style,
        licence,
      );
    }),
  );
  for (const one of made) if (typeof one === 'string') dropped[one] = (dropped[one] ?? 0) + 1;
  const rows = made.filter((one): one is FactoryRow => typeof one !== 'string');
  return { rows, counts: { tried: inputs.length, executions: rows.length, dropped } };
}

/** Why a trace cannot be told; undefined when it can. */
function faultOf({ execution, excluded }: Trace): string | undefined {
  const { outcome, error, result } = execution;
  // One label, as in trace-function.ts.
  const cut = excluded !== undefined && excluded !== 'not-handed-over';
  if (cut || outcome === 'time-limit') return 'too long (events, size or time)';
  if (outcome !== 'completed') return error ? `raises ${error.type}` : outcome;
  if (excluded !== undefined) return 'ends the interpreter itself';
  return result !== undefined && /^<|[[({,: ]</.test(result) ? 'result is no literal' : undefined;
}
