/**
 * Showing one's work in full sentences: `total + n` with total = 3 and n = 4 becomes `3 + 4 = 7`, and the facts that
 * decide a condition become `i = 3 and len(s) = 5`. Only values that the trace confirms are shown; long ones are not.
 */
import { evaluate, renderedOf, renderValue, type Value, type Variables } from './evaluate.js';
import type { Expression } from './python-source.js';

/** A value that says nothing but what it is: `<function f>`, `<bytearray>`. */
export function isNameless(value: string): boolean {
  return /^<(?:(?:function|class|module|builtin)\b.*|[\w.]+)>$/s.test(value);
}

/** Longer values are left out of calculations and facts. */
const LONGEST_OPERAND = 60;
const COMPARISONS = new Set(['<', '<=', '>', '>=', '==', '!=', 'in', 'not in', 'is', 'is not']);

/** `3 + 4 = 7`, or just `7` when there is nothing to work out; `undefined` unless the result is `expected`. */
export function calculation(expression: Expression, before: Variables, expected: string): string | undefined {
  const value = evaluate(expression, before);
  const rendered =
    value !== undefined
      ? renderValue(value)
      : expression.kind === 'name'
        ? before.get(expression.name)
        : undefined;
  if (rendered !== expected) return undefined;
  if (expression.kind === 'literal' || expression.kind === 'list' || isLogic(expression)) {
    return isLogic(expression) ? undefined : expected;
  }
  const put = substituted(expression, before)?.replace(/^\((.*)\)$/, (whole, inner: string) =>
    /^[^()]*(\([^()]*\)[^()]*)*$/.test(inner) ? inner : whole,
  );
  if (put === undefined || put === expected || put.length > 2 * LONGEST_OPERAND) return expected;
  return `${put} = ${expected}`;
}

/** What the outcome of a test rests on: `i = 3`, `n % 2 = 5 % 2 = 1`, `s[i] = 'a'`. Empty when nothing can be shown. */
export function factsOf(test: Expression, before: Variables): string[] {
  const out: string[] = [];
  gather(test, before, out);
  return [...new Set(out)].slice(0, 4);
}

function gather(expression: Expression, before: Variables, out: string[]): void {
  switch (expression.kind) {
    case 'unary':
      if (expression.operator === 'not') gather(expression.operand, before, out);
      else addFact(expression, before, out);
      return;
    case 'binary': {
      const { operator, left, right } = expression;
      if (operator === 'and' || operator === 'or') {
        gather(left, before, out);
        const decided = evaluate(left, before);
        // What Python does not look at is not told.
        if (decided !== undefined && isTrue(decided) === (operator === 'or')) return;
        gather(right, before, out);
      } else if (COMPARISONS.has(operator)) {
        gather(left, before, out);
        gather(right, before, out);
      } else addFact(expression, before, out);
      return;
    }
    case 'opaque':
      for (const part of expression.parts ?? [])
        if (part.kind !== 'call' && part.kind !== 'opaque') gather(part, before, out);
      return;
    default:
      addFact(expression, before, out);
  }
}

function addFact(expression: Expression, before: Variables, out: string[]): void {
  if (expression.kind === 'literal' || expression.kind === 'opaque' || expression.kind === 'list') return;
  if (/[\n#]/.test(expression.text) || !/[A-Za-z_]/.test(expression.text)) return;
  const value = renderedOf(expression, before);
  if (value === undefined || value.length > LONGEST_OPERAND || isNameless(value)) return;
  const isWhole = isBracketed(expression.text);
  const text = isWhole ? expression.text.slice(1, -1).trim() : expression.text;
  if (expression.kind === 'binary') {
    const put = substituted(expression, before);
    if (put !== undefined && put.length <= LONGEST_OPERAND)
      out.push(`${text} = ${isWhole ? put.slice(1, -1) : put} = ${value}`);
    return;
  }
  out.push(`${text} = ${value}`);
}

/** The expression with names, items and lengths replaced by their values; `undefined` where one is long or unknown. */
export function substituted(expression: Expression, before: Variables): string | undefined {
  switch (expression.kind) {
    case 'literal':
      return expression.text.includes('\n') ? undefined : expression.text;
    case 'name':
      return short(before.get(expression.name));
    case 'index':
      return short(renderedOf(expression, before));
    case 'call': {
      if (expression.callee === 'len') return short(renderedOf(expression, before));
      const args = all(expression.args, before);
      return args && `${expression.callee}(${args.join(', ')})`;
    }
    case 'list': {
      const items = all(expression.items, before);
      return items && `[${items.join(', ')}]`;
    }
    case 'unary': {
      const operand = substituted(expression.operand, before);
      if (operand === undefined || operand.startsWith('-')) return undefined;
      return expression.operator === 'not' ? `not ${operand}` : `${expression.operator}${operand}`;
    }
    case 'binary': {
      const sides = all([expression.left, expression.right], before);
      if (!sides) return undefined;
      const { operator, right } = expression;
      const isLater =
        right.kind === 'binary' && !right.text.startsWith('(') && rank(right) <= rank(expression);
      const second = isLater ? `(${sides[1]})` : bracketed(sides[1]!);
      const flat = `${sides[0]} ${operator} ${second}`;
      return isBracketed(expression.text) ? `(${flat})` : flat;
    }
    case 'opaque':
      return undefined;
    default:
      return expression satisfies never;
  }
}

/** How tightly an operator binds. `x -= a + b` is read as `x - (a + b)`: there the right side binds less. */
function rank({ operator }: { readonly operator: string }): number {
  return RANKS[operator] ?? 0;
}

const RANKS: Readonly<Record<string, number>> = {
  ...{ '|': 1, '^': 2, '&': 3, '<<': 4, '>>': 4, '+': 5, '-': 5 },
  ...{ '*': 6, '/': 6, '//': 6, '%': 6, '**': 7 },
};

/** Whether one pair of brackets holds the whole text. */
function isBracketed(text: string): boolean {
  if (!text.startsWith('(') || !text.endsWith(')')) return false;
  let depth = 0;
  for (let at = 0; at < text.length - 1; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return false;
  }
  return true;
}

function bracketed(operand: string): string {
  return /^-\d/.test(operand) ? `(${operand})` : operand;
}

function all(parts: readonly Expression[], before: Variables): string[] | undefined {
  const texts = parts.map((part) => substituted(part, before));
  return texts.every((text) => text !== undefined) ? (texts as string[]) : undefined;
}

function short(value: string | undefined): string | undefined {
  return value === undefined || value.length > LONGEST_OPERAND ? undefined : value;
}

/** What such an expression comes to is not a calculation. */
function isLogic(expression: Expression): boolean {
  if (expression.kind === 'unary') return expression.operator === 'not';
  if (expression.kind !== 'binary') return false;
  return (
    COMPARISONS.has(expression.operator) || expression.operator === 'and' || expression.operator === 'or'
  );
}

function isTrue(value: Value): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
