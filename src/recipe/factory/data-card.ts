/**
 * Data cards: what a data set holds, where it comes from, what was left out and why, in Markdown with histograms.
 */
import { type Counts, countOf, histogramOf } from './counts.js';
import { BATCH, type Packing } from './packing.js';
import type { SourceFacts } from './sft-data.js';

const WIDTH = 30;

export interface FactoryCard {
  readonly title: string;
  readonly command: string;
  readonly sources: readonly string[];
  /** What the set depends on. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly licence: string;
  readonly counts: Counts;
}

/** Of `data functions`, `programs`, `nlex` and `predictions`. */
export function writeFactoryCard({
  title,
  command,
  sources,
  settings,
  licence,
  counts,
}: FactoryCard): string {
  const origins = histogramOf(counts, 'origins');
  const explained = countOf(counts, 'executions') > 0;
  return page([
    `# ${title}`,
    '',
    explained
      ? `Made by \`${command}\`. Every program was really executed; every explanation ends in the true output, and every\nvalue that it states was checked against the trace.`
      : `Made by \`${command}\`. Every program was really executed.`,
    '',
    ...facts({
      Rows: `${show(countOf(counts, 'rows'))} (${show(countOf(counts, 'duplicates'))} duplicates removed)`,
      Sources: sources.join(', '),
      'Licence of the programs': licence,
      ...functionFacts(counts),
      ...programFacts(counts),
      ...(countOf(counts, 'characters') > 0 ? { Characters: show(countOf(counts, 'characters')) } : {}),
      Settings: `\`${JSON.stringify(withoutPaths(settings))}\``,
    }),
    ...section('Left out, by reason', histogramOf(counts, 'excluded')),
    ...section('Eligible, but no execution was kept; main reason', histogramOf(counts, 'untraced')),
    ...section('Sampled programs', histogramOf(counts, 'samples')),
    ...section('Executions left out, by reason', histogramOf(counts, 'dropped')),
    ...section('Where inputs come from', origins),
    ...section('Authors of the programs', histogramOf(counts, 'authors')),
    ...section('Form', histogramOf(counts, 'forms')),
    ...section('Narrator', histogramOf(counts, 'narrators')),
    ...section('Grounding score', histogramOf(counts, 'scores'), true),
    ...section('Checked claims per explanation', histogramOf(counts, 'claims'), true),
    ...section('Events per trace', histogramOf(counts, 'events'), true),
    ...section('Characters per answer', histogramOf(counts, 'answerCharacters'), true),
  ]);
}

export interface SftCard {
  readonly command: string;
  readonly sources: readonly SourceFacts[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly counts: Counts;
  /** With a tokenizer. */
  readonly packing?: Packing;
  readonly decontaminatedAgainst: readonly string[];
}

/** Of `data sft`. */
export function writeSftCard(card: SftCard): string {
  const { command, sources, settings, counts, packing, decontaminatedAgainst } = card;
  const [tokens, answerTokens] = [countOf(counts, 'tokens'), countOf(counts, 'answerTokens')];
  return page([
    '# Mixed data for supervised fine-tuning',
    '',
    `Made by \`${command}\`. One conversation per row; the last message is the answer to be learned.`,
    '',
    ...facts({
      Rows: show(countOf(counts, 'rows')),
      ...(packing
        ? {
            Tokens: `${show(tokens)}, of which ${show(answerTokens)} (${percent(answerTokens, tokens)}) in answers`,
          }
        : { Characters: show(countOf(counts, 'characters')) }),
      'Decontaminated against':
        decontaminatedAgainst.length === 0 ? 'nothing (`--decontaminate`)' : decontaminatedAgainst.join(', '),
      Settings: `\`${JSON.stringify(withoutPaths(settings))}\``,
    }),
    ...sourceTable(sources, histogramOf(counts, 'tokensByDataset'), tokens),
    ...leftOut(sources),
    ...(packing ? packingTable(packing) : []),
    ...section('Tokens per row', histogramOf(counts, 'rowTokens'), true),
    ...section('Tokens per answer', histogramOf(counts, 'answerTokensPerRow'), true),
    ...section('Task', histogramOf(counts, 'tasks')),
    ...section('Form', histogramOf(counts, 'forms')),
    ...section('Narrator', histogramOf(counts, 'narrators')),
    ...section('Licence', histogramOf(counts, 'licences')),
  ]);
}

function functionFacts(counts: Counts): Record<string, string> {
  const functions = countOf(counts, 'functions');
  if (functions === 0) return {};
  const eligible = countOf(counts, 'eligible');
  const traced = countOf(counts, 'traced');
  const each = (countOf(counts, 'executions') / Math.max(1, traced)).toFixed(1);
  return {
    'Files; top-level functions': `${show(countOf(counts, 'files'))}; ${show(functions)}`,
    'Eligible functions': `${show(eligible)} (${percent(eligible, functions)})`,
    'With at least one explained execution': `${show(traced)} (${percent(traced, eligible)} of the eligible), ${each} each`,
    'Executions tried': show(countOf(counts, 'tried')),
  };
}

function programFacts(counts: Counts): Record<string, string> {
  if (countOf(counts, 'problems') === 0) return {};
  const traced = countOf(counts, 'traced');
  return {
    'Problems; programs': `${show(countOf(counts, 'problems'))}; ${show(countOf(counts, 'programs'))}`,
    'Executions tried': show(countOf(counts, 'tried')),
    ...(countOf(counts, 'executions') > 0
      ? { 'Programs with a row': show(traced) }
      : { 'Problems with a row': show(traced) }),
  };
}

function sourceTable(
  sources: readonly SourceFacts[],
  tokens: Readonly<Record<string, number>>,
  allTokens: number,
): string[] {
  const rows = sources.reduce((sum, { taken }) => sum + taken, 0);
  const lines = sources.map(({ path, weight, read, usable, taken }) => {
    const name = baseName(path);
    const repeats = usable === 0 ? 0 : taken / usable;
    return `| ${name} | ${weight ?? '–'} | ${show(read)} | ${show(usable)} | ${show(taken)} | ${percent(taken, rows)} | ${allTokens === 0 ? '–' : percent(tokens[name] ?? 0, allTokens)} | ${repeats.toFixed(2)} |`;
  });
  return [
    '',
    '## Where rows come from',
    '',
    '| source | weight | rows read | usable | taken | share of rows | share of tokens | times each row |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ];
}

function leftOut(sources: readonly SourceFacts[]): string[] {
  const reasons: Record<string, number> = {};
  for (const { path, left } of sources)
    for (const [reason, count] of Object.entries(left)) reasons[`${baseName(path)}: ${reason}`] = count;
  return section('Rows left out, by reason', reasons);
}

function packingTable(packing: Packing): string[] {
  const { sequenceLength, rows, tokens, sequences, fill, paddedFill } = packing;
  return [
    '',
    '## Packing',
    '',
    `Into sequences of ${show(sequenceLength)} tokens, best fit, longest first:`,
    '',
    '| | |',
    '| --- | ---: |',
    `| sequences | ${show(sequences)} |`,
    `| rows per sequence | ${(rows / Math.max(1, sequences)).toFixed(1)} |`,
    `| tokens per row | ${(tokens / Math.max(1, rows)).toFixed(0)} |`,
    `| positions that hold tokens | ${(100 * fill).toFixed(1)}% |`,
    `| … without packing, padded in batches of ${BATCH} | ${(100 * paddedFill).toFixed(1)}% |`,
  ];
}

function facts(entries: Readonly<Record<string, string>>): string[] {
  return Object.entries(entries).map(([name, value]) => `- ${name}: ${value}`);
}

function section(title: string, histogram: Readonly<Record<string, number>>, byLabel = false): string[] {
  const entries = Object.entries(histogram).sort((a, b) =>
    byLabel ? Number.parseFloat(a[0]) - Number.parseFloat(b[0]) : b[1] - a[1] || (a[0] < b[0] ? -1 : 1),
  );
  const [only] = entries;
  if (only === undefined) return [];
  // One bar compares with nothing.
  if (entries.length === 1) return ['', `**${title}**: ${only[0]}, all ${show(only[1])}.`];
  const most = Math.max(...entries.map(([, count]) => count));
  const all = entries.reduce((sum, [, count]) => sum + count, 0);
  const rows = entries.map(
    ([label, count]) =>
      `| ${label.replaceAll('|', '\\|')} | ${show(count)} | ${percent(count, all)} | ${bar(count / most)} |`,
  );
  return ['', `## ${title}`, '', '| | count | share | |', '| --- | ---: | ---: | --- |', ...rows];
}

function bar(share: number): string {
  return '█'.repeat(Math.round(WIDTH * share)) || '▏';
}

/** Files by their names: a card goes where the folders of this machine do not. */
function withoutPaths(value: unknown): unknown {
  if (typeof value === 'string') return /^(https?:|embedded:|ai-sdk:)/.test(value) ? value : baseName(value);
  if (Array.isArray(value)) return value.map(withoutPaths);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutPaths(inner)]));
}

function baseName(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? path;
}

function page(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

function show(count: number): string {
  return count.toLocaleString('en-US');
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)}%`;
}
