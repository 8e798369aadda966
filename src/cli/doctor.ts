/**
 * `deskcheck doctor`: what works on this machine, and what to install for the rest. Exit code 1 when nothing runs programs.
 */
import { availableParallelism, totalmem } from 'node:os';
import type { Command } from 'commander';
import { diagnoseExecution } from '../execution/create-sandbox.js';

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('what works on this machine, and what to install for the rest')
    .option('--python <path>', 'the interpreter for the native sandbox')
    .option('--json', 'machine-readable output')
    .action(async (options: { readonly python?: string; readonly json?: boolean }) => {
      const execution = await diagnoseExecution(options.python);
      const machine = {
        node: process.version,
        cores: availableParallelism(),
        memoryGiB: Math.round(totalmem() / 2 ** 30),
      };
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ machine, execution })}\n`);
      } else {
        const lines = [
          `Node ${machine.node}, ${machine.cores} cores, ${machine.memoryGiB} GiB of memory`,
          '',
          'Sandboxes',
        ];
        for (const { kind, works, detail, remedy, caveats } of execution.sandboxes) {
          lines.push(`  ${works ? 'works  ' : 'missing'}  ${kind}: ${detail}`);
          if (remedy !== undefined) lines.push(`           to mend it: ${remedy}`);
          if (works) for (const caveat of caveats) lines.push(`           note: ${caveat}`);
        }
        lines.push('', `"auto" is ${execution.auto} here. unsafe-process is used only when it is named.`);
        process.stdout.write(`${lines.join('\n')}\n`);
      }
      if (execution.auto === 'none') process.exitCode = 1;
    });
}
