/**
 * `deskcheck report`: the report of one run of any kind, and one report of several runs. What a run recorded is enough; nothing
 * is asked, run or judged again.
 */

import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { UsageError } from '../core/errors.js';
import { exists } from '../core/exists.js';
import { readJsonLines } from '../core/json-lines.js';
import { modelName } from '../evaluation/estimates.js';
import { type EvaluationRecord, parseEvaluationRecord } from '../evaluation/records.js';
import { buildReport, writeReport } from '../report/report.js';
import type { Report } from '../report/types.js';
import { machineFacts } from './machine-facts.js';
import { cutOffRecords, RECORD_FILES } from './record-files.js';
import { readStages } from './run-folder.js';
import { stagesOf } from './run-recipe.js';
import { runSpending } from './run-spending.js';
import { readRecipe } from './schema.js';
import { runFacts } from './sessions.js';

interface Built {
  readonly terminalSummary: string;
  readonly page: string;
}

/** Everything a run recorded. Throws a UsageError for a folder that holds no run. */
async function readRunRecords(folder: string): Promise<EvaluationRecord[]> {
  const isRun = await Promise.all(['settings.json', 'recipe.yaml'].map((name) => exists(join(folder, name))));
  if (!isRun.includes(true)) {
    throw new UsageError(
      `${folder} holds no run: there is neither recipe.yaml (deskcheck run) nor settings.json (verify, fix, eval)`,
    );
  }
  const records: EvaluationRecord[] = [];
  for (const name of RECORD_FILES) {
    const file = join(folder, name);
    const rows = await readJsonLines(file);
    for (const [i, row] of rows.entries()) records.push(parseEvaluationRecord(row, `${file}, line ${i + 1}`));
  }
  return records;
}

/** Whether this is a folder of `deskcheck eval`, whose report is built here too. */
export async function isEvalRun(folder: string): Promise<boolean> {
  return (await readSettings(folder))?.['command'] === 'eval';
}

/** The report of one `deskcheck eval`, rebuilt. */
export async function reportEvalRun(folder: string): Promise<Built> {
  const settings = (await readSettings(folder)) ?? {};
  const records = await readRunRecords(folder);
  const missing = await missingOf(folder);
  return write(
    join(folder, 'report'),
    buildReport({
      title: `Deskcheck: ${String(settings['benchmark'])}, ${String(settings['model'])}`,
      scope: 'benchmark',
      records,
      metrics: [],
      missing,
      run: {
        name: basename(resolve(folder)),
        command: `deskcheck eval ${String(settings['benchmark'])}`,
        seed: String(settings['seed'] ?? 0),
        recipe: stringify({ settings }),
        ...(await runFacts(folder)),
        ...(await runSpending(folder)),
        stages: [],
      },
    }),
  );
}

/** One report of several runs; its tables hold each run under a name of its own. */
export async function compareRunFolders(folders: readonly string[], out: string): Promise<Built> {
  if (folders.length < 2) throw new UsageError('--compare needs at least two runs');
  const names = uniqueNames(folders);
  const runs = await Promise.all(
    folders.map(async (folder, i) => ({
      name: names[i]!,
      records: relabel(await readRunRecords(folder), names[i]!),
    })),
  );
  const missing = await Promise.all(
    folders.map(async (folder, i) => (await missingOf(folder)).map((line) => `${names[i]}: ${line}`)),
  );
  return write(
    out,
    buildReport({
      title: `Deskcheck: ${names.join(', ')}`,
      about: `${runs.length} runs in one report. Each stands under its own name.`,
      scope: 'comparison',
      records: runs.flatMap(({ records }) => records),
      runs,
      metrics: [],
      missing: missing.flat(),
      run: {
        name: names.join(', '),
        command: `deskcheck report ${names.join(' ')} --compare`,
        seed: 'report',
        recipe: stringify(Object.fromEntries(await Promise.all(folders.map(settingsOf(names))))),
        ...(await machineFacts()),
        stages: [],
      },
    }),
  );
}

/** The run's name in place of the model's, with the model's where a run has several; a verifier is kept. */
function relabel(records: readonly EvaluationRecord[], name: string): EvaluationRecord[] {
  const models = new Set(records.map(modelName));
  return records.map((record): EvaluationRecord => {
    const model = models.size > 1 ? `${name}: ${modelName(record)}` : name;
    if (record.schema === 'selection/1') {
      const other = record.verifier !== undefined && record.verifier !== record.model;
      return { ...record, model, verifier: other ? record.verifier : model };
    }
    return { ...record, model };
  });
}

/** Folder names, with as much of what stands before them as tells them apart. */
function uniqueNames(folders: readonly string[]): string[] {
  const paths = folders.map((folder) => resolve(folder).split(/[\\/]/));
  if (new Set(paths.map((parts) => parts.join('/'))).size < paths.length) {
    throw new UsageError('a run is named twice; there is nothing to compare');
  }
  for (let depth = 1; ; depth++) {
    const names = paths.map((parts) => parts.slice(-depth).join('/'));
    if (new Set(names).size === names.length) return names;
  }
}

function settingsOf(names: readonly string[]) {
  return async (folder: string, i: number): Promise<[string, unknown]> => {
    const recipe = await readFile(join(folder, 'recipe.yaml'), 'utf8').catch(() => undefined);
    return [names[i]!, recipe ?? (await readSettings(folder)) ?? {}];
  };
}

/** What a run has not done of what it was asked for, or has lost, a sentence each. */
async function missingOf(folder: string): Promise<string[]> {
  return [...(await unfinishedOf(folder)), ...(await cutOffRecords(folder))];
}

async function unfinishedOf(folder: string): Promise<string[]> {
  const asked = await readAsked(folder);
  if (asked === undefined) {
    const done = await readStages(folder);
    const recipe = await readRecipe(join(folder, 'recipe.yaml')).catch((error: unknown) => {
      if (error instanceof UsageError) return undefined;
      throw error;
    });
    // Its records can still be compared.
    if (recipe === undefined)
      return ['its recipe is of another version; whether all stages are done is not known.'];
    const stages = stagesOf(recipe);
    const open = stages.filter(({ name }) => name !== 'report' && !(name in done)).map(({ name }) => name);
    return open.length === 0 ? [] : [`stages not done yet: ${open.join(', ')}.`];
  }
  const { items, problems } = asked;
  if (problems !== undefined) {
    const done = (await readJsonLines(join(folder, 'outcomes.jsonl'))).length;
    return done < problems ? [`${problems - done} of ${problems} problems are not done yet.`] : [];
  }
  const answered = new Set((await readRunRecords(folder)).map((record) => 'item' in record && record.item));
  answered.delete(false);
  return items !== undefined && answered.size < items
    ? [`${items - answered.size} of ${items} items have no answers.`]
    : [];
}

async function readSettings(folder: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  return (await readAsked(folder))?.settings;
}

interface Asked {
  readonly settings?: Readonly<Record<string, unknown>>;
  /** How many there are in all: of a benchmark, of `verify` or `fix`. */
  readonly items?: number;
  readonly problems?: number;
}

/** `undefined` for a recipe's run. */
async function readAsked(folder: string): Promise<Asked | undefined> {
  const text = await readFile(join(folder, 'settings.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Asked;
  } catch (cause) {
    throw new UsageError(`${join(folder, 'settings.json')} is damaged`, { cause });
  }
}

async function write(folder: string, report: Report): Promise<Built> {
  return { terminalSummary: report.terminalSummary, page: await writeReport(folder, report) };
}
