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

/** As Python's `repr` writes it. */
export function renderValue(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value.includes("'") ? `"${value}"` : `'${value}'`;
  return `[${value.map(renderValue).join(', ')}]`;
}

/** The value; `undefined` where a variable is unknown, or the expression is beyond what this file models. Never throws. */
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
      if (typeof operand !== 'number') return undefined;
      if (expression.operator === '~') return safe(-operand - 1);
      return expression.operator === '-' ? safe(-operand) : undefined;
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

/**
 * The value of an expression as the trace renders it. Covers more than `evaluate`: an item of any list, tuple or dict that
 * is written whole, and a length, whatever the items are.
 */
export function renderedOf(expression: Expression, variables: Variables): string | undefined {
  const value = evaluate(expression, variables);
  if (value !== undefined) return renderValue(value);
  switch (expression.kind) {
    case 'name':
      return variables.get(expression.name);
    case 'literal':
      return /^[\d.]/.test(expression.text) ? expression.text : undefined;
    case 'index': {
      const object = renderedOf(expression.object, variables);
      const index = renderedOf(expression.index, variables);
      return object === undefined || index === undefined ? undefined : itemAt(object, index);
    }
    case 'call': {
      const [argument] = expression.args;
      if (expression.callee !== 'len' || expression.args.length !== 1 || !argument) return undefined;
      const items = itemsOf(renderedOf(argument, variables) ?? '');
      return items && String(items.length);
    }
    default:
      return undefined;
  }
}

function itemAt(container: string, index: string): string | undefined {
  const items = itemsOf(container);
  if (items === undefined) return undefined;
  if (container.startsWith('{'))
    return items.find((item) => item.startsWith(`${index}: `))?.slice(index.length + 2);
  return /^-?\d+$/.test(index) ? items.at(Number(index)) : undefined;
}

const split = new Map<string, readonly string[] | undefined>();
const MOST_SPLIT = 500;

/** The items of a rendered list, tuple, set or dict, as they are written; undefined for everything else. */
function itemsOf(container: string): readonly string[] | undefined {
  if (!/^[[({]/.test(container)) return undefined;
  if (!split.has(container)) {
    if (split.size >= MOST_SPLIT) split.clear();
    split.set(container, splitItems(container));
  }
  return split.get(container);
}

function splitItems(container: string): string[] | undefined {
  const items: string[] = [];
  let depth = 0;
  let start = 1;
  const close = (end: number): void => {
    const item = container.slice(start, end).trim();
    if (item !== '') items.push(item);
    start = end + 1;
  };
  for (let at = 0; at < container.length; at++) {
    const char = container[at]!;
    if (char === "'" || char === '"') {
      for (at++; at < container.length && container[at] !== char; at++) if (container[at] === '\\') at++;
    } else if ('[({<'.includes(char)) depth++;
    else if ('])}>'.includes(char) && --depth === 0) {
      close(at);
      return at === container.length - 1 ? items : undefined;
    } else if (char === ',' && depth === 1) close(at);
  }
  return undefined;
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
    case '**':
      return b < 0 ? undefined : safe(a ** b);
    case '<<':
      return b < 0 || b > 60 ? undefined : safe(a * 2 ** b);
    case '>>':
      return b < 0 ? undefined : safe(Math.floor(a / 2 ** b));
    case '&':
      return Number(BigInt(a) & BigInt(b));
    case '|':
      return Number(BigInt(a) | BigInt(b));
    case '^':
      return Number(BigInt(a) ^ BigInt(b));
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
