/**
 * An explanation cut into what carries claims: concrete values, quoted code, words and operators, in sentences.
 * Works on any English text; what it cannot read as a value stays words.
 */
import { safeParsePythonLiteral } from '../core/python-literal.js';

export interface Token {
  readonly kind: 'value' | 'code' | 'word' | 'operator' | 'quoted';
  readonly text: string;
  /** Position in the explanation. */
  readonly at: number;
  readonly end: number;
}

const OPERATOR = /(?:\/\/|\*\*|<<|>>|[=!<>]=|[-+*/%<>=(),;:[\]{}|&^~?!])/y;
const NUMBER = /\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?j?(?![A-Za-z_\d])/y;
const WORD = /[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)*/y;

/**
 * Sentences of tokens. `isCode` says whether the text between backticks is quoted from the program, `isName` whether a word
 * is a variable of it: one may be called `inf`.
 */
export function tokenize(
  text: string,
  isCode: (quoted: string) => boolean,
  isName: (word: string) => boolean = () => false,
): Token[][] {
  const sentences: Token[][] = [];
  let current: Token[] = [];
  const close = (): void => {
    if (current.length > 0) sentences.push(current);
    current = [];
  };
  let at = 0;
  let closing = -1;
  const push = (kind: Token['kind'], end: number, content = text.slice(at, end)): void => {
    current.push({ kind, text: content, at, end });
    at = end;
  };
  while (at < text.length) {
    const char = text[at]!;
    if (char === '\n') {
      close();
      at++;
    } else if (char === '.' && !/\d/.test(text[at + 1] ?? '')) {
      if (/[\s]|$/.test(text[at + 1] ?? '')) close();
      at++;
    } else if (/\s/.test(char)) at++;
    else if (current.length === 0 && /^[-*•]\s/.test(text.slice(at, at + 2)))
      at++; // a bullet
    else if (char === '`') {
      const end = text.indexOf('`', at + 1);
      if (end < 0 || at === closing) at++;
      else if (!isCode(text.slice(at + 1, end)) && isStatement(text.slice(at + 1, end))) {
        closing = end;
        at++;
      } else {
        const quoted = text.slice(at + 1, end);
        const value = !isCode(quoted) && safeParsePythonLiteral(quoted) !== undefined;
        if (/^[A-Za-z_]\w*$/.test(quoted) && !value) push('word', end + 1, quoted);
        else push(value ? 'value' : isCode(quoted) ? 'code' : 'quoted', end + 1, quoted);
      }
    } else {
      const end = valueEnd(text, at, current.at(-1), isName);
      if (end !== undefined) push('value', end);
      else {
        const word = match(WORD, text, at) ?? match(OPERATOR, text, at);
        if (word === undefined) at++;
        else push(/^[A-Za-z_]/.test(word) ? 'word' : 'operator', at + word.length);
      }
    }
  }
  close();
  return sentences;
}

/** `x = [1, 2]`: a claim in code's clothes; it is read like the text around it. */
function isStatement(quoted: string): boolean {
  return /^[\w.[\]]+ = \S/.test(quoted) && !quoted.includes('\n');
}

/** Where a value that starts here ends. */
function valueEnd(
  text: string,
  at: number,
  before: Token | undefined,
  isName: (word: string) => boolean,
): number | undefined {
  const char = text[at]!;
  const previous = text[at - 1] ?? ' ';
  if (/\d/.test(char)) return end(match(NUMBER, text, at), at);
  if (char === '.' && /\d/.test(text[at + 1] ?? '')) return undefined;
  if (char === '-' && /\d/.test(text[at + 1] ?? '') && !isOperand(before)) {
    const number = match(NUMBER, text, at + 1);
    return number === undefined ? undefined : at + 1 + number.length;
  }
  if (/[A-Za-z]/.test(char) && !/\w/.test(previous)) {
    const word = match(/(?:True|False|None|inf|nan|-inf)(?!\w)/y, text, at);
    if (word !== undefined && !isName(word)) return at + word.length;
    if (match(/b(?=['"])/y, text, at) !== undefined) return stringEnd(text, at + 1);
    if (match(/(?:frozenset|set|range|deque)\(/y, text, at) === undefined) return undefined;
    const close = balancedEnd(text, text.indexOf('(', at));
    return close !== undefined && readable(text.slice(at, close)) ? close : undefined;
  }
  if ((char === "'" || char === '"') && !/\w/.test(previous)) return stringEnd(text, at);
  if (char === '<' && /[A-Za-z_]/.test(text[at + 1] ?? '')) return balancedEnd(text, at);
  if (char === '[' || char === '{' || char === '(') {
    if ((char === '[' || char === '(') && /[\w\])]/.test(previous)) return undefined;
    const close = balancedEnd(text, at);
    if (close === undefined) return undefined;
    const content = text.slice(at, close);
    if (char === '(' && !content.includes(',') && content !== '()') return undefined;
    return readable(content) ? close : undefined;
  }
  return undefined;
}

function isOperand(token: Token | undefined): boolean {
  return token !== undefined && (token.kind === 'value' || token.text === ')' || token.text === ']');
}

function readable(text: string): boolean {
  return text.includes('<') || text.startsWith('range(') || safeParsePythonLiteral(text) !== undefined;
}

function end(found: string | undefined, at: number): number | undefined {
  return found === undefined ? undefined : at + found.length;
}

function stringEnd(text: string, at: number): number | undefined {
  const quote = text[at];
  for (let i = at + 1; i < text.length && text[i] !== '\n'; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === quote) return /\w/.test(text[i + 1] ?? '') ? undefined : i + 1;
  }
  return undefined;
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };

/** Past the bracket that closes the one at `at`; strings inside are skipped. */
function balancedEnd(text: string, at: number): number | undefined {
  const open: string[] = [];
  for (let i = at; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\n') return undefined;
    if ((char === "'" || char === '"') && !/\w/.test(text[i - 1] ?? '')) {
      const close = stringEnd(text, i);
      if (close === undefined) return undefined;
      i = close - 1;
    } else if (CLOSING[char] !== undefined && (char !== '<' || /[A-Za-z_]/.test(text[i + 1] ?? ''))) {
      open.push(CLOSING[char]!);
    } else if (char === open.at(-1)) {
      open.pop();
      if (open.length === 0) return i + 1;
    }
  }
  return undefined;
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
