/**
 * `deskcheck judge`: programs run for real against the tests of their problems; a verdict per program and per test.
 * Exit code 1 when a program is not accepted, 3 when one could not be judged.
 */

import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { forEachConcurrently } from '../core/concurrency.js';
import { UsageError } from '../core/errors.js';
import { createTerminalProgress } from '../core/progress.js';
import {
  type JudgedProblem,
  type ProgramJudgement,
  readJudgedProblems,
} from '../evaluation/benchmarks/judged-problems.js';
import { readBenchmarkRows } from '../evaluation/benchmarks/rows.js';
import { readGenerations } from '../evaluation/recorded-generations.js';
import { COMPARATOR_NAMES, type ComparatorName } from '../execution/comparators.js';
import { createSandbox, SANDBOX_KINDS, type SandboxKind } from '../execution/create-sandbox.js';
import type { JudgeOptions } from '../execution/judge.js';
import type { Verdict } from '../execution/verdict.js';
import { type ProgramRow, readPrograms } from '../problem/read-problems.js';
import { choiceOption, countFrom, numberFrom, untilStopped } from './model-options.js';

interface JudgeCommandOptions {
  readonly comparator: ComparatorName;
  readonly sandbox: SandboxKind;
  readonly python?: string;
  readonly publicOnly?: boolean;
  readonly stopEarly?: boolean;
  readonly maxTests?: number;
  readonly timeLimit?: number;
  readonly memoryLimit?: number;
  readonly json?: boolean;
}

export function addJudgeCommand(program: Command): void {
  program
    .command('judge')
    .description(
      'run programs against the tests of their problems; a verdict per test (exit code 1 when one fails)',
    )
    .argument('<problems>', 'a file of problems: JSON lines of ours, or a benchmark’s file as published')
    .argument('<programs>', 'JSON lines of {problem, source, id?}, or recorded generations')
    .addOption(
      choiceOption('--comparator <name>', 'how outputs are compared', COMPARATOR_NAMES, 'codecontests'),
    )
    .addOption(choiceOption('--sandbox <kind>', 'where programs run', SANDBOX_KINDS, 'auto'))
    .option('--python <path>', 'the interpreter of native and unsafe-process')
    .option('--public-only', 'only the public tests')
    .option('--stop-early', 'stop a program at its first failure')
    .option('--max-tests <number>', 'only the first so many tests', countFrom(1))
    .option('--time-limit <seconds>', 'of CPU time per test, in place of the problems’ own', numberFrom(0.01))
    .option('--memory-limit <MiB>', 'in place of the problems’ own', countFrom(16))
    .option('--json', 'one JSON line per program')
    .action(judgeAll);
}

async function judgeAll(
  problemsPath: string,
  programsPath: string,
  options: JudgeCommandOptions,
): Promise<void> {
  const problems = await readJudgedProblems(problemsPath);
  const programs = await readCandidates(programsPath);
  for (const { problem } of programs) {
    if (!problems.has(problem)) {
      throw new UsageError(
        `${programsPath} has a program for "${problem}", which ${problemsPath} does not hold`,
      );
    }
  }
  const verdicts = new Map<Verdict, number>();
  const judged = await judgePrograms(problems, programs, options, (row, judgement) => {
    verdicts.set(judgement.verdict, (verdicts.get(judgement.verdict) ?? 0) + 1);
    process.stdout.write(`${options.json ? toJson(row, judgement) : toText(row, judgement)}\n`);
  });
  const counts = [...verdicts].map(([verdict, count]) => `${count} ${verdict}`).join(', ');
  const stopped = judged < programs.length ? `stopped after ${judged} of ` : '';
  process.stderr.write(`${stopped}${programs.length} programs: ${counts || 'none judged'}\n`);
  if (judged < programs.length) process.exitCode = 130;
  else if (verdicts.has('unscored')) process.exitCode = 3;
  else if ((verdicts.get('accepted') ?? 0) < programs.length) process.exitCode = 1;
}

