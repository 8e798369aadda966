import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashJson } from '../../core/canonical-json.js';
import { makeParts, type PartOptions, parseShard, partFiles } from './parts.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'deskcheck-parts-'));
});
afterEach(() => rm(root, { recursive: true }));

interface Row {
  readonly id: string;
}

async function* units(): AsyncGenerator<number> {
  for (let unit = 0; unit < 50; unit++) yield unit;
}

function options(folder: string, changes: Partial<PartOptions<number, Row>> = {}): PartOptions<number, Row> {
  return {
    folder: join(root, folder),
    settings: { seed: 1 },
    shard: { index: 0, of: 1 },
    unitsPerPart: 8,
    window: 3,
    keyOf: String,
    idOf: ({ id }) => hashJson(id),
    countRow: () => ({ counted: 1 }),
    // Units 7, 17, 27… give the same row.
    work: async (unit) => ({ rows: [{ id: unit % 10 === 7 ? 'seven' : `u${unit}` }], counts: { seen: 1 } }),
    ...changes,
  };
}

async function contents(folder: string): Promise<string> {
  const files = await partFiles(join(root, folder));
  return (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('--\n');
}

test('rows are in the order of the units, and of equal ones the first is kept, over all parts', async () => {
  expect(await makeParts(units(), options('a'))).toEqual({
    seen: 50,
    units: 50,
    rows: 46,
    duplicates: 4,
    counted: 46,
  });
  const rows = (await contents('a')).split('\n').filter((line) => line.startsWith('{'));
  expect(rows).toHaveLength(46);
  expect(rows.slice(6, 9)).toEqual(['{"id":"u6"}', '{"id":"seven"}', '{"id":"u8"}']);
});

test('a run that was killed goes on without losing or doubling a row, and ends in identical files', async () => {
  await makeParts(units(), options('whole'));
  let worked = 0;
  const work: PartOptions<number, Row>['work'] = async (unit) => {
    if (++worked === 20) throw new Error('killed');
    return options('x').work(unit);
  };
  await expect(makeParts(units(), options('killed', { work }))).rejects.toThrow('killed');
  expect((await readdir(join(root, 'killed'))).length).toBeGreaterThan(1);
  const counts = await makeParts(units(), options('killed'));
  expect(counts).toEqual({ seen: 50, units: 50, rows: 46, duplicates: 4, counted: 46 });
  expect(await contents('killed')).toBe(await contents('whole'));
});

test('a unit that is slow holds up no other, and no more units are in work than the window allows', async () => {
  let inWork = 0;
  let most = 0;
  const order: number[] = [];
  const work: PartOptions<number, Row>['work'] = async (unit) => {
    most = Math.max(most, ++inWork);
    for (let turn = 0; turn < (unit === 0 ? 40 : 1); turn++) await new Promise(setImmediate);
    inWork--;
    order.push(unit);
    return { rows: [{ id: `u${unit}` }], counts: {} };
  };
  await makeParts(units(), options('slow', { work }));
  expect(most).toBeLessThanOrEqual(3);
  expect(order.slice(0, 2)).toEqual([1, 2]);
  expect((await contents('slow')).split('\n')[0]).toBe('{"id":"u0"}');
});

test('a source that has grown is gone on with behind the units that were done', async () => {
  async function* first(): AsyncGenerator<number> {
    for await (const unit of units()) if (unit < 13) yield unit;
  }
  expect(await makeParts(first(), options('grown'))).toMatchObject({ units: 13 });
  expect(await makeParts(units(), options('grown'))).toMatchObject({ units: 50, rows: 46 });
});

test('shards are disjoint and together complete', async () => {
  for (const index of [0, 1, 2]) await makeParts(units(), options(`s${index}`, { shard: { index, of: 3 } }));
  const rows = (await Promise.all([0, 1, 2].map((index) => contents(`s${index}`))))
    .join('')
    .split('\n')
    .filter((line) => line.includes('"u'));
  expect(new Set(rows).size).toBe(45);
  expect(rows).toHaveLength(45);
});

test('a folder that was made with other settings is not gone on with', async () => {
  await makeParts(units(), options('a'));
  await expect(makeParts(units(), options('a', { settings: { seed: 2 } }))).rejects.toThrow(/other settings/);
});

test('a shard is written i/n, counting from 1', () => {
  expect(parseShard('2/4')).toEqual({ index: 1, of: 4 });
  for (const wrong of ['0/4', '5/4', '1', 'a/b'])
    expect(() => parseShard(wrong)).toThrow(/--shard takes i\/n/);
});
