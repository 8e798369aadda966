/**
 * Python values of function tests: arguments as Python source, from JSON or in the shape that an assertion shows; and
 * whether a result is the expected one by EvalPlus' rules.
 *
 * JSON knows neither tuples nor sets, and JavaScript reads 1.0 as 1. So numbers that are not small integers come as marked
 * texts (`exactNumbers` of rows.ts), and MBPP+'s arguments take the shape of those in the row's own first assertion.
 * EvalPlus keeps a table of task numbers for that; the shapes are the same wherever the table has one.
 */
import { type PythonValue, pythonEquals, safeParsePythonLiteral } from '../../core/python-literal.js';

/** What `exactNumbers` puts before the digits. */
export const NUMBER_MARK = '\u0000number:';

/** A JSON value as Python source; `shape` is a value of the types that are meant. */
export function pythonSource(value: unknown, shape?: PythonValue): string {
  if (value === null) return 'None';
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
      return numberSource(String(value));
    case 'string':
      if (value.startsWith(NUMBER_MARK)) return numberSource(value.slice(NUMBER_MARK.length));
      // What JSON cannot hold is published as text, such as a complex number.
      if (isNumber(shape) && isNumber(safeParsePythonLiteral(value))) return value;
      return stringSource(value);
    case 'object':
      return Array.isArray(value)
        ? sequenceSource(value as unknown[], shape)
        : dictSource(value as Readonly<Record<string, unknown>>, shape);
    default:
      throw new TypeError(`no JSON value: ${typeof value}`);
  }
}

/** The arguments of the first call of `name` in an assertion, as values; undefined when they are no literals. */
export function argumentShapes(assertion: string, name: string): readonly PythonValue[] | undefined {
  const start = new RegExp(`\\b${name}\\s*\\(`).exec(assertion);
  if (start === null) return undefined;
  const from = start.index + start[0].length;
  for (let to = assertion.indexOf(')', from); to >= 0; to = assertion.indexOf(')', to + 1)) {
    const read = safeParsePythonLiteral(`(${assertion.slice(from, to)},)`);
    if (read?.kind === 'tuple') return read.items;
  }
  return undefined;
}

/** How EvalPlus compares the results of some functions (its special oracles). */
export interface ResultRule {
  readonly entryPoint: string;
  readonly form: 'head' | 'words';
  /** Absolute tolerance of floats; EvalPlus takes 1e-6 where the data says 0. */
  readonly atol: number;
}

const AS_SETS = new Set([
  'similar_elements',
  'find_char_long',
  'common_in_nested_lists',
  'extract_singly',
  'larg_nnum',
  'intersection_array',
  'find_dissimilar',
  'Diff',
]);
/** Their results may be objects, of which only matters whether there is one. */
export const FOUND_OR_NOT: ReadonlySet<string> = new Set([
  'check_str',
  'text_match_three',
  'text_starta_endb',
]);

/** `args` are the call's own arguments. `actual` and `expected` are results of candidate and reference. */
export function isExpected(
  actual: PythonValue,
  expected: PythonValue,
  args: readonly PythonValue[],
  rule: ResultRule,
): boolean {
  if (pythonEquals(actual, expected)) return true;
  if (rule.form === 'words') {
    if (rule.entryPoint === 'are_equivalent') return true;
    if (rule.entryPoint === 'sum_div' && actual.kind === 'int' && actual.value === 0n) return true;
    if (AS_SETS.has(rule.entryPoint)) return sameMembers(actual, expected);
    if (FOUND_OR_NOT.has(rule.entryPoint)) return truth(actual) === truth(expected);
  }
  if (rule.form === 'head' && rule.entryPoint === 'find_zero') return isZero(actual, args[0], rule.atol);
  const atol = rule.atol === 0 && hasFloats(expected) ? 1e-6 : rule.atol;
  return atol > 0 && isClose(actual, expected, atol);
}

function isNumber(value: PythonValue | undefined): boolean {
  return value?.kind === 'int' || value?.kind === 'float' || value?.kind === 'complex';
}

