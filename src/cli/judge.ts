/**
 * `deskcheck judge`: programs run for real against the tests of their problems; a verdict per test.
 */

import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { forEachConcurrently } from '../core/concurrency.js';
import { UsageError } from '../core/errors.js';
import { COMPARATOR_NAMES, type ComparatorName } from '../execution/comparators.js';
import { createSandbox, SANDBOX_KINDS, type SandboxKind } from '../execution/create-sandbox.js';
import { judge, type ProgramVerdict } from '../execution/judge.js';
import type { Verdict } from '../execution/verdict.js';
import { type ProgramRow, readProblems, readPrograms } from '../problem/read-problems.js';
import type { Problem } from '../problem/types.js';
import { choiceOption, countFrom, untilStopped } from './model-options.js';

interface JudgeCommandOptions {
  readonly comparator: ComparatorName;
  readonly sandbox: SandboxKind;
  readonly publicOnly?: boolean;
  readonly stopEarly?: boolean;
  readonly maxTests?: number;
  readonly json?: boolean;
}

export function addJudgeCommand(program: Command): void {
  program
    .command('judge')
    .description(
      'run programs against the tests of their problems; a verdict per test (exit code 1 when one fails)',
    )
    .argument('<problems>', 'a JSON lines file of problems')
    .argument('<programs>', 'a JSON lines file of {problem, source, id?}')
    .addOption(
      choiceOption('--comparator <name>', 'how outputs are compared', COMPARATOR_NAMES, 'codecontests'),
    )
    .addOption(choiceOption('--sandbox <kind>', 'where programs run', SANDBOX_KINDS, 'auto'))
    .option('--public-only', 'only the public tests')
    .option('--stop-early', 'stop a program at its first failure')
    .option('--max-tests <number>', 'only the first so many tests', countFrom(1))
    .option('--json', 'one JSON line per program')
    .action(judgeAll);
}

async function judgeAll(
  problemsPath: string,
  programsPath: string,
  options: JudgeCommandOptions,
): Promise<void> {
  const problems = new Map((await readProblems(problemsPath)).map((problem) => [problem.id, problem]));
  const programs = await readPrograms(programsPath);
  for (const { problem } of programs) {
    if (!problems.has(problem)) {
      throw new UsageError(
        `${programsPath} has a program for "${problem}", which ${problemsPath} does not hold`,
      );
    }
  }
  const verdicts = new Map<Verdict, number>();
  await untilStopped(async (signal) => {
    await using sandbox = createSandbox(options.sandbox);
    const judging = async (row: ProgramRow): Promise<ProgramVerdict> =>
      judge(sandbox, row, problems.get(row.problem) as Problem, {
        comparator: options.comparator,
        tests: options.publicOnly ? 'public' : 'all',
        stopEarly: options.stopEarly === true,
        ...(options.maxTests === undefined ? {} : { maxTests: options.maxTests }),
        signal,
      });
    // Results are written in the order of the file, each as soon as those before it are there.
    const ready = new Map<number, string>();
    let next = 0;
    await forEachConcurrently(programs, 2 * availableParallelism(), async (row, index) => {
      const verdict = await judging(row);
      verdicts.set(verdict.verdict, (verdicts.get(verdict.verdict) ?? 0) + 1);
      ready.set(index, options.json ? toJson(row, verdict) : toText(row, verdict));
      for (; ready.has(next); next++) {
        process.stdout.write(`${ready.get(next)}\n`);
        ready.delete(next);
      }
    });
  });
  const counts = [...verdicts].map(([verdict, count]) => `${count} ${verdict}`).join(', ');
  process.stderr.write(`${programs.length} programs: ${counts || 'none'}\n`);
  if ((verdicts.get('accepted') ?? 0) < programs.length) process.exitCode = 1;
}

function toJson(
  { problem, id }: ProgramRow,
  { verdict, comparator, tests, cpuTimeMs }: ProgramVerdict,
): string {
  return JSON.stringify({ problem, program: id, verdict, comparator, cpuTimeMs, tests });
}

/** `sum/0  wrong-answer  12 ms  3 of 5 tests: accepted ×3, wrong-answer, time-limit` */
function toText({ problem, id }: ProgramRow, { verdict, tests, cpuTimeMs }: ProgramVerdict): string {
  const accepted = tests.filter((test) => test.verdict === 'accepted').length;
  const runs: string[] = [];
  for (let at = 0; at < tests.length; ) {
    let end = at;
    while (tests[end]?.verdict === tests[at]!.verdict) end++;
    runs.push(`${tests[at]!.verdict}${end - at > 1 ? ` ×${end - at}` : ''}`);
    at = end;
  }
  return `${problem}/${id}  ${verdict}  ${Math.round(cpuTimeMs)} ms  ${accepted} of ${tests.length} tests: ${runs.join(', ')}`;
}
