/**
 * What the commands of the data factory share: their options, and making a data set in parts with everything around it
 * (sandboxes under two hash seeds, models, decontamination, progress, the data card, Parquet).
 */
import { setMaxListeners } from 'node:events';
import { basename, join } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { writeFileAtomically } from '../core/json-lines.js';
import { createTerminalProgress } from '../core/progress.js';
import { createSandbox, SANDBOX_KINDS, type SandboxKind } from '../execution/create-sandbox.js';
import type { Sandbox } from '../execution/types.js';
import type { TokenPrice } from '../model/meter.js';
import { SpendingLimitError } from '../model/model-error.js';
import { MODEL_SYNTAX } from '../model/model-spec.js';
import { DEFAULT_THRESHOLDS, type GroundingThresholds } from '../nlex/grounding.js';
import { type Counts, countOf } from '../recipe/factory/counts.js';
import { writeFactoryCard } from '../recipe/factory/data-card.js';
import { createDecontaminator, readEvaluationTexts } from '../recipe/factory/decontaminate.js';
import { type FactoryModels, openFactoryModels } from '../recipe/factory/models.js';
import { type Columns, writeParquet } from '../recipe/factory/parquet.js';
import { type Made, makeParts, parseShard, partFiles } from '../recipe/factory/parts.js';
import {
  checkedModel,
  countFrom,
  describeSpending,
  numberFrom,
  parsePrice,
  untilStopped,
} from './model-options.js';

export interface FactoryOptions {
  readonly out: string;
  readonly shard: string;
  readonly seed: string;
  readonly sandbox: SandboxKind;
  readonly processes?: number;
  readonly licence: string;
  readonly parquet: boolean;
  readonly decontaminate?: string[];
  readonly concurrency: number;
  readonly timeout: number;
  readonly maxTokensTotal?: number;
  readonly price?: TokenPrice;
  readonly narrator?: 'template' | 'llm';
  readonly model?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly minScore?: number;
  readonly minClaims?: number;
  readonly proposer?: string;
  readonly solver?: string[];
}

/** Options of every command that makes rows from executions. */
export function addFactoryOptions(command: Command): Command {
  return command
    .requiredOption('--out <folder>', 'where the data set goes; a folder begun before is gone on with')
    .option('--shard <i/n>', 'only this share of the work, such as 1/4', '1/1')
    .option('--seed <seed>', 'of everything that is drawn', '0')
    .option('--licence <name>', 'licence of the programs, for the rows and the card', 'unknown')
    .option('--decontaminate <files...>', 'JSON lines of evaluation data that must not come in')
    .option('--no-parquet', 'JSON lines only')
    .addOption(new Option('--sandbox <kind>').choices([...SANDBOX_KINDS]).default('auto'))
    .option('--processes <n>', 'how many programs run at once (default: one per core)', countFrom(1))
    .option('--concurrency <n>', 'calls to a model in flight', countFrom(1), 16)
    .option('--timeout <seconds>', 'of one call to a model', numberFrom(0.001), 600)
    .option('--max-tokens-total <n>', 'stop before models take more tokens, prompts included', countFrom(1))
    .option('--price <prompt,completion>', 'money per million tokens, such as 0.15,0.60', parsePrice);
}

/** Options of those that explain executions. */
export function addNarratorOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--narrator <name>', 'who explains: our own template for nothing, or the model of --model')
        .choices(['template', 'llm'])
        .default('template'),
    )
    .option('--model <model>', `of the llm narrator: ${MODEL_SYNTAX}`, checkedModel)
    .option('--temperature <number>', 'of the llm narrator; 0 is greedy', numberFrom(0), 0)
    .option('--max-tokens <n>', 'of one explanation by the llm narrator', countFrom(1), 4_096)
    .option(
      '--min-score <score>',
      'least share of claims that the trace supports, for an explanation to be kept',
      numberFrom(0, 1),
      DEFAULT_THRESHOLDS.minScore,
    )
    .option(
      '--min-claims <n>',
      'least number of claims that can be checked',
      countFrom(0),
      DEFAULT_THRESHOLDS.minClaims,
    );
}

/** What rows are made with. */
export interface Tools {
  readonly sandbox: Sandbox;
  /** The same under another hash seed, where there is such a thing. */
  readonly other: Sandbox | undefined;
  readonly models: FactoryModels;
  readonly thresholds: GroundingThresholds;
  readonly isContaminated: ((text: string) => boolean) | undefined;
  readonly signal: AbortSignal;
}

export interface DataSet<Unit, Row> {
  /** The command's name: `functions`. */
  readonly kind: string;
  readonly title: string;
  /** Files and folders that it is made from. */
  readonly sources: readonly string[];
  /** What its rows depend on besides the common options. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly units: (onRead: (fraction: number) => void) => AsyncIterable<Unit>;
  /** How many there are, where that is known before; else progress goes by what is read. */
  readonly total?: number;
  readonly unitsPerPart: number;
  /** Of units, for progress: `files`. */
  readonly unit: string;
  readonly keyOf: (unit: Unit) => string;
  readonly idOf: (row: Row) => string;
  readonly columns: Columns;
  readonly countRow: (row: Row) => Counts;
  readonly work: (unit: Unit, tools: Tools) => Promise<Made<Row>>;
  readonly summary: (counts: Counts) => string;
}

