/**
 * Running a benchmark: answers are asked of a model, or come from a file of generations; each is read, judged and handed to
 * the caller, who keeps it. What is already there is not asked, and not judged, again; an answer that could not be scored
 * is judged anew without asking, one that could not be had is asked anew.
 */
import { forEachConcurrently } from '../core/concurrency.js';
import { InfrastructureError, messageOf, UsageError } from '../core/errors.js';
import { hash32 } from '../core/rng.js';
import type { TurnSampling } from '../episode/play.js';
import type { ComparatorName } from '../execution/comparators.js';
import type { ChatModel } from '../model/types.js';
import type { BenchmarkItem, JudgeContext, Judged, LoadedBenchmark } from './benchmarks/benchmark.js';
import { groupBy } from './estimates.js';
import { type BenchmarkRecord, judgePrediction, type OutputPredictionRecord } from './records.js';
import { latest } from './summarise-benchmarks.js';

/** One answer before it is judged. */
export interface Completion {
  readonly text: string;
  readonly stop: BenchmarkRecord['stop'];
  readonly tokens: number;
}

/** Where answers come from. */
export type AnswerSource =
  | {
      readonly kind: 'model';
      readonly model: ChatModel;
      readonly sampling: TurnSampling;
      readonly maxTokens: number;
      /** Answers per item. */
      readonly samples: number;
      readonly seed: number | string;
    }
  | {
      readonly kind: 'recorded';
      readonly id: string;
      /** By item. */
      readonly completions: ReadonlyMap<string, readonly Completion[]>;
      /** Whether they are answers in the benchmark's own form, not chat completions. */
      readonly raw: boolean;
    };

export interface BenchmarkRun {
  readonly benchmark: LoadedBenchmark;
  readonly source: AnswerSource;
  readonly stage: string;
  /** What earlier sessions wrote. */
  readonly done: readonly BenchmarkRecord[];
  /** Keeps records; called once per item. */
  write(records: readonly BenchmarkRecord[]): Promise<void>;
  onProgress?(finished: number, total: number): void;
  /** Items side by side; default 32. */
  readonly itemsAtOnce?: number;
}

/** Runs what is missing; returns all records, earlier ones first. Rejects with the signal's reason when aborted. */
export async function runBenchmark(run: BenchmarkRun, context: JudgeContext): Promise<BenchmarkRecord[]> {
  const { benchmark, source, done } = run;
  const items = benchmark.items.filter(
    ({ id }) => source.kind === 'model' || (source.completions.get(id)?.length ?? 0) > 0,
  );
  const wanted = new Set(items.map(({ id }) => id));
  const records = latest(done).filter(({ item }) => wanted.has(item));
  const known = new Map(records.map((record) => [placeOf(record.item, record.sample), record]));
  const todo = items
    .map((item) => ({ item, samples: missing(item.id, known, source) }))
    .filter(({ samples }) => samples.length > 0);
  let finished = items.length - todo.length;
  run.onProgress?.(finished, items.length);
  await forEachConcurrently(todo, run.itemsAtOnce ?? 32, async ({ item, samples }) => {
    context.signal?.throwIfAborted();
    const fresh = await answerItem(run, item, samples, known, context);
    await run.write(fresh);
    records.push(...fresh);
    run.onProgress?.(++finished, items.length);
  });
  return latest(records);
}

/** What the report counts output prediction by: one record per item that has answers. */
export function predictionRecords(
  { items, comparator }: LoadedBenchmark,
  records: readonly BenchmarkRecord[],
  same: (expected: string, candidate: string) => boolean,
): OutputPredictionRecord[] {
  const byItem = groupBy(records, ({ item }) => item);
  return items.flatMap(({ id, problem, prediction }) => {
    const answers = byItem.get(id);
    if (prediction === undefined || answers === undefined) return [];
    const { stage, model } = answers[0]!;
    return [
      {
        schema: 'output-prediction/1' as const,
        problem,
        stage,
        model,
        ...prediction,
        comparator: comparator as ComparatorName,
        predictions: answers.map(({ verdict, answer: output, stop, tokens }) => ({
          output,
          stop,
          tokens,
          verdict:
            verdict === 'unscored'
              ? ('unscored' as const)
              : judgePrediction({ output, stop }, prediction, same),
        })),
      },
    ];
  });
}

function placeOf(item: string, sample: number): string {
  return JSON.stringify([item, sample]);
}

