/**
 * `deskcheck eval`: one benchmark, one model or file of generations, in a folder like those of `verify` and `fix`:
 *
 *     settings.json    what was asked for
 *     calls.jsonl      every call with its question and answer
 *     records.jsonl    every answer with its verdict, as the report reads it
 *     predictions.jsonl  for output prediction: the same, with programs and real outputs
 *     report/
 *
 * Stopped at any moment, the same command goes on; with more samples or items it adds what is missing. `rescore` judges the
 * stored answers again, by another comparator or sandbox, and asks nothing.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { canonicalJson } from '../core/canonical-json.js';
import { UsageError } from '../core/errors.js';
import { appendJsonLines, readJsonLines, writeFileAtomically, writeJsonLines } from '../core/json-lines.js';
import type { Progress } from '../core/progress.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import { paperStyle } from '../episode/prompts/paper.js';
import type { BenchmarkName, LoadedBenchmark } from '../evaluation/benchmarks/benchmark.js';
import { loadBenchmark } from '../evaluation/benchmarks/load.js';
import { readGenerations } from '../evaluation/recorded-generations.js';
import { type BenchmarkRecord, parseEvaluationRecord } from '../evaluation/records.js';
import {
  type AnswerSource,
  type Completion,
  checkRecorded,
  predictionRecords,
  runBenchmark,
} from '../evaluation/run-benchmark.js';
import type { BenchmarkSummary } from '../evaluation/summarise-benchmarks.js';
import { summarise } from '../evaluation/summary.js';
import { type ComparatorName, outputsMatch } from '../execution/comparators.js';
import { createSandbox, type SandboxKind } from '../execution/create-sandbox.js';
import { createMeter, type Spending, type TokenPrice } from '../model/meter.js';
import { SpendingLimitError } from '../model/model-error.js';
import { openResponseCache } from '../model/response-cache.js';
import type { EndpointManners } from '../model/wrappers.js';
import { readPrograms } from '../problem/read-problems.js';
import { buildReport, writeReport } from '../report/report.js';
import { lockFolder } from './lock-folder.js';
import { openChatModel } from './open-model.js';
import { runSpending } from './run-spending.js';
import { createSessionNote, runFacts } from './sessions.js';

export interface EvalOptions extends EndpointManners {
  readonly benchmark: BenchmarkName;
  readonly data: string;
  /** As `--model` names it; or `generations`. */
  readonly model?: string;
  readonly generations?: string;
  /** The generations are answers in the benchmark's own form, not chat completions. */
  readonly raw?: boolean;
  /** In place of the name that goes with model or file. */
  readonly name?: string;
  /** A file of programs to predict the outputs of. */
  readonly programs?: string;
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly seed: number | string;
  readonly limit?: number;
  readonly comparator?: ComparatorName;
  readonly publicTestsInPrompt: boolean;
  readonly sandbox: SandboxKind;
  readonly rescore?: boolean;
  readonly maxTokensTotal?: number;
  readonly price?: TokenPrice;
  readonly folder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface EvalResult {
  readonly summary: BenchmarkSummary | undefined;
  readonly items: number;
  readonly leftOut: Readonly<Record<string, number>>;
  readonly spending: Spending;
  readonly page: string;
  /** Why not all items were done. */
  readonly stopped?: string;
}

/** Runs what is missing and writes the report. */
export async function runEval(options: EvalOptions): Promise<EvalResult> {
  const { benchmark: name, folder, progress, signal } = options;
  if ((options.model === undefined) === (options.generations === undefined)) {
    throw new UsageError('give either --model (who answers) or --generations (answers that there are)');
  }
  await using sandbox = createSandbox(options.sandbox);
  const context = { sandbox, signal };
  const programs = options.programs === undefined ? undefined : await readPrograms(options.programs);
  const load = (style: PromptStyle): Promise<LoadedBenchmark> =>
    loadBenchmark(
      name,
      options.data,
      {
        style,
        publicTestsInPrompt: options.publicTestsInPrompt,
        ...(options.comparator && { comparator: options.comparator }),
        ...(options.limit !== undefined && { limit: options.limit }),
        ...(programs && { programs }),
      },
      context,
    );
  // Before any folder is made: a file that is not there is the commonest mistake.
  let benchmark = await load(paperStyle);
  await mkdir(folder, { recursive: true });
  const unlock = await lockFolder(folder);
  try {
    const { spending: before } = await runSpending(folder);
    const spent = before ? before.promptTokens + before.completionTokens : 0;
    const meter = createMeter(options.maxTokensTotal, spent);
    const noteSession = createSessionNote(folder, options.price);
    await using cache = await openResponseCache(join(folder, 'calls.jsonl'));
    await using opened =
      options.model === undefined
        ? undefined
        : await openChatModel(options.model, {
            ...options,
            meter,
            cache,
            cachedOnly: options.rescore === true,
          });
    if (opened && opened.style.id !== paperStyle.id) benchmark = await load(opened.style);
    const source = await sourceOf(options, benchmark, opened?.model);
    const id = source.kind === 'model' ? source.model.id : source.id;
    await keepSettings(options, benchmark, id);
    const done = await readRecords(folder, options.rescore === true);
    let stopped: string | undefined;
    {
      await using log = await appendJsonLines(join(folder, 'records.jsonl'));
      const started = done.length;
      await runBenchmark(
        {
          benchmark,
          source,
          stage: /-(sft|rl)$/.exec(id)?.[1] ?? 'eval',
          done,
          write: async (records) => {
            await noteSession();
            await log.write(records);
          },
          onProgress: (finished, total) => {
            const { completionTokens } = meter.spending();
            const tokens = completionTokens > 0 ? `, ${completionTokens} tokens` : '';
            progress.update(finished / Math.max(1, total), `${finished} of ${total} items${tokens}`);
          },
        },
        context,
      ).catch((error: unknown) => {
        if (!(error instanceof SpendingLimitError)) throw error;
        stopped = error.message;
      });
      progress.finish();
      if (started > 0 && !options.rescore) progress.say(`  ${started} answers were there already`);
    }
    const { summary, page } = await report(options, benchmark, stopped);
    return {
      summary,
      items: benchmark.items.length,
      leftOut: benchmark.leftOut,
      spending: meter.spending(),
      page,
      ...(stopped === undefined ? {} : { stopped }),
    };
  } finally {
    await unlock();
  }
}

