import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readProblems, readPrograms } from './read-problems.js';

const ROW = { id: 'a', statement: 's', publicTests: [{ input: '1', output: '2' }], privateTests: [] };

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(...rows: unknown[]): Promise<string> {
  const path = join(folder, 'rows.jsonl');
  await writeFile(path, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'));
  return path;
}

test('problems are read, plain or gzipped, with defaults for what may be left out', async () => {
  const { privateTests: _, ...short } = ROW;
  const path = await fileOf(ROW, '', { ...short, id: 'b', limits: { cpuTimeMs: 100 } });
  const [a, b] = await readProblems(path);
  expect(a).toEqual(ROW);
  expect(b).toMatchObject({ privateTests: [], limits: { cpuTimeMs: 100, outputLimitBytes: 4194304 } });
  await writeFile(path, gzipSync(JSON.stringify(ROW)));
  expect(await readProblems(path)).toEqual([ROW]);
});

test.each([
  [[{ ...ROW, publicTests: [{ input: '1', output: 2 }] }], 'line 1: not a problem: publicTests[0].output: '],
  [[ROW, '{"id":'], 'line 2 is not JSON; expected one problem per line'],
  [[ROW, ROW], 'line 2: the id "a" is taken by line 1'],
  [[''], 'holds no problems'],
])('a damaged file is refused by line and field: %#', async (rows, message) => {
  await expect(readProblems(await fileOf(...rows))).rejects.toThrow(message);
});

test('a file that is not there is refused', async () => {
  await expect(readProblems(join(folder, 'none'))).rejects.toThrow('cannot read the problems');
});

test('a damaged gzip file is refused', async () => {
  const path = join(folder, 'rows.jsonl.gz');
  await writeFile(path, gzipSync(JSON.stringify(ROW)).subarray(0, 20));
  await expect(readProblems(path)).rejects.toThrow(/cannot read the problems/);
});

test('programs are numbered within their problem unless they have a name', async () => {
  const rows = [
    { problem: 'a', source: 'x' },
    { problem: 'a', source: 'y' },
    { problem: 'b', source: 'z', id: 'mine' },
  ];
  expect((await readPrograms(await fileOf(...rows))).map(({ problem, id }) => `${problem}/${id}`)).toEqual([
    'a/0',
    'a/1',
    'b/mine',
  ]);
});
