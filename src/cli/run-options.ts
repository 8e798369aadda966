/**
 * What `verify` and `fix` share: problems, the run's folder, how programs are judged, and how a run is presented.
 */
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { InfrastructureError } from '../core/errors.js';
import { createTerminalProgress } from '../core/progress.js';
import { COMPARATOR_NAMES, type ComparatorName } from '../execution/comparators.js';
import { SANDBOX_KINDS, type SandboxKind } from '../execution/create-sandbox.js';
import { readProblems } from '../problem/read-problems.js';
import {
  type ModelRunOptions,
  type ModelRunResult,
  type ProblemOutcome,
  reportModelRun,
  type Settings,
} from '../recipe/model-run.js';
import {
  addModelOptions,
  choiceOption,
  countFrom,
  describeSpending,
  type ModelOptions,
  numberFrom,
  toManners,
  untilStopped,
} from './model-options.js';

export interface RunOverOptions extends ModelOptions {
  readonly out?: string;
  readonly limit?: number;
  readonly simulationTemperature?: number;
  readonly comparator: ComparatorName;
  readonly sandbox: SandboxKind | 'none';
  /** False with `--no-public-tests`. */
  readonly publicTests: boolean;
  readonly rescore?: boolean;
  readonly json?: boolean;
}

export function addRunOverOptions(command: Command): Command {
  return addModelOptions(command.argument('<problems>', 'a JSON lines file of problems'))
    .option('--out <folder>', "the run's folder (default runs/<command>-<problems>)")
    .option('--limit <number>', 'only the first so many problems', countFrom(1))
    .option(
      '--simulation-temperature <number>',
      'of simulations alone; 0 gives the likeliest one (default: --temperature)',
      numberFrom(0),
    )
    .option('--no-public-tests', 'leave the public tests out of the prompt')
    .addOption(
      choiceOption('--comparator <name>', 'how outputs are compared', COMPARATOR_NAMES, 'codecontests'),
    )
    .addOption(
      choiceOption(
        '--sandbox <kind>',
        'where programs are judged; none judges nothing',
        [...SANDBOX_KINDS, 'none'],
        'auto',
      ),
    )
    .option('--rescore', 'judge the stored answers again, without asking the model')
    .option('--json', 'machine-readable output');
}

/** Runs, writes the report, prints both; exit code 1 when the spending limit stopped it. */
export async function runAndPresent<Outcome extends ProblemOutcome, Own extends Settings>(
  path: string,
  options: RunOverOptions,
  settings: Own,
  run: (options: ModelRunOptions & { readonly settings: Own }) => Promise<ModelRunResult<Outcome>>,
  describe: (outcomes: readonly Outcome[]) => { readonly text: string; readonly numbers: object },
): Promise<void> {
  const all = await readProblems(path);
  const problems = options.limit === undefined ? all : all.slice(0, options.limit);
  const folder =
    options.out ?? join('runs', `${settings.command}-${basename(path).replace(/\.jsonl(\.gz)?$/, '')}`);
  const progress = createTerminalProgress(process.stderr);
  const result = await untilStopped((signal) =>
    run({
      ...toManners(options),
      folder,
      problems,
      settings,
      sandbox: options.sandbox,
      rescore: options.rescore === true,
      progress,
      signal,
    }),
  );
  const { terminalSummary, page } = await reportModelRun(folder);
  const { text, numbers } = describe(result.outcomes);
  const { spending, stopped } = result;
  if (options.json) {
    const row = {
      folder,
      page,
      problems: problems.length,
      done: result.outcomes.length,
      ...numbers,
      spending,
    };
    process.stdout.write(`${JSON.stringify({ ...row, ...(stopped === undefined ? {} : { stopped }) })}\n`);
  } else {
    process.stdout.write(`${terminalSummary}\n\n${text}\nspent: ${describeSpending(spending)}\n`);
    process.stdout.write(`programs: ${join(folder, 'programs')}\nreport: ${page}\n`);
  }
  if (result.outcomes.length > 0 && result.outcomes.every(({ unscored }) => unscored === true)) {
    throw new InfrastructureError(
      'no problem could be worked on: every call to the model failed. Is it running, and is its address right? ' +
        'The same command asks again',
      { code: 'model-unreachable', boundary: 'model', retryable: true },
    );
  }
  if (stopped !== undefined) {
    process.stderr.write(`deskcheck: stopped: ${stopped}; the same command with a higher limit goes on\n`);
    process.exitCode = 1;
  }
}

/** The settings that both commands have. `verifier` and the like are added by each. */
export function commonSettings(options: RunOverOptions): {
  readonly model: string;
  readonly seed: number;
  readonly publicTestsInPrompt: boolean;
  readonly temperature: number;
  readonly topP: number;
  readonly simulationTemperature?: number;
  readonly maxTokens?: number;
  readonly comparator: ComparatorName;
  readonly sandbox: string;
} {
  const { model, seed, publicTests, temperature, topP, maxTokens, comparator, sandbox } = options;
  const { simulationTemperature } = options;
  return {
    ...{ model, seed, publicTestsInPrompt: publicTests, temperature, topP, comparator, sandbox },
    ...(simulationTemperature === undefined ? {} : { simulationTemperature }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
  };
}

/** `41 of 50 (82.0%)` */
export function share(part: number, whole: number): string {
  return `${part} of ${whole}${whole === 0 ? '' : ` (${((100 * part) / whole).toFixed(1)}%)`}`;
}