/** Makes the data set, or what is missing of it. Exit code 1 when the spending limit stopped it. */
export async function makeDataSet<Unit, Row>(
  options: FactoryOptions,
  set: DataSet<Unit, Row>,
): Promise<void> {
  checkNarrator(options);
  const shard = parseShard(options.shard);
  const { out, licence } = options;
  const thresholds = {
    minScore: options.minScore ?? DEFAULT_THRESHOLDS.minScore,
    minClaims: options.minClaims ?? DEFAULT_THRESHOLDS.minClaims,
  };
  const isContaminated = await readContamination(options.decontaminate);
  const settings = { kind: set.kind, sources: set.sources, ...commonSettings(options), ...set.settings };
  const progress = createTerminalProgress(process.stderr);
  let counts: Counts;
  await using models = await openFactoryModels({ ...modelOptions(options), folder: out });
  try {
    counts = await withSandboxes(options, (sandbox, other) =>
      untilStopped(async (signal) => {
        setMaxListeners(0, signal);
        const tools = { sandbox, other, models, thresholds, isContaminated, signal };
        let read = 0;
        const started = Date.now();
        const made = await makeParts<Unit, Row>(
          set.units((fraction) => {
            read = fraction;
          }),
          {
            folder: out,
            settings,
            shard,
            unitsPerPart: set.unitsPerPart,
            window: Math.max(8 * sandbox.concurrency, models.spending() ? options.concurrency : 0),
            keyOf: set.keyOf,
            idOf: set.idOf,
            countRow: set.countRow,
            work: (unit) => set.work(unit, tools),
            onUnit: (done) => {
              const share = set.total === undefined ? read : Math.min(1, (done * shard.of) / set.total);
              progress.update(share, `${done} ${set.unit}${spent(models)}`);
            },
            signal,
          },
        );
        progress.finish(
          `  ${set.unit} done in ${((Date.now() - started) / 1000).toFixed(0)} s${spent(models)}`,
        );
        return made;
      }),
    );
  } catch (error) {
    progress.finish();
    if (!(error instanceof SpendingLimitError)) throw error;
    process.stderr.write(
      `deskcheck: stopped: ${error.message}; the same command with a higher --max-tokens-total goes on\n`,
    );
    process.exitCode = 1;
    return;
  }
  await finish(options, set.columns, {
    title: set.title,
    command: `deskcheck data ${set.kind} ${set.sources.map((path) => basename(path)).join(' ')}`,
    sources: set.sources.map((path) => basename(path)),
    settings,
    licence,
    counts,
  });
  const spending = models.spending();
  process.stdout.write(`${set.summary(counts)}: ${out}\n`);
  if (spending) process.stdout.write(`spent: ${describeSpending(spending)}\n`);
}

function checkNarrator({ narrator, model }: FactoryOptions): void {
  if (narrator === 'llm' && model === undefined)
    throw new UsageError('--narrator llm asks a model: name it with --model http://host:8000/v1#name');
  if (narrator !== 'llm' && model !== undefined)
    throw new UsageError('--model is the model of the llm narrator: add --narrator llm');
}

/** What rows depend on; not how fast they are made. */
function commonSettings(options: FactoryOptions): Record<string, unknown> {
  const { seed, licence, minScore, minClaims, narrator, model, temperature, maxTokens } = options;
  const { proposer, solver, decontaminate } = options;
  return {
    seed,
    licence,
    ...{ minScore, minClaims, narrator },
    ...(narrator === 'llm' ? { model, temperature, maxTokens } : {}),
    ...{ proposer, solver, decontaminate },
  };
}

function modelOptions(options: FactoryOptions): Omit<Parameters<typeof openFactoryModels>[0], 'folder'> {
  const { seed, narrator, model, temperature = 0, maxTokens = 4_096, proposer, solver } = options;
  const { concurrency, timeout, maxTokensTotal, price } = options;
  return {
    ...{ seed, temperature, maxTokens, concurrency, timeoutMs: timeout * 1000 },
    ...(narrator === 'llm' && model !== undefined ? { narrator: model } : {}),
    ...(proposer === undefined ? {} : { proposer }),
    ...(solver === undefined ? {} : { solvers: solver }),
    ...(maxTokensTotal === undefined ? {} : { maxTokensTotal }),
    ...(price === undefined ? {} : { price }),
  };
}

function spent(models: FactoryModels): string {
  const spending = models.spending();
  return spending === undefined ? '' : `, ${spending.promptTokens + spending.completionTokens} tokens`;
}

async function readContamination(
  files: readonly string[] = [],
): Promise<((text: string) => boolean) | undefined> {
  if (files.length === 0) return undefined;
  const { check } = createDecontaminator(await readEvaluationTexts(files));
  return (text) => check(text) !== undefined;
}

/** The card and the Parquet file beside the parts. */
async function finish(
  { out, parquet }: Pick<FactoryOptions, 'out' | 'parquet'>,
  columns: Columns,
  facts: Parameters<typeof writeFactoryCard>[0],
): Promise<void> {
  await writeFileAtomically(join(out, 'README.md'), writeFactoryCard(facts));
  if (parquet && countOf(facts.counts, 'rows') > 0)
    await writeParquet(await partFiles(out), join(out, 'data.parquet'), columns);
}

/** The sandbox, and where it can be had the same under another hash seed. */
async function withSandboxes<T>(
  { sandbox: kind, processes }: Pick<FactoryOptions, 'sandbox' | 'processes'>,
  work: (sandbox: Sandbox, other: Sandbox | undefined) => Promise<T>,
): Promise<T> {
  const size = processes === undefined ? {} : { processes };
  const sandbox = createSandbox(kind, { ...size, hashSeed: 0 });
  const other = sandbox.kind === 'wasm' ? undefined : createSandbox(sandbox.kind, { ...size, hashSeed: 1 });
  try {
    return await work(sandbox, other);
  } finally {
    await sandbox[Symbol.asyncDispose]();
    await other?.[Symbol.asyncDispose]();
  }
}
