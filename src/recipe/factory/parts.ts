/**
 * A data set in parts. Work comes in units (a source file, a problem) of a fixed order; a part holds the rows of a
 * fixed number of units of this shard, and is written in one step with its counts. Killed at any moment, the same
 * command goes on with the first missing part: no row is lost and none is doubled, and the files end up identical.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { forEachConcurrently } from '../../core/concurrency.js';
import { UsageError } from '../../core/errors.js';
import { readJsonLines, writeFileAtomically, writeJsonLines } from '../../core/json-lines.js';
import { hash32 } from '../../core/rng.js';
import { addCounts, type Counts } from './counts.js';

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

export interface PartOptions<Unit, Row> {
  readonly folder: string;
  /** What the parts are made from: a folder made otherwise is not gone on with. */
  readonly settings: unknown;
  readonly shard: Shard;
  readonly unitsPerPart: number;
  readonly concurrency: number;
  /** Decides the shard; equal keys go to one shard. */
  readonly keyOf: (unit: Unit) => string;
  readonly work: (unit: Unit) => Promise<{ readonly rows: readonly Row[]; readonly counts: Counts }>;
  /** Of several rows with one id, over all parts of the shard, the first is kept. */
  readonly idOf: (row: Row) => string;
  readonly countRow: (row: Row) => Counts;
  readonly onUnit?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/** Makes the missing parts; returns the counts of all. Throws a UsageError for a folder with other settings. */
export async function makeParts<Unit, Row>(
  units: AsyncIterable<Unit>,
  options: PartOptions<Unit, Row>,
): Promise<Counts> {
  const { folder, shard, unitsPerPart, keyOf } = options;
  await mkdir(folder, { recursive: true });
  await checkSettings(folder, { ...(options.settings as object), shard: `${shard.index + 1}/${shard.of}` });
  const existing = new Set(await readdir(folder));
  const known = new Set<string>();
  const isNew = (row: Row): boolean => {
    const id = options.idOf(row);
    return !known.has(id) && known.add(id) !== undefined;
  };
  let total: Counts = {};
  let part = 0;
  let done = 0;
  let waiting: Unit[] = [];
  const flush = async (): Promise<void> => {
    const name = `part-${String(part++).padStart(5, '0')}`;
    // Rows are written last: where they are, the counts are too.
    if (!existing.has(`${name}.jsonl`)) {
      const made: { readonly rows: readonly Row[]; readonly counts: Counts }[] = [];
      await forEachConcurrently(waiting, options.concurrency, async (unit, at) => {
        options.signal?.throwIfAborted();
        made[at] = await options.work(unit);
        options.onUnit?.(++done);
      });
      const all = made.flatMap(({ rows }) => rows);
      const rows = all.filter(isNew);
      const counts = [
        ...made.map((one) => one.counts),
        ...rows.map(options.countRow),
        { rows: rows.length, duplicates: all.length - rows.length },
      ].reduce<Counts>(addCounts, {});
      await writeFileAtomically(join(folder, `${name}.counts.json`), `${JSON.stringify(counts)}\n`);
      await writeJsonLines(join(folder, `${name}.jsonl`), rows);
    } else {
      for (const row of await readJsonLines(join(folder, `${name}.jsonl`))) isNew(row as Row);
      done += waiting.length;
    }
    total = addCounts(
      total,
      JSON.parse(await readFile(join(folder, `${name}.counts.json`), 'utf8')) as Counts,
    );
    waiting = [];
  };
  for await (const unit of units) {
    if (shard.of > 1 && hash32(`shard:${keyOf(unit)}`) % shard.of !== shard.index) continue;
    waiting.push(unit);
    if (waiting.length === unitsPerPart) await flush();
  }
  if (waiting.length > 0) await flush();
  return total;
}

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
  if (before !== undefined && before !== text) {
    throw new UsageError(
      `${folder} holds data made with other settings (settings.json); name another --out folder`,
    );
  }
  await rm(`${path}.tmp`, { force: true });
  await writeFileAtomically(path, text);
}
