/**
 * The comparator `math`, for MATH-500 (Hendrycks et al. 2021; Lightman et al. 2023): whether two final answers are the
 * same answer, however they are written.
 *
 * The last `\boxed{…}` counts where there is one. Then: spacing, sizes, dollar signs, units, degree and percent signs are
 * dropped; lists and sets are compared as sets, tuples and intervals place by place with their brackets, unions as sets
 * of intervals, matrices entry by entry; `\pm` stands for both; expressions are equal when they are equal at several
 * values of their variables, to a relative 1e-10; plain numbers exactly. So 0.5 is 1/2, but 0.33 is not 1/3. Words are compared as words.
 */
import { z } from 'zod';
import { createRng } from '../../core/rng.js';
import { type Evaluate, parseMathExpression } from './math-expression.js';
import { parseRows } from './rows.js';

export const MATH500_SOURCE =
  'Download the 500 MATH problems of openai/prm800k (MIT), as rows with `prompt` and `answer`.';

const row = z.object({ prompt: z.string(), answer: z.string() });
type MathProblem = Readonly<z.infer<typeof row>>;

/** Rows as LLMEval carries them (`prompt`, `answer`), or as published (`problem`, `answer`). */
export function parseMath500(rows: readonly unknown[]): MathProblem[] {
  const renamed = rows.map((entry) =>
    typeof entry === 'object' && entry !== null && 'problem' in entry
      ? { ...entry, prompt: entry.problem }
      : entry,
  );
  return parseRows(renamed, row, 'MATH');
}

/** Comparator `math`. */
export function mathAnswersEqual(a: string, b: string): boolean {
  const left = finalAnswer(a);
  const right = finalAnswer(b);
  if (left === '' || right === '') return false;
  return left === right || equalTexts(left, right);
}

/** The last boxed answer, or the whole text, cleaned of what does not matter. */
function finalAnswer(text: string): string {
  return clean(lastBoxed(text) ?? text);
}

/** What the last `\boxed{…}` (or `\fbox{…}`) holds, or undefined. */
export function lastBoxed(text: string): string | undefined {
  const start = Math.max(text.lastIndexOf('\\boxed'), text.lastIndexOf('\\fbox'));
  if (start === -1) return undefined;
  const open = text.indexOf('{', start);
  if (open === -1 || text.slice(start, open).trim().length > 6)
    return text
      .slice(start + 6)
      .trim()
      .split(/[\s$.]/)[0];
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return text.slice(open + 1, i);
  }
  return undefined;
}

const UNITS =
  'degrees?|radians?|dollars?|cents?|percent|inch(?:es)?|feet|foot|ft|in|yards?|miles?|mph|cm|mm|km|m|meters?|centimeters?|square|cubic|sq|units?|seconds?|minutes?|hours?|days?|weeks?|years?|pounds?|grams?|kg|ounces?|liters?|students?|people|ways';

function clean(raw: string): string {
  let text = raw
    .replace(/[\u2212\u2013]/g, '-')
    .replace(/\\\\(?:\[[^\]]*\])?/g, '\\cr ')
    .replace(/\\(?:displaystyle|textstyle|limits|nolimits)\b/g, ' ')
    .replace(/\\(?:left|right|bigg?|Bigg?)(?![a-zA-Z])/g, '')
    .replace(/,\\!\s*/g, ',')
    .replace(/\\[!,;:> ]|~|\\q?quad\b/g, ' ')
    .replace(/\\\[|\\\]|\\\(|\\\)/g, ' ')
    .replace(/\\[dtc]frac/g, '\\frac')
    .replace(/\\(?:mbox|textbf|textit|textrm|mathrm|mathbf|operatorname)\b/g, '\\text')
    .replace(/\\lbrace|\\\{/g, '\\{')
    .replace(/\\rbrace|\\\}/g, '\\}')
    .replace(/\^\s*\{?\s*\\circ\s*\}?|\\degree|°/g, ' ')
    .replace(/\\?%|\\?\$|\\dollar/g, ' ')
    .replace(/\\le\b/g, '\\leq')
    .replace(/\\ge\b/g, '\\geq')
    .trim()
    .replace(/\.$/, '')
    .trim();
  // "x = 5", "x \in [1, 2]": only what is on the right; of a sentence of the kind "the answer is 5", too.
  text = text
    .replace(/^(?:the\s+)?(?:final\s+)?answer\s*(?:is|:|=)\s*/i, '')
    .replace(/^[a-zA-Z](?:\([a-zA-Z]\))?\s*(?:=|\\in\b)\s*/, '');
  // Units stand after a number or a closing bracket, in \text or as plain words.
  const unit = new RegExp(
    `(?<=[\\d})\\]πi])\\s*(?:\\\\text\\s*\\{\\s*(?:[^{}]*)\\}|(?:\\b|(?<=\\d))(?:${UNITS})\\b\\.?)(?:\\s*\\^\\s*\\{?[23]\\}?)?$`,
    'i',
  );
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(unit, '').trim();
  }
  text = text.replace(/\\text\s*\{([^{}]*)\}/g, '$1').trim();
  // A whole number with thousands separators, and nothing else.
  if (/^-?\d{1,3}(?:,\s?\d{3})+(?:\.\d+)?$/.test(text) && !/, \d/.test(raw.replace(/,\\!\s*/g, ',')))
    text = text.replace(/,\s?/g, '');
  while (text.startsWith('{') && matching(text, 0) === text.length - 1) text = text.slice(1, -1).trim();
  return text.replace(/\s+/g, ' ');
}

