/**
 * A run of a model over problems (`deskcheck verify`, `fix`), in a folder of its own:
 *
 *     settings.json    what was asked for
 *     calls.jsonl      every call with its question and answer (src/model/response-cache.ts)
 *     records.jsonl    what happened, as the report reads it (src/evaluation/records.ts)
 *     sessions.jsonl   where and by which versions that was done (sessions.ts)
 *     outcomes.jsonl   one row per problem: the program that it came to
 *     programs/        those programs as files
 *     report/
 *
 * Stopped at any moment, the same command goes on: finished problems are not done again, calls that were answered are not
 * asked again. Under other settings the problems are done anew, and still only the calls that are missing are asked. With
 * `rescore` none is: stored answers are judged again, by another comparator or sandbox.
 */
import { setMaxListeners } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { hashJson } from '../core/canonical-json.js';
import { forEachConcurrently } from '../core/concurrency.js';
import { UsageError } from '../core/errors.js';
import { appendJsonLines, readJsonLines, writeFileAtomically, writeJsonLines } from '../core/json-lines.js';
import type { Progress } from '../core/progress.js';
import { type EvaluationRecord, parseEvaluationRecord } from '../evaluation/records.js';
import { createCachingSandbox } from '../execution/caching-sandbox.js';
import { createSandbox, type SandboxKind } from '../execution/create-sandbox.js';
import type { Sandbox } from '../execution/types.js';
import { createMeter, type Spending, type TokenPrice } from '../model/meter.js';
import { SpendingLimitError } from '../model/model-error.js';
import { openResponseCache } from '../model/response-cache.js';
import type { EndpointManners } from '../model/wrappers.js';
import type { Problem } from '../problem/types.js';
import { buildReport, writeReport } from '../report/report.js';
import { lockFolder } from './lock-folder.js';
import { type OpenChatModel, openChatModel } from './open-model.js';
import { cutOffRecords } from './record-files.js';
import { runSpending } from './run-spending.js';
import { createSessionNote, runFacts } from './sessions.js';

/** What is asked for; equal settings mean the same run. JSON values only. */
export type Settings = Readonly<Record<string, unknown>> & {
  readonly command: string;
  /** As `--model` names them. */
  readonly model: string;
  readonly verifier?: string;
  readonly seed: number | string;
};

