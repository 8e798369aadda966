/**
 * Turns what the recorder wrote (python/recorder.py has the form) into events.
 *
 * The recorder writes values as bytes and leaves the rest to us: which of a frame's variables changed, their texts, the
 * cap on all texts together. Nothing it says is believed beyond its form: what does not have it is a `MalformedError`.
 */
import { lengthOf, scalarValueText, skipValue, valueText } from './literals.js';
import { DICT, END, MalformedError, MarshalCursor, type MarshalValue, STRING, TUPLE } from './marshal.js';
import type { Unprintable } from './python-repr.js';
import {
  type Changes,
  createFrame,
  type Frame,
  inOrder,
  isUnchanged,
  NO_CHANGES,
  rename,
  type Variable,
  variableOf,
} from './trace-frame.js';
import type { TraceCaps, TraceEvent } from './types.js';

/** Longer than one variable's or one frame's data are. */
const MAX_DATA_BYTES = 2000;
/** Characters that an event counts for besides its names and values. */
const EVENT_SIZE = 16;
const KINDS = ['call', 'line', 'return', 'exception'] as const;
const RETURN = 2;

export interface ReadTrace {
  readonly events: TraceEvent[];
  readonly excluded?: 'too-large';
}

/** The events of a trace, up to its cap on size. */
export function readEvents(
  raw: readonly MarshalValue[],
  unprintable: Unprintable,
  caps: TraceCaps,
): ReadTrace {
  const reader = new TraceReader(unprintable);
  const events: TraceEvent[] = [];
  for (const entry of raw) {
    const event = reader.read(entry);
    if (events.length > (caps.maxBytes - reader.size) / EVENT_SIZE) return { events, excluded: 'too-large' };
    events.push(event);
  }
  return { events };
}

class TraceReader {
  readonly #unprintable: Unprintable;
  readonly #frames: Frame[] = [];
  #active: Frame | undefined;
  /** Characters in all names and values so far. */
  size = 0;

  constructor(unprintable: Unprintable) {
    this.#unprintable = unprintable;
  }

  read(entry: MarshalValue): TraceEvent {
    if (typeof entry === 'number') return this.#line(entry, null);
    if (!Array.isArray(entry)) throw new MalformedError('an event that is none');
    const event = entry as readonly MarshalValue[];
    switch (event.length) {
      case 2:
        return this.#line(event[0], event[1]);
      case 3: {
        if (typeof event[1] === 'string') return this.#binding(event[0], event[1], event[2]);
        const frame = this.#enter(event[2]);
        const changes = this.#changes(frame, event[1]);
        return { kind: 'call', frame: frame.number, function: frame.name, line: lineOf(event[0]), changes };
      }
      case 4:
        return this.#return(event);
      case 7:
        return this.#full(event);
      default:
        throw new MalformedError(`an event of ${event.length} parts`);
    }
  }

