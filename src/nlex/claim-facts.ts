/**
 * Facts: `x = 7`, `dp[2][3] = 1`, `n % 2 = 5 % 2 = 1`. Whether they hold at a moment of the execution.
 */
import { evaluate, renderedOf } from './evaluate.js';
import { type Expression, parseExpression } from './python-source.js';
import { itemSetBy } from './sentences.js';
import type { Step } from './steps.js';
import { lengthOf, sameValue, unifies, type View, valueAt } from './views.js';

export interface Fact {
  readonly text: string;
  readonly value: string;
  /** The expression with values put in, where it is shown. */
  readonly worked: string | undefined;
}

/** `occurs`: whether a value occurs anywhere, which is all that can be asked where the fact cannot be worked out. */
export function factHolds(
  { text, value, worked }: Fact,
  view: View,
  occurs: (value: string) => boolean,
): boolean {
  if (/^[A-Za-z_]\w*$/.test(text)) return sameValue(value, valueAt(view, text));
  const expression = expressionOf(text);
  if (!expression) return occurs(value);
  const actual = renderedOf(expression, view.variables);
  if (actual !== undefined && !sameValue(value, actual)) return false;
  if (actual === undefined && (isOutside(expression, view) || !occurs(value))) return false;
  const shown = worked === undefined ? undefined : expressionOf(worked);
  return shown === undefined || unifies(expression, shown, view.variables);
}

/** Of `dp[i] = 0`, a fact about an item has to be about the one that was set. */
export function isPlaceOf({ text }: Fact, step: Step): boolean {
  const set = text.includes('[') ? itemSetBy(step) : undefined;
  return (
    set === undefined ||
    !text.startsWith(`${set.name}[`) ||
    text.replace(/\s/g, '') === set.place.replace(/\s/g, '')
  );
}

/** An item beyond the end of its list or string. */
function isOutside(expression: Expression, { variables }: View): boolean {
  return (
    expression.kind === 'index' &&
    evaluate(expression.object, variables) !== undefined &&
    evaluate(expression.index, variables) !== undefined
  );
}

const expressions = new Map<string, Expression | undefined>();

/** Parsed once: a fact is tried at many moments. */
function expressionOf(text: string): Expression | undefined {
  if (!expressions.has(text)) {
    if (expressions.size > 2_000) expressions.clear();
    expressions.set(text, parseExpression(text));
  }
  return expressions.get(text);
}

export function hasLength(value: string | undefined, length: number): boolean {
  if (value === undefined) return false;
  const known = lengthOf(value);
  return known === undefined || known === length;
}
