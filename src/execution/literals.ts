/**
 * Writes values that came as data (`marshal`, version 2): Python's `repr`, or `<Type ...>` where that is long.
 *
 * The same rules as python/trace_values.py has for exact built-in types other than bytes (test/execution/literals.test.ts
 * holds one against the other), so that most values need not be written inside the interpreter. Lengths are in characters,
 * as Python counts them. Throws a `MalformedError` for bytes that are no such value.
 */
import {
  type Characters,
  COMPLEX,
  DICT,
  ELLIPSIS,
  END,
  FALSE,
  FLOAT,
  FROZENSET,
  INT,
  LIST,
  LONG,
  MalformedError,
  type MarshalCursor,
  NONE,
  SET,
  STOP_ITERATION,
  STRING,
  TRUE,
  TUPLE,
} from './marshal.js';
import { complexText, floatText, intText, stringText, type Unprintable } from './python-repr.js';

const MAX_STRING = 1000;
const MAX_ITEMS = 100;
const MAX_SORTED = 400;
const MAX_TEXT = 2000;
const MAX_NODES = 400;
const MAX_DEPTH = 6;
const MAX_INT_BITS = 3300;
const SHOWN_CHARS = 80;
const SHOWN_ITEMS = 20;
const HUGE = 1n << BigInt(MAX_INT_BITS);

type Collection = 'list' | 'tuple' | 'dict' | 'set' | 'frozenset';

/** A value with its parts: of a dictionary the keys and values in turn. */
type Tree =
  | { readonly kind: 'atom'; readonly text: string; readonly order: number | bigint | Characters | undefined }
  | { readonly kind: Collection; readonly items: readonly Tree[] };

/** Passes over the value at the cursor. */
export function skipValue(cursor: MarshalCursor): void {
  const code = cursor.code();
  switch (code) {
    case INT:
      cursor.take(4);
      return;
    case NONE:
    case TRUE:
    case FALSE:
    case ELLIPSIS:
    case STOP_ITERATION:
      return;
    case FLOAT:
      cursor.take(8);
      return;
    case COMPLEX:
      cursor.take(16);
      return;
    case LONG:
      cursor.take(2 * Math.abs(cursor.int32()));
      return;
    case STRING:
      cursor.take(cursor.count());
      return;
    case DICT:
      while (cursor.bytes[cursor.at] !== END) {
        skipValue(cursor);
        skipValue(cursor);
      }
      cursor.at++;
      return;
    case TUPLE:
    case LIST:
    case SET:
    case FROZENSET: {
      const { bytes } = cursor;
      for (let left = cursor.count(); left > 0; left--) {
        if (bytes[cursor.at] === INT) cursor.take(5);
        else skipValue(cursor);
      }
      return;
    }
    default:
      throw new MalformedError(`a value of the type ${code}`);
  }
}

/** The text of the value at the cursor, which is passed over. */
export function valueText(cursor: MarshalCursor, unprintable: Unprintable): string {
  const start = cursor.at;
  const code = cursor.bytes[start];
  if (code === INT) {
    cursor.at++;
    return intText(cursor.int32());
  }
  if (code === STRING) {
    cursor.at++;
    return atomText(cursor.characters(), unprintable);
  }
  const isCollection = code === LIST || code === TUPLE || code === DICT;
  if (isCollection && (code === DICT || sizeAt(cursor) <= MAX_ITEMS)) {
    const writer: LiteralWriter = { cursor, unprintable, pairs: 0, isShort: true };
    const text = literal(writer);
    if (writer.isShort && writer.pairs <= MAX_ITEMS && lengthWithin(text, MAX_TEXT) && !text.includes('<'))
      return text;
    cursor.at = start;
  }
  return render(parse(cursor, unprintable), 0, { left: MAX_NODES });
}

/** How many items the collection at the cursor has. */
function sizeAt(cursor: MarshalCursor): number {
  const { at } = cursor;
  cursor.at++;
  const count = cursor.count();
  cursor.at = at;
  return count;
}

// The text of a short literal, straight from the bytes.

interface LiteralWriter {
  readonly cursor: MarshalCursor;
  readonly unprintable: Unprintable;
  /** In the outermost dictionary. */
  pairs: number;
  /** No set has been met (those are put in order), nor anything else that `render` writes in another way. */
  isShort: boolean;
}

