/**
 * `deskcheck data`: the execution-data factory.
 */
import type { Command } from 'commander';
import { createTerminalProgress } from '../core/progress.js';
import { paperStyle } from '../episode/prompts/paper.js';
import type { PythonFile } from '../nlex/functions/find-functions.js';
import { DEFAULT_THRESHOLDS } from '../nlex/grounding.js';
import { countOf } from '../recipe/factory/counts.js';
import { createDecontaminator, readEvaluationTexts } from '../recipe/factory/decontaminate.js';
import { countFactoryRow, type FactoryRow, makeFunctionRows } from '../recipe/factory/function-data.js';
import { makeParts, parseShard } from '../recipe/factory/parts.js';
import { readPythonFiles } from '../recipe/factory/python-files.js';
import { addProgramDataCommands } from './data-programs.js';
import {
  addFactoryOptions,
  type FactoryOptions,
  finish,
  share,
  wholeNumber,
  withSandboxes,
} from './factory-options.js';

interface FunctionsOptions extends FactoryOptions {
  readonly inputs: string;
  readonly stdinShare: string;
  readonly decontaminate?: string[];
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
    .option('--decontaminate <files...>', 'JSON lines of evaluation data that must not come in')
    .option('--stdin-share <p>', 'share of rows in stdin form, the others in function form', '0.2')
    .action(makeFunctions);
  addProgramDataCommands(data);
}

async function makeFunctions(paths: string[], options: FunctionsOptions): Promise<void> {
  const most = wholeNumber('--inputs', options.inputs);
  const stdinShare = share('--stdin-share', options.stdinShare);
  const minScore = share('--min-score', options.minScore);
  const evaluation = options.decontaminate ?? [];
  const { check } = createDecontaminator(await readEvaluationTexts(evaluation));
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
        evaluation,
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
          isContaminated: (source) => check(source) !== undefined,
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
