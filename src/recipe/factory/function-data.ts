/**
 * `data functions`: from Python files to explained executions of their functions, as SFT rows in function form and, for
 * the same program with a printed call, in stdin form (PAPER.md §2 "SFT form").
 */
import type { Sandbox } from '../../execution/types.js';
import type { ExampleStyle } from '../../nlex/examples.js';
import { findFunctions, type PythonFile } from '../../nlex/functions/find-functions.js';
import { indexCalls } from '../../nlex/functions/inputs.js';
import {
  type ExplainedExecution,
  type TraceOptions,
  traceFunction,
} from '../../nlex/functions/trace-function.js';
import { addCounts, type Counts } from './counts.js';
import { executionId, type FactoryRow, toRow } from './rows.js';

export interface FunctionDataOptions extends TraceOptions {
  readonly style: ExampleStyle;
  readonly licence: string;
  /** The share of rows in stdin form. */
  readonly stdinShare: number;
  /** Whether a program is in evaluation data. */
  readonly isContaminated?: (source: string) => boolean;
}

/** The rows of one file, and what became of its functions. */
export async function makeFunctionRows(
  sandbox: Sandbox,
  file: PythonFile,
  options: FunctionDataOptions,
): Promise<{ readonly rows: readonly FactoryRow[]; readonly counts: Counts }> {
  const search = findFunctions(file);
  let counts: Counts = {
    files: 1,
    functions: search.total,
    eligible: search.functions.length,
    excluded: search.excluded,
  };
  const calls = indexCalls(file.text);
  const rows: FactoryRow[] = [];
  // One after the other: files go side by side.
  for (const target of search.functions) {
    if (options.isContaminated?.(target.source)) {
      counts = addCounts(counts, { untraced: { 'in evaluation data': 1 } });
      continue;
    }
    const traced = await traceFunction(sandbox, target, calls, options);
    counts = addCounts(counts, {
      traced: traced.executions.length > 0 ? 1 : 0,
      tried: traced.tried,
      executions: traced.executions.length,
      dropped: traced.dropped,
      ...(traced.executions.length === 0 ? { untraced: { [mainReason(traced.dropped)]: 1 } } : {}),
    });
    for (const execution of traced.executions) rows.push(rowOf(execution, options));
  }
  return { rows, counts };
}

function mainReason(dropped: Readonly<Record<string, number>>): string {
  return Object.entries(dropped).sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'no input';
}

function rowOf(
  { target, input, result, explained, events }: ExplainedExecution,
  { style, licence, stdinShare }: FunctionDataOptions,
): FactoryRow {
  const call = { kind: 'call', expression: input.expression } as const;
  const id = executionId(target.source, call);
  const asStdin = Number.parseInt(id.slice(0, 8), 16) / 2 ** 32 < stdinShare;
  return toRow(
    {
      source: asStdin ? `${target.source}\n\nprint(repr(${input.expression}))\n` : target.source,
      input: asStdin ? { kind: 'stdin', stdin: '' } : call,
      output: asStdin ? `${result}\n` : result,
      explained,
      events,
      from: `${target.path}:${target.line}`,
      function: target.name,
      origin: input.origin,
    },
    id,
    style,
    licence,
  );
}
