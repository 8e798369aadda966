/**
 * `deskcheck fix`: self-repair over several turns (Self-RLEF, paper §4).
 */
import type { Command } from 'commander';
import { UsageError } from '../core/errors.js';
import { type FixOutcome, runFix } from '../recipe/fix.js';
import { choiceOption, countFrom } from './model-options.js';
import {
  addRunOverOptions,
  commonSettings,
  type RunOverOptions,
  runAndPresent,
  share,
} from './run-options.js';

interface FixOptions extends RunOverOptions {
  readonly maxPrograms: number;
  readonly feedback: 'simulated' | 'executed';
  readonly episodes: number;
}

export function addFixCommand(program: Command): void {
  const command = program
    .command('fix')
    .description(
      'write a program, check it on the public tests by simulation, and fix it until it is submitted',
    );
  addRunOverOptions(command)
    .option('--max-programs <number>', 'programs per problem in all', countFrom(1), 10)
    .addOption(
      choiceOption('--feedback <kind>', 'how programs are checked', ['simulated', 'executed'], 'simulated'),
    )
    .option('--episodes <number>', 'times each problem is tried', countFrom(1), 1)
    .action((path: string, options: FixOptions) => {
      const { maxPrograms, feedback, episodes } = options;
      if (feedback === 'executed' && options.sandbox === 'none') {
        throw new UsageError('--feedback executed runs programs; leave out --sandbox none');
      }
      const settings = {
        command: 'fix',
        ...commonSettings(options),
        maxPrograms,
        feedback,
        episodes,
      } as const;
      return runAndPresent(path, options, settings, runFix, describe);
    });
}

function describe(outcomes: readonly FixOutcome[]): { readonly text: string; readonly numbers: object } {
  const submitted = outcomes.filter(({ end }) => end === 'submitted').length;
  const programs = outcomes.reduce((sum, outcome) => sum + outcome.programs, 0);
  const judged = outcomes.filter(({ lastPassed }) => lastPassed !== null);
  const first = judged.filter(({ firstPassed }) => firstPassed === true).length;
  const last = judged.filter(({ lastPassed }) => lastPassed === true).length;
  const lines = [
    `submitted by the model: ${share(submitted, outcomes.length)}; ${(programs / Math.max(1, outcomes.length)).toFixed(2)} programs per problem`,
    judged.length === 0
      ? 'not judged: nothing was run'
      : `right: ${share(first, judged.length)} of the first programs, ${share(last, judged.length)} of the last`,
  ];
  return {
    text: lines.join('\n'),
    numbers: { submitted, programs, judged: judged.length, firstRight: first, lastRight: last },
  };
}
