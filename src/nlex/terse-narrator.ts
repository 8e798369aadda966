/**
 * The terse narrator: one execution as a person would note it on paper, in as few words as stay readable.
 *
 *     r = 0
 *     for v in 1 2
 *     #1 v = 1; 1 % 2 = 1 == 0 no
 *     #2 v = 2; 2 % 2 = 0 == 0 yes; v = 2 * 3 = 6; r = 0 + 6 = 6
 *
 * Values are put in before results, items are numbered, constants are written out, and a range is counted through before
 * its loop, so that the end is in sight: what a small model needs in order to learn execution (docs/log.md). It covers straight-line code with loops and conditions in one frame. Every result
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
  const rounds: Rounds = new Map();
  let out = '';
  let pending: { statement: Statement; step: Step } | undefined;
  for (const event of trace.events) {
    if (event.frame !== frame) continue;
    for (const [name, value] of Object.entries(event.changes)) variables.set(name, value);
    if (pending) {
      const told = finish(pending.statement, pending.step, event, variables, rounds);
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

/** Longer ranges are not counted through. */
const LONGEST_RANGE = 20;

/** What is known of a step before it runs; `value` is absent where there is nothing to tell. */
type Step = Worked | typeof NOTHING;

const NOTHING = { text: '', value: undefined } as const;

/** Loops under way by line: rounds begun, and of a range the items that it is worked out to have. */
type Rounds = Map<number, { readonly count: number; readonly range: readonly number[] | undefined }>;

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
  rounds: Rounds,
): string | undefined {
  switch (statement.kind) {
    case 'assign': {
      if (step === NOTHING) return '';
      const now = variables.get(statement.target);
      if (now === undefined || step.value === undefined || renderValue(step.value) !== now) return undefined;
      return `${separator(rounds)}${statement.target} = ${step.text}`;
    }
    case 'append': {
      const now = variables.get(statement.target);
      const list = now === undefined ? undefined : evaluate(nameOf(statement.target), variables);
      if (!Array.isArray(list) || step.value === undefined) return undefined;
      if (renderValue(list.at(-1) as Value) !== renderValue(step.value)) return undefined;
      return `${separator(rounds)}${statement.target}[${list.length - 1}] = ${step.text}`;
    }
    case 'if':
    case 'while': {
      const entered = next.kind === 'line' && next.line === statement.body;
      if (step.value === undefined || truth(step.value) !== entered) return undefined;
      return `${separator(rounds)}${step.text}${entered ? ' yes' : ' no'}`;
    }
    case 'for': {
      const { count, range } = rounds.get(statement.line) ?? {
        count: 0,
        range: rangeOf(statement.iterable, variables),
      };
      if (next.kind !== 'line' || next.line !== statement.body) {
        rounds.delete(statement.line);
        return range === undefined || range.length === count ? '' : undefined;
      }
      const item = variables.get(statement.target);
      if (range !== undefined && String(range[count]) !== item) return undefined;
      rounds.set(statement.line, { count: count + 1, range });
      const header = count === 0 && range ? `\nfor ${statement.target} in ${range.join(' ')}` : '';
      return `${header}\n#${count + 1} ${statement.target} = ${item}`;
    }
    default:
      return '';
  }
}

/** Inside a loop steps go on the item's line; outside each has its own. */
function separator(rounds: Rounds): string {
  return rounds.size > 0 ? '; ' : '\n';
}

/** The items of `range(stop)` or `range(start, stop)`; `undefined` for any other iterable, or a long one. */
function rangeOf(iterable: Expression, variables: Variables): readonly number[] | undefined {
  if (iterable.kind !== 'call' || iterable.callee !== 'range') return undefined;
  const bounds = iterable.args.map((arg) => evaluate(arg, variables));
  if (bounds.length < 1 || bounds.length > 2 || !bounds.every((bound) => typeof bound === 'number'))
    return undefined;
  const [start, stop] = bounds.length === 1 ? [0, bounds[0]!] : [bounds[0]!, bounds[1]!];
  const length = Math.max(0, stop - start);
  return length > LONGEST_RANGE ? undefined : Array.from({ length }, (_, at) => start + at);
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
