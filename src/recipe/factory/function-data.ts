/**
 * `data functions`: from Python files to explained executions of their functions, as SFT rows in function form and, for
 * the same program with a printed call, in stdin form (PAPER.md §2 "SFT form").
 */
import { hashJson } from '../../core/canonical-json.js';
import type { Sandbox } from '../../execution/types.js';
import type { ChatExample, ExampleStyle } from '../../nlex/examples.js';
import { findFunctions, type PythonFile } from '../../nlex/functions/find-functions.js';
import {
  type ExplainedExecution,
  type TraceOptions,
  traceFunction,
} from '../../nlex/functions/trace-function.js';
import type { ProgramInput } from '../../problem/types.js';
import { addCounts, binOf, type Counts } from './counts.js';

/** One SFT row: chat messages, and where they come from. */
export interface FactoryRow {
  readonly messages: ChatExample['messages'];
  readonly metadata: {
    /** Hash of program and input. */
    readonly id: string;
    readonly task: 'execution';
    readonly form: 'call' | 'stdin';
    /** Where the program comes from: a file and line, or a problem. */
    readonly source: string;
    readonly function?: string;
    readonly licence: string;
    /** How the input was found. */
    readonly input: string;
    readonly narrator: string;
    readonly groundingScore: number;
    readonly claims: number;
    readonly events: number;
  };
}

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
  const rows: FactoryRow[] = [];
  for (const target of search.functions) {
    if (options.isContaminated?.(target.source)) {
      counts = addCounts(counts, { untraced: { 'in evaluation data': 1 } });
      continue;
    }
    const traced = await traceFunction(sandbox, target, file.text, options);
    counts = addCounts(counts, {
      traced: traced.executions.length > 0 ? 1 : 0,
      tried: traced.tried,
      executions: traced.executions.length,
      dropped: traced.dropped,
      ...(traced.executions.length === 0 ? { untraced: { [mainReason(traced.dropped)]: 1 } } : {}),
    });
    for (const execution of traced.executions) rows.push(toRow(execution, options));
  }
  return { rows, counts };
}

function mainReason(dropped: Readonly<Record<string, number>>): string {
  return Object.entries(dropped).sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'no input';
}

function toRow(
  execution: ExplainedExecution,
  { style, licence, stdinShare }: FunctionDataOptions,
): FactoryRow {
  const { target, input, result, explanation, grounding, events } = execution;
  const id = hashJson([target.source, input.expression]).slice(0, 24);
  const asStdin = Number.parseInt(id.slice(0, 8), 16) / 2 ** 32 < stdinShare;
  const program = asStdin
    ? { source: `${target.source}\n\nprint(repr(${input.expression}))\n` }
    : { source: target.source };
  const given: ProgramInput = asStdin
    ? { kind: 'stdin', stdin: '' }
    : { kind: 'call', expression: input.expression };
  const output = asStdin ? `${result}\n` : result;
  return {
    messages: [
      ...style.predictOutput(program, given),
      { role: 'assistant', content: style.writeOutput(explanation, output, given) },
    ],
    metadata: {
      id,
      task: 'execution',
      form: given.kind,
      source: `${target.path}:${target.line}`,
      function: target.name,
      licence,
      input: input.origin,
      narrator: 'template',
      groundingScore: grounding.score,
      claims: grounding.claims,
      events,
    },
  };
}

/** What the data card shows of a row. */
export function countFactoryRow({ messages, metadata }: FactoryRow): Counts {
  const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
  return {
    characters,
    origins: { [metadata.input]: 1 },
    forms: { [metadata.form]: 1 },
    events: { [binOf(metadata.events)]: 1 },
    answerCharacters: { [binOf(messages.at(-1)!.content.length)]: 1 },
    claims: { [binOf(metadata.claims)]: 1 },
  };
}
