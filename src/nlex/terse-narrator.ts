/**
 * The terse narrator: one execution as a person would note it on paper, in as few words as stay readable.
 *
 *     r = 0
 *     #1 v = 8; 8 % 2 = 0 == 0 yes; v = 8 * 3 = 24; r = 0 + 24 = 24
 *     #2 v = 3; 3 % 2 = 1 == 0 no
 *
 * Values are put in before results, items are numbered, constants are written out: what a small model needs in order to
 * learn execution (docs/log.md). It covers straight-line code with loops and conditions in one frame. Every result
 * is worked out from the source and compared with the trace; where the two disagree, or a statement is not
 * covered, it answers `undefined`.
 */
import type { Trace, TraceEvent } from '../execution/types.js';
import { type Worked, work, workComparison } from './arithmetic.js';
import { evaluate, renderValue, truth, type Value, type Variables } from './evaluate.js';
import type { Expression, PythonSource, Statement } from './python-source.js';

/** The steps of the outermost frame that did something; the final output is left to the caller. */
export function narrateTersely(source: PythonSource, trace: Trace): string | undefined {
  if (trace.excluded !== undefined || trace.execution.outcome !== 'completed') return undefined;
  const frame = frameToTell(trace.events);
  if (frame === undefined) return undefined;
  const variables = new Map<string, string>();
  const items = new Map<number, number>();
  let out = '';
  let pending: { statement: Statement; step: Step } | undefined;
  for (const event of trace.events) {
    if (event.frame !== frame) continue;
    for (const [name, value] of Object.entries(event.changes)) variables.set(name, value);
    if (pending) {
      const told = finish(pending.statement, pending.step, event, variables, items);
      if (told === undefined) return undefined;
      out += told;
      pending = undefined;
    }
    if (event.kind === 'exception') return undefined;
    if (event.kind !== 'line') continue;
    const statement = source.statements.get(event.line);
    if (statement === undefined) return undefined;
    const step = begin(statement, variables);
    if (step === undefined) return undefined;
    pending = { statement, step };
  }
  return out.replace(/^[\n; ]+/, '');
}

/** What is known of a step before it runs; `value` is absent where there is nothing to tell. */
type Step = Worked | typeof NOTHING;

const NOTHING = { text: '', value: undefined } as const;

function begin(statement: Statement, variables: Variables): Step | undefined {
  switch (statement.kind) {
    case 'assign':
      if (/\binput\(/.test(statement.text)) return NOTHING;
      return work(statement.value, variables);
    case 'append':
      return work(statement.value, variables);
    case 'if':
    case 'while':
      return workComparison(statement.test, variables);
    case 'for':
      return NOTHING;
    case 'return':
      return statement.value === undefined || statement.value.kind === 'name' ? NOTHING : undefined;
    case 'expression':
      return /^print\(\*?\w+\)$/.test(statement.text) ? NOTHING : undefined;
    case 'other':
      return /^(def|pass$)/.test(statement.text) ? NOTHING : undefined;
    default:
      return statement satisfies never;
  }
}

/** Ends a step once the next event shows what it did; checks it against the trace. */
function finish(
  statement: Statement,
  step: Step,
  next: TraceEvent,
  variables: Variables,
  items: Map<number, number>,
): string | undefined {
  switch (statement.kind) {
    case 'assign': {
      if (step === NOTHING) return '';
      const now = variables.get(statement.target);
      if (now === undefined || step.value === undefined || renderValue(step.value) !== now) return undefined;
      return `${separator(items)}${statement.target} = ${step.text}`;
    }
    case 'append': {
      const now = variables.get(statement.target);
      const list = now === undefined ? undefined : evaluate(nameOf(statement.target), variables);
      if (!Array.isArray(list) || step.value === undefined) return undefined;
      if (renderValue(list.at(-1) as Value) !== renderValue(step.value)) return undefined;
      return `${separator(items)}${statement.target}[${list.length - 1}] = ${step.text}`;
    }
    case 'if':
    case 'while': {
      const entered = next.kind === 'line' && next.line === statement.body;
      if (step.value === undefined || truth(step.value) !== entered) return undefined;
      return `${separator(items)}${step.text}${entered ? ' yes' : ' no'}`;
    }
    case 'for': {
      if (next.kind !== 'line' || next.line !== statement.body) {
        items.delete(statement.line);
        return '';
      }
      const count = (items.get(statement.line) ?? 0) + 1;
      items.set(statement.line, count);
      return `\n#${count} ${statement.target} = ${variables.get(statement.target)}`;
    }
    default:
      return '';
  }
}

/** Inside a loop steps go on the item's line; outside each has its own. */
function separator(items: ReadonlyMap<number, number>): string {
  return items.size > 0 ? '; ' : '\n';
}

function nameOf(name: string): Expression {
  return { kind: 'name', name, text: name };
}

/** The module's frame for a script; the called function's for a call. */
function frameToTell(events: readonly TraceEvent[]): number | undefined {
  const counts = new Map<number, number>();
  for (const event of events) {
    if (event.kind === 'line') counts.set(event.frame, (counts.get(event.frame) ?? 0) + 1);
  }
  let best: number | undefined;
  for (const [frame, count] of counts) if (best === undefined || count > counts.get(best)!) best = frame;
  return best;
}
