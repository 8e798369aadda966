/**
 * The line-by-line narrator, for any program: every step of a trace as an English sentence with its concrete values.
 * Exact by construction: values come from the trace; a worked calculation (`8 * 3 = 24`) is shown only where its
 * result is the one that the trace shows next. It says what the code does, also where the code looks wrong.
 */
import type { Trace, TraceEvent } from '../execution/types.js';
import type { ProgramInput } from '../problem/types.js';
import { work, workComparison } from './arithmetic.js';
import { renderValue, truth, type Variables } from './evaluate.js';
import { parsePython, type Statement } from './python-source.js';

/** One sentence per step, one step per line, nested calls indented; ends with the output or the result. */
export function narrateByLine(source: string, trace: Trace, input: ProgramInput): string {
  const { statements } = parsePython(source);
  const sourceLines = source.split('\n');
  const frames = new Map<number, Frame>();
  const out: string[] = [];
  let depth = -1;
  for (const event of trace.events) {
    const frame = frames.get(event.frame) ?? newFrame(++depth);
    frames.set(event.frame, frame);
    const changed = apply(event, frame);
    if (frame.pending) {
      const sentence = tellStep(frame.pending, event, changed, frame.variables);
      if (sentence !== '') out.push(indent(frame) + sentence);
      frame.pending = undefined;
    }
    switch (event.kind) {
      case 'call':
        depth = frame.depth;
        if (event.function !== '<module>') out.push(indent(frame) + tellCall(event));
        break;
      case 'line': {
        const text = (sourceLines[event.line - 1] ?? '').trim();
        const statement = statements.get(event.line) ?? { kind: 'other', line: event.line, text };
        frame.pending = { statement, before: new Map(frame.variables) };
        break;
      }
      case 'return':
        if (event.function !== '<module>')
          out.push(`${indent(frame)}${event.function} returns ${event.value}.`);
        depth = frame.depth - 1;
        break;
      case 'exception':
        out.push(`${indent(frame)}Line ${event.line} raises ${event.value}.`);
        break;
      default:
        event satisfies never;
    }
  }
  out.push(tellEnd(trace, input));
  return out.join('\n');
}

interface Frame {
  readonly depth: number;
  readonly variables: Map<string, string>;
  pending: Pending | undefined;
}

/** A line that is about to run, and what the variables were before it. */
interface Pending {
  readonly statement: Statement;
  readonly before: Variables;
}

function newFrame(depth: number): Frame {
  return { depth, variables: new Map(), pending: undefined };
}

function indent(frame: Frame): string {
  return '  '.repeat(Math.min(frame.depth, 8));
}

/** Brings the frame's variables up to date; returns the names that changed. */
function apply(event: TraceEvent, frame: Frame): string[] {
  const names = Object.keys(event.changes);
  for (const name of names) frame.variables.set(name, event.changes[name]!);
  for (const name of event.removed ?? []) frame.variables.delete(name);
  return names;
}

function tellCall(event: TraceEvent): string {
  const given = Object.entries(event.changes).map(([name, value]) => `${name} = ${value}`);
  return `${event.function} starts${given.length > 0 ? ` with ${listOf(given)}` : ''}.`;
}

/** What a line did, told once the frame's next event shows it. */
function tellStep(pending: Pending, next: TraceEvent, changed: readonly string[], after: Variables): string {
  const { statement, before } = pending;
  const at = `Line ${statement.line}`;
  switch (statement.kind) {
    case 'assign': {
      const now = after.get(statement.target);
      if (next.kind === 'exception' || now === undefined) return `${at} runs \`${statement.text}\`.`;
      const worked = work(statement.value, before);
      const shown = worked && renderValue(worked.value) === now ? worked.text : now;
      return `${at} sets ${statement.target} to ${shown}${also(changed, after, statement.target)}.`;
    }
    case 'append': {
      const worked = work(statement.value, before);
      const now = after.get(statement.target);
      if (!worked || now === undefined) return tellPlain(at, statement.text, changed, after);
      return `${at} appends ${worked.text} to ${statement.target}, which is now ${now}.`;
    }
    case 'if':
    case 'while': {
      const entered = next.kind === 'line' && next.line === statement.body;
      const worked = workComparison(statement.test, before);
      const shown = worked && truth(worked.value) === entered ? ` (${worked.text})` : '';
      return `${at} checks ${statement.test.text}${shown}: ${entered ? 'yes' : 'no'}.`;
    }
    case 'for': {
      const entered = next.kind === 'line' && next.line === statement.body;
      if (!entered) return `${at}: the loop over ${statement.iterable.text} is done.`;
      const value = after.get(statement.target);
      return value === undefined
        ? `${at} goes on with the next item.`
        : `${at} takes the next item: ${statement.target} = ${value}.`;
    }
    case 'return':
      return '';
    case 'expression':
    case 'other':
      return tellPlain(at, statement.text, changed, after);
    default:
      return statement satisfies never;
  }
}

function tellPlain(at: string, text: string, changed: readonly string[], after: Variables): string {
  const now = changed.filter((name) => !/^<(function|class|module)/.test(after.get(name)!));
  const told = now.map((name) => `${name} is now ${after.get(name)}`);
  return `${at} runs \`${text.split('\n')[0]}\`${told.length > 0 ? `; ${listOf(told)}` : ''}.`;
}

function also(changed: readonly string[], after: Variables, except: string): string {
  const others = changed
    .filter((name) => name !== except)
    .map((name) => `${name} becomes ${after.get(name)}`);
  return others.length > 0 ? `, and ${listOf(others)}` : '';
}

function tellEnd(trace: Trace, input: ProgramInput): string {
  const { outcome, error, result, stdout } = trace.execution;
  if (error !== undefined) return `The program ends with ${error.type}: ${error.message}`;
  if (outcome !== 'completed') return `The program is stopped: ${outcome}.`;
  if (trace.excluded !== undefined) return `The steps shown stop here (${trace.excluded}).`;
  if (input.kind === 'call') return `The result of ${input.expression} is ${result}`;
  return stdout === '' ? 'Nothing is printed.' : `The output is:\n${stdout.trimEnd()}`;
}

function listOf(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
