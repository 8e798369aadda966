/**
 * Traces as text: pure functions over `Trace`.
 *
 * - `text`: for people. One line of the program per step, indented by call depth, with what it changed behind it.
 * - `json`: for programs; docs/trace-format.md is its schema.
 * - `cwm`: the published trace-prediction format of CWM (facebookresearch/cwm PROMPTING_GUIDE.md and demos/cwmdbg.py,
 *   commit 7930e02): source with the entry marked, then one frame per event. Locals are JSON with string values,
 *   `".."` for one that did not change. Its reader looks for a value backwards up to the last call or return, so we
 *   write values in full after each of those, and whenever the step before was another frame's.
 *   Left open there, decided here: an exception's value is `Type: message`; the entry of a module is its first line.
 */
import { UsageError } from '../core/errors.js';
import type { Trace, TraceEvent } from './types.js';

export type TraceFormat = 'text' | 'json' | 'cwm';

const TRACE_FORMATS: readonly TraceFormat[] = ['text', 'json', 'cwm'];

/** Writes a trace of `source`. Throws a UsageError for an unknown format. */
export function formatTrace(format: TraceFormat, trace: Trace, source: string): string {
  switch (format) {
    case 'text':
      return toText(trace, source);
    case 'json':
      return `${JSON.stringify({ format: 'deskcheck-trace', version: 1, source, ...trace })}\n`;
    case 'cwm':
      return toCwm(trace, source);
    default:
      throw new UsageError(
        `unknown trace format ${String(format satisfies never)}; there are ${TRACE_FORMATS.join(', ')}`,
      );
  }
}

interface Step {
  readonly depth: number;
  readonly text: string;
  readonly notes: string[];
}

const SOURCE_WIDTH = 40;

function toText(trace: Trace, source: string): string {
  const lines = source.split('\n');
  const numberWidth = String(lines.length).length;
  const steps: Step[] = [];
  const lastStep = new Map<number, Step>();
  const stack: number[] = [];
  for (const event of trace.events) {
    // A frame that an exception left has no return event.
    while (event.kind !== 'call' && stack.length > 0 && stack.at(-1) !== event.frame) stack.pop();
    const changes = Object.entries(event.changes).map(([name, value]) => `${name} = ${value}`);
    if (event.kind === 'call') {
      const again = lastStep.has(event.frame);
      const what = again ? `resume ${event.function}` : `call ${event.function}(${changes.join(', ')})`;
      addStep(event.frame, { depth: stack.length, text: what, notes: again ? changes : [] });
      stack.push(event.frame);
      continue;
    }
    const notes = lastStep.get(event.frame)?.notes ?? [];
    notes.push(...changes, ...(event.removed ?? []).map((name) => `del ${name}`));
    if (!('value' in event)) {
      const number = String(event.line).padStart(numberWidth);
      const code = (lines[event.line - 1] ?? '').trim();
      addStep(event.frame, { depth: stack.length, text: `${number}  ${code}`, notes: [] });
    } else if (event.kind === 'return') {
      // A module's return says nothing.
      if (event.function !== '<module>') notes.push(`returns ${event.value}`);
      stack.pop();
    } else notes.push(`raises ${event.value}`);
  }
  return `${steps.map(stepLine).join('\n')}\n${ending(trace)}`;

  function addStep(frame: number, step: Step): void {
    steps.push(step);
    lastStep.set(frame, step);
  }
}

function stepLine({ depth, text, notes }: Step): string {
  const line = '  '.repeat(depth) + text;
  return notes.length === 0 ? line : `${line.padEnd(SOURCE_WIDTH)}  # ${notes.join(', ')}`;
}

const EXCLUSIONS = {
  'too-many-events': 'the trace ends here: too many events; the program went on',
  'too-large': 'the trace ends here: too much text; the program went on',
  'not-handed-over': 'no steps: the program ended the interpreter itself, or was ended',
} as const;

function ending({ execution, excluded }: Trace): string {
  const lines: string[] = [];
  if (excluded !== undefined) lines.push(`(${EXCLUSIONS[excluded]})`);
  const { outcome, error, result, stdout } = execution;
  if (error !== undefined) {
    const where = error.line === undefined ? '' : ` (line ${error.line})`;
    lines.push(`${outcome}: ${error.type}${error.message === '' ? '' : `: ${error.message}`}${where}`);
  } else if (outcome !== 'completed') lines.push(`stopped: ${outcome.replace('-', ' ')} reached`);
  if (result !== undefined) lines.push(`result: ${result}`);
  if (stdout !== '') lines.push('output:', stdout.replace(/\n$/, ''));
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
}

const START_MARKER = '  # << START_OF_TRACE';

function toCwm(trace: Trace, source: string): string {
  const lines = source.split('\n');
  const entry = trace.events.find((event) => event.line > 0)?.line ?? 1;
  const context = lines.map((line, i) => (i === entry - 1 ? line + START_MARKER : line)).join('\n');
  const locals = new Map<number, Map<string, string>>();
  let shown = new Set<string>();
  let previous: TraceEvent | undefined;
  let frames = '';
  for (const event of trace.events) {
    const own = locals.get(event.frame) ?? new Map<string, string>();
    locals.set(event.frame, own);
    for (const name of event.removed ?? []) own.delete(name);
    for (const [name, value] of Object.entries(event.changes)) own.set(name, value);
    const action = `<|action_sep|>${lines[event.line - 1] ?? ''}\n`;
    if (!('value' in event)) {
      const fresh = event.kind === 'call' || previous?.kind === 'return' || previous?.frame !== event.frame;
      if (fresh) shown = new Set();
      const values: Record<string, string> = {};
      for (const [name, value] of own) {
        values[name] = shown.has(name) && event.changes[name] === undefined ? '..' : value;
        shown.add(name);
      }
      frames += `<|${event.kind}_sep|>${pythonJson(values)}${action}<|frame_sep|>`;
    } else {
      frames += `<|${event.kind}_sep|>${action}<|arg_sep|>${asciiJson(event.value)}<|frame_sep|>`;
      // Changes that came with this event were not written: the next step has to.
      for (const name of Object.keys(event.changes)) shown.delete(name);
    }
    previous = event;
  }
  return `<|trace_context_start|>${context}<|frame_sep|>${frames}`;
}

/** As Python's `json.dumps` writes a dict of strings. */
function pythonJson(values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${asciiJson(name)}: ${asciiJson(value)}`);
  return `{${pairs.join(', ')}}`;
}

function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