function literal(writer: LiteralWriter): string {
  const { cursor } = writer;
  const code = cursor.code();
  switch (code) {
    case INT:
      return intText(cursor.int32());
    case STRING:
      return stringText(cursor.characters(), writer.unprintable);
    case LIST:
      return `[${literals(writer, cursor.count())}]`;
    case TUPLE: {
      const count = cursor.count();
      const body = literals(writer, count);
      return count === 1 ? `(${body},)` : `(${body})`;
    }
    case DICT: {
      const parts: string[] = [];
      while (cursor.bytes[cursor.at] !== END) parts.push(`${literal(writer)}: ${literal(writer)}`);
      cursor.at++;
      writer.pairs = parts.length; // the outermost ends last
      return `{${parts.join(', ')}}`;
    }
    case SET:
    case FROZENSET:
    case STOP_ITERATION:
      writer.isShort = false;
      cursor.at--;
      skipValue(cursor);
      return '';
    default:
      return scalarText(code, cursor);
  }
}

/** Joined from a list, not added up: strings that are added up are trees until somebody reads them. */
function literals(writer: LiteralWriter, count: number): string {
  const { cursor } = writer;
  const parts: string[] = [];
  for (let i = 0; i < count; i++) {
    if (cursor.bytes[cursor.at] === INT) {
      cursor.at++;
      parts.push(intText(cursor.int32()));
    } else {
      parts.push(literal(writer));
    }
  }
  return parts.join(', ');
}

/** `repr` of what is neither a 32-bit integer, a string nor a collection; its code has been read. */
function scalarText(code: number, cursor: MarshalCursor): string {
  switch (code) {
    case NONE:
      return 'None';
    case TRUE:
      return 'True';
    case FALSE:
      return 'False';
    case ELLIPSIS:
      return 'Ellipsis';
    case FLOAT:
      return floatText(cursor.double());
    case COMPLEX:
      return complexText(cursor.double(), cursor.double());
    case LONG:
      return readLong(cursor).toString();
    default:
      throw new MalformedError(`a value of the type ${code}`);
  }
}

/** After its code: digits of 15 bits, and the sign with their count. */
function readLong(cursor: MarshalCursor): bigint {
  const count = cursor.int32();
  const start = cursor.take(2 * Math.abs(count));
  let hex = '';
  let bits = 0;
  let width = 0;
  for (let at = start; at < cursor.at; at += 2) {
    const digit = cursor.bytes.readUInt16LE(at);
    if (digit > 0x7fff) throw new MalformedError('a digit of more than 15 bits');
    bits |= digit << width;
    for (width += 15; width >= 4; width -= 4) {
      hex = (bits & 15).toString(16) + hex;
      bits >>>= 4;
    }
  }
  const size = BigInt(`0x${(bits & 15).toString(16)}${hex}`);
  return count < 0 ? -size : size;
}

// What is long, deep or holds a set: `_render` of trace_values.py.

function parse(cursor: MarshalCursor, unprintable: Unprintable): Tree {
  const code = cursor.code();
  switch (code) {
    case INT: {
      const value = cursor.int32();
      return { kind: 'atom', text: intText(value), order: value };
    }
    case LONG: {
      const value = readLong(cursor);
      const isHuge = value >= HUGE || value <= -HUGE;
      const text = isHuge
        ? `<int of ${(value < 0n ? -value : value).toString(2).length} bits>`
        : value.toString();
      return { kind: 'atom', text, order: value };
    }
    case TRUE:
    case FALSE:
      return { kind: 'atom', text: scalarText(code, cursor), order: code === TRUE ? 1 : 0 };
    case STRING: {
      const value = cursor.characters();
      return { kind: 'atom', text: atomText(value, unprintable), order: value };
    }
    case STOP_ITERATION:
      return { kind: 'atom', text: '<class StopIteration>', order: undefined };
    case DICT: {
      const items: Tree[] = [];
      while (cursor.bytes[cursor.at] !== END)
        items.push(parse(cursor, unprintable), parse(cursor, unprintable));
      cursor.at++;
      return { kind: 'dict', items };
    }
    case LIST:
    case TUPLE:
    case SET:
    case FROZENSET: {
      const items: Tree[] = [];
      for (let left = cursor.count(); left > 0; left--) items.push(parse(cursor, unprintable));
      return { kind: KINDS[code], items };
    }
    default:
      return { kind: 'atom', text: scalarText(code, cursor), order: undefined };
  }
}

