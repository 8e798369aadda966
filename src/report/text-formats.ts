/**
 * The report as Markdown, as CSV and as a table for the terminal.
 */
import type { Comparison } from '../evaluation/compare-runs.js';
import type { TrainingMetric } from '../evaluation/records.js';
import type { Findings } from './findings.js';
import { counted, differenceText, duration, estimateText, NO_VALUE, spendingText } from './format.js';
import { makeVisible } from './html.js';
import type { NumberRow } from './numbers.js';
import type { Overview } from './overview.js';
import type { PaperTables } from './paper-tables.js';
import type { ReportFile, ReportInput } from './types.js';

export function renderMarkdown(
  input: ReportInput,
  found: Findings,
  table: Overview,
  missing: readonly string[],
  paper: PaperTables,
  comparison?: Comparison,
): string {
  const { run } = input;
  const lines = [
    `# ${inline(input.title)}`,
    '',
    `**${inline(found.headline)}** ${inline(found.evidence)}`,
    '',
    ...(input.about ? [inline(input.about), ''] : []),
    missing.length === 0 ? 'This report is complete.' : 'This report is partial:',
    ...missing.map((line) => `- ${inline(line)}`),
    '',
  ];
  if (table.rows.length > 0) {
    lines.push(
      `| | ${table.columns.map(inline).join(' | ')} |`,
      `| --- |${' ---: |'.repeat(table.columns.length)}`,
      ...table.rows.map(
        ({ label, indent, cells }) =>
          `| ${indent ? '&nbsp;&nbsp;' : ''}${inline(label)} | ${cells.map(inline).join(' | ')} |`,
      ),
      '',
      'In brackets: 95% bootstrap intervals over problems.',
      '',
    );
  }
  if (comparison !== undefined) lines.push(...comparisonLines(comparison));
  if (found.points.length > 0)
    lines.push('## Findings', '', ...found.points.map((point) => `- ${inline(point)}`), '');
  if (paper.tables.length > 0) lines.push(...paperLines(paper));
  lines.push(
    '## How it was made',
    '',
    '```',
    makeVisible(run.command).replaceAll('`', "'"),
    '```',
    '',
    `Seed ${inline(String(run.seed))}${run.spending ? `, ${inline(spendingText(run.spending))}` : ''}${run.commit ? `, commit ${inline(run.commit)}` : ''}. Versions: ${inline(
      Object.entries(run.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ') || 'not recorded',
    )}.`,
    ...run.stages.map(({ name, seconds }) => `- ${inline(name)}: ${duration(seconds)}`),
    '',
  );
  return lines.join('\n');
}

/** One line of text in which nothing is markup. */
function inline(text: string): string {
  return makeVisible(text)
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_|[\]<>#]/g, (character) => (character === '<' ? '&lt;' : `\\${character}`));
}

export function renderCsv(
  numbers: readonly NumberRow[],
  metrics: readonly TrainingMetric[],
  seed: string | number,
): ReportFile[] {
  const columns = [
    'table',
    'stage',
    'model',
    'arm',
    'metric',
    'group',
    'k',
    'value',
    'low',
    'high',
    'problems',
    'items',
    'unscored',
    'comparator',
  ] as const;
  const flat = metrics.map(flatten);
  const keys = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  return [
    {
      name: 'numbers.csv',
      text: toCsv(
        [...columns, 'seed'],
        numbers.map((row) => [...columns.map((column) => row[column]), seed]),
      ),
    },
    {
      name: 'training.csv',
      text: toCsv(
        keys,
        flat.map((row) => keys.map((key) => row.get(key) ?? null)),
      ),
    },
  ];
}

/** `{ validation: { solve: 0.4 } }` → `validation.solve`. */
function flatten(metric: TrainingMetric): Map<string, string | number> {
  const out = new Map<string, string | number>();
  const visit = (prefix: string, value: unknown): void => {
    if (typeof value === 'number' || typeof value === 'string') out.set(prefix, value);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [key, inner] of Object.entries(value))
        visit(prefix === '' ? key : `${prefix}.${key}`, inner);
  };
  visit('', metric);
  return out;
}

function toCsv(header: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return [header, ...rows].map((row) => `${row.map(csvCell).join(',')}\n`).join('');
}

/** RFC 4180; a text that a spreadsheet would take for a formula gets an apostrophe. */
function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function renderTerminalSummary(
  input: ReportInput,
  found: Findings,
  table: Overview,
  missing: readonly string[],
): string {
  const rows = [
    ['', ...table.columns],
    ...table.rows.map(({ label, indent, cells }) => [indent ? `  ${label}` : label, ...cells]),
  ].map((row) => row.map((cell) => makeVisible(cell).replaceAll('\n', ' ')));
  const widths = rows[0]!.map((_, column) =>
    rows.reduce((most, row) => Math.max(most, row[column]!.length), 0),
  );
  const seconds = input.run.stages.reduce((sum, stage) => sum + stage.seconds, 0);
  return [
    `${makeVisible(input.title)} · seed ${input.run.seed}${seconds > 0 ? ` · ${duration(seconds)}` : ''}`,
    '',
    ...wrap(`${makeVisible(found.headline)} ${makeVisible(found.evidence)}`, 96),
    ...(table.rows.length > 0
      ? [
          '',
          ...rows.map((row) =>
            row
              .map((cell, i) => (i === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[i]!)))
              .join('  ')
              .trimEnd(),
          ),
        ]
      : []),
    ...(missing.length > 0
      ? [
          '',
          `Partial, ${counted(missing.length, 'part')} missing:`,
          ...missing.flatMap((line) => wrap(`- ${makeVisible(line)}`, 96)),
        ]
      : []),
    '',
  ].join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

function paperLines({ tables, absent }: PaperTables): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.map(inline).join(' | ')} |`;
  return [
    "## The paper's tables, from this data",
    '',
    ...tables.flatMap(({ id, title, columns, rows }) => [
      `### ${inline(id)}: ${inline(title)}`,
      '',
      row(columns),
      `| --- |${' ---: |'.repeat(columns.length - 1)}`,
      ...rows.map(row),
      '',
    ]),
    ...(absent.length > 0 ? [`No data here for: ${inline(absent.join('; '))}.`, ''] : []),
  ];
}

function comparisonLines({ runs, rows }: Comparison): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.map(inline).join(' | ')} |`;
  return [
    '## The runs side by side',
    '',
    'In brackets after a difference from the first run: its 95% interval, paired over shared problems.',
    '',
    row(['', ...runs]),
    `| --- |${' ---: |'.repeat(runs.length)}`,
    ...rows.map(({ metric, values, differences }) =>
      row([
        metric,
        ...values.map((value, i) => {
          if (!value) return NO_VALUE;
          const change = differences[i];
          return change ? `${estimateText(value)}; ${differenceText(change)}` : estimateText(value);
        }),
      ]),
    ),
    '',
  ];
}
