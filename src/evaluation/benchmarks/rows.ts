/**
 * Reading a published data file as it is: JSON lines, or one JSON array, either of them gzipped or not.
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { messageOf, UsageError } from '../../core/errors.js';
import type { Problem } from '../../problem/types.js';
import { NUMBER_MARK } from './function-values.js';

/** Problems of a file; rows that cannot be used are counted by reason. */
export interface ParsedProblems {
  readonly problems: readonly Problem[];
  readonly leftOut: Readonly<Record<string, number>>;
}

/**
 * All rows of a file. Throws a UsageError that says which file to get when it is not there (`whereToGet`, a sentence).
 * `exactNumbers`: numbers other than small integers come as texts, `NUMBER_MARK` and their digits, since JavaScript has no
 * integers beyond 2^53 and no 1.0.
 */
export async function readBenchmarkRows(
  path: string,
  whereToGet: string,
  { exactNumbers = false }: { readonly exactNumbers?: boolean } = {},
): Promise<unknown[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new UsageError(`cannot read ${path} (${messageOf(cause)}). ${whereToGet}`, { cause });
  }
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  const json = (source: string, place: string): unknown => {
    try {
      return exactNumbers ? JSON.parse(markNumbers(source)) : parsePythonJson(source);
    } catch (cause) {
      throw new UsageError(`${path}${place} is not JSON: ${messageOf(cause)}`, { cause });
    }
  };
  if (text.trimStart().startsWith('[')) return z.array(z.unknown()).parse(json(text, ''));
  return text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [json(line, `, line ${i + 1}`)]));
}

/** JSON as Python's `json` writes it: with `NaN` and `Infinity`. */
function parsePythonJson(source: string): unknown {
  if (!/NaN|Infinity/.test(source)) return JSON.parse(source);
  const marker = '\u0000NaN';
  const plain = source.replace(/"(?:[^"\\]|\\.)*"|Infinity|NaN/g, (token) =>
    token === 'Infinity' ? '1e999' : token === 'NaN' ? JSON.stringify(marker) : token,
  );
  return JSON.parse(plain, (_key, value: unknown) => (value === marker ? Number.NaN : value));
}

function markNumbers(source: string): string {
  return source.replace(/"(?:[^"\\]|\\.)*"|-?(?:Infinity|NaN|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g, (token) =>
    token.startsWith('"') || /^-?\d{1,15}$/.test(token) ? token : JSON.stringify(`${NUMBER_MARK}${token}`),
  );
}

/** Checks rows against a schema. Throws a UsageError naming the benchmark, the row and the field. */
export function parseRows<T>(rows: readonly unknown[], schema: z.ZodType<T>, benchmark: string): T[] {
  return rows.map((row, i) => {
    const read = schema.safeParse(row);
    if (read.success) return read.data;
    throw new UsageError(`row ${i + 1} is no ${benchmark} row: ${z.prettifyError(read.error)}`);
  });
}