async function sourceOf(
  options: EvalOptions,
  benchmark: LoadedBenchmark,
  model: Awaited<ReturnType<typeof openChatModel>>['model'] | undefined,
): Promise<AnswerSource> {
  const { samples, temperature, topP, maxTokens, seed, name } = options;
  if (model !== undefined) {
    const named = name === undefined ? model : { ...model, id: name };
    return { kind: 'model', model: named, sampling: { temperature, topP }, maxTokens, samples, seed };
  }
  const file = options.generations!;
  const completions = await readGenerations(file);
  const { unknown, without } = checkRecorded(benchmark, completions);
  if (unknown > 0 && options.limit === undefined)
    options.progress.say(`  ${unknown} items of ${file} are not in the benchmark's file`);
  if (without > 0)
    options.progress.say(`  ${without} of ${benchmark.items.length} items have no generations`);
  return {
    kind: 'recorded',
    id: name ?? basename(file).replace(/\.jsonl?(?:\.gz)?$/, ''),
    raw: options.raw === true,
    completions: new Map<string, readonly Completion[]>(completions),
  };
}

/** What must not change between sessions; samples, limit and the machinery may. */
async function keepSettings(
  options: EvalOptions,
  { comparator, items }: LoadedBenchmark,
  model: string,
): Promise<void> {
  const { benchmark, temperature, topP, maxTokens, seed, publicTestsInPrompt, raw = false } = options;
  const asked = options.model === undefined ? {} : { temperature, topP, maxTokens, publicTestsInPrompt };
  const settings = { command: 'eval', benchmark, model, seed, comparator, raw, ...asked };
  const file = join(options.folder, 'settings.json');
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (before !== undefined && !options.rescore) {
    const was = (JSON.parse(before) as { settings?: unknown }).settings;
    if (canonicalJson(was) !== canonicalJson(settings)) {
      throw new UsageError(
        `${options.folder} holds answers under other settings (${join(options.folder, 'settings.json')}). Name another folder with --out, or give --rescore to judge its answers again.`,
      );
    }
  }
  await writeFileAtomically(file, `${JSON.stringify({ settings, items: items.length }, null, 2)}\n`);
}

/** Earlier records. To be scored again, all of them count as answered but not scored. */
async function readRecords(folder: string, rescore: boolean): Promise<BenchmarkRecord[]> {
  const file = join(folder, 'records.jsonl');
  const rows = await readJsonLines(file);
  const records = rows.flatMap((row, index) => {
    const record = parseEvaluationRecord(row, `${file}, line ${index + 1}`);
    return record.schema === 'benchmark/1' ? [record] : [];
  });
  if (!rescore) return records;
  if (records.length === 0) throw new UsageError(`${folder} holds no answers that could be scored again`);
  const unscored = records.map((record) => ({ ...record, verdict: 'unscored' as const }));
  await writeJsonLines(file, unscored);
  return unscored;
}

async function report(
  options: EvalOptions,
  benchmark: LoadedBenchmark,
  stopped: string | undefined,
): Promise<{ readonly summary: BenchmarkSummary | undefined; readonly page: string }> {
  const { folder, seed } = options;
  const records = await readRecords(folder, false);
  const same = (expected: string, candidate: string): boolean =>
    outputsMatch(benchmark.comparator as ComparatorName, candidate, expected);
  const predictions = predictionRecords(benchmark, records, same);
  if (predictions.length > 0) await writeJsonLines(join(folder, 'predictions.jsonl'), predictions);
  else await rm(join(folder, 'predictions.jsonl'), { force: true });
  const [summary] = summarise(records).benchmarks;
  const model = records[0]?.model ?? 'nobody';
  const answered = new Set(records.map(({ item }) => item)).size;
  const missing = [
    ...(stopped === undefined ? [] : [`Stopped: ${stopped}.`]),
    ...(answered < benchmark.items.length
      ? [`${benchmark.items.length - answered} of ${benchmark.items.length} items have no answers.`]
      : []),
  ];
  const settings = await readFile(join(folder, 'settings.json'), 'utf8');
  const built = buildReport({
    title: `Deskcheck: ${benchmark.name}, ${model}`,
    records: [...records, ...predictions],
    metrics: [],
    scope: 'benchmark',
    missing,
    run: {
      name: basename(folder),
      command: `deskcheck eval ${benchmark.name}`,
      seed,
      recipe: stringify(JSON.parse(settings)),
      ...(await runFacts(folder)),
      ...(await runSpending(folder)),
      stages: [],
    },
  });
  return { summary, page: await writeReport(join(folder, 'report'), built) };
}
