/**
 * A trace as a tree: frames, the steps in each, and the calls made during a step. Shared by the narrator and by
 * grounding, which both ask "what did this line see, and what did it leave behind?".
 *
 * A step is one statement, however many lines it spans: line events inside a statement belong to it.
 */
import type { Trace, TraceEvent } from '../execution/types.js';
import type { Variables } from './evaluate.js';
import { type PythonSource, parsePython, type Statement } from './python-source.js';

/** One statement that ran. */
export interface Step {
  /** Index of its line event: the time of the step. */
  readonly time: number;
  readonly frame: FrameNode;
  readonly statement: Statement;
  /** The frame's variables before and after it, as the trace renders them. */
  readonly before: Variables;
  after: Variables;
  /** Names whose value changed, in the trace's order. */
  changed: readonly string[];
  /** Index of the event that shows what the step did; the time of the last event when none does. */
  end: number;
  /** The frame's next event. */
  next: TraceEvent | undefined;
  readonly calls: FrameNode[];
  /** The exception that it raised or let through, as `Type: message`. */
  raised?: string;
}

/** One call of a function, or the module. */
export interface FrameNode {
  readonly id: number;
  readonly function: string;
  /** Index of its call event. */
  readonly start: number;
  /** The parameters at the call. */
  readonly given: Variables;
  readonly steps: Step[];
  /** What it returned, or yielded last. */
  returned?: string;
  /** Index of its last event. */
  end: number;
  readonly caller: Step | undefined;
  /** A generator that was taken up again: its steps lie between those of its caller. */
  resumed?: true;
}

export interface StepTree {
  readonly source: PythonSource;
  /** In order of entry. */
  readonly frames: readonly FrameNode[];
  /** Frames that no traced step called: the module, or the called function. */
  readonly roots: readonly FrameNode[];
}

interface Live {
  readonly node: FrameNode;
  variables: Map<string, string>;
  pending: Step | undefined;
  continued: boolean;
}

export function toStepTree(code: string, trace: Trace): StepTree {
  const source = parsePython(code);
  const owners = statementOwners(source, code);
  const live = new Map<number, Live>();
  const frames: FrameNode[] = [];
  const roots: FrameNode[] = [];
  const stack: Live[] = [];
  trace.events.forEach((event, time) => {
    let own = live.get(event.frame);
    while (event.kind !== 'call' && stack.length > 0 && stack.at(-1) !== own) stack.pop();
    if (own === undefined) {
      own = enter(event, time, stack.at(-1)?.pending);
      live.set(event.frame, own);
      frames.push(own.node);
      if (own.node.caller) own.node.caller.calls.push(own.node);
      else roots.push(own.node);
      stack.push(own);
      return;
    }
    own.node.end = time;
    const changed = apply(event, own);
    if (event.kind === 'call') {
      own.node.resumed = true;
      stack.push(own);
      return;
    }
    if (event.kind === 'line' && continues(event.line, own, owners)) {
      own.pending!.changed = [...own.pending!.changed, ...changed];
      return;
    }
    finish(own, event, time, changed);
    if (!('value' in event)) {
      const statement = owners(event.line);
      const step: Step = {
        time,
        frame: own.node,
        statement,
        before: own.variables,
        after: own.variables,
        changed: [],
        end: trace.events.length - 1,
        next: undefined,
        calls: [],
      };
      own.node.steps.push(step);
      own.pending = step;
      own.continued = false;
      return;
    }
    if (event.kind === 'return') {
      own.node.returned = event.value;
      stack.pop();
      return;
    }
    const last = own.node.steps.at(-1);
    if (last && event.kind === 'exception') last.raised = event.value;
  });
  return { source, frames, roots };
}

function enter(event: TraceEvent, time: number, caller: Step | undefined): Live {
  const given = new Map(Object.entries(event.changes));
  const node: FrameNode = {
    id: event.frame,
    function: event.function,
    start: time,
    given,
    steps: [],
    end: time,
    caller,
  };
  return { node, variables: given, pending: undefined, continued: false };
}

/** Brings the variables up to date, on a copy: steps keep theirs. */
function apply(event: TraceEvent, own: Live): string[] {
  const names = Object.keys(event.changes);
  if (names.length === 0 && event.removed === undefined) return names;
  own.variables = new Map(own.variables);
  for (const name of names) own.variables.set(name, event.changes[name]!);
  for (const name of event.removed ?? []) own.variables.delete(name);
  return names;
}

function finish(own: Live, event: TraceEvent, time: number, changed: readonly string[]): void {
  const { pending } = own;
  if (!pending) return;
  pending.after = own.variables;
  pending.changed = [...new Set([...pending.changed, ...changed])];
  pending.next = event;
  pending.end = time;
  own.pending = undefined;
}

/** A line event inside the statement that is running. */
function continues(line: number, own: Live, owners: (line: number) => Statement): boolean {
  const { pending } = own;
  if (!pending) return false;
  const owner = owners(line);
  if (owner.line !== pending.statement.line) return false;
  if (line !== owner.line) {
    own.continued = true;
    return true;
  }
  return own.continued && owner.kind !== 'for' && owner.kind !== 'while';
}

/** The statement that a line belongs to: the one that starts on it, else the one that starts last before it. */
function statementOwners(source: PythonSource, code: string): (line: number) => Statement {
  const lines = code.split('\n');
  const owners: (Statement | undefined)[] = [];
  let last: Statement | undefined;
  for (let line = 1; line <= lines.length; line++) {
    last = source.statements.get(line) ?? last;
    owners[line] = last;
  }
  return (line) => owners[line] ?? { kind: 'other', line, text: (lines[line - 1] ?? '').trim() };
}