/** Judges in parallel; tells in the order of the file, each as soon as those before it are there. Returns how many. */
async function judgePrograms(
  problems: ReadonlyMap<string, JudgedProblem>,
  programs: readonly ProgramRow[],
  options: JudgeCommandOptions,
  tell: (row: ProgramRow, judgement: ProgramJudgement) => void,
): Promise<number> {
  const { sandbox: kind, python } = options;
  const settings = toJudgeOptions(options);
  const progress = createTerminalProgress(process.stderr);
  const ready = new Map<number, ProgramJudgement>();
  let told = 0;
  let finished = 0;
  await untilStopped(async (signal) => {
    await using sandbox = createSandbox(kind, { ...(python !== undefined && { python }) });
    const judgeOne = async (row: ProgramRow, index: number): Promise<void> => {
      const problem = problems.get(row.problem) as JudgedProblem;
      ready.set(index, await problem.judge(row.source, settings, { sandbox, signal }));
      finished++;
      if (ready.has(told)) progress.finish();
      for (let next = ready.get(told); next !== undefined; next = ready.get(++told)) {
        tell(programs[told] as ProgramRow, next);
        ready.delete(told);
      }
      progress.update(finished / programs.length, `${finished} of ${programs.length} programs judged`);
    };
    await forEachConcurrently(programs, 2 * availableParallelism(), judgeOne).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  });
  progress.finish();
  return told;
}

function toJudgeOptions(options: JudgeCommandOptions): JudgeOptions {
  const { comparator, publicOnly, stopEarly, maxTests, timeLimit, memoryLimit } = options;
  return {
    comparator,
    tests: publicOnly ? 'public' : 'all',
    stopEarly: stopEarly === true,
    ...(maxTests !== undefined && { maxTests }),
    limits: {
      ...(timeLimit !== undefined && { cpuTimeMs: timeLimit * 1000 }),
      ...(memoryLimit !== undefined && { memoryLimitBytes: memoryLimit * 2 ** 20 }),
    },
  };
}

/** Our rows, or generations that somebody recorded, such as `{task_id, completion}`. */
async function readCandidates(path: string): Promise<ProgramRow[]> {
  const [first] = await readBenchmarkRows(path, 'Name a file of programs.');
  if (first === undefined) throw new UsageError(`${path} holds no programs`);
  if (typeof first === 'object' && first !== null && 'source' in first) return readPrograms(path);
  return [...(await readGenerations(path))].flatMap(([problem, completions]) =>
    completions.map(({ text }, place) => ({ problem, id: String(place), source: text })),
  );
}

function toJson({ problem, id }: ProgramRow, { tests, ...judgement }: ProgramJudgement): string {
  return JSON.stringify({ problem, program: id, ...judgement, tests });
}

/** `sum/0  wrong-answer  12 ms  18 MiB  3 of 5 tests: accepted ×3, wrong-answer, time-limit` */
function toText({ problem, id }: ProgramRow, judgement: ProgramJudgement): string {
  const { verdict, tests, cpuTimeMs, peakMemoryBytes, weak, reason } = judgement;
  const parts = [`${problem}/${id}`, verdict, `${Math.round(cpuTimeMs)} ms`];
  if (peakMemoryBytes !== undefined) parts.push(`${Math.round(peakMemoryBytes / 2 ** 20)} MiB`);
  if (tests.length > 0) {
    const accepted = tests.filter((test) => test.verdict === 'accepted').length;
    parts.push(`${accepted} of ${tests.length} tests: ${inRuns(tests.map((test) => test.verdict))}`);
  }
  if (weak) parts.push('(weak: program and tests shared a process)');
  const why = reason ?? tests.find((test) => test.verdict === verdict)?.reason;
  if (why !== undefined) parts.push(`(${why})`);
  return parts.join('  ');
}

/** `accepted ×3, wrong-answer` */
function inRuns(verdicts: readonly Verdict[]): string {
  const runs: { verdict: Verdict; times: number }[] = [];
  for (const verdict of verdicts) {
    const last = runs.at(-1);
    if (last?.verdict === verdict) last.times++;
    else runs.push({ verdict, times: 1 });
  }
  return runs.map(({ verdict, times }) => (times > 1 ? `${verdict} ×${times}` : verdict)).join(', ');
}
