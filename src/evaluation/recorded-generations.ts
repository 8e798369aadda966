/**
 * Files of generations that somebody else, or we, recorded: JSON lines or one JSON value, gzipped or not. One row per item
 * or per answer, with the item's name under `id`, `task_id`, `question_id`, `item` or `name`, and its text or texts under
 * `completion`, `completions`, `generation`, `generations`, `samples`, `code_list`, `solution` or `output_list`; or one
 * object from names to lists of texts (as CRUXEval publishes). Our own `records.jsonl` is such a file.
 */
import { UsageError } from '../core/errors.js';
import { readBenchmarkRows } from './benchmarks/rows.js';
import type { Completion } from './run-benchmark.js';

const NAMES = ['item', 'id', 'task_id', 'question_id', 'name'];
const TEXTS = [
  'completion',
  'completions',
  'generation',
  'generations',
  'samples',
  'code_list',
  'solution',
  'output_list',
];

type Row = Readonly<Record<string, unknown>>;

/** Completions by item, in the order of the file. Throws a UsageError for rows of another shape. */
export async function readGenerations(path: string): Promise<Map<string, Completion[]>> {
  const rows = await readBenchmarkRows(path, 'Name a file of recorded generations.');
  const found = new Map<string, Completion[]>();
  const add = (name: string, completions: readonly Completion[]): void => {
    const known = found.get(name);
    if (known) known.push(...completions);
    else found.set(name, [...completions]);
  };
  for (const [index, row] of rows.entries()) {
    const where = `${path}, row ${index + 1}`;
    if (typeof row !== 'object' || row === null) throw new UsageError(`${where} is no object`);
    const entry = row as Row;
    const name = NAMES.map((field) => entry[field]).find(
      (value) => typeof value === 'string' || typeof value === 'number',
    );
    const texts = TEXTS.map((field) => entry[field]).find((value) => textsOf(value) !== undefined);
    if (name !== undefined && texts !== undefined) {
      const completions = textsOf(texts)!.map((text) => ({ text, ...stopOf(entry) }));
      const place = entry['schema'] === 'benchmark/1' ? Number(entry['sample']) : -1;
      // Of our own records, a later row replaces an earlier one of the same place.
      if (place >= 0 && place < (found.get(String(name))?.length ?? 0)) {
        found.get(String(name))![place] = completions[0]!;
      } else add(String(name), completions);
    } else if (rows.length === 1 && Object.values(entry).every((value) => textsOf(value) !== undefined)) {
      for (const [id, value] of Object.entries(entry))
        add(
          id,
          textsOf(value)!.map((text) => ({ text, stop: 'stop', tokens: 0 })),
        );
    } else if (name === undefined || entry['completion'] !== null) {
      throw new UsageError(
        `${where} holds no generations: it needs one of ${NAMES.join(', ')} and one of ${TEXTS.join(', ')}`,
      );
    }
  }
  return found;
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value];
  const isList = Array.isArray(value) && value.every((text) => typeof text === 'string');
  return isList ? (value as string[]) : undefined;
}

function stopOf(entry: Row): Pick<Completion, 'stop' | 'tokens'> {
  const { stop, tokens } = entry;
  return {
    stop: stop === 'length' || stop === 'other' ? stop : 'stop',
    tokens: typeof tokens === 'number' && tokens >= 0 ? Math.round(tokens) : 0,
  };
}
