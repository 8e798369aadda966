/**
 * `deskcheck data`: the execution-data factory.
 */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { writeFileAtomically } from '../core/json-lines.js';
import { createTerminalProgress } from '../core/progress.js';
import { paperStyle } from '../episode/prompts/paper.js';
import { createSandbox, SANDBOX_KINDS, type SandboxKind } from '../execution/create-sandbox.js';
import type { Sandbox } from '../execution/types.js';
import type { PythonFile } from '../nlex/functions/find-functions.js';
import { DEFAULT_THRESHOLDS } from '../nlex/grounding.js';
import { countOf } from '../recipe/factory/counts.js';
import { writeDataCard } from '../recipe/factory/data-card.js';
import { countFactoryRow, type FactoryRow, makeFunctionRows } from '../recipe/factory/function-data.js';
import { writeParquet } from '../recipe/factory/parquet.js';
import { makeParts, parseShard, partFiles } from '../recipe/factory/parts.js';
import { readPythonFiles } from '../recipe/factory/python-files.js';

interface FactoryOptions {
  readonly out: string;
  readonly shard: string;
  readonly seed: string;
  readonly sandbox: SandboxKind;
  readonly processes?: string;
  readonly licence: string;
  readonly parquet: boolean;
  readonly minScore: string;
}

interface FunctionsOptions extends FactoryOptions {
  readonly inputs: string;
  readonly stdinShare: string;
}

const FILES_PER_PART = 32;

export function addDataCommand(program: Command): void {
  const data = program.command('data').description('make data sets from real executions');
  addFactoryOptions(
    data
      .command('functions')
      .description('explained executions of the Python functions in folders, archives or files')
      .argument('<paths...>', 'folders, .py files, .tar or .tar.gz archives'),
  )
    .option('--inputs <n>', 'most executions kept of a function', '5')
    .option('--stdin-share <p>', 'share of rows in stdin form, the others in function form', '0.2')
    .action(makeFunctions);
}

export function addFactoryOptions(command: Command): Command {
  return command
    .requiredOption('--out <folder>', 'where the data set goes; a folder begun before is gone on with')
    .option('--shard <i/n>', 'only this share of the work, such as 1/4', '1/1')
    .option('--seed <seed>', 'of everything that is drawn', '0')
    .option('--licence <name>', 'licence of the programs, for the rows and the card', 'unknown')
    .option('--min-score <score>', 'least grounding score of an explanation that is kept', '1')
    .option('--no-parquet', 'JSON lines only')
    .addOption(new Option('--sandbox <kind>').choices([...SANDBOX_KINDS]).default('auto'))
    .option('--processes <n>', 'how many programs run at once (default: one per core)');
}

async function makeFunctions(paths: string[], options: FunctionsOptions): Promise<void> {
  const most = wholeNumber('--inputs', options.inputs);
  const stdinShare = share('--stdin-share', options.stdinShare);
  const minScore = share('--min-score', options.minScore);
  await withSandboxes(options, async (sandbox, other) => {
    const progress = createTerminalProgress(process.stderr);
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    const counts = await makeParts<PythonFile, FactoryRow>(readPythonFiles(paths), {
      folder: options.out,
      settings: {
        kind: 'functions',
        paths,
        seed: options.seed,
        most,
        stdinShare,
        minScore,
        licence: options.licence,
      },
      shard: parseShard(options.shard),
      unitsPerPart: FILES_PER_PART,
      concurrency: 2 * sandbox.concurrency,
      keyOf: ({ text }) => text,
      idOf: ({ metadata }) => metadata.id,
      countRow: countFactoryRow,
      work: (file) =>
        makeFunctionRows(sandbox, file, {
          seed: options.seed,
          most,
          stdinShare,
          style: paperStyle,
          licence: options.licence,
          thresholds: { ...DEFAULT_THRESHOLDS, minScore },
          ...(other && { other }),
        }),
      onUnit: (done) => {
        if (done % FILES_PER_PART === 0) progress.say(`  ${done} files`);
      },
      signal: stop.signal,
    });
    const command = `deskcheck data functions ${paths.map((path) => path.split('/').at(-1)).join(' ')}`;
    await finish(options, {
      title: 'Explained executions of Python functions',
      command,
      sources: paths.map((path) => path.split('/').at(-1) ?? path),
      licence: options.licence,
      counts,
    });
    process.stdout.write(
      `${countOf(counts, 'rows')} rows from ${countOf(counts, 'traced')} of ${countOf(counts, 'eligible')} eligible ` +
        `functions (${countOf(counts, 'functions')} found, ${countOf(counts, 'tried')} executions): ${options.out}\n`,
    );
  });
}

/** The card and the Parquet file beside the parts. */
export async function finish(
  { out, parquet }: Pick<FactoryOptions, 'out' | 'parquet'>,
  facts: Parameters<typeof writeDataCard>[0],
): Promise<void> {
  await writeFileAtomically(join(out, 'README.md'), writeDataCard(facts));
  if (parquet && countOf(facts.counts, 'rows') > 0)
    await writeParquet(await partFiles(out), join(out, 'data.parquet'));
}

/** The sandbox, and where it can be had the same under another hash seed. */
export async function withSandboxes(
  { sandbox: kind, processes }: Pick<FactoryOptions, 'sandbox' | 'processes'>,
  work: (sandbox: Sandbox, other: Sandbox | undefined) => Promise<void>,
): Promise<void> {
  const size = processes === undefined ? {} : { processes: wholeNumber('--processes', processes) };
  const sandbox = createSandbox(kind, { ...size, hashSeed: 0 });
  const other = sandbox.kind === 'wasm' ? undefined : createSandbox(sandbox.kind, { ...size, hashSeed: 1 });
  try {
    await work(sandbox, other);
  } finally {
    await sandbox[Symbol.asyncDispose]();
    await other?.[Symbol.asyncDispose]();
  }
}

export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${option} takes a whole number from 1, not "${text}"`);
  return value;
}

export function share(option: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1))
    throw new UsageError(`${option} takes a number from 0 to 1, not "${text}"`);
  return value;
}
