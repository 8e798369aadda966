import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendJsonLines, isCutOff, readJsonLines } from './json-lines.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-lines-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('rows come back in the order they were written', async () => {
  const path = join(folder, 'log.jsonl');
  {
    await using log = await appendJsonLines(path);
    await Promise.all([log.write([{ a: 1 }]), log.write([{ a: 2 }, { a: 3 }])]);
  }
  expect(await readJsonLines(path)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
});

test('a line that a kill cut off is dropped, and the next row does not run into it', async () => {
  const path = join(folder, 'log.jsonl');
  await writeFile(path, '{"a":1}\n{"a":');
  expect(await readJsonLines(path)).toEqual([{ a: 1 }]);
  expect(await isCutOff(path)).toBe(true);
  {
    await using log = await appendJsonLines(path);
    await log.write([{ a: 2 }]);
  }
  expect(await readFile(path, 'utf8')).toBe('{"a":1}\n{"a":2}\n');
});

test('a row that lacks nothing but its line break counts, and stays when more is written', async () => {
  const path = join(folder, 'log.jsonl');
  await writeFile(path, '{"a":1}\n{"a":2}');
  expect(await readJsonLines(path)).toEqual([{ a: 1 }, { a: 2 }]);
  expect(await isCutOff(path)).toBe(false);
  {
    await using log = await appendJsonLines(path);
    await log.write([{ a: 3 }]);
  }
  expect(await readJsonLines(path)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
});

test('a damaged line in the middle is an error that names it', async () => {
  const path = join(folder, 'log.jsonl');
  await writeFile(path, '{"a":1}\nnonsense\n{"a":2}\n');
  await expect(readJsonLines(path)).rejects.toThrow(/line 2/);
});

test('an absent file has no rows', async () => {
  expect(await readJsonLines(join(folder, 'none.jsonl'))).toEqual([]);
});
