/**
 * The data card: what a data set holds, where it comes from, what was left out and why, in Markdown.
 */
import { type Counts, countOf, histogramOf } from './counts.js';

export interface CardFacts {
  readonly title: string;
  readonly command: string;
  readonly sources: readonly string[];
  readonly licence: string;
  readonly counts: Counts;
}

const WIDTH = 30;

export function writeDataCard({ title, command, sources, licence, counts }: CardFacts): string {
  const eligible = countOf(counts, 'eligible');
  const traced = countOf(counts, 'traced');
  const executions = countOf(counts, 'executions');
  const lines = [
    `# ${title}`,
    '',
    `Made by \`${command}\`. Every program was really executed; every explanation ends in the true output, and every value`,
    'that it states was checked against the trace.',
    '',
    `- Sources: ${sources.join(', ')}`,
    `- Licence of the programs: ${licence}`,
    `- Rows: ${countOf(counts, 'rows')} (${countOf(counts, 'duplicates')} duplicates removed)`,
    `- Characters: ${countOf(counts, 'characters')}`,
    ...(countOf(counts, 'functions') > 0
      ? [
          `- Files: ${countOf(counts, 'files')}; top-level functions: ${countOf(counts, 'functions')}`,
          `- Eligible: ${eligible} (${percent(eligible, countOf(counts, 'functions'))})`,
          `- With at least one explained execution: ${traced} (${percent(traced, eligible)} of the eligible), ` +
            `${(executions / Math.max(1, traced)).toFixed(1)} each`,
        ]
      : []),
    ...section('Left out, by reason', histogramOf(counts, 'excluded')),
    ...section('Eligible, but no execution was kept; main reason', histogramOf(counts, 'untraced')),
    ...section('Executions left out, by reason', histogramOf(counts, 'dropped')),
    ...section('Where inputs come from', histogramOf(counts, 'origins')),
    ...section('Form', histogramOf(counts, 'forms')),
    ...section('Events per trace', histogramOf(counts, 'events'), true),
    ...section('Characters per answer', histogramOf(counts, 'answerCharacters'), true),
    ...section('Checked claims per explanation', histogramOf(counts, 'claims'), true),
  ];
  return `${lines.join('\n')}\n`;
}

function section(title: string, histogram: Readonly<Record<string, number>>, byLabel = false): string[] {
  const entries = Object.entries(histogram).sort((a, b) =>
    byLabel ? Number.parseInt(a[0], 10) - Number.parseInt(b[0], 10) : b[1] - a[1] || (a[0] < b[0] ? -1 : 1),
  );
  if (entries.length === 0) return [];
  const most = Math.max(...entries.map(([, count]) => count));
  const rows = entries.map(
    ([label, count]) =>
      `| ${label} | ${count} | ${'█'.repeat(Math.max(1, Math.round((WIDTH * count) / most)))} |`,
  );
  return ['', `## ${title}`, '', '| | count | |', '| --- | ---: | --- |', ...rows];
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)}%`;
}