function missing(item: string, known: ReadonlyMap<string, BenchmarkRecord>, source: AnswerSource): number[] {
  const count = source.kind === 'model' ? source.samples : source.completions.get(item)!.length;
  return Array.from({ length: count }, (_, sample) => sample).filter((sample) => {
    const before = known.get(placeOf(item, sample));
    return before === undefined || before.verdict === 'unscored';
  });
}

async function answerItem(
  { benchmark, source, stage }: BenchmarkRun,
  item: BenchmarkItem,
  samples: readonly number[],
  known: ReadonlyMap<string, BenchmarkRecord>,
  context: JudgeContext,
): Promise<BenchmarkRecord[]> {
  const got = await Promise.all(
    samples.map(async (sample) => ({
      sample,
      given: await complete(source, item, sample, known.get(placeOf(item.id, sample)), context.signal),
    })),
  );
  const raw = source.kind === 'recorded' && source.raw;
  const read = got.map(({ sample, given }) => ({
    sample,
    given,
    answer: 'failed' in given ? undefined : readGiven(item, given, raw),
  }));
  const answered = read.flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
  const judged = answered.length === 0 ? [] : await judgeAll(item, answered, context);
  let next = 0;
  return read.map(({ sample, given, answer }): BenchmarkRecord => {
    const base = {
      schema: 'benchmark/1' as const,
      benchmark: benchmark.name,
      item: item.id,
      problem: item.problem,
      sample,
      stage,
      model: source.kind === 'model' ? source.model.id : source.id,
      comparator: benchmark.comparator,
    };
    if ('failed' in given) {
      const empty = { answer: null, completion: null, stop: 'other', tokens: 0 } as const;
      return { ...base, verdict: 'unscored', reason: given.failed, ...empty };
    }
    const { text: completion, stop, tokens } = given;
    const told = { completion, stop, tokens };
    if (answer === undefined) {
      return { ...base, verdict: stop === 'length' ? 'truncated' : 'unparsed', answer: null, ...told };
    }
    const { verdict, weak, reason } = judged[next++]!;
    return {
      ...base,
      verdict,
      ...(weak && { weak }),
      ...(reason === undefined ? {} : { reason }),
      answer,
      ...told,
    };
  });
}

function readGiven(item: BenchmarkItem, { text, stop }: Completion, raw: boolean): string | undefined {
  if (raw) return item.readRaw(text);
  // A predicted output is the last thing said: what a completion that was cut off ends with may be quoted from the program.
  return item.prediction !== undefined && stop === 'length' ? undefined : item.read(text);
}

/** An answer, or why there is none. */
async function complete(
  source: AnswerSource,
  item: BenchmarkItem,
  sample: number,
  before: BenchmarkRecord | undefined,
  signal: AbortSignal | undefined,
): Promise<Completion | { readonly failed: string }> {
  if (before !== undefined && before.completion !== null) {
    return { text: before.completion, stop: before.stop, tokens: before.tokens };
  }
  if (source.kind === 'recorded') return source.completions.get(item.id)![sample]!;
  const { model, sampling, maxTokens, seed } = source;
  try {
    const { text, stopReason, usage } = await model.generate({
      messages: item.messages,
      ...sampling,
      maxTokens,
      seed: hash32(`${seed}/${item.id}/${sample}`) >>> 1,
      ...(signal && { signal }),
    });
    return { text, stop: stopReason, tokens: usage.completionTokens };
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    return { failed: messageOf(error) };
  }
}

async function judgeAll(
  item: BenchmarkItem,
  answers: readonly string[],
  context: JudgeContext,
): Promise<readonly Judged[]> {
  try {
    const judged = await item.judge(answers, context);
    if (judged.length !== answers.length) throw new TypeError('a judge has to give one verdict per answer');
    return judged;
  } catch (error) {
    if (!(error instanceof InfrastructureError) || !error.retryable) throw error;
    return answers.map(() => ({
      verdict: 'unscored' as const,
      reason: error.message,
    }));
  }
}

/** Throws a UsageError when none of the recorded generations belongs to the benchmark. */
export function checkRecorded(
  benchmark: LoadedBenchmark,
  completions: ReadonlyMap<string, readonly Completion[]>,
): { readonly unknown: number; readonly without: number } {
  const ids = new Set(benchmark.items.map(({ id }) => id));
  const unknown = [...completions.keys()].filter((id) => !ids.has(id)).length;
  const without = [...ids].filter((id) => !completions.has(id)).length;
  if (without === ids.size) {
    const [given] = completions.keys();
    const [wanted] = ids;
    throw new UsageError(
      `none of the generations belongs to ${benchmark.name}: they are about ${given ?? 'nothing'}, its items are called ${wanted ?? 'nothing'}`,
    );
  }
  return { unknown, without };
}
