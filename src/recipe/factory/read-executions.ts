/**
 * Executions that a file lists, one JSON row each: a program (`source`, or `code` as CRUXEval calls it) and its input:
 * `stdin`, or a `call` such as `f(1, 2)`, or `input` as CRUXEval has it, the arguments of a function `f`. Rows of
 * `deskcheck data predictions` are such rows. Streamed: a file may be larger than memory.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { messageOf, UsageError } from '../../core/errors.js';
import type { ProgramInput } from '../../problem/types.js';

export interface ListedExecution {
  readonly id: string;
  readonly source: string;
  readonly input: ProgramInput;
}

/** Throws a UsageError that names file and line. */
export async function* readExecutions(
  paths: readonly string[],
  onRead: (fraction: number) => void = () => undefined,
): AsyncGenerator<ListedExecution> {
  for (const [at, path] of paths.entries()) {
    let line = 0;
    for await (const { text, fraction } of readLines(path)) {
      line++;
      onRead((at + fraction) / paths.length);
      if (text.trim() !== '') yield readRow(text, path, line);
    }
    if (line === 0) throw new UsageError(`${path} is empty; expected one execution per line`);
  }
}

/** The lines of a text file, plain or gzipped, and how much of it is read. Throws a UsageError when it cannot be. */
export async function* readLines(
  path: string,
): AsyncGenerator<{ readonly text: string; readonly fraction: number }> {
  try {
    const { size } = await stat(path);
    const file = createReadStream(path);
    const input = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
    if (input !== file) file.on('error', (error) => input.destroy(error));
    for await (const text of createInterface({ input, crlfDelay: Infinity }))
      yield { text, fraction: file.bytesRead / Math.max(1, size) };
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

function readRow(text: string, path: string, line: number): ListedExecution {
  const where = `${path}, line ${line}`;
  let row: Record<string, unknown>;
  try {
    row = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new UsageError(`${where} is not JSON; expected one execution per line`);
  }
  const source = row['source'] ?? row['code'];
  if (typeof source !== 'string')
    throw new UsageError(`${where} has no program; expected "source" or "code"`);
  const input = readInput(row);
  if (input === undefined)
    throw new UsageError(
      `${where} has no input; expected "stdin", "call" (such as "f(1, 2)"), or "input" (the arguments of f)`,
    );
  const { id } = row;
  return {
    id: typeof id === 'string' || typeof id === 'number' ? String(id) : `line ${line}`,
    source,
    input,
  };
}

function readInput({ stdin, call, input }: Record<string, unknown>): ProgramInput | undefined {
  if (typeof stdin === 'string') return { kind: 'stdin', stdin };
  if (typeof call === 'string') return { kind: 'call', expression: call };
  return typeof input === 'string' ? { kind: 'call', expression: `f(${input})` } : undefined;
}
