/**
 * `deskcheck narrate`: one execution explained in words (NLEX), by the template narrators.
 */
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { narrateByLine } from '../nlex/line-narrator.js';
import { parsePython } from '../nlex/python-source.js';
import { narrateTersely } from '../nlex/terse-narrator.js';
import { addInputOptions, type InputOptions, readProgramInput, traceOnce } from './program-input.js';

interface NarrateOptions extends InputOptions {
  readonly narrator: 'line' | 'terse';
  readonly json?: boolean;
}

export function addNarrateCommand(program: Command): void {
  addInputOptions(program.command('narrate').description('explain one execution of a Python file in words'))
    .addOption(
      new Option('--narrator <name>', 'line: a sentence per step; terse: as the embedded model learns it')
        .choices(['line', 'terse'])
        .default('line'),
    )
    .option('--json', 'machine-readable output')
    .action(async (file: string, options: NarrateOptions) => {
      const { program: narrated, input } = await readProgramInput(file, options);
      const trace = await traceOnce(narrated, input);
      const explanation =
        options.narrator === 'line'
          ? narrateByLine(narrated.source, trace, input)
          : narrateTersely(parsePython(narrated.source), trace);
      if (explanation === undefined) {
        throw new UsageError(
          'the terse narrator covers only simple loops and conditions; use --narrator line',
        );
      }
      const { outcome, stdout, result, error } = trace.execution;
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ narrator: options.narrator, explanation, outcome, stdout, result, error })}\n`
          : `${explanation}\n`,
      );
    });
}