export interface ModelRunOptions extends EndpointManners {
  readonly folder: string;
  readonly problems: readonly Problem[];
  readonly settings: Settings;
  /** `none` judges nothing. */
  readonly sandbox: SandboxKind | 'none';
  readonly rescore?: boolean;
  /** Prompt and completion tokens of model and verifier together, over all sessions of the run. */
  readonly maxTokensTotal?: number;
  readonly price?: TokenPrice;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What each problem is worked on with. */
export interface Workplace {
  readonly solver: OpenChatModel;
  /** The solver where no other was named. */
  readonly verifier: OpenChatModel;
  readonly sandbox: Sandbox | undefined;
  readonly signal: AbortSignal;
}

/** What a problem came to. */
export interface ProblemOutcome {
  readonly problem: string;
  /** The program to use; `null` when there is none. */
  readonly source: string | null;
  /** Calls failed for good: the problem is done again when the run goes on, and asks for those only. */
  readonly unscored?: true;
}

export interface Worked<Outcome extends ProblemOutcome> {
  readonly outcome: Outcome;
  readonly records: readonly EvaluationRecord[];
}

export interface ModelRunResult<Outcome> {
  readonly outcomes: readonly Outcome[];
  readonly records: readonly EvaluationRecord[];
  readonly spending: Spending;
  /** Why not all problems were done. */
  readonly stopped?: string;
}

/** Problems in work side by side; calls are limited by their own limit. */
const PROBLEMS_AT_ONCE = 16;

/** Works on every problem that is not done yet. */
export async function runOverProblems<Outcome extends ProblemOutcome>(
  options: ModelRunOptions,
  work: (problem: Problem, index: number, workplace: Workplace) => Promise<Worked<Outcome>>,
): Promise<ModelRunResult<Outcome>> {
  const { folder, problems, settings, progress, signal } = options;
  // Every run in a sandbox listens; there is no leak to warn of.
  setMaxListeners(0, signal);
  await mkdir(join(folder, 'programs'), { recursive: true });
  const unlock = await lockFolder(folder);
  try {
    await using cache = await openResponseCache(join(folder, 'calls.jsonl'));
    await prepare(options);
    const done = await keepWholeProblems<Outcome>(folder, ({ unscored }) => unscored !== true);
    const { spending: before } = await runSpending(folder);
    const spent = before ? before.promptTokens + before.completionTokens : 0;
    const meter = createMeter(options.maxTokensTotal, spent);
    const noteSession = createSessionNote(folder, options.price);
    const opening = { ...options, cache, meter, cachedOnly: options.rescore === true };
    await using solver = await openChatModel(settings.model, opening);
    const other =
      settings.verifier === undefined || settings.verifier === settings.model
        ? undefined
        : await openChatModel(settings.verifier, opening);
    await using sandbox = openSandbox(options.sandbox);
    await using records = await appendJsonLines(join(folder, 'records.jsonl'));
    await using outcomes = await appendJsonLines(join(folder, 'outcomes.jsonl'));
    const workplace: Workplace = { solver, verifier: other ?? solver, sandbox: sandbox?.caching, signal };
    let stopped: string | undefined;
    let finished = done.size;
    try {
      const todo = problems
        .map((problem, index) => ({ problem, index }))
        .filter(({ problem }) => !done.has(problem.id));
      await forEachConcurrently(todo, PROBLEMS_AT_ONCE, async ({ problem, index }) => {
        signal.throwIfAborted();
        await noteSession();
        const worked = await work(problem, index, workplace);
        await records.write(worked.records);
        if (worked.outcome.source !== null) {
          await writeFile(join(folder, 'programs', fileNameOf(problem.id)), worked.outcome.source);
        }
        // Last: where this row is, the problem is complete.
        await outcomes.write([{ ...worked.outcome, records: worked.records.length }]);
        const { completionTokens, cachedCalls } = meter.spending();
        const stored = cachedCalls > 0 ? `, ${cachedCalls} calls stored` : '';
        progress.update(
          ++finished / problems.length,
          `${finished} of ${problems.length} problems, ${completionTokens} tokens${stored}`,
        );
      });
    } catch (error) {
      if (!(error instanceof SpendingLimitError)) throw error;
      stopped = error.message;
    } finally {
      await other?.[Symbol.asyncDispose]();
    }
    progress.finish();
    const all = await keepWholeProblems<Outcome>(folder);
    return {
      outcomes: problems.flatMap(({ id }) => all.get(id) ?? []),
      records: await readRecords(folder),
      spending: meter.spending(),
      ...(stopped === undefined ? {} : { stopped }),
    };
  } finally {
    await unlock();
  }
}

/** Builds the report of a run from its folder; returns the page's path. */
export async function reportModelRun(
  folder: string,
): Promise<{ readonly terminalSummary: string; readonly page: string }> {
  const { settings, problems } = await readSettings(folder);
  const records = await readRecords(folder);
  const done = (await readJsonLines(join(folder, 'outcomes.jsonl'))).length;
  const report = buildReport({
    title: `Deskcheck: ${settings.command}, ${modelsOf(records).join(' and ') || settings.model}`,
    about: `${done} of ${problems} problems are done.`,
    scope: 'model-run',
    records,
    metrics: [],
    run: {
      name: settings.command,
      command: `deskcheck ${settings.command}`,
      seed: settings.seed,
      recipe: stringify(settings),
      ...(await runFacts(folder)),
      ...(await runSpending(folder)),
      stages: [],
    },
    missing: [
      ...(done < problems ? [`${problems - done} problems are not done yet.`] : []),
      ...(await cutOffRecords(folder)),
    ],
  });
  const page = await writeReport(join(folder, 'report'), report);
  return { terminalSummary: report.terminalSummary, page };
}

/** A program's file: the problem's id, as far as it can be a name. */
function fileNameOf(id: string): string {
  const safe = id.replace(/[^\w.-]/g, '_').slice(0, 100);
  return safe === id ? `${id}.py` : `${safe}-${hashJson(id).slice(0, 8)}.py`;
}

/** Writes the settings down. Other settings than before: what was made of the answers is made anew. */
async function prepare({ folder, settings, problems, rescore }: ModelRunOptions): Promise<void> {
  const file = join(folder, 'settings.json');
  const now = { settings, problems: problems.length, problemsHash: hashJson(problems) };
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (rescore && before === undefined) {
    throw new UsageError(`${folder} holds no run whose answers could be scored again`);
  }
  const same = before !== undefined && hashJson(JSON.parse(before)) === hashJson(now);
  if (same && !rescore) return;
  for (const name of ['records.jsonl', 'outcomes.jsonl', 'programs']) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
  await mkdir(join(folder, 'programs'), { recursive: true });
  await writeFileAtomically(file, `${JSON.stringify(now, null, 2)}\n`);
}

async function readSettings(folder: string): Promise<{ settings: Settings; problems: number }> {
  try {
    return JSON.parse(await readFile(join(folder, 'settings.json'), 'utf8'));
  } catch (cause) {
    throw new UsageError(`${folder} holds no run of "deskcheck verify" or "deskcheck fix"`, { cause });
  }
}

/** Drops what belongs to problems that a kill cut in two, or that are not to be kept; returns the others' outcomes. */
async function keepWholeProblems<Outcome extends ProblemOutcome>(
  folder: string,
  keep: (outcome: Outcome) => boolean = () => true,
): Promise<Map<string, Outcome>> {
  const file = join(folder, 'outcomes.jsonl');
  const outcomes = (await readJsonLines(file)) as Outcome[];
  const whole = new Map(outcomes.filter(keep).map((outcome) => [outcome.problem, outcome]));
  if (whole.size < outcomes.length) await writeJsonLines(file, [...whole.values()]);
  const recordsFile = join(folder, 'records.jsonl');
  const records = (await readJsonLines(recordsFile)) as EvaluationRecord[];
  const kept = records.filter(({ problem }) => whole.has(problem));
  if (kept.length < records.length) await writeJsonLines(recordsFile, kept);
  return whole;
}

async function readRecords(folder: string): Promise<EvaluationRecord[]> {
  const file = join(folder, 'records.jsonl');
  const rows = await readJsonLines(file);
  return rows.map((row, index) => parseEvaluationRecord(row, `${file}, line ${index + 1}`));
}

function modelsOf(records: readonly EvaluationRecord[]): string[] {
  return [...new Set(records.map(({ model }) => model))];
}

function openSandbox(
  kind: SandboxKind | 'none',
): { readonly caching: Sandbox; [Symbol.asyncDispose](): Promise<void> } | undefined {
  if (kind === 'none') return undefined;
  const sandbox = createSandbox(kind);
  return {
    caching: createCachingSandbox(sandbox),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}
