/**
 * `deskcheck data programs` and `deskcheck data predictions`: contest programs on test inputs.
 */
import type { Command } from 'commander';
import { UsageError } from '../core/errors.js';
import { paperStyle } from '../episode/prompts/paper.js';
import { readProblemFile } from '../evaluation/benchmarks/problem-files.js';
import { judge } from '../execution/judge.js';
import type { Sandbox } from '../execution/types.js';
import { DEFAULT_THRESHOLDS } from '../nlex/grounding.js';
import { readPrograms } from '../problem/read-problems.js';
import type { Problem } from '../problem/types.js';
import { type Counts, countOf } from '../recipe/factory/counts.js';
import { countFactoryRow, type FactoryRow } from '../recipe/factory/function-data.js';
import { makeParts, parseShard } from '../recipe/factory/parts.js';
import {
  type AuthoredProgram,
  makePredictionRows,
  makeProgramRows,
  type PredictionRow,
} from '../recipe/factory/program-data.js';
import {
  addFactoryOptions,
  type FactoryOptions,
  finish,
  share,
  wholeNumber,
  withSandboxes,
} from './factory-options.js';
import { untilStopped } from './model-options.js';

interface ProgramsOptions extends FactoryOptions {
  readonly programs?: string;
  readonly inputs: string;
  readonly perProblem: string;
}

interface PredictionsOptions extends FactoryOptions {
  readonly programs?: string;
  readonly perAuthor: string;
}

const PROBLEMS_PER_PART = 16;

export function addProgramDataCommands(data: Command): void {
  addFactoryOptions(
    data
      .command('programs')
      .description('explained executions of contest programs, right and wrong, on test inputs')
      .argument('<problems>', 'a problem file: ours, CodeContests or LiveCodeBench'),
  )
    .option(
      '--programs <file>',
      "JSON lines of {problem, source, id?}; they are judged first (default: the file's own)",
    )
    .option('--inputs <n>', 'test inputs per program, the public ones first', '4')
    .option('--per-problem <n>', 'so many right and so many wrong programs per problem', '2')
    .action(makePrograms);
  addFactoryOptions(
    data
      .command('predictions')
      .description('output-prediction tasks for RL: correct programs, each with every public test')
      .argument('<problems>', 'a problem file'),
  )
    .option(
      '--programs <file>',
      'JSON lines of {problem, source, id?}: sampled programs; `id` up to the first / is the author',
    )
    .option('--per-author <n>', 'most correct programs of one author per problem', '4')
    .action(makePredictions);
}

async function makePrograms(path: string, options: ProgramsOptions): Promise<void> {
  const inputs = wholeNumber('--inputs', options.inputs);
  const perProblem = wholeNumber('--per-problem', options.perProblem);
  const minScore = share('--min-score', options.minScore);
  const given = await readGivenPrograms(options.programs);
  const { licence } = options;
  await makeAll<FactoryRow>(path, options, {
    title: 'Explained executions of contest programs',
    settings: { kind: 'programs', inputs, perProblem, minScore, licence, programs: options.programs },
    idOf: ({ metadata }) => metadata.id,
    countRow: countFactoryRow,
    work: async (problem, sandbox, other) => {
      const programs = await authoredPrograms(problem, given, sandbox, perProblem);
      return makeProgramRows(
        sandbox,
        { ...problem, programs },
        {
          style: paperStyle,
          licence,
          inputs,
          programs: perProblem,
          thresholds: { ...DEFAULT_THRESHOLDS, minScore },
          ...(other && { other }),
        },
      );
    },
  });
}

async function makePredictions(path: string, options: PredictionsOptions): Promise<void> {
  const perAuthor = wholeNumber('--per-author', options.perAuthor);
  const given = await readGivenPrograms(options.programs);
  await makeAll<PredictionRow>(path, options, {
    title: 'Output-prediction tasks for reinforcement learning',
    settings: { kind: 'predictions', perAuthor, programs: options.programs },
    idOf: ({ id }) => id,
    countRow: ({ author }) => ({ origins: { [author]: 1 } }),
    work: async (problem, sandbox) => {
      const programs = await authoredPrograms(problem, given, sandbox, Number.POSITIVE_INFINITY);
      return makePredictionRows(sandbox, problem, programs, perAuthor);
    },
  });
}

interface Making<Row> {
  readonly title: string;
  readonly settings: object;
  readonly idOf: (row: Row) => string;
  readonly countRow: (row: Row) => Counts;
  readonly work: (
    problem: Problem,
    sandbox: Sandbox,
    other: Sandbox | undefined,
  ) => Promise<{ readonly rows: readonly Row[]; readonly counts: Counts }>;
}

async function makeAll<Row>(path: string, options: FactoryOptions, making: Making<Row>): Promise<void> {
  const { problems } = await readProblemFile(path);
  const shard = parseShard(options.shard);
  const name = path.split('/').at(-1)!;
  await withSandboxes(options, (sandbox, other) =>
    untilStopped(async (signal) => {
      const counts = await makeParts<Problem, Row>(each(problems), {
        folder: options.out,
        settings: { ...making.settings, problems: path, seed: options.seed },
        shard,
        unitsPerPart: PROBLEMS_PER_PART,
        concurrency: 2 * sandbox.concurrency,
        keyOf: ({ id }) => id,
        idOf: making.idOf,
        countRow: making.countRow,
        work: (problem) => making.work(problem, sandbox, other),
        signal,
      });
      const { title, settings } = making;
      const { kind } = settings as { kind: string };
      const command = `deskcheck data ${kind} ${name}`;
      await finish(options, { title, command, sources: [name], licence: options.licence, counts });
      process.stdout.write(
        `${countOf(counts, 'rows')} rows from ${countOf(counts, 'problems')} problems: ${options.out}\n`,
      );
    }),
  );
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
    programs.set(problem, [...(programs.get(problem) ?? []), { source, author, correct: false }]);
  }
  if (programs.size === 0) throw new UsageError(`${path} holds no programs`);
  return programs;
}

/** The problem's own programs; or the given ones, judged, until there are enough of either kind. */
async function authoredPrograms(
  problem: Problem,
  given: Map<string, AuthoredProgram[]> | undefined,
  sandbox: Sandbox,
  enough: number,
): Promise<AuthoredProgram[]> {
  if (!given) return (problem.programs ?? []).map((program) => ({ ...program, author: 'data set' }));
  const out: AuthoredProgram[] = [];
  const count = { right: 0, wrong: 0 };
  for (const program of given.get(problem.id) ?? []) {
    const { verdict } = await judge(sandbox, program, problem, { stopEarly: true });
    if (verdict === 'unscored') continue;
    const correct = verdict === 'accepted';
    const kind = correct ? 'right' : 'wrong';
    if (count[kind]++ < enough) out.push({ ...program, correct });
  }
  return out;
}