const KINDS = { [LIST]: 'list', [TUPLE]: 'tuple', [SET]: 'set', [FROZENSET]: 'frozenset' } as const;

/** The text of a value that came by itself: a number, True, False, None, or a string. */
export function scalarValueText(value: null | boolean | number | string, unprintable: Unprintable): string {
  if (typeof value === 'number') return intText(value);
  if (typeof value === 'string') return atomText(value, unprintable);
  return value === null ? 'None' : value ? 'True' : 'False';
}

function atomText(value: Characters, unprintable: Unprintable): string {
  if (lengthWithin(value, MAX_STRING)) return stringText(value, unprintable);
  const characters = [...value];
  const shown = stringText(characters.slice(0, SHOWN_CHARS), unprintable);
  return `<str of ${characters.length} ${shown}...>`;
}

const EMPTY = { list: '[]', tuple: '()', dict: '{}', set: 'set()', frozenset: 'frozenset()' } as const;
const OPENING = { list: '[', tuple: '(', dict: '{', set: '{', frozenset: 'frozenset({' } as const;
const CLOSING = { list: ']', tuple: ')', dict: '}', set: '}', frozenset: '})' } as const;

function render(tree: Tree, depth: number, budget: { left: number }): string {
  budget.left--;
  if (tree.kind === 'atom') return tree.text;
  const { kind } = tree;
  const step = kind === 'dict' ? 2 : 1;
  const size = tree.items.length / step;
  if (size === 0) return EMPTY[kind];
  if (depth >= MAX_DEPTH || budget.left <= 0) return `<${kind} of ${size}>`;
  const items = kind === 'set' || kind === 'frozenset' ? ordered(tree.items, depth) : tree.items;
  const room = size <= MAX_ITEMS ? MAX_ITEMS : SHOWN_ITEMS;
  const parts: string[] = [];
  let length = 0;
  for (let i = 0; i < items.length; i += step) {
    if (parts.length >= room || budget.left <= 0 || length > MAX_TEXT) break;
    let part = render(items[i] as Tree, depth + 1, budget);
    if (step === 2) part += `: ${render(items[i + 1] as Tree, depth + 1, budget)}`;
    parts.push(part);
    length += lengthOf(part);
  }
  const body = OPENING[kind] + parts.join(', ');
  if (parts.length < size) return `<${kind} of ${size} ${body}, ...${CLOSING[kind]}>`;
  return body + (kind === 'tuple' && size === 1 ? ',' : '') + CLOSING[kind];
}

/** The items of a set in an order that does not depend on hashes: by value where all are of one kind, else by text. */
function ordered(items: readonly Tree[], depth: number): readonly Tree[] {
  const orders = items.map((item) => (item.kind === 'atom' ? item.order : undefined));
  const isAll = (isOne: (order: unknown) => boolean) => orders.every(isOne);
  if (isAll((order) => typeof order === 'number' || typeof order === 'bigint')) {
    return sortedBy(items, orders as (number | bigint)[], (a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }
  if (isAll((order) => typeof order === 'string' || Array.isArray(order)))
    return sortedBy(items, orders as Characters[], compareText);
  if (items.length > MAX_SORTED) return items;
  const texts = items.map((item) => render(item, depth + 1, { left: MAX_NODES }));
  return sortedBy(items, texts, compareText);
}

function sortedBy<Key>(
  items: readonly Tree[],
  keys: readonly Key[],
  compare: (a: Key, b: Key) => number,
): Tree[] {
  const order = items.map((_, i) => i).sort((a, b) => compare(keys[a] as Key, keys[b] as Key));
  return order.map((i) => items[i] as Tree);
}

/** By code points, as Python compares strings. */
function compareText(one: Characters, other: Characters): number {
  const [a, b] = [[...one], [...other]];
  const at = a.findIndex((character, i) => character !== b[i]);
  if (at < 0) return a.length - b.length;
  return (a[at]?.codePointAt(0) ?? -1) - (b[at]?.codePointAt(0) ?? -1);
}

const SURROGATES = /[\ud800-\udfff]/;

/** The length of a text in characters, as Python counts them. */
export function lengthOf(text: Characters): number {
  return typeof text === 'string' && SURROGATES.test(text) ? [...text].length : text.length;
}

function lengthWithin(text: Characters, most: number): boolean {
  return text.length <= most || (text.length <= 2 * most && lengthOf(text) <= most);
}
