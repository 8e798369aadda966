/**
 * `deskcheck data sft`: execution data mixed with other chat data, for supervised fine-tuning.
 */
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomically } from '../core/json-lines.js';
import { createTerminalProgress } from '../core/progress.js';
import { openChatTokenizer } from '../model/tokenizer.js';
import { countOf } from '../recipe/factory/counts.js';
import { writeSftCard } from '../recipe/factory/data-card.js';
import { createDecontaminator, readEvaluationTexts } from '../recipe/factory/decontaminate.js';
import { packingOf } from '../recipe/factory/packing.js';
import { writeParquet } from '../recipe/factory/parquet.js';
import { openDataFolder } from '../recipe/factory/parts.js';
import { makeSftData, SFT_COLUMNS, type SftSource } from '../recipe/factory/sft-data.js';
import { countFrom, untilStopped } from './model-options.js';

interface SftCommandOptions {
  readonly out: string;
  readonly rows?: number;
  readonly seed: string;
  readonly tokenizer?: string;
  readonly sequenceLength: number;
  readonly decontaminate?: string[];
  readonly parquet: boolean;
}

export function addSftDataCommand(data: Command): void {
  data
    .command('sft')
    .description('one set for fine-tuning from several: mixed by weight, decontaminated, packing worked out')
    .argument(
      '<sources...>',
      'data sets of ours (folders), JSON lines or Parquet of chat data, each with its weight: data/functions=3 reasoning.jsonl=1',
    )
    .requiredOption('--out <folder>', 'where the set goes')
    .option('--rows <n>', 'rows in all (default: as many as no row has to be repeated for)', countFrom(1))
    .option('--seed <seed>', 'of the choice and order of rows', '0')
    .option('--tokenizer <folder>', 'a Hugging Face folder: counts tokens, works out packing')
    .option('--sequence-length <n>', 'of packing, in tokens; longer rows are left out', countFrom(1), 65_536)
    .option('--decontaminate <files...>', 'JSON lines of evaluation data that must not come in')
    .option('--no-parquet', 'JSON lines only')
    .action(makeSft);
}

async function makeSft(paths: string[], options: SftCommandOptions): Promise<void> {
  const { out, seed, rows, sequenceLength, parquet, decontaminate = [] } = options;
  const sources = paths.map(parseSource);
  const tokenizer = options.tokenizer === undefined ? undefined : await openChatTokenizer(options.tokenizer);
  const decontaminator =
    decontaminate.length === 0 ? undefined : createDecontaminator(await readEvaluationTexts(decontaminate));
  const settings = {
    kind: 'sft',
    ...{ sources, rows, seed, decontaminate },
    ...(tokenizer ? { tokenizer: options.tokenizer, sequenceLength } : {}),
  };
  const progress = createTerminalProgress(process.stderr);
  await using _folder = await openDataFolder(out, settings);
  const data = await untilStopped((signal) =>
    makeSftData({
      ...{ folder: out, sources, seed, sequenceLength, signal },
      ...(rows === undefined ? {} : { rows }),
      ...(tokenizer && { tokenizer }),
      ...(decontaminator && { decontaminator }),
      onRead: (read) => {
        if (read % 20_000 === 0) progress.say(`  ${read} rows read`);
      },
    }),
  );
  const card = writeSftCard({
    command: `deskcheck data sft ${paths.map((path) => basename(path)).join(' ')}`,
    ...{ settings, sources: data.sources, counts: data.counts },
    ...(tokenizer ? { packing: packingOf(data.lengths, sequenceLength) } : {}),
    decontaminatedAgainst: decontaminate.map((path) => basename(path)),
  });
  if (parquet) await writeParquet(data.files, join(out, 'data.parquet'), SFT_COLUMNS);
  // Last: where it is, the set is complete.
  await writeFileAtomically(join(out, 'README.md'), card);
  const taken = data.sources.map((source) => `${source.taken} of ${basename(source.path)}`).join(', ');
  process.stdout.write(`${countOf(data.counts, 'rows')} rows (${taken}): ${out}\n`);
}

/** `path=weight`, or a path. */
function parseSource(text: string): SftSource {
  const [, path, weight] = /^(.+)=(\d+(?:\.\d+)?|\.\d+)$/.exec(text) ?? [];
  return path === undefined ? { path: text, weight: undefined } : { path, weight: Number(weight) };
}
