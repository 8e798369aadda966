/**
 * Python literals, read without running Python: what `repr` writes for values of built-in types.
 *
 * Beyond `ast.literal_eval` it takes `inf`, `nan`, `set()` and `frozenset(...)`, which `repr` also writes. Integers
 * are exact (bigint). Equality is Python's: `1 == 1.0 == True`, lists and tuples differ, sets and dicts are unordered,
 * `nan` equals nothing.
 */
import { messageOf, UsageError } from './errors.js';

export type PythonValue =
  | { readonly kind: 'none' | 'ellipsis' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'complex'; readonly real: number; readonly imaginary: number }
  /** For bytes, one UTF-16 unit per byte. */
  | { readonly kind: 'str' | 'bytes'; readonly value: string }
  | { readonly kind: 'list' | 'tuple' | 'set' | 'frozenset'; readonly items: readonly PythonValue[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [PythonValue, PythonValue])[] };

const MAX_DEPTH = 200;

/** Reads one literal. Throws a UsageError that names the place when the text is not one. */
export function parsePythonLiteral(text: string): PythonValue {
  return new Parser(text).parse();
}

/** Reads one literal, or undefined. */
export function safeParsePythonLiteral(text: string): PythonValue | undefined {
  try {
    return parsePythonLiteral(text);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw new Error(messageOf(error), { cause: error });
  }
}

/** Python's `==`. */
export function pythonEquals(a: PythonValue, b: PythonValue): boolean {
  switch (a.kind) {
    case 'none':
    case 'ellipsis':
      return a.kind === b.kind;
    case 'str':
    case 'bytes':
      return a.kind === b.kind && a.value === b.value;
    case 'list':
    case 'tuple':
      return (
        a.kind === b.kind &&
        a.items.length === b.items.length &&
        a.items.every((item, i) => pythonEquals(item, b.items[i] as PythonValue))
      );
    case 'set':
    case 'frozenset': {
      if (b.kind !== 'set' && b.kind !== 'frozenset') return false;
      return sameKeys(new Set(a.items.map(hashKey)), new Set(b.items.map(hashKey)));
    }
    case 'dict': {
      if (b.kind !== 'dict') return false;
      const left = new Map(a.entries.map(([key, value]) => [hashKey(key), value]));
      const right = new Map(b.entries.map(([key, value]) => [hashKey(key), value]));
      if (!sameKeys(left, right)) return false;
      for (const [key, value] of left) if (!pythonEquals(value, right.get(key) as PythonValue)) return false;
      return true;
    }
    case 'bool':
    case 'int':
    case 'float':
    case 'complex': {
      const key = numberKey(a);
      return key !== undefined && key === numberKey(b);
    }
    default:
      return a satisfies never;
  }
}

function sameKeys(a: ReadonlySet<string> | ReadonlyMap<string, unknown>, b: typeof a): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) if (!b.has(key)) return false;
  return true;
}

/** Equal numbers have equal keys; undefined for `nan` and for what is no number. */
function numberKey(value: PythonValue): string | undefined {
  switch (value.kind) {
    case 'bool':
      return value.value ? '1' : '0';
    case 'int':
      return String(value.value);
    case 'float':
      return floatKey(value.value);
    case 'complex': {
      if (value.imaginary === 0) return floatKey(value.real);
      const real = floatKey(value.real);
      const imaginary = floatKey(value.imaginary);
      return real === undefined || imaginary === undefined ? undefined : `${real}+${imaginary}j`;
    }
    default:
      return undefined;
  }
}

function floatKey(value: number): string | undefined {
  if (Number.isNaN(value)) return undefined;
  return Number.isInteger(value) ? String(BigInt(value)) : String(value);
}

let nans = 0;

/** Equal hashable values have equal keys. */
function hashKey(value: PythonValue): string {
  switch (value.kind) {
    case 'none':
    case 'ellipsis':
      return value.kind;
    case 'str':
    case 'bytes':
      return `${value.kind}${JSON.stringify(value.value)}`;
    case 'list':
    case 'tuple':
      return `(${value.items.map(hashKey).join(',')})`;
    case 'set':
    case 'frozenset':
      return `{${[...new Set(value.items.map(hashKey))].sort().join(',')}}`;
    case 'dict':
      throw new UsageError('a dict cannot be in a set or be a key');
    default:
      return numberKey(value) ?? `nan${nans++}`;
  }
}

