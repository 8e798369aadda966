/**
 * `deskcheck show`: the rollouts of a run, to be read: prompt, completions, reward and advantage of each.
 */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { type RolloutRow, readRollouts } from '../recipe/rollout-log.js';
import { countFrom } from './model-options.js';

interface ShowOptions {
  readonly step?: number;
  readonly task?: string;
  readonly kind?: string;
  readonly limit: number;
  readonly json?: boolean;
}

export function addShowCommand(program: Command): void {
  program
    .command('show')
    .description('read the RL rollouts of a run: prompt, completions, reward, advantage')
    .argument('<run>', 'a run folder, such as runs/tiny')
    .option('--step <n>', 'of this optimizer step only', countFrom(0))
    .option('--task <name>', 'of this task only: output-prediction, solving, self-rlef')
    .addOption(
      new Option('--kind <kind>', 'these groups only; uniform: all rewards equal').choices([
        'trained',
        'uniform',
        'abandoned',
      ]),
    )
    .option('--limit <n>', 'so many groups, the latest', countFrom(1), 3)
    .option('--json', 'one JSON object per group')
    .action(async (run: string, options: ShowOptions) => {
      const rows = (await readRollouts(join(run, 'rollouts.jsonl'))).filter(
        ({ step, task, kind }) =>
          (options.step === undefined || step === options.step) &&
          (options.task === undefined || task === options.task) &&
          (options.kind === undefined || kind === options.kind),
      );
      if (rows.length === 0)
        throw new UsageError(`${run} holds no such rollouts; RL writes them to rollouts.jsonl`);
      const shown = rows.slice(-options.limit);
      process.stdout.write(
        shown.map((row) => (options.json ? `${JSON.stringify(row)}\n` : tell(row))).join('\n'),
      );
    });
}

function tell(row: RolloutRow): string {
  const stale = row.staleness === undefined ? '' : `, staleness ${row.staleness}`;
  const heading = `Step ${row.step}, group ${row.ordinal}: ${row.task}, ${row.kind}${stale}`;
  const [first] = row.rollouts;
  const lines = [heading, '='.repeat(heading.length)];
  if (row.reason !== undefined) lines.push(row.reason);
  if (first?.turns[0]) lines.push('', indent(first.turns[0].prompt));
  for (const [at, { reward, advantage, ending, turns }] of row.rollouts.entries()) {
    lines.push('', `Rollout ${at + 1}: reward ${reward}, advantage ${advantage.toFixed(2)}, ${ending}`);
    for (const { purpose, completion, tokens } of turns) {
      lines.push(`  ${purpose} (${tokens} tokens)`, indent(completion));
    }
  }
  return `${lines.join('\n')}\n`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}