function numberSource(digits: string): string {
  return /^-?(?:Infinity|NaN)$/.test(digits)
    ? `float("${digits.replace('Infinity', 'inf').replace('NaN', 'nan')}")`
    : digits;
}

function stringSource(text: string): string {
  // A JSON string is a Python string, but for what JavaScript leaves unescaped and pairs of surrogates.
  const escaped = JSON.stringify(text).replace(/[\u007f-\uffff]/gu, (character) => {
    const code = character.codePointAt(0)!;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return escaped.replace(/[\u{10000}-\u{10ffff}]/gu, (character) => {
    return `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`;
  });
}

function sequenceSource(values: readonly unknown[], shape: PythonValue | undefined): string {
  const items = shape && 'items' in shape ? shape.items : [];
  const written = values.map((value, i) => pythonSource(value, shapeOf(value, items, i)));
  switch (shape?.kind) {
    case 'tuple':
      return written.length === 1 ? `(${written[0]},)` : `(${written.join(', ')})`;
    case 'set':
      return written.length === 0 ? 'set()' : `{${written.join(', ')}}`;
    default:
      return `[${written.join(', ')}]`;
  }
}

/** The item at the same place, or the first of the same sort. */
function shapeOf(value: unknown, items: readonly PythonValue[], place: number): PythonValue | undefined {
  const isSequence = Array.isArray(value);
  const fits = (item: PythonValue | undefined): boolean =>
    item !== undefined && isSequence === 'items' in item;
  return fits(items[place]) ? items[place] : items.find(fits);
}

function dictSource(value: Readonly<Record<string, unknown>>, shape: PythonValue | undefined): string {
  const entries = shape?.kind === 'dict' ? shape.entries : [];
  const [key, item] = entries[0] ?? [];
  const written = Object.entries(value).map(([name, entry]) => {
    const name2 =
      key !== undefined && key.kind !== 'str' && safeParsePythonLiteral(name) ? name : stringSource(name);
    return `${name2}: ${pythonSource(entry, item)}`;
  });
  return `{${written.join(', ')}}`;
}

function sameMembers(a: PythonValue, b: PythonValue): boolean {
  if (!('items' in a) || !('items' in b)) return false;
  const inside = (item: PythonValue, list: readonly PythonValue[]): boolean =>
    list.some((other) => pythonEquals(item, other));
  return a.items.every((item) => inside(item, b.items)) && b.items.every((item) => inside(item, a.items));
}

/** What a program "found": anything but `None`, or the truth value that it says outright. */
function truth(value: PythonValue): boolean {
  return value.kind === 'bool' ? value.value : value.kind !== 'none';
}

function numberOf(value: PythonValue | undefined): number | undefined {
  if (value?.kind === 'float') return value.value;
  if (value?.kind === 'int') return Number(value.value);
  if (value?.kind === 'bool') return Number(value.value);
  return undefined;
}

/** HumanEval/32: any zero of the polynomial counts. */
function isZero(actual: PythonValue, coefficients: PythonValue | undefined, atol: number): boolean {
  const x = numberOf(actual);
  if (x === undefined || coefficients?.kind !== 'list') return false;
  const sum = coefficients.items.reduce((total, c, power) => total + (numberOf(c) ?? 0) * x ** power, 0);
  return Math.abs(sum) <= atol;
}

function hasFloats(value: PythonValue): boolean {
  if (value.kind === 'float') return true;
  if (value.kind !== 'list' && value.kind !== 'tuple') return false;
  return value.items.length > 0 && value.items.every(({ kind }) => kind === 'float');
}

/** numpy's `allclose` with a relative tolerance of 1e-7; sequences of the same type and length, item by item. */
function isClose(actual: PythonValue, expected: PythonValue, atol: number): boolean {
  if (expected.kind === 'list' || expected.kind === 'tuple') {
    return (
      actual.kind === expected.kind &&
      actual.items.length === expected.items.length &&
      expected.items.every((item, i) => isClose(actual.items[i]!, item, atol))
    );
  }
  const [a, b] = [numberOf(actual), numberOf(expected)];
  if (a === undefined || b === undefined) return false;
  return a === b || Math.abs(a - b) <= atol + 1e-7 * Math.abs(b);
}
