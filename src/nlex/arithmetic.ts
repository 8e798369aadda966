/**
 * Putting values into expressions, the way one shows one's work: `v * 3` with v = 8 becomes `8 * 3 = 24`.
 * Shared by the narrators.
 */
import { evaluate, renderValue, type Value, type Variables } from './evaluate.js';
import type { Expression } from './python-source.js';

/** An expression worked out: its value, and the text that shows how. */
export interface Worked {
  readonly value: Value;
  /** `8 * 3 = 24`, or just the value when there is nothing to work out. */
  readonly text: string;
}

/** `undefined` when the expression is outside what `evaluate` covers. */
export function work(expression: Expression, variables: Variables): Worked | undefined {
  const value = evaluate(expression, variables);
  const substituted = substitute(expression, variables);
  if (value === undefined || substituted === undefined) return undefined;
  const rendered = renderValue(value);
  return { value, text: substituted === rendered ? rendered : `${substituted} = ${rendered}` };
}

/** A comparison with both sides worked out: `8 % 2 = 0 == 0`; its value is the comparison's. */
export function workComparison(test: Expression, variables: Variables): Worked | undefined {
  const value = evaluate(test, variables);
  if (value === undefined || test.kind !== 'binary') return undefined;
  const left = work(test.left, variables);
  const right = work(test.right, variables);
  return left && right ? { value, text: `${left.text} ${test.operator} ${right.text}` } : undefined;
}

/** The expression with every variable replaced by its value. */
function substitute(expression: Expression, variables: Variables): string | undefined {
  switch (expression.kind) {
    case 'name':
      return variables.get(expression.name);
    case 'literal':
      return expression.text;
    case 'list':
      return joined(expression.items, variables, (parts) => `[${parts.join(', ')}]`);
    case 'binary':
      return joined([expression.left, expression.right], variables, (parts) => {
        const flat = parts.join(` ${expression.operator} `);
        return expression.text.startsWith('(') && expression.text.endsWith(')') ? `(${flat})` : flat;
      });
    case 'unary':
      return joined([expression.operand], variables, ([part]) =>
        expression.operator === 'not' ? `not ${part}` : `${expression.operator}${part}`,
      );
    case 'call':
      return joined(expression.args, variables, (parts) => `${expression.callee}(${parts.join(', ')})`);
    case 'index':
      return joined(
        [expression.object, expression.index],
        variables,
        ([object, index]) => `${object}[${index}]`,
      );
    case 'opaque':
      return undefined;
    default:
      return expression satisfies never;
  }
}

function joined(
  parts: readonly Expression[],
  variables: Variables,
  join: (parts: readonly string[]) => string,
): string | undefined {
  const texts = parts.map((part) => substitute(part, variables));
  return texts.some((text) => text === undefined) ? undefined : join(texts as string[]);
}
