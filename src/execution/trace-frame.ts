/**
 * A traced frame as the reader of traces knows it: its variables, how each was last written, and in which order they come.
 * The events themselves are trace-reader.ts's.
 */
import { MalformedError, type MarshalValue } from './marshal.js';

/** New texts of variables, by name. */
export type Changes = Record<string, string>;
export const NO_CHANGES: Readonly<Changes> = Object.freeze({});

/** A variable as it was last written. */
export interface Variable {
  readonly name: string;
  text: string;
  /** The data that the text is of; none for an odd variable. */
  bytes: Buffer | undefined;
  start: number;
  end: number;
}

export interface Frame {
  readonly number: number;
  readonly name: string;
  /** The active frame before the last call. */
  caller: Frame | undefined;
  readonly variables: Map<string, Variable>;
  /** The variables of the last data that came with names, in order. */
  readonly listed: Variable[];
  /** Of the data, in order, where they come without. */
  names: readonly string[];
  /** Odd variables: how many of the data come before each. */
  readonly odd: Map<string, number>;
}

export function createFrame(number: number, name: string, caller: Frame | undefined): Frame {
  return { number, name, caller, variables: new Map(), listed: [], names: [], odd: new Map() };
}

/** The variable of this name, which has no text where it is new. */
export function variableOf(frame: Frame, name: string): Variable {
  let variable = frame.variables.get(name);
  if (variable === undefined) {
    variable = { name, text: '', bytes: undefined, start: 0, end: 0 };
    frame.variables.set(name, variable);
  }
  return variable;
}

/**
 * Whether the bytes from `at` on begin with those that the variable's text is of. A value's bytes say where they end, so it is
 * the same value then.
 */
export function isUnchanged({ bytes: before, start, end }: Variable, bytes: Buffer, at: number): boolean {
  if (before === undefined) return false;
  const length = end - start;
  if (at + length > bytes.length) return false;
  if (length > 64) return before.compare(bytes, at, at + length, start, end) === 0;
  for (let i = 0; i < length; i++) if (before[start + i] !== bytes[at + i]) return false;
  return true;
}

/** `(kept, name, ...)`: the data are the first `kept` of before, then these. Throws a MalformedError for anything else. */
export function rename(frame: Frame, names: MarshalValue | undefined): void {
  if (!Array.isArray(names)) throw new MalformedError('names that are none');
  const [kept, ...added] = names as readonly MarshalValue[];
  if (typeof kept !== 'number' || kept < 0 || kept > frame.names.length)
    throw new MalformedError('names of no data');
  if (!added.every((name) => typeof name === 'string')) throw new MalformedError('a name that is no text');
  frame.names = [...frame.names.slice(0, kept), ...(added as string[])];
}

/** Changes of data and of odd variables in the order of the frame's variables. */
export function inOrder(frame: Frame, data: Readonly<Changes>, odd: Changes): Changes {
  const changes: Changes = {};
  const left = Object.keys(odd).map((name) => [name, frame.odd.get(name) ?? 0] as const);
  left.sort((a, b) => a[1] - b[1]);
  let next = 0;
  frame.names.forEach((name, i) => {
    for (; next < left.length && (left[next]?.[1] ?? 0) <= i; next++) take(left[next]?.[0]);
    if (name in data) changes[name] = data[name] as string;
  });
  for (; next < left.length; next++) take(left[next]?.[0]);
  return changes;

  function take(name: string | undefined): void {
    if (name !== undefined) changes[name] = odd[name] as string;
  }
}
