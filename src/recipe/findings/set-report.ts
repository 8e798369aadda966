/**
 * The report of a findings set, from its folder alone: `report/report.md`, `numbers.csv`, and a figure per SVG file.
 */

import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../../core/errors.js';
import { exists } from '../../core/exists.js';
import { writeFileAtomically } from '../../core/json-lines.js';
import { buildSetReport } from '../../report/findings-set/report.js';
import type { SetReportInput } from '../../report/findings-set/types.js';
import { readArmRun } from './arm-records.js';
import type { FindingsSet } from './set-schema.js';

const SET_FILE = 'set.json';

/** What of a set its report needs; records say the rest. */
type SetFile = Omit<SetReportInput, 'runs' | 'command'>;

export async function writeSetFile(set: FindingsSet, folder: string): Promise<void> {
  const arms = set.reported.map((name) => ({ name, title: set.arms.get(name)!.title }));
  const { name, title, seeds, compare, figures } = set;
  const file: SetFile = { name, title, seeds, arms, compare, figures };
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(join(folder, SET_FILE), `${JSON.stringify(file, null, 2)}\n`);
}

export async function isSetFolder(folder: string): Promise<boolean> {
  return exists(join(folder, SET_FILE));
}

/** Builds the report of what is finished. Throws a UsageError when that is nothing. */
export async function reportFindingsSet(
  folder: string,
): Promise<{ readonly terminalSummary: string; readonly page: string }> {
  const set = JSON.parse(await readFile(join(folder, SET_FILE), 'utf8')) as SetFile;
  const names = (await readdir(join(folder, 'records')).catch(() => []))
    .filter((name) => name.endsWith('.jsonl.gz'))
    .sort();
  const all = await Promise.all(names.map((name) => readArmRun(join(folder, 'records', name))));
  const wanted = new Set(set.arms.map(({ name }) => name));
  const runs = all.filter(({ facts }) => wanted.has(facts.arm) && set.seeds.includes(facts.seed));
  if (runs.length === 0) throw new UsageError(`${resolve(folder)} holds no finished arm yet`);
  const command = `deskcheck run recipes/findings/${basename(set.name)}.yaml`;
  const { files, terminalSummary } = buildSetReport({ ...set, runs, command });
  const out = join(folder, 'report');
  await mkdir(out, { recursive: true });
  for (const { name, text } of files) await writeFileAtomically(join(out, name), text);
  return { terminalSummary, page: join(out, 'report.md') };
}
