/**
 * `deskcheck trace`: what a program really does, step by step.
 */
import { type Command, Option } from 'commander';
import { formatTrace, type TraceFormat } from '../execution/trace-format.js';
import { addInputOptions, type InputOptions, readProgramInput, traceOnce } from './program-input.js';

export function addTraceCommand(program: Command): void {
  addInputOptions(program.command('trace').description('run a Python file and print every step'))
    .addOption(
      new Option('--format <format>', 'how steps are written')
        .choices(['text', 'json', 'cwm'])
        .default('text'),
    )
    .action(async (file: string, options: InputOptions & { readonly format: TraceFormat }) => {
      const { program: traced, input } = await readProgramInput(file, options);
      const trace = await traceOnce(traced, input);
      process.stdout.write(`${formatTrace(options.format, trace, traced.source).trimEnd()}\n`);
    });
}
