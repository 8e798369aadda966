/**
 * What the commands of the data factory share: options, sandboxes under two hash seeds, the data card and Parquet.
 */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { writeFileAtomically } from '../core/json-lines.js';
import { createSandbox, SANDBOX_KINDS, type SandboxKind } from '../execution/create-sandbox.js';
import type { Sandbox } from '../execution/types.js';
import { countOf } from '../recipe/factory/counts.js';
import { writeDataCard } from '../recipe/factory/data-card.js';
import { writeParquet } from '../recipe/factory/parquet.js';
import { partFiles } from '../recipe/factory/parts.js';

export interface FactoryOptions {
  readonly out: string;
  readonly shard: string;
  readonly seed: string;
  readonly sandbox: SandboxKind;
  readonly processes?: string;
  readonly licence: string;
  readonly parquet: boolean;
  readonly minScore: string;
}

export function addFactoryOptions(command: Command): Command {
  return command
    .requiredOption('--out <folder>', 'where the data set goes; a folder begun before is gone on with')
    .option('--shard <i/n>', 'only this share of the work, such as 1/4', '1/1')
    .option('--seed <seed>', 'of everything that is drawn', '0')
    .option('--licence <name>', 'licence of the programs, for the rows and the card', 'unknown')
    .option('--min-score <score>', 'least grounding score of an explanation that is kept', '1')
    .option('--no-parquet', 'JSON lines only')
    .addOption(new Option('--sandbox <kind>').choices([...SANDBOX_KINDS]).default('auto'))
    .option('--processes <n>', 'how many programs run at once (default: one per core)');
}

/** The card and the Parquet file beside the parts. */
export async function finish(
  { out, parquet }: Pick<FactoryOptions, 'out' | 'parquet'>,
  facts: Parameters<typeof writeDataCard>[0],
): Promise<void> {
  await writeFileAtomically(join(out, 'README.md'), writeDataCard(facts));
  if (parquet && countOf(facts.counts, 'rows') > 0)
    await writeParquet(await partFiles(out), join(out, 'data.parquet'));
}

/** The sandbox, and where it can be had the same under another hash seed. */
export async function withSandboxes(
  { sandbox: kind, processes }: Pick<FactoryOptions, 'sandbox' | 'processes'>,
  work: (sandbox: Sandbox, other: Sandbox | undefined) => Promise<void>,
): Promise<void> {
  const size = processes === undefined ? {} : { processes: wholeNumber('--processes', processes) };
  const sandbox = createSandbox(kind, { ...size, hashSeed: 0 });
  const other = sandbox.kind === 'wasm' ? undefined : createSandbox(sandbox.kind, { ...size, hashSeed: 1 });
  try {
    await work(sandbox, other);
  } finally {
    await sandbox[Symbol.asyncDispose]();
    await other?.[Symbol.asyncDispose]();
  }
}

export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${option} takes a whole number from 1, not "${text}"`);
  return value;
}

export function share(option: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1))
    throw new UsageError(`${option} takes a number from 0 to 1, not "${text}"`);
  return value;
}