  #line(line: MarshalValue | undefined, data: MarshalValue | undefined): TraceEvent {
    const frame = this.#active;
    if (frame === undefined) throw new MalformedError('a line before any call');
    const changes = data === null ? NO_CHANGES : this.#changes(frame, data);
    return {
      kind: 'line',
      frame: frame.number,
      function: frame.name,
      line: lineOf(line),
      changes,
      ...this.#gone(),
    };
  }

  /** A line of whose frame's variables only one may have changed. */
  #binding(line: MarshalValue | undefined, name: string, value: MarshalValue | undefined): TraceEvent {
    const frame = this.#active;
    if (frame === undefined) throw new MalformedError('a line before any call');
    const text = typeof value === 'string' ? scalarValueText(value, this.#unprintable) : this.#text(value);
    const changes: Changes = {};
    this.#write(frame, name, text, changes);
    return { kind: 'line', frame: frame.number, function: frame.name, line: lineOf(line), changes };
  }

  #return([code, line, data, value]: readonly MarshalValue[]): TraceEvent {
    const frame = this.#active;
    if (frame === undefined || code !== RETURN) throw new MalformedError('a return of no frame');
    const changes = this.#changes(frame, data);
    this.#active = frame.caller;
    const { number, name } = frame;
    const text = this.#value(value);
    return this.#removed.length > 0
      ? {
          kind: 'return',
          frame: number,
          function: name,
          line: lineOf(line),
          changes,
          ...this.#gone(),
          value: text,
        }
      : { kind: 'return', frame: number, function: name, line: lineOf(line), changes, value: text };
  }

  #full([code, number, line, data, names, texts, value]: readonly MarshalValue[]): TraceEvent {
    const kind = typeof code === 'number' ? KINDS[code] : undefined;
    if (kind === undefined || typeof number !== 'number') throw new MalformedError('an event of no kind');
    const isNew = kind === 'call' && value !== null;
    if (isNew && number !== this.#frames.length) throw new MalformedError('a frame out of turn');
    const frame = isNew ? this.#enter(value) : this.#frames[number];
    if (frame === undefined) throw new MalformedError(`no frame ${number}`);
    if (kind === 'call' && !isNew) frame.caller = this.#active;
    this.#active = kind === 'return' ? frame.caller : frame;
    const changes = this.#mixedChanges(frame, data, names, texts);
    const base = { frame: number, function: frame.name, line: lineOf(line), changes, ...this.#gone() };
    if (kind === 'call' || kind === 'line') return { kind, ...base };
    if (kind === 'exception' && typeof value !== 'string')
      throw new MalformedError('an exception without text');
    return { kind, ...base, value: this.#value(value) };
  }

  #enter(name: MarshalValue | undefined): Frame {
    if (typeof name !== 'string') throw new MalformedError('a frame without a name');
    const frame = createFrame(this.#frames.length, name, this.#active);
    this.#frames.push(frame);
    this.#active = frame;
    return frame;
  }

  #value(value: MarshalValue | undefined): string {
    const text = typeof value === 'string' ? value : this.#text(value);
    this.size += lengthOf(text);
    return text;
  }

  /** The text of what is none yet. */
  #text(value: MarshalValue | undefined): string {
    if (value === null || typeof value === 'number' || typeof value === 'boolean')
      return scalarValueText(value, this.#unprintable);
    if (!Buffer.isBuffer(value)) throw new MalformedError('a value that is none');
    const cursor = dataCursor(value);
    const text = valueText(cursor, this.#unprintable);
    checkEnd(cursor);
    return text;
  }

  /** Names that the last changes found gone. */
  #removed: string[] = [];

  #gone(): { removed?: readonly string[] } {
    if (this.#removed.length === 0) return {};
    const removed = this.#removed;
    this.#removed = [];
    return { removed };
  }

  #changes(frame: Frame, data: MarshalValue | undefined): Readonly<Changes> {
    if (data === null) return NO_CHANGES;
    if (Buffer.isBuffer(data)) {
      const cursor = dataCursor(data);
      const changes = cursor.bytes[0] === DICT ? this.#dictionary(frame, cursor) : this.#tuple(frame, cursor);
      checkEnd(cursor);
      return changes;
    }
    if (!Array.isArray(data) || data.length % 2 !== 0) throw new MalformedError('data that are none');
    const changes: Changes = {};
    const parts = data as readonly MarshalValue[];
    for (let i = 0; i < parts.length; i += 2) {
      const [index, bytes] = [parts[i], parts[i + 1]];
      const name = typeof index === 'number' ? frame.names[index] : undefined;
      if (name === undefined || !Buffer.isBuffer(bytes)) throw new MalformedError('data of no variable');
      const cursor = dataCursor(bytes);
      this.#variable(variableOf(frame, name), cursor, changes);
      checkEnd(cursor);
    }
    return changes;
  }

  /** Variables with their names. */
  #dictionary(frame: Frame, cursor: MarshalCursor): Changes {
    const changes: Changes = {};
    const { listed, variables } = frame;
    cursor.at = 1;
    let count = 0;
    for (;;) {
      const code = cursor.code();
      if (code === END) break;
      if (code !== STRING) throw new MalformedError('a name that is none');
      let variable = listed[count];
      if (variable === undefined || !passName(cursor, variable.name)) {
        const name = cursor.string();
        if (isHidden(name)) {
          skipValue(cursor);
          continue;
        }
        variable = listed[count] = variableOf(frame, name);
      }
      count++;
      this.#variable(variable, cursor, changes);
    }
    if (count < variables.size) {
      listed.length = count;
      this.#remove(frame, new Set(listed.map(({ name }) => name)));
    }
    return changes;
  }

  #tuple(frame: Frame, cursor: MarshalCursor): Changes {
    const changes: Changes = {};
    if (cursor.code() !== TUPLE || cursor.count() !== frame.names.length)
      throw new MalformedError('data without names');
    for (const name of frame.names) this.#variable(variableOf(frame, name), cursor, changes);
    return changes;
  }

  /** Reads one variable; one without text is new. */
  #variable(variable: Variable, cursor: MarshalCursor, changes: Changes): void {
    const { bytes, at: start } = cursor;
    if (isUnchanged(variable, bytes, start)) {
      cursor.at = start + variable.end - variable.start;
      return;
    }
    const text = valueText(cursor, this.#unprintable);
    variable.bytes = bytes;
    variable.start = start;
    variable.end = cursor.at;
    if (text === variable.text) return;
    variable.text = text;
    this.#change(changes, variable.name, text);
  }

  #change(changes: Changes, name: string, text: string): void {
    changes[name] = text;
    this.size += lengthOf(name) + lengthOf(text);
  }

  #mixedChanges(
    frame: Frame,
    data: MarshalValue | undefined,
    names: MarshalValue | undefined,
    texts: MarshalValue | undefined,
  ): Readonly<Changes> {
    if (names !== null) rename(frame, names);
    const changes = this.#changes(frame, data);
    const written = texts === null ? NO_CHANGES : this.#odd(frame, texts);
    if (names !== null) this.#remove(frame, new Set([...frame.names, ...frame.odd.keys()]));
    if (written === NO_CHANGES) return changes;
    return changes === NO_CHANGES ? written : inOrder(frame, changes, written);
  }

  /** Reads odd variables. */
  #odd(frame: Frame, texts: MarshalValue | undefined): Changes {
    if (!Array.isArray(texts) || texts.length % 3 !== 0) throw new MalformedError('texts that are none');
    const changes: Changes = {};
    const parts = texts as readonly MarshalValue[];
    for (let i = 0; i < parts.length; i += 3) {
      const [name, text, place] = [parts[i], parts[i + 1], parts[i + 2]];
      if (typeof name !== 'string' || typeof place !== 'number')
        throw new MalformedError('a text of no variable');
      if (text === null) {
        frame.odd.delete(name);
        if (!frame.names.includes(name) && frame.variables.delete(name)) this.#removed.push(name);
        continue;
      }
      if (typeof text !== 'string') throw new MalformedError('a text that is none');
      frame.odd.set(name, place);
      this.#write(frame, name, text, changes);
    }
    return changes;
  }

  /** A variable whose text did not come from the frame's data. */
  #write(frame: Frame, name: string, text: string, changes: Changes): void {
    const variable = variableOf(frame, name);
    variable.bytes = undefined;
    if (variable.text === text) return;
    variable.text = text;
    this.#change(changes, name, text);
  }

  /** Forgets the variables that are not among those that there are. */
  #remove(frame: Frame, there: ReadonlySet<string>): void {
    for (const name of frame.variables.keys()) {
      if (there.has(name)) continue;
      frame.variables.delete(name);
      this.#removed.push(name);
    }
  }
}

/** Whether the string at the cursor, after its code, is this one of ASCII; then it is passed over. */
function passName(cursor: MarshalCursor, name: string): boolean {
  const { bytes, at } = cursor;
  const start = at + 4;
  if (bytes[at] !== name.length || bytes[at + 1] !== 0 || bytes[at + 2] !== 0 || bytes[at + 3] !== 0)
    return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0x7f || bytes[start + i] !== code) return false;
  }
  cursor.at = start + name.length;
  return true;
}

/** Whether a variable is the interpreter's own: its name is written with dots or double underscores. */
function isHidden(name: string): boolean {
  return name.startsWith('.') || (name.startsWith('__') && name.endsWith('__'));
}

function lineOf(line: MarshalValue | undefined): number {
  if (typeof line !== 'number' || line < 0) throw new MalformedError('a line that is none');
  return line;
}

function dataCursor(bytes: Buffer): MarshalCursor {
  if (bytes.length > MAX_DATA_BYTES) throw new MalformedError('data that are too long');
  return new MarshalCursor(bytes);
}

function checkEnd(cursor: MarshalCursor): void {
  if (cursor.at !== cursor.bytes.length) throw new MalformedError('data with more behind them');
}
