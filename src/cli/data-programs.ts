/**
 * `deskcheck data programs` and `deskcheck data predictions`: contest programs on test inputs.
 */
import type { Command } from 'commander';
import { UsageError } from '../core/errors.js';
import { PAPER_SAMPLING } from '../episode/play.js';
import { paperStyle } from '../episode/prompts/paper.js';
import { readProblemFile } from '../evaluation/benchmarks/problem-files.js';
import { MODEL_SYNTAX } from '../model/model-spec.js';
import { readPrograms } from '../problem/read-problems.js';
import type { Problem } from '../problem/types.js';
import { addCounts, type Counts, countOf } from '../recipe/factory/counts.js';
import type { Columns } from '../recipe/factory/parquet.js';
import {
  type AuthoredProgram,
  makePredictionRows,
  PREDICTION_COLUMNS,
  type PredictionRow,
} from '../recipe/factory/prediction-data.js';
import { makeProgramRows } from '../recipe/factory/program-data.js';
import { countFactoryRow, FACTORY_COLUMNS, type FactoryRow } from '../recipe/factory/rows.js';
import { judgePrograms, samplePrograms } from '../recipe/factory/sample-programs.js';
import {
  addFactoryOptions,
  addNarratorOptions,
  type FactoryOptions,
  makeDataSet,
  type Tools,
} from './factory-options.js';
import { checkedModel, countFrom } from './model-options.js';

interface SourceOptions extends FactoryOptions {
  readonly programs?: string;
  readonly samples: number;
  readonly solverMaxTokens: number;
}

interface ProgramsOptions extends SourceOptions {
  readonly inputs: number;
  readonly perProblem: number;
}

interface PredictionsOptions extends SourceOptions {
  readonly perAuthor: number;
}

const PROBLEMS_PER_PART = 16;

export function addProgramDataCommands(data: Command): void {
  const programs = data
    .command('programs')
    .description('explained executions of contest programs, right and wrong, on test inputs')
    .option('--inputs <n>', 'test inputs per program, the public ones first', countFrom(1), 4)
    .option('--per-problem <n>', 'so many right and so many wrong programs per problem', countFrom(1), 2)
    .action(makePrograms);
  addNarratorOptions(addSourceOptions(programs));
  const predictions = data
    .command('predictions')
    .description('output-prediction tasks for RL: correct programs, each with every public test')
    .option('--per-author <n>', 'most correct programs of one author per problem', countFrom(1), 4)
    .action(makePredictions);
  addSourceOptions(predictions);
}

function addSourceOptions(command: Command): Command {
  return addFactoryOptions(command)
    .argument('<problems>', 'a problem file: ours, CodeContests or LiveCodeBench')
    .option(
      '--programs <file>',
      "JSON lines of {problem, source, id?}, judged first; `id` up to the first / is the author (default: the problem file's own)",
    )
    .option('--solver <models...>', `sample programs from these models: ${MODEL_SYNTAX}`, collectModels)
    .option('--samples <n>', 'programs sampled per problem and model', countFrom(1), 10)
    .option('--solver-max-tokens <n>', 'of one sampled program', countFrom(1), 8_192);
}

function collectModels(text: string, before: string[] = []): string[] {
  return [...before, checkedModel(text)];
}

async function makePrograms(path: string, options: ProgramsOptions): Promise<void> {
  const { inputs, perProblem, licence } = options;
  await makeProblemSet<FactoryRow>(path, options, {
    kind: 'programs',
    title: 'Explained executions of contest programs',
    settings: { inputs, perProblem },
    idOf: ({ metadata }) => metadata.id,
    columns: FACTORY_COLUMNS,
    countRow: countFactoryRow,
    work: (problem, programs, { sandbox, other, models, thresholds, isContaminated, signal }) =>
      makeProgramRows(
        sandbox,
        { ...problem, programs },
        {
          ...{ licence, inputs, thresholds, signal, style: paperStyle, programs: perProblem },
          narrator: models.narrator,
          ...(other && { other }),
          ...(isContaminated && { isContaminated }),
        },
      ),
  });
}

