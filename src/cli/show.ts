/**
 * `deskcheck show`: the rollouts of a run, to be read: prompt, completions, reward and advantage of each.
 */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { type RolloutRow, readRollouts } from '../recipe/rollout-log.js';
import { countFrom } from './model-options.js';

const KINDS = ['trained', 'uniform', 'abandoned'] as const satisfies readonly RolloutRow['kind'][];

interface ShowOptions {
  readonly step?: number;
  readonly task?: string;
  readonly kind?: RolloutRow['kind'];
  readonly limit: number;
  readonly json?: boolean;
}

export function addShowCommand(program: Command): void {
  program
    .command('show')
    .description('read the RL rollouts of a run: prompt, completions, reward, advantage')
    .argument('<run>', 'a run folder, such as runs/tiny')
    .option('--step <number>', 'of this step only', countFrom(1))
    .option('--task <name>', 'of this task only: output-prediction, solving, self-rlef')
    .addOption(
      new Option('--kind <kind>', 'groups of this kind only (uniform: all rewards equal)').choices(KINDS),
    )
    .option('--limit <number>', 'so many groups, the latest', countFrom(1), 3)
    .option('--json', 'one JSON object per group')
    .action(async (run: string, options: ShowOptions) => {
      const shown = chooseRows(run, await readRollouts(join(run, 'rollouts.jsonl')), options);
      process.stdout.write(
        shown.map((row) => (options.json ? `${JSON.stringify(row)}\n` : tell(row))).join('\n'),
      );
    });
}

/** Throws a UsageError that says what there is, where nothing is as it was asked for. */
function chooseRows(run: string, all: readonly RolloutRow[], options: ShowOptions): readonly RolloutRow[] {
  if (all.length === 0) throw new UsageError(`${run} holds no rollouts; RL writes them to rollouts.jsonl`);
  const tasks = [...new Set(all.map(({ task }) => task))];
  if (options.task !== undefined && !tasks.includes(options.task)) {
    throw new UsageError(`--task: ${run} has ${tasks.join(', ')}, not "${options.task}"`);
  }
  const rows = all.filter(
    ({ step, task, kind }) =>
      (options.step === undefined || step === options.step) &&
      (options.task === undefined || task === options.task) &&
      (options.kind === undefined || kind === options.kind),
  );
  if (rows.length === 0) {
    throw new UsageError(
      `${run} holds no such rollouts, among ${all.length} groups of steps 1 to ${all.at(-1)!.step}`,
    );
  }
  return rows.slice(-options.limit);
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
