/**
 * The moments of an execution, in order, at which an explanation's claims are looked up: a call, a statement about to
 * run, what it left, a return. Value equality and unification of expressions with their worked forms live here too.
 */
import { pythonEquals, safeParsePythonLiteral } from '../core/python-literal.js';
import { renderedOf, type Variables } from './evaluate.js';
import type { Expression } from './python-source.js';
import type { FrameNode, Step, StepTree } from './steps.js';

export interface View {
  readonly time: number;
  readonly kind: 'call' | 'before' | 'after' | 'return';
  readonly frame: FrameNode;
  /** Of `before` and `after`. */
  readonly step: Step | undefined;
  readonly variables: Variables;
  /** The module's variables, for a frame that reads them. */
  readonly globals: Variables;
}

const NONE: Variables = new Map();
const ORDER = { after: 0, return: 1, call: 2, before: 3 } as const;

/** All moments of an execution in the order in which they happened. */
export function viewsOf(tree: StepTree): View[] {
  const views: Omit<View, 'globals'>[] = [];
  for (const frame of tree.frames) {
    views.push({ time: frame.start, kind: 'call', frame, step: undefined, variables: frame.given });
    for (const step of frame.steps) {
      views.push({ time: step.time, kind: 'before', frame, step, variables: step.before });
      views.push({ time: step.end, kind: 'after', frame, step, variables: step.after });
      if (step.next?.kind === 'return')
        views.push({ time: step.end, kind: 'return', frame, step, variables: step.after });
    }
  }
  views.sort((a, b) => a.time - b.time || ORDER[a.kind] - ORDER[b.kind]);
  let globals = NONE;
  return views.map((view) => {
    if (view.frame.function === '<module>') globals = view.variables;
    return { ...view, globals };
  });
}

export function valueAt(view: View, name: string): string | undefined {
  return view.variables.get(name) ?? view.globals.get(name);
}

const WHOLE = /^[\d\s,()[\]-]*$/;

/** Whether a stated value is the one that the trace shows; true as well where the trace shows it only in part. */
export function sameValue(stated: string, actual: string | undefined): boolean {
  if (actual === undefined) return false;
  if (stated === actual) return true;
  if (/^<(list|tuple|str|bytes|dict|set|frozenset|int) of /.test(actual)) return !stated.startsWith('<');
  // Cheap: whole numbers, and lists of them, that are written differently are different.
  if (WHOLE.test(stated) && WHOLE.test(actual))
    return stated.replace(/\s/g, '') === actual.replace(/\s/g, '');
  const [a, b] = [safeParsePythonLiteral(stated), safeParsePythonLiteral(actual)];
  return a !== undefined && b !== undefined && a.kind === b.kind && pythonEquals(a, b);
}

/** Whether `worked` can be `code` with its variables' values put in. What cannot be evaluated is not held against it. */
export function unifies(code: Expression, worked: Expression, variables: Variables): boolean {
  if (code.kind === 'binary' && worked.kind === 'binary' && code.operator === worked.operator)
    return unifies(code.left, worked.left, variables) && unifies(code.right, worked.right, variables);
  if (code.kind === 'call' && worked.kind === 'call' && code.callee === worked.callee) {
    if (code.args.length === worked.args.length)
      return code.args.every((arg, at) => unifies(arg, worked.args[at]!, variables));
  }
  if (code.kind === 'list' && worked.kind === 'list' && code.items.length === worked.items.length)
    return code.items.every((item, at) => unifies(item, worked.items[at]!, variables));
  if (code.kind === 'unary' && worked.kind === 'unary' && code.operator === worked.operator)
    return unifies(code.operand, worked.operand, variables);
  if (code.kind === 'name') {
    const actual = variables.get(code.name);
    return actual === undefined || sameValue(worked.text.replace(/^\((.*)\)$/, '$1'), actual);
  }
  const a = renderedOf(code, variables);
  const b = renderedOf(worked, NONE);
  return a === undefined || b === undefined || sameValue(b, a);
}

/** The length of a value that the trace holds whole, or of which it gives the length. */
export function lengthOf(value: string): number | undefined {
  const elided = /^<(?:list|tuple|dict|set|frozenset|str|bytes) of (\d+)/.exec(value)?.[1];
  if (elided !== undefined) return Number(elided);
  const read = safeParsePythonLiteral(value);
  if (read === undefined) return undefined;
  if (read.kind === 'str' || read.kind === 'bytes') return [...read.value].length;
  if (read.kind === 'dict') return read.entries.length;
  return 'items' in read ? read.items.length : undefined;
}
