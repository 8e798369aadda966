/**
 * A data set in parts. Work comes in units (a source file, a problem) of a fixed order; a part holds the rows of a
 * fixed number of units of this shard, and is written in one step with its counts. Killed at any moment, the same
 * command goes on with the first missing part: no row is lost and none is doubled, and the files end up identical.
 *
 * Units are worked on ahead of the part that is being filled, a bounded number of them, so that no slow one holds up the
 * others and memory does not grow with the data, but for a few bytes per row (id-set.ts).
 */
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { UsageError } from '../../core/errors.js';
import { writeFileAtomically, writeJsonLines } from '../../core/json-lines.js';
import { hash32 } from '../../core/rng.js';
import { lockFolder } from '../lock-folder.js';
import { addCounts, type Counts, countOf } from './counts.js';
import { createIdSet, type IdSet } from './id-set.js';

export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly of: number;
}

/** `1/4` is the first of four. */
export function parseShard(text: string): Shard {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index) - 1, of: Number(of) };
  if (!(shard.of >= 1 && shard.index >= 0 && shard.index < shard.of)) {
    throw new UsageError(`--shard takes i/n with i from 1 to n, such as 1/4, not "${text}"`);
  }
  return shard;
}

export interface Made<Row> {
  readonly rows: readonly Row[];
  readonly counts: Counts;
}

export interface PartOptions<Unit, Row> {
  readonly folder: string;
  /** What the parts are made from: a folder made otherwise is not gone on with. */
  readonly settings: unknown;
  readonly shard: Shard;
  readonly unitsPerPart: number;
  /** Units in work at once. */
  readonly window: number;
  /** Decides the shard; equal keys go to one shard. */
  readonly keyOf: (unit: Unit) => string;
  readonly work: (unit: Unit) => Promise<Made<Row>>;
  /** Of several rows with one id (a hash), over all parts of the shard, the first is kept. */
  readonly idOf: (row: Row) => string;
  readonly countRow: (row: Row) => Counts;
  /** After each finished unit: how many of this shard are done, in this session and before. */
  readonly onUnit?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/** Makes the missing parts; returns the counts of all. Throws a UsageError for a folder with other settings, or in use. */
export async function makeParts<Unit, Row>(
  units: AsyncIterable<Unit>,
  options: PartOptions<Unit, Row>,
): Promise<Counts> {
  const { folder, shard, keyOf } = options;
  await using _folder = await openDataFolder(folder, {
    ...(options.settings as object),
    shard: `${shard.index + 1}/${shard.of}`,
  });
  const writer = await openParts(options);
  const skipped = writer.done;
  const inWork: Promise<Made<Row>>[] = [];
  let seen = 0;
  for await (const unit of units) {
    if (shard.of > 1 && hash32(`shard:${keyOf(unit)}`) % shard.of !== shard.index) continue;
    if (seen++ < skipped) continue;
    options.signal?.throwIfAborted();
    const making = options.work(unit);
    // It is awaited in its turn; until then its failure is nobody's.
    making.catch(() => undefined);
    inWork.push(making);
    if (inWork.length >= options.window) await writer.add(await inWork.shift()!);
  }
  for (const made of inWork) await writer.add(await made);
  await writer.finish();
  return writer.total;
}

/** Makes the folder this process's own. Throws a UsageError when it is in use, or holds data made otherwise. */
export async function openDataFolder(folder: string, settings: object): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  const unlock = await lockFolder(folder);
  try {
    await checkSettings(folder, settings);
  } catch (error) {
    await unlock();
    throw error;
  }
  return { [Symbol.asyncDispose]: unlock };
}

interface PartWriter<Row> {
  /** Units of the parts that were there before, and of those added since. */
  readonly done: number;
  readonly total: Counts;
  add(made: Made<Row>): Promise<void>;
  /** Writes the last part. */
  finish(): Promise<void>;
}

async function openParts<Unit, Row>(options: PartOptions<Unit, Row>): Promise<PartWriter<Row>> {
  const { folder, unitsPerPart, idOf, countRow, onUnit } = options;
  const known = createIdSet();
  const before = await readFinished(folder, known, options);
  let { total } = before;
  let part = before.parts;
  let done = countOf(total, 'units');
  let filling: Made<Row>[] = [];
  const flush = async (): Promise<void> => {
    const all = filling.flatMap(({ rows }) => rows);
    const rows = all.filter((row) => known.add(idOf(row)));
    const counts = [
      ...filling.map((one) => one.counts),
      ...rows.map(countRow),
      { units: filling.length, rows: rows.length, duplicates: all.length - rows.length },
    ].reduce<Counts>(addCounts, {});
    const path = join(folder, partName(part++));
    // Rows are written last: where they are, the counts are too.
    await writeFileAtomically(`${path}.counts.json`, `${JSON.stringify(counts)}\n`);
    await writeJsonLines(`${path}.jsonl`, rows);
    total = addCounts(total, counts);
    filling = [];
  };
  return {
    get done() {
      return done;
    },
    get total() {
      return total;
    },
    add: async (made) => {
      filling.push(made);
      onUnit?.(++done);
      if (filling.length === unitsPerPart) await flush();
    },
    finish: async () => {
      if (filling.length > 0) await flush();
    },
  };
}

/** How many parts are there, their counts, and (in `known`) the ids of their rows. */
async function readFinished<Unit, Row>(
  folder: string,
  known: IdSet,
  { idOf }: PartOptions<Unit, Row>,
): Promise<{ readonly parts: number; readonly total: Counts }> {
  const existing = new Set(await readdir(folder));
  let total: Counts = {};
  let parts = 0;
  for (; existing.has(`${partName(parts)}.jsonl`); parts++) {
    const path = join(folder, partName(parts));
    for await (const line of createInterface({ input: createReadStream(`${path}.jsonl`) }))
      known.add(idOf(JSON.parse(line) as Row));
    total = addCounts(total, JSON.parse(await readFile(`${path}.counts.json`, 'utf8')) as Counts);
  }
  return { parts, total };
}

function partName(part: number): string {
  return `part-${String(part).padStart(5, '0')}`;
}

/** The finished parts of a folder, in order. */
export async function partFiles(folder: string): Promise<string[]> {
  return (await readdir(folder))
    .filter((name) => /^part-\d+\.jsonl$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

async function checkSettings(folder: string, settings: unknown): Promise<void> {
  const path = join(folder, 'settings.json');
  const text = `${JSON.stringify(settings, null, 1)}\n`;
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before !== undefined && before !== text && (await partFiles(folder)).length > 0) {
    throw new UsageError(
      `${folder} holds data made with other settings (settings.json); name another --out folder`,
    );
  }
  await rm(`${path}.tmp`, { force: true });
  await writeFileAtomically(path, text);
}
