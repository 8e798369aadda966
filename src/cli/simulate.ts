/**
 * `deskcheck simulate`: a model predicts what a program prints; with `--check` the program is also run for real.
 */
import type { Command } from 'commander';
import { UsageError } from '../core/errors.js';
import { predictOutput } from '../episode/environments/predict-output.js';
import { play } from '../episode/play.js';
import { terseStyle } from '../episode/prompts/terse.js';
import { outputsMatch } from '../execution/comparators.js';
import { openModel } from '../recipe/open-model.js';
import { addInputOptions, type InputOptions, readProgramInput, traceOnce } from './program-input.js';

interface SimulateOptions extends InputOptions {
  readonly model: string;
  readonly temperature: string;
  readonly maxTokens: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

export function addSimulateCommand(program: Command): void {
  addInputOptions(program.command('simulate').description('a model predicts what a Python file prints'))
    .option('--model <folder>', 'a run folder or a Hugging Face model folder', 'runs/tiny')
    .option('--temperature <number>', '0 is greedy', '0')
    .option('--max-tokens <number>', 'most tokens of the answer', '200')
    .option('--check', 'run the program too, and compare (exit code 1 when they differ)')
    .option('--json', 'machine-readable output')
    .action(simulate);
}

async function simulate(file: string, options: SimulateOptions): Promise<void> {
  const { program, input } = await readProgramInput(file, options);
  const temperature = numberOption('--temperature', options.temperature);
  const maxTokens = numberOption('--max-tokens', options.maxTokens);
  const trace = options.check ? await traceOnce(program, input) : undefined;
  const opened = await openModel(options.model);
  try {
    let text = '';
    const listening: typeof opened.model = {
      id: opened.model.id,
      generate: async (request) => {
        const response = await opened.model.generate(request);
        text = response.text;
        return response;
      },
    };
    const episode = predictOutput({
      kind: 'predict-output',
      program,
      input,
      style: terseStyle,
      maxTokens,
      seed: 0,
    });
    const played = await play(episode, listening, undefined, { sampling: { temperature } });
    if (played.kind === 'unscored') throw new Error(played.reason);
    const { outcome } = played;
    const simulated = outcome.kind === 'predicted' ? outcome.output.trimEnd() : undefined;
    const execution = trace?.execution;
    const executed = input.kind === 'stdin' ? execution?.stdout.trimEnd() : execution?.result;
    const comparator = input.kind === 'stdin' ? 'output' : 'literal';
    const matches =
      executed === undefined
        ? undefined
        : simulated !== undefined &&
          execution?.outcome === 'completed' &&
          outputsMatch(comparator, simulated, executed);
    if (options.json) {
      const { error, outcome: executedOutcome } = execution ?? {};
      const row = {
        model: opened.folder,
        explanation: text,
        simulated: simulated ?? null,
        executed,
        executedOutcome,
        error,
        matches,
      };
      process.stdout.write(`${JSON.stringify(row)}\n`);
    } else {
      process.stdout.write(`${text}\n\nsimulated: ${simulated ?? `no answer (${outcome.kind})`}\n`);
      if (execution) {
        const failed = execution.error
          ? `${execution.error.type}: ${execution.error.message}`
          : execution.outcome;
        process.stdout.write(`executed:  ${execution.outcome === 'completed' ? executed : failed}\n`);
        process.stdout.write(matches ? 'they agree\n' : 'they differ\n');
      }
    }
    if (options.check && !matches) process.exitCode = 1;
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

function numberOption(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0))
    throw new UsageError(`${name} takes a number from 0, not "${text}"`);
  return value;
}