/** A recursive-descent parser over one text. */
class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): PythonValue {
    const first = this.#expression();
    this.#space();
    // `1, 2` is a tuple, as in Python.
    if (this.#text[this.#at] !== ',') {
      this.#end();
      return first;
    }
    const items = [first];
    while (this.#take(',')) {
      if (this.#atEnd()) break;
      items.push(this.#expression());
    }
    this.#end();
    return { kind: 'tuple', items };
  }

  /** A value, or a sum that makes a complex number. */
  #expression(): PythonValue {
    if (++this.#depth > MAX_DEPTH) this.#fail('fewer than 200 nested values');
    const left = this.#signed();
    const sign = this.#take('+') ? 1 : this.#take('-') ? -1 : 0;
    this.#depth--;
    if (sign === 0) return left;
    const right = this.#signed();
    if (right.kind !== 'complex' || (left.kind !== 'int' && left.kind !== 'float')) {
      return this.#fail('a complex number such as 1+2j');
    }
    return { kind: 'complex', real: Number(left.value), imaginary: sign * right.imaginary };
  }

  #signed(): PythonValue {
    if (this.#take('-')) return negate(this.#signed()) ?? this.#fail('a number after -');
    if (this.#take('+')) {
      const value = this.#signed();
      return negate(value) === undefined ? this.#fail('a number after +') : value;
    }
    return this.#atom();
  }

  #atom(): PythonValue {
    this.#space();
    const char = this.#text[this.#at] ?? '';
    if (char === '[') {
      this.#at++;
      return { kind: 'list', items: this.#items(']').items };
    }
    if (char === '(') {
      this.#at++;
      const { items, comma } = this.#items(')');
      return items.length === 1 && !comma ? (items[0] as PythonValue) : { kind: 'tuple', items };
    }
    if (char === '{') {
      this.#at++;
      return this.#braces();
    }
    const string = this.#strings();
    if (string !== undefined) return string;
    const number = this.#number();
    if (number !== undefined) return number;
    return this.#name();
  }

  #items(close: string): { items: PythonValue[]; comma: boolean } {
    const items: PythonValue[] = [];
    let comma = false;
    while (!this.#take(close)) {
      if (items.length > 0 && !comma) this.#fail(`, or ${close}`);
      items.push(this.#expression());
      comma = this.#take(',');
    }
    return { items, comma };
  }

  #braces(): PythonValue {
    if (this.#take('}')) return { kind: 'dict', entries: [] };
    const first = this.#expression();
    if (this.#take(':')) {
      const entries: [PythonValue, PythonValue][] = [[this.#hashable(first), this.#expression()]];
      while (!this.#take('}')) {
        if (!this.#take(',')) this.#fail(', or }');
        if (this.#take('}')) break;
        const key = this.#hashable(this.#expression());
        if (!this.#take(':')) this.#fail(':');
        entries.push([key, this.#expression()]);
      }
      return { kind: 'dict', entries };
    }
    const comma = this.#take(',');
    const rest = comma ? this.#items('}').items : [];
    if (!comma && !this.#take('}')) this.#fail(', or }');
    return { kind: 'set', items: [first, ...rest].map((item) => this.#hashable(item)) };
  }

  #hashable(value: PythonValue): PythonValue {
    if (value.kind === 'list' || value.kind === 'dict' || value.kind === 'set') {
      this.#fail(`a hashable value instead of a ${value.kind}`);
    }
    if (value.kind === 'tuple') for (const item of value.items) this.#hashable(item);
    return value;
  }

  #name(): PythonValue {
    const name = this.#match(/[A-Za-z_]\w*|\.\.\./y);
    switch (name) {
      case 'None':
        return { kind: 'none' };
      case '...':
      case 'Ellipsis':
        return { kind: 'ellipsis' };
      case 'True':
      case 'False':
        return { kind: 'bool', value: name === 'True' };
      case 'inf':
        return { kind: 'float', value: Number.POSITIVE_INFINITY };
      case 'nan':
        return { kind: 'float', value: Number.NaN };
      case 'set':
      case 'frozenset': {
        if (!this.#take('(')) this.#fail('(');
        const [inner, ...more] = this.#items(')').items;
        if (inner === undefined) return { kind: name, items: [] };
        if (more.length > 0 || !('items' in inner)) this.#fail(`${name}(one collection)`);
        return { kind: name, items: inner.items.map((item) => this.#hashable(item)) };
      }
      default:
        return this.#fail('a Python literal');
    }
  }

  #number(): PythonValue | undefined {
    const radix = this.#match(/0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+/y);
    if (radix !== undefined) return { kind: 'int', value: BigInt(radix.replaceAll('_', '').toLowerCase()) };
    const float = this.#match(
      /(?:\d(?:_?\d)*\.(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?|\d(?:_?\d)*[eE][+-]?\d(?:_?\d)*/y,
    );
    const digits = float ?? this.#match(/\d(?:_?\d)*/y);
    if (digits === undefined) return undefined;
    const plain = digits.replaceAll('_', '');
    if (this.#match(/[jJ]/y) !== undefined) return { kind: 'complex', real: 0, imaginary: Number(plain) };
    if (float !== undefined) return { kind: 'float', value: Number(plain) };
    if (/^0+[1-9]/.test(plain)) this.#fail('an integer without leading zeros');
    return { kind: 'int', value: BigInt(plain) };
  }

  /** One string, or several that follow each other. */
  #strings(): PythonValue | undefined {
    let kind: 'str' | 'bytes' | undefined;
    let value = '';
    for (;;) {
      this.#space();
      const open = this.#match(/(?:[rRbBuU]|[rR][bB]|[bB][rR])?(?:'''|"""|'|")/y);
      if (open === undefined) return kind === undefined ? undefined : { kind, value };
      const prefix = open.replace(/['"]+$/, '').toLowerCase();
      const next = prefix.includes('b') ? 'bytes' : 'str';
      if (kind !== undefined && kind !== next) this.#fail('strings of one kind');
      kind = next;
      value += this.#stringBody(open.slice(prefix.length), prefix.includes('r'), next === 'bytes');
    }
  }

  #stringBody(quote: string, raw: boolean, bytes: boolean): string {
    let value = '';
    for (;;) {
      if (this.#text.startsWith(quote, this.#at)) {
        this.#at += quote.length;
        return value;
      }
      const char = this.#text[this.#at];
      if (char === undefined || (char === '\n' && quote.length === 1)) this.#fail(`the closing ${quote}`);
      if (char !== '\\') {
        value += char;
        this.#at++;
      } else if (raw) {
        value += this.#text.slice(this.#at, this.#at + 2);
        this.#at += 2;
      } else value += this.#escape(bytes);
    }
  }

  #escape(bytes: boolean): string {
    const simple = this.#match(/\\[\n\\'"abfnrtv]/y);
    if (simple !== undefined) return SIMPLE_ESCAPES[simple[1] as string] ?? '';
    const coded = bytes
      ? this.#match(/\\(?:x[\da-fA-F]{2}|[0-7]{1,3})/y)
      : this.#match(/\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3})/y);
    if (coded !== undefined) {
      const hex = /^\\[xuU]/.test(coded);
      const code = Number.parseInt(coded.slice(hex ? 2 : 1), hex ? 16 : 8);
      if (code > 0x10ffff) this.#fail('a character code up to 10ffff');
      return String.fromCodePoint(code);
    }
    if (/\\[xuUN]/.test(this.#text.slice(this.#at, this.#at + 2))) this.#fail('a complete escape');
    this.#at++;
    return '\\'; // an unknown escape keeps its backslash
  }

  #space(): void {
    while (/[ \t\r\n\f]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #take(char: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #atEnd(): boolean {
    this.#space();
    return this.#at >= this.#text.length;
  }

  #end(): void {
    if (!this.#atEnd()) this.#fail('the end');
  }

  #fail(expected: string): never {
    const found = this.#text.slice(this.#at, this.#at + 20);
    throw new UsageError(
      `Python literal: expected ${expected} at character ${this.#at + 1}, got ${found === '' ? 'the end' : JSON.stringify(found)}`,
    );
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function negate(value: PythonValue): PythonValue | undefined {
  switch (value.kind) {
    case 'bool':
      return { kind: 'int', value: value.value ? -1n : 0n };
    case 'int':
      return { kind: 'int', value: -value.value };
    case 'float':
      return { kind: 'float', value: -value.value };
    case 'complex':
      return { kind: 'complex', real: -value.real, imaginary: -value.imaginary };
    default:
      return undefined;
  }
}