async function makePredictions(path: string, options: PredictionsOptions): Promise<void> {
  const { perAuthor } = options;
  await makeProblemSet<PredictionRow>(path, options, {
    kind: 'predictions',
    title: 'Output-prediction tasks for reinforcement learning',
    settings: { perAuthor },
    idOf: ({ id }) => id,
    columns: PREDICTION_COLUMNS,
    countRow: ({ author }) => ({ authors: { [author]: 1 } }),
    work: (problem, programs, { sandbox, other, isContaminated, signal }) =>
      makePredictionRows(sandbox, problem, programs, {
        ...{ perAuthor, signal },
        ...(other && { other }),
        ...(isContaminated && { isContaminated }),
      }),
  });
}

interface ProblemSet<Row> {
  readonly kind: string;
  readonly title: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly idOf: (row: Row) => string;
  readonly columns: Columns;
  readonly countRow: (row: Row) => Counts;
  readonly work: (
    problem: Problem,
    programs: readonly AuthoredProgram[],
    tools: Tools,
  ) => Promise<{ readonly rows: readonly Row[]; readonly counts: Counts }>;
}

async function makeProblemSet<Row>(
  path: string,
  options: SourceOptions,
  set: ProblemSet<Row>,
): Promise<void> {
  if (options.programs !== undefined && options.solver !== undefined)
    throw new UsageError('--programs and --solver both say where programs come from; give one of them');
  const { problems } = await readProblemFile(path);
  const given = await readGivenPrograms(options.programs);
  const { programs, samples, solverMaxTokens } = options;
  await makeDataSet<Problem, Row>(options, {
    ...set,
    sources: [path, ...(programs === undefined ? [] : [programs])],
    settings: { ...set.settings, ...(options.solver ? { samples, solverMaxTokens } : {}) },
    units: () => each(problems),
    total: problems.length,
    unitsPerPart: PROBLEMS_PER_PART,
    unit: 'problems',
    keyOf: ({ id }) => id,
    work: async (problem, tools) => {
      const source = await programsFor(problem, given, options, tools);
      const made = await set.work(problem, source.programs, tools);
      return { rows: made.rows, counts: addCounts(source.counts, made.counts) };
    },
    summary: (counts) =>
      `${countOf(counts, 'rows')} rows from ${countOf(counts, 'problems')} problems (${countOf(counts, 'programs')} programs, ${countOf(counts, 'tried')} executions)`,
  });
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function readGivenPrograms(
  path: string | undefined,
): Promise<Map<string, AuthoredProgram[]> | undefined> {
  if (path === undefined) return undefined;
  const programs = new Map<string, AuthoredProgram[]>();
  for (const { problem, source, id } of await readPrograms(path)) {
    const author = id.includes('/') ? id.slice(0, id.indexOf('/')) : 'programs';
    const others = programs.get(problem);
    const program = { source, author, correct: false };
    if (others) others.push(program);
    else programs.set(problem, [program]);
  }
  if (programs.size === 0) throw new UsageError(`${path} holds no programs`);
  return programs;
}

/** Sampled from models, or given and judged, or the problem's own. */
async function programsFor(
  problem: Problem,
  given: ReadonlyMap<string, readonly AuthoredProgram[]> | undefined,
  { samples, solverMaxTokens, seed }: SourceOptions,
  { sandbox, models, signal }: Tools,
): Promise<{ readonly programs: readonly AuthoredProgram[]; readonly counts: Counts }> {
  if (models.solvers.length > 0) {
    return samplePrograms(models.solvers, problem, sandbox, {
      ...{ samples, seed, signal, sampling: PAPER_SAMPLING, maxTokens: solverMaxTokens },
    });
  }
  const own = (problem.programs ?? []).map((program) => ({ ...program, author: 'data set' }));
  const programs = given ? await judgePrograms(given.get(problem.id) ?? [], problem, sandbox, signal) : own;
  return { programs, counts: {} };
}
