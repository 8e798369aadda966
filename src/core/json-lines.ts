/**
 * JSON lines on disk: append-only logs that survive a kill. A last line that was cut off in the middle is dropped on
 * reading and overwritten on appending; a damaged line anywhere else is an error.
 */
import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { UsageError } from './errors.js';

/** All rows of a file; an absent file has none. Throws a UsageError for a damaged line that is not the last. */
export async function readJsonLines(path: string): Promise<unknown[]> {
  const text = await readOrEmpty(path);
  const lines = text.split('\n');
  const unfinished = lines.pop();
  const rows = lines.filter((line) => line !== '').map((line, index) => parseRow(line, path, index));
  if (unfinished !== undefined && unfinished !== '') {
    try {
      rows.push(JSON.parse(unfinished));
    } catch {
      // Cut off by a kill: the row was never finished, so it never counted.
    }
  }
  return rows;
}

/** Whether the last line was cut off: by a kill that nobody went on from, or by whatever damaged the file since. */
export async function isCutOff(path: string): Promise<boolean> {
  const last = (await readOrEmpty(path)).split('\n').at(-1);
  return last !== undefined && last !== '' && !isRow(last);
}

/** An open log. Rows are written in the order of the calls. */
export interface JsonLinesWriter {
  write(rows: readonly unknown[]): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens a log for appending; an unfinished last line is cut away first. */
export async function appendJsonLines(path: string): Promise<JsonLinesWriter> {
  const text = await readOrEmpty(path);
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length !== text.length) {
    // A row that lacks nothing but its line break was read as a row, and stays one.
    await writeFile(path, isRow(text.slice(whole.length)) ? `${text}\n` : whole);
  }
  const file = await open(path, 'a');
  let last: Promise<unknown> = Promise.resolve();
  return {
    write: async (rows) => {
      if (rows.length === 0) return;
      const written = last.then(() =>
        file.appendFile(rows.map((row) => `${JSON.stringify(row)}\n`).join('')),
      );
      last = written.catch(() => undefined);
      await written;
    },
    [Symbol.asyncDispose]: async () => {
      await last;
      await file.close();
    },
  };
}

/** Replaces a file in one step: readers see the old or the new one, never half. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}

/** The same for a whole file of rows. */
export async function writeJsonLines(path: string, rows: readonly unknown[]): Promise<void> {
  await writeFileAtomically(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

function isRow(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function parseRow(line: string, path: string, index: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new UsageError(`${path}, line ${index + 1} is not JSON; remove the line or restore the file`);
  }
}
