/**
 * Reads what Python's `marshal` (version 2) wrote: the replies of sandbox processes.
 *
 * The bytes come from a process that ran an untrusted program. `readMarshal` takes the few types that replies are made of,
 * within a depth; everything else is a `MalformedError`. Values of the program's own are bytes here, read by literals.ts: those
 * that came as bytes, and floats and integers beyond 32 bits with their code.
 */

/** What the bytes are not. Never leaves src/execution: a reply that is malformed makes its process broken. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

export type MarshalValue =
  | null
  | boolean
  | number
  | string
  | Buffer
  | readonly MarshalValue[]
  | MarshalRecord;
export interface MarshalRecord {
  readonly [key: string]: MarshalValue;
}

/** A text of Python. Two lone surrogates in a row would be one character in ours, so where there are any it is a list. */
export type Characters = string | readonly string[];

/** Deeper than a reply is. */
const MAX_DEPTH = 6;

/** The codes of marshal's types. */
export const NONE = 0x4e;
export const TRUE = 0x54;
export const FALSE = 0x46;
export const ELLIPSIS = 0x2e;
export const STOP_ITERATION = 0x53;
export const INT = 0x69;
export const LONG = 0x6c;
export const FLOAT = 0x67;
export const COMPLEX = 0x79;
export const BYTES = 0x73;
export const STRING = 0x75;
export const TUPLE = 0x28;
export const LIST = 0x5b;
export const DICT = 0x7b;
export const SET = 0x3c;
export const FROZENSET = 0x3e;
export const END = 0x30;

/** A place in bytes, from which values are read one after another. Reading beyond the end throws a MalformedError. */
export class MarshalCursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** One byte. */
  code(): number {
    const code = this.bytes[this.at++];
    if (code === undefined) throw new MalformedError('the bytes end early');
    return code;
  }

  int32(): number {
    const { bytes, at } = this;
    this.at = at + 4;
    if (this.at > bytes.length) throw new MalformedError('the bytes end early');
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }

  /** The number of bytes or values that follow. */
  count(): number {
    const count = this.int32();
    if (count < 0) throw new MalformedError('a negative count');
    return count;
  }

  double(): number {
    const { at } = this;
    this.at = at + 8;
    if (this.at > this.bytes.length) throw new MalformedError('the bytes end early');
    return this.bytes.readDoubleLE(at);
  }

  /** Where the next `count` bytes begin, which are passed over. */
  take(count: number): number {
    const { at } = this;
    this.at = at + count;
    if (this.at > this.bytes.length) throw new MalformedError('the bytes end early');
    return at;
  }

  /** A string, after its code. */
  characters(): Characters {
    const count = this.count();
    return decode(this.bytes, this.take(count), this.at);
  }

  /** The same as one text, in which surrogates that were alone may no longer be. */
  string(): string {
    const characters = this.characters();
    return typeof characters === 'string' ? characters : characters.join('');
  }
}

/** The one value that the bytes are. Throws a MalformedError when they are not one of a reply's. */
export function readMarshal(bytes: Buffer): MarshalValue {
  const cursor = new MarshalCursor(bytes);
  const value = read(cursor, 0);
  if (cursor.at !== bytes.length) throw new MalformedError('bytes are left over');
  return value;
}

function read(cursor: MarshalCursor, depth: number): MarshalValue {
  if (depth > MAX_DEPTH) throw new MalformedError('too deep');
  const code = cursor.code();
  switch (code) {
    case INT:
      return cursor.int32();
    case NONE:
      return null;
    case TRUE:
    case FALSE:
      return code === TRUE;
    case STRING:
      return cursor.string();
    case FLOAT:
    case LONG: {
      const start = cursor.at - 1;
      cursor.take(code === FLOAT ? 8 : 2 * Math.abs(cursor.int32()));
      return cursor.bytes.subarray(start, cursor.at);
    }
    case BYTES: {
      const count = cursor.count();
      const start = cursor.take(count);
      return cursor.bytes.subarray(start, start + count);
    }
    case TUPLE:
    case LIST: {
      const count = cursor.count();
      const values: MarshalValue[] = [];
      for (let i = 0; i < count; i++) values.push(read(cursor, depth + 1));
      return values;
    }
    case DICT:
      return readRecord(cursor, depth);
    default:
      throw new MalformedError(`the type ${code}`);
  }
}

function readRecord(cursor: MarshalCursor, depth: number): MarshalRecord {
  const record: Record<string, MarshalValue> = Object.create(null) as Record<string, MarshalValue>;
  for (;;) {
    const code = cursor.code();
    if (code === END) return record;
    if (code !== STRING) throw new MalformedError('a key that is no text');
    const key = cursor.string();
    record[key] = read(cursor, depth + 1);
  }
}

const BEYOND_ASCII = /[\x80-\xff]/;

/** UTF-8 as Python writes it with `surrogatepass`: a text, or where there are lone surrogates its characters. */
function decode(bytes: Buffer, start: number, end: number): Characters {
  const narrow = bytes.toString('latin1', start, end);
  if (!BEYOND_ASCII.test(narrow)) return narrow;
  const wide = bytes.toString('utf8', start, end);
  return wide.includes('\ufffd') ? charactersOf(bytes.subarray(start, end)) : wide;
}

function charactersOf(bytes: Buffer): string[] {
  const characters: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const part = bytes.subarray(at, at + length);
    const isSurrogate = first === 0xed && part.length === 3 && (part[1] as number) >= 0xa0;
    characters.push(
      isSurrogate
        ? String.fromCharCode(0xd000 | (((part[1] as number) & 0x3f) << 6) | ((part[2] as number) & 0x3f))
        : part.toString('utf8'),
    );
    at += length;
  }
  return characters;
}