function equalTexts(a: string, b: string): boolean {
  const matrices = [a, b].map(matrixOf);
  if (matrices[0] !== undefined || matrices[1] !== undefined) {
    const [left, right] = matrices;
    return (
      left !== undefined &&
      right !== undefined &&
      left.length === right.length &&
      left.every(
        (line, i) =>
          line.length === right[i]!.length && line.every((cell, j) => equalTexts(cell, right[i]![j]!)),
      )
    );
  }
  const [unionA, unionB] = [splitTop(a, '\\cup'), splitTop(b, '\\cup')];
  if (unionA.length > 1 || unionB.length > 1) return sameSet(unionA, unionB);
  const [bracketA, bracketB] = [bracketed(a), bracketed(b)];
  if (bracketA !== undefined && bracketB !== undefined) {
    const { items: left } = bracketA;
    const { items: right } = bracketB;
    return (
      bracketA.brackets === bracketB.brackets &&
      left.length === right.length &&
      left.every((item, i) => equalTexts(item, right[i]!))
    );
  }
  if (bracketA !== undefined || bracketB !== undefined) return false;
  const [setA, setB] = [elements(a), elements(b)];
  if (setA.length > 1 || setB.length > 1) return sameSet(setA, setB);
  return equalScalars(setA[0] ?? a, setB[0] ?? b);
}

/** `(a, b)`, `[a, b)`, …: at least two items; one in brackets is only a bracketed expression. */
function bracketed(text: string): { brackets: string; items: string[] } | undefined {
  const [open, close] = [text[0], text.at(-1)];
  if ((open !== '(' && open !== '[') || (close !== ')' && close !== ']')) return undefined;
  if (matching(text, 0) !== text.length - 1) return undefined;
  const items = splitTop(text.slice(1, -1), ',');
  return items.length > 1 ? { brackets: `${open}${close}`, items } : undefined;
}

/** The members of a set or list, `\pm` standing for two. */
function elements(text: string): string[] {
  const inner = text.startsWith('\\{') && text.endsWith('\\}') ? text.slice(2, -2) : text;
  return splitTop(inner.replace(/\s+(?:and|or)\s+/g, ', '), ',').flatMap((item) =>
    /\\pm|±/.test(item) ? [item.replace(/\\pm|±/, '+'), item.replace(/\\pm|±/, '-')] : [item],
  );
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const left = [...b];
  return a.every((item) => {
    const at = left.findIndex((other) => equalTexts(item, other));
    if (at === -1) return false;
    left.splice(at, 1);
    return true;
  });
}

const TRIALS = 4;

function equalScalars(a: string, b: string): boolean {
  const bare = (text: string): string =>
    text
      .replace(/\s+/g, '')
      .replace(/_\{(\w+)\}/g, '_$1')
      .toLowerCase();
  if (bare(a) === bare(b)) return true;
  // A choice: (C), C.
  const choice = (text: string): string | undefined => /^\(?([A-Za-z])\)?$/.exec(text)?.[1]?.toUpperCase();
  if (choice(a) !== undefined && (a.startsWith('(') || b.startsWith('('))) return choice(a) === choice(b);
  // A number in another base is not a number with an index.
  if (/\d\s*_/.test(a) || /\d\s*_/.test(b)) return false;
  // Words: letters of a word must not be taken for a product of variables.
  if (/[A-Za-z]{3,}/.test(withoutCommands(a)) || /[A-Za-z]{3,}/.test(withoutCommands(b))) return false;
  const [numberA, numberB] = [plainNumber(a), plainNumber(b)];
  if (numberA !== undefined && numberB !== undefined) return numberA === numberB;
  const [left, right] = [parseMathExpression(a), parseMathExpression(b)];
  return left !== undefined && right !== undefined && equalFunctions(left, right);
}

function equalFunctions(a: Evaluate, b: Evaluate): boolean {
  let compared = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    const rng = createRng(`math-answer/${trial}`);
    const environment = (name: string): number => 0.4 + 2 * rng.fork(name).next();
    const [x, y] = [a(environment), b(environment)];
    if (Number.isNaN(x) && Number.isNaN(y)) continue;
    if (
      x !== y &&
      !(Number.isFinite(x - y) && Math.abs(x - y) <= 1e-10 * Math.max(1, Math.abs(x), Math.abs(y)))
    )
      return false;
    compared++;
  }
  return compared > 0;
}

/** Decimal digits in canonical form: large numbers would be equal as doubles when they are not. */
function plainNumber(text: string): string | undefined {
  const match = /^([+-]?)\s*(?=\.?\d)(\d*)(?:\.(\d*))?$/.exec(text.trim());
  if (match === null) return undefined;
  const whole = match[2]!.replace(/^0+/, '');
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  return `${match[1] === '-' && whole + fraction !== '' ? '-' : ''}${whole}.${fraction}`;
}

function withoutCommands(text: string): string {
  return text.replace(/\\[a-zA-Z]+/g, ' ');
}

function matrixOf(text: string): string[][] | undefined {
  const match = /^\\begin\{([pbvBV]?matrix|array)\}(?:\{[^}]*\})?(.*)\\end\{\1\}$/s.exec(text);
  if (match === null) return undefined;
  return match[2]!
    .split(/\\cr\b/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.split('&').map((cell) => cell.trim()));
}

/** Splits at a separator outside all brackets. */
function splitTop(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\' && (text[i + 1] === '{' || text[i + 1] === '}')) continue;
    if ('([{'.includes(text[i]!)) depth++;
    else if (')]}'.includes(text[i]!)) depth--;
    else if (depth === 0 && text.startsWith(separator, i)) {
      parts.push(text.slice(start, i));
      start = i + separator.length;
      i = start - 1;
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim());
}

/** The index of the bracket that closes the one at `open`; any closing bracket closes any opening one (intervals). */
function matching(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if ('([{'.includes(text[i]!)) depth++;
    else if (')]}'.includes(text[i]!) && --depth === 0) return i;
  }
  return -1;
}
