/**
 * `deskcheck data nlex`: explained executions of programs and inputs that a file lists, such as CRUXEval's, or the rows of
 * `deskcheck data predictions`.
 */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { paperStyle } from '../episode/prompts/paper.js';
import { countOf } from '../recipe/factory/counts.js';
import { makeExecutionRows } from '../recipe/factory/program-data.js';
import { type ListedExecution, readExecutions } from '../recipe/factory/read-executions.js';
import { countFactoryRow, FACTORY_COLUMNS, type FactoryRow } from '../recipe/factory/rows.js';
import {
  addFactoryOptions,
  addNarratorOptions,
  type FactoryOptions,
  makeDataSet,
} from './factory-options.js';

const EXECUTIONS_PER_PART = 256;

export function addNlexCommand(data: Command): void {
  const nlex = data
    .command('nlex')
    .description('explained executions of the programs and inputs that files list')
    .argument('<files...>', 'JSON lines of {source or code; stdin, call, or input: the arguments of f}')
    .action(makeNlex);
  addNarratorOptions(addFactoryOptions(nlex));
}

async function makeNlex(paths: string[], options: FactoryOptions): Promise<void> {
  const { licence } = options;
  const from = paths.map((path) => basename(path)).join(', ');
  await makeDataSet<ListedExecution, FactoryRow>(options, {
    kind: 'nlex',
    title: 'Explained executions',
    sources: paths,
    settings: {},
    units: (onRead) => readExecutions(paths, onRead),
    unitsPerPart: EXECUTIONS_PER_PART,
    unit: 'executions',
    keyOf: ({ source }) => source,
    idOf: ({ metadata }) => metadata.id,
    columns: FACTORY_COLUMNS,
    countRow: countFactoryRow,
    work: ({ id, source, input }, { sandbox, other, models, thresholds, isContaminated, signal }) =>
      makeExecutionRows(
        sandbox,
        { source, inputs: [{ input, origin: 'listed' }], from: `${from}: ${id}` },
        {
          ...{ licence, thresholds, signal, style: paperStyle, narrator: models.narrator },
          ...(other && { other }),
          ...(isContaminated && { isContaminated }),
        },
      ),
    summary: (counts) => `${countOf(counts, 'rows')} of ${countOf(counts, 'tried')} executions explained`,
  });
}
