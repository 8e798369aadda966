/**
 * `deskcheck data`: the execution-data factory.
 */
import type { Command } from 'commander';
import { paperStyle } from '../episode/prompts/paper.js';
import { MODEL_SYNTAX } from '../model/model-spec.js';
import type { PythonFile } from '../nlex/functions/find-functions.js';
import { countOf } from '../recipe/factory/counts.js';
import { makeFunctionRows } from '../recipe/factory/function-data.js';
import { countPythonFiles, readPythonFiles } from '../recipe/factory/python-files.js';
import { countFactoryRow, FACTORY_COLUMNS, type FactoryRow } from '../recipe/factory/rows.js';
import { addNlexCommand } from './data-nlex.js';
import { addProgramDataCommands } from './data-programs.js';
import { addSftDataCommand } from './data-sft.js';
import {
  addFactoryOptions,
  addNarratorOptions,
  type FactoryOptions,
  makeDataSet,
} from './factory-options.js';
import { checkedModel, countFrom, numberFrom } from './model-options.js';

interface FunctionsOptions extends FactoryOptions {
  readonly inputs: number;
  readonly stdinShare: number;
}

const FILES_PER_PART = 32;

export function addDataCommand(program: Command): void {
  const data = program.command('data').description('make data sets from real executions');
  const functions = data
    .command('functions')
    .description('explained executions of the Python functions in folders, archives or files')
    .argument('<paths...>', 'folders, .py files, .tar or .tar.gz archives')
    .option('--inputs <n>', 'most executions kept of a function', countFrom(1), 5)
    .option(
      '--stdin-share <p>',
      'share of rows in stdin form, the others in function form',
      numberFrom(0, 1),
      0.2,
    )
    .option('--proposer <model>', `a model that proposes inputs too: ${MODEL_SYNTAX}`, checkedModel)
    .action(makeFunctions);
  addNarratorOptions(addFactoryOptions(functions));
  addProgramDataCommands(data);
  addNlexCommand(data);
  addSftDataCommand(data);
}

async function makeFunctions(paths: string[], options: FunctionsOptions): Promise<void> {
  const { inputs: most, stdinShare, seed, licence } = options;
  const total = await countPythonFiles(paths);
  await makeDataSet<PythonFile, FactoryRow>(options, {
    kind: 'functions',
    title: 'Explained executions of Python functions',
    sources: paths,
    settings: { inputs: most, stdinShare },
    units: (onRead) => readPythonFiles(paths, onRead),
    unitsPerPart: FILES_PER_PART,
    unit: 'files',
    ...(total === undefined ? {} : { total }),
    keyOf: ({ text }) => text,
    idOf: ({ metadata }) => metadata.id,
    columns: FACTORY_COLUMNS,
    countRow: countFactoryRow,
    work: (file, { sandbox, other, models, thresholds, isContaminated, signal }) =>
      makeFunctionRows(sandbox, file, {
        ...{ seed, most, stdinShare, licence, thresholds, signal },
        style: paperStyle,
        narrator: models.narrator,
        ...(other && { other }),
        ...(models.propose && { propose: models.propose }),
        ...(isContaminated && { isContaminated }),
      }),
    summary: (counts) =>
      `${countOf(counts, 'rows')} rows from ${countOf(counts, 'traced')} of ${countOf(counts, 'eligible')} eligible ` +
      `functions (${countOf(counts, 'functions')} found, ${countOf(counts, 'tried')} executions)`,
  });
}
