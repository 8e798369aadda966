/**
 * `data sft`: chat data of several origins, mixed by weight into one set.
 *
 * Two passes. The first reads every source once: rows that are no conversations, that were read before, that occur in
 * evaluation data, or that are too long are left out and counted; the others get their tokens counted. The second takes
 * from each source its share, in an order drawn from the seed. DuckDB sorts, and spills to disk, so that memory does not
 * grow with the data. The same sources, weights and seed give identical files.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { UsageError } from '../../core/errors.js';
import { writeJsonLines } from '../../core/json-lines.js';
import type { ChatTokenizer } from '../../model/tokenizer.js';
import { readChatRows, type SftRow } from './chat-rows.js';
import { addCounts, binOf, type Counts } from './counts.js';
import type { Decontaminator } from './decontaminate.js';
import { createIdSet } from './id-set.js';
import { type Columns, MESSAGES, openDuckDb, quote, streamTexts } from './parquet.js';

export interface SftSource {
  readonly path: string;
  /** undefined (of all sources or of none): all its rows. */
  readonly weight: number | undefined;
}

export interface SftOptions {
  readonly folder: string;
  readonly sources: readonly SftSource[];
  /** Rows in all; default: as many as no source has to repeat a row for. */
  readonly rows?: number;
  readonly seed: string;
  readonly tokenizer?: Pick<ChatTokenizer, 'encode' | 'renderPrompt' | 'renderText'>;
  /** With a tokenizer: longer rows are left out. */
  readonly sequenceLength: number;
  readonly decontaminator?: Decontaminator;
  readonly onRead?: (rows: number) => void;
  readonly signal?: AbortSignal;
}

/** What became of one source. */
export interface SourceFacts {
  readonly path: string;
  readonly weight: number | undefined;
  readonly read: number;
  /** Reason → rows left out. */
  readonly left: Readonly<Record<string, number>>;
  readonly usable: number;
  readonly taken: number;
}

export interface SftData {
  readonly files: readonly string[];
  readonly sources: readonly SourceFacts[];
  readonly counts: Counts;
  /** Tokens of a row → rows; empty without a tokenizer. */
  readonly lengths: ReadonlyMap<number, number>;
}

export const SFT_COLUMNS: Columns = {
  messages: MESSAGES,
  metadata:
    'STRUCT("id" VARCHAR, "dataset" VARCHAR, "task" VARCHAR, "form" VARCHAR, "source" VARCHAR, "licence" VARCHAR, ' +
    '"input" VARCHAR, "narrator" VARCHAR, "groundingScore" DOUBLE, "tokens" INTEGER, "answerTokens" INTEGER)',
};

const ROWS_PER_PART = 50_000;

