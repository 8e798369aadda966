/**
 * Named rules for "the same output". The name is recorded with every verdict (field-notes F lists how judges differ).
 *
 * - `codecontests`: the judge of AlphaCode's data set (execution/tester_sandboxer.cc, OutputsMatch). Tokens split at
 *   space, \n, \t, \r, \v, lower-cased; numbers within 1e-5, absolute, as doubles; line breaks do not matter.
 * - `output`: the same, but two integers are compared exactly (our named deviation, for the output-prediction reward).
 * - `livecodebench`: LiveCodeBench's testing_util.py. Whole text and lines stripped; as many lines; each line equal, or
 *   all its tokens decimal numbers that are exactly equal.
 * - `livecodebench-tolerant`: the same, with numbers within 1e-6, absolute or relative.
 * - `literal`: Python values (core/python-literal.ts).
 */
import { pythonEquals, safeParsePythonLiteral } from '../core/python-literal.js';

export type ComparatorName =
  | 'codecontests'
  | 'output'
  | 'livecodebench'
  | 'livecodebench-tolerant'
  | 'literal';

export const COMPARATOR_NAMES: readonly ComparatorName[] = [
  'codecontests',
  'output',
  'livecodebench',
  'livecodebench-tolerant',
  'literal',
];

/** Whether `actual` counts as `expected`. For `literal`, text that is no literal equals nothing. */
export function outputsMatch(comparator: ComparatorName, actual: string, expected: string): boolean {
  switch (comparator) {
    case 'codecontests':
      return tokensMatch(actual, expected, numbersMatch);
    case 'output':
      return tokensMatch(actual, expected, integersExactly);
    case 'livecodebench':
      return linesMatch(actual, expected, decimalsEqual);
    case 'livecodebench-tolerant':
      return linesMatch(actual, expected, decimalsClose);
    case 'literal': {
      const left = safeParsePythonLiteral(actual);
      const right = safeParsePythonLiteral(expected);
      return left !== undefined && right !== undefined && pythonEquals(left, right);
    }
    default:
      return comparator satisfies never;
  }
}

type Same = (a: string, b: string) => boolean;

const ABSOLUTE_TOLERANCE = 1e-5;
const DOUBLE = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/;
const INTEGER = /^[+-]?\d+$/;

function tokensMatch(actual: string, expected: string, same: Same): boolean {
  const left = tokens(actual);
  const right = tokens(expected);
  return left.length === right.length && left.every((token, i) => same(token, right[i] as string));
}

function tokens(text: string): string[] {
  // ASCII only is lower-cased: other letters stay as they are.
  return text
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    .split(/[ \n\t\r\v]+/)
    .filter((token) => token !== '');
}

function numbersMatch(a: string, b: string): boolean {
  if (a === b) return true;
  if (!DOUBLE.test(a) || !DOUBLE.test(b)) return false;
  return Math.abs(toDouble(a) - toDouble(b)) < ABSOLUTE_TOLERANCE;
}

function integersExactly(a: string, b: string): boolean {
  if (a === b) return true;
  if (INTEGER.test(a) && INTEGER.test(b)) return toInteger(a) === toInteger(b);
  return numbersMatch(a, b);
}

function toDouble(token: string): number {
  const [, sign, rest] = /^([+-]?)(.*)$/.exec(token) as RegExpExecArray;
  const size = rest?.startsWith('inf') ? Number.POSITIVE_INFINITY : Number(rest);
  return sign === '-' ? -size : size;
}

/** The canonical digits of an integer; comparing text stays linear for very long numbers. */
function toInteger(token: string): string {
  const digits = token.replace(/^[+-]?0*/, '');
  return digits === '' ? '0' : token.startsWith('-') ? `-${digits}` : digits;
}

function linesMatch(actual: string, expected: string, same: (a: Decimal, b: Decimal) => boolean): boolean {
  const left = strippedLines(actual);
  const right = strippedLines(expected);
  if (left.length !== right.length) return false;
  return left.every((line, i) => {
    const other = right[i] as string;
    if (line === other) return true;
    const a = decimals(line);
    const b = decimals(other);
    if (a === undefined || b === undefined || a.length !== b.length) return false;
    return a.every((value, j) => same(value, b[j] as Decimal));
  });
}

function strippedLines(text: string): string[] {
  return strip(text).split('\n').map(strip);
}

/** Python's `str.strip`. (JavaScript's `trim` also takes U+FEFF, and leaves U+001C to U+001F and U+0085.) */
function strip(text: string): string {
  return text.replace(STRIP_START, '').replace(STRIP_END, '');
}

const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const STRIP_START = new RegExp(`^${SPACE}+`);
const STRIP_END = new RegExp(`(?<!${SPACE})${SPACE}+$`);
const SPLIT = new RegExp(`${SPACE}+`);

/** A decimal number as Python's `Decimal` reads it, in canonical form. */
type Decimal =
  | {
      readonly kind: 'finite';
      readonly negative: boolean;
      readonly digits: string;
      readonly exponent: bigint;
    }
  | { readonly kind: 'infinite'; readonly negative: boolean }
  | { readonly kind: 'nan' };

function decimals(line: string): Decimal[] | undefined {
  const values: Decimal[] = [];
  for (const token of line.split(SPLIT)) {
    if (token === '') continue;
    const value = toDecimal(token);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function toDecimal(token: string): Decimal | undefined {
  const text = token.replaceAll('_', '');
  const match = /^([+-]?)(?:(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?|(inf(?:inity)?)|s?nan\d*)$/i.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0', infinite] = match;
  const negative = sign === '-';
  if (infinite !== undefined) return { kind: 'infinite', negative };
  if (match[2] === undefined) return { kind: 'nan' };
  if (whole === '' && fraction === '') return undefined;
  const significant = (whole + fraction).replace(/^0+/, '');
  if (significant === '') return { kind: 'finite', negative: false, digits: '0', exponent: 0n };
  const digits = significant.replace(/0+$/, '');
  const shift = significant.length - digits.length - fraction.length;
  return { kind: 'finite', negative, digits, exponent: BigInt(exponent) + BigInt(shift) };
}

function decimalsEqual(a: Decimal, b: Decimal): boolean {
  if (a.kind === 'nan' || b.kind === 'nan') return false;
  if (a.kind === 'infinite' || b.kind === 'infinite') return a.kind === b.kind && a.negative === b.negative;
  return a.negative === b.negative && a.exponent === b.exponent && a.digits === b.digits;
}

const CLOSE = 1e-6;

function decimalsClose(a: Decimal, b: Decimal): boolean {
  if (decimalsEqual(a, b)) return true;
  if (a.kind !== 'finite' || b.kind !== 'finite') return false;
  const left = asNumber(a);
  const right = asNumber(b);
  return Math.abs(left - right) <= CLOSE * Math.max(1, Math.abs(right));
}

function asNumber(value: Decimal & { kind: 'finite' }): number {
  const size = Number(`${value.digits}e${value.exponent}`);
  return value.negative ? -size : size;
}
