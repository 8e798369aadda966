/**
 * The value of a small Python expression, worked out the way a person does on paper, from the variables' values in
 * a trace. It covers whole numbers, strings, booleans and lists; for anything else it answers `undefined`, and the
 * narrator then states only what the trace shows. Narrators compare every result with the trace before using it.
 */
import type { Expression } from './python-source.js';

/** Whole numbers beyond 2^53 are left to the trace. */
export type Value = number | string | boolean | null | readonly Value[];

/** The variables of a frame, as the trace renders them. */
export type Variables = ReadonlyMap<string, string>;

/** Reads a rendered value; `undefined` for what is not modelled (floats, tuples, dicts, objects, long values). */
export function readValue(text: string): Value | undefined {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  if (text === 'True') return true;
  if (text === 'False') return false;
  if (text === 'None') return null;
  if (/^'[^'\\]*'$/.test(text) || /^"[^"\\]*"$/.test(text)) return text.slice(1, -1);
  if (text.startsWith('[') && text.endsWith(']')) return readList(text);
  return undefined;
}

/** Flat lists of simple values. */
function readList(text: string): Value | undefined {
  const inner = text.slice(1, -1);
  if (inner === '') return [];
  if (/[[\](){}"\\]/.test(inner) || /'[^']*,[^']*'/.test(inner)) return undefined;
  const items = inner.split(', ').map(readValue);
  return items.some((item) => item === undefined) ? undefined : (items as Value[]);
}

export function renderValue(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value.includes("'") ? `"${value}"` : `'${value}'`;
  return `[${value.map(renderValue).join(', ')}]`;
}

export function evaluate(expression: Expression, variables: Variables): Value | undefined {
  switch (expression.kind) {
    case 'name': {
      const rendered = variables.get(expression.name);
      return rendered === undefined ? undefined : readValue(rendered);
    }
    case 'literal':
      return readValue(expression.text);
    case 'list': {
      const items = expression.items.map((item) => evaluate(item, variables));
      return items.some((item) => item === undefined) ? undefined : (items as Value[]);
    }
    case 'unary': {
      const operand = evaluate(expression.operand, variables);
      if (operand === undefined) return undefined;
      if (expression.operator === 'not') return !truth(operand);
      return expression.operator === '-' && typeof operand === 'number' ? safe(-operand) : undefined;
    }
    case 'binary':
      return binary(expression.operator, expression.left, expression.right, variables);
    case 'call':
      return call(
        expression.callee,
        expression.args.map((arg) => evaluate(arg, variables)),
      );
    case 'index': {
      const object = evaluate(expression.object, variables);
      const index = evaluate(expression.index, variables);
      if (typeof index !== 'number' || (typeof object !== 'string' && !Array.isArray(object)))
        return undefined;
      return (object as readonly Value[] | string).at(index);
    }
    case 'opaque':
      return undefined;
    default:
      return expression satisfies never;
  }
}

/** Python's truth of a value. */
export function truth(value: Value): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function binary(
  operator: string,
  left: Expression,
  right: Expression,
  variables: Variables,
): Value | undefined {
  const a = evaluate(left, variables);
  if (a === undefined) return undefined;
  if (operator === 'and' && !truth(a)) return a;
  if (operator === 'or' && truth(a)) return a;
  const b = evaluate(right, variables);
  if (b === undefined || operator === 'and' || operator === 'or') return b;
  if (operator === '==' || operator === '!=')
    return (renderValue(a) === renderValue(b)) === (operator === '==');
  if (operator === 'in' || operator === 'not in') {
    const found = contains(a, b);
    return found === undefined ? undefined : found === (operator === 'in');
  }
  if (typeof a === 'number' && typeof b === 'number') return arithmetic(operator, a, b);
  if (typeof a === 'string' && typeof b === 'string') return operator === '+' ? a + b : order(operator, a, b);
  if (Array.isArray(a) && Array.isArray(b) && operator === '+') return [...a, ...b];
  return undefined;
}

function contains(item: Value, container: Value): boolean | undefined {
  if (typeof container === 'string') return typeof item === 'string' ? container.includes(item) : undefined;
  if (!Array.isArray(container)) return undefined;
  return container.some((other: Value) => renderValue(other) === renderValue(item));
}

function arithmetic(operator: string, a: number, b: number): Value | undefined {
  switch (operator) {
    case '+':
      return safe(a + b);
    case '-':
      return safe(a - b);
    case '*':
      return safe(a * b);
    case '//':
      return b === 0 ? undefined : safe(Math.floor(a / b));
    case '%':
      return b === 0 ? undefined : safe(a - b * Math.floor(a / b));
    default:
      return order(operator, a, b);
  }
}

function order<T extends number | string>(operator: string, a: T, b: T): boolean | undefined {
  switch (operator) {
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    default:
      return undefined;
  }
}

function call(callee: string, args: readonly (Value | undefined)[]): Value | undefined {
  const [first] = args;
  if (args.length !== 1 || first === undefined) return undefined;
  if (callee === 'abs' && typeof first === 'number') return Math.abs(first);
  if (callee === 'len' && (typeof first === 'string' || Array.isArray(first))) return first.length;
  return undefined;
}

/** `-0` and numbers that doubles cannot hold exactly are not ours to state. */
function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}