/** Writes `part-*.jsonl` into the folder. Throws a UsageError for sources that cannot be mixed as asked. */
export async function makeSftData(options: SftOptions): Promise<SftData> {
  const { folder, sources, signal } = options;
  checkWeights(sources);
  const work = join(folder, 'work');
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    const known = createIdSet();
    const read: Omit<SourceFacts, 'taken'>[] = [];
    for (const [at, source] of sources.entries()) {
      signal?.throwIfAborted();
      read.push(await readSource(source, join(work, `${at}.jsonl`), known, options));
    }
    const taken = sharesOf(read, options.rows);
    const mixed = await writeMix(work, read, taken, options);
    return { ...mixed, sources: read.map((facts, at) => ({ ...facts, taken: taken[at]! })) };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** How many rows of each source: as asked, or as many as the scarcest source allows; all without weights. */
export function sharesOf(
  sources: readonly Pick<SourceFacts, 'path' | 'weight' | 'usable'>[],
  rows: number | undefined,
): number[] {
  const empty = sources.find(({ weight, usable }) => usable === 0 && weight !== 0);
  if (empty) throw new UsageError(`${empty.path} holds no row that can be used`);
  const weights = sources.map(({ weight, usable }) => weight ?? usable);
  const sum = weights.reduce((a, b) => a + b, 0);
  const total =
    rows ??
    Math.min(
      ...sources.map(({ usable }, at) => (weights[at] === 0 ? Infinity : (usable * sum) / weights[at]!)),
    );
  return weights.map((weight) => Math.round((total * weight) / sum));
}

function checkWeights(sources: readonly SftSource[]): void {
  const weighted = sources.filter(({ weight }) => weight !== undefined);
  if (weighted.length !== 0 && weighted.length !== sources.length) {
    const { path } = sources.find(({ weight }) => weight === undefined)!;
    throw new UsageError(`${path} has no weight, but others have; write ${path}=1 or leave all weights out`);
  }
  if (weighted.length > 0 && weighted.every(({ weight }) => weight === 0))
    throw new UsageError('all weights are 0; give at least one source a weight above 0');
}

async function readSource(
  { path, weight }: SftSource,
  target: string,
  known: ReturnType<typeof createIdSet>,
  options: SftOptions,
): Promise<Omit<SourceFacts, 'taken'>> {
  const out = createWriteStream(target);
  const left: Record<string, number> = {};
  let [read, usable] = [0, 0];
  for await (const row of readChatRows(path)) {
    options.signal?.throwIfAborted();
    if (++read % 1_000 === 0) options.onRead?.(read);
    const checked = 'fault' in row ? row.fault : check(row, known, options);
    if (typeof checked === 'string') {
      left[checked] = (left[checked] ?? 0) + 1;
      continue;
    }
    usable++;
    const key = drawOf(options.seed, checked.metadata.id);
    if (!out.write(`${JSON.stringify({ key, row: JSON.stringify(checked) })}\n`)) await once(out, 'drain');
  }
  out.end();
  await finished(out);
  return { path, weight, read, left, usable };
}

/** The row with its tokens counted, or why it is left out. */
function check(row: SftRow, known: ReturnType<typeof createIdSet>, options: SftOptions): SftRow | string {
  const { decontaminator, tokenizer, sequenceLength } = options;
  if (!known.add(row.metadata.id)) return 'read before (equal messages)';
  for (const { content } of decontaminator ? row.messages : []) {
    const found = decontaminator!.check(content);
    if (found) return `in evaluation data (${found})`;
  }
  if (!tokenizer) return row;
  const tokens = tokenizer.encode(
    tokenizer.renderText({ messages: row.messages, addGenerationPrompt: false }),
  ).length;
  if (tokens > sequenceLength) return `longer than ${sequenceLength} tokens`;
  const answerTokens = tokens - tokenizer.renderPrompt(row.messages.slice(0, -1)).length;
  return { ...row, metadata: { ...row.metadata, tokens, answerTokens } };
}

/** A row's place in the order that the seed draws: hexadecimal digits, evenly spread. */
function drawOf(seed: string, id: string): string {
  return createHash('sha256').update(`${seed}/${id}`).digest('hex').slice(0, 20);
}

async function writeMix(
  work: string,
  sources: readonly Omit<SourceFacts, 'taken'>[],
  taken: readonly number[],
  { folder, signal }: SftOptions,
): Promise<Omit<SftData, 'sources'>> {
  const database = await openDuckDb(join(work, 'spill'));
  const files: string[] = [];
  const lengths = new Map<number, number>();
  let counts: Counts = {};
  let rows: SftRow[] = [];
  const flush = async (): Promise<void> => {
    const file = join(folder, `part-${String(files.length).padStart(5, '0')}.jsonl`);
    await writeJsonLines(file, rows);
    files.push(file);
    rows = [];
  };
  try {
    for await (const text of streamTexts(database.connection, mixQuery(work, sources, taken))) {
      signal?.throwIfAborted();
      const row = JSON.parse(text) as SftRow;
      rows.push(row);
      counts = addCounts(counts, countSftRow(row));
      const { tokens } = row.metadata;
      if (tokens !== undefined) lengths.set(tokens, (lengths.get(tokens) ?? 0) + 1);
      if (rows.length === ROWS_PER_PART) await flush();
    }
    if (rows.length > 0) await flush();
    return { files, counts, lengths };
  } finally {
    database.close();
  }
}

/** The first rows of each source by their draw, repeated where a source has fewer than it should give; then shuffled. */
function mixQuery(
  work: string,
  sources: readonly Pick<SourceFacts, 'usable'>[],
  taken: readonly number[],
): string {
  const parts = sources.flatMap(({ usable }, at) => {
    const want = taken[at]!;
    if (want === 0) return [];
    const rows = `read_json(${quote(join(work, `${at}.jsonl`))}, format = 'newline_delimited', columns = {key: 'VARCHAR', row: 'VARCHAR'}, maximum_object_size = 67108864)`;
    const ranked = `SELECT key, row, row_number() OVER (ORDER BY key) - 1 AS place FROM ${rows}`;
    // The row at `place` is taken once for every full round, and once more when the last round comes to it.
    return [
      `SELECT key, row, copy FROM (${ranked}), LATERAL (SELECT unnest(range(((${want} - 1 - place) // ${usable}) + 1)) AS copy) WHERE place < ${want}`,
    ];
  });
  return `SELECT row FROM (${parts.join(' UNION ALL ')}) ORDER BY md5(key || '/' || copy), key, copy`;
}

function countSftRow({ messages, metadata }: SftRow): Counts {
  const { dataset, tokens, answerTokens } = metadata;
  return {
    rows: 1,
    datasets: { [dataset]: 1 },
    tasks: { [metadata.task ?? 'not said']: 1 },
    forms: metadata.form === null ? {} : { [metadata.form]: 1 },
    narrators: metadata.narrator === null ? {} : { [metadata.narrator]: 1 },
    licences: { [metadata.licence ?? 'not said']: 1 },
    characters: messages.reduce((sum, { content }) => sum + content.length, 0),
    ...(tokens === undefined || answerTokens === undefined
      ? {}
      : {
          tokens,
          answerTokens,
          tokensByDataset: { [dataset]: tokens },
          rowTokens: { [binOf(tokens)]: 1 },
          answerTokensPerRow: { [binOf(answerTokens)]: 1 },
        }),
  };
}
