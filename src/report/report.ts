/**
 * From what a run recorded to its report: one HTML page, Markdown and CSV beside it, and a table for the terminal.
 * Pure and deterministic; `writeReport` puts it into a folder. A report of a run that is not finished says what is
 * missing instead of failing.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../core/json-lines.js';
import { compareRuns } from '../evaluation/compare-runs.js';
import { compareStages, createSummaryContext } from '../evaluation/estimates.js';
import type {
  EpisodeSample,
  EvaluationRecord,
  SelectionRecord,
  TrainingMetric,
} from '../evaluation/records.js';
import { type Summary, type SummaryOptions, summarise } from '../evaluation/summary.js';
import { comparisonFindings, findings } from './findings.js';
import { comparisonRows, numberRows } from './numbers.js';
import { overview } from './overview.js';
import { renderPage } from './page.js';
import { paperTables } from './paper-tables.js';
import { createSectionContext } from './sections/parts.js';
import { renderCsv, renderMarkdown, renderTerminalSummary } from './text-formats.js';
import type { Report, ReportInput } from './types.js';

/** Builds the whole report. `options` set the bootstrap and the largest k. */
export function buildReport(input: ReportInput, options: SummaryOptions = {}): Report {
  const summary = summarise(input.records, options);
  const context = createSectionContext(summary, input.run.seed);
  const missing = [
    ...((input.scope ?? 'recipe') !== 'recipe' ? [] : missingParts(summary, input.metrics, input.records)),
    ...(input.missing ?? []),
  ];
  const table = overview(summary, context.label);
  const comparison =
    input.runs === undefined
      ? undefined
      : compareRuns(input.runs, createSummaryContext(summary.bootstrap, options.maxK ?? 10));
  const found = comparison === undefined ? findings(summary) : comparisonFindings(comparison);
  return {
    html: renderPage({
      input,
      context,
      found,
      missing,
      samples: samplesOf(input.records),
      selections: input.records.filter(
        (record): record is SelectionRecord => record.schema === 'selection/1',
      ),
      ...(comparison && { comparison }),
    }),
    markdown: renderMarkdown(input, found, table, missing, paperTables(summary, context.label), comparison),
    csv: renderCsv([...numberRows(summary), ...comparisonRows(comparison)], input.metrics, input.run.seed),
    terminalSummary: renderTerminalSummary(input, found, table, missing),
  };
}

/** The newest stage first, then by problem: runs write them in the order in which they finish. */
function samplesOf(records: readonly EvaluationRecord[]): EpisodeSample[] {
  return records
    .filter((record): record is EpisodeSample => record.schema === 'episode-sample/1')
    .sort(
      (a, b) =>
        compareStages(b.stage, a.stage) || (a.problem < b.problem ? -1 : a.problem > b.problem ? 1 : 0),
    );
}

/** Writes `index.html`, `report.md` and the CSV files; returns the page's path. */
export async function writeReport(folder: string, report: Report): Promise<string> {
  await mkdir(folder, { recursive: true });
  const page = join(folder, 'index.html');
  await writeFileAtomically(join(folder, 'report.md'), report.markdown);
  for (const { name, text } of report.csv) await writeFileAtomically(join(folder, name), text);
  await writeFileAtomically(page, report.html);
  return page;
}

/** What a whole run has and this one has not, one sentence each. */
function missingParts(
  summary: Summary,
  metrics: readonly TrainingMetric[],
  records: readonly EvaluationRecord[],
): string[] {
  const lines: string[] = [];
  const add = (absent: boolean, line: string): void => {
    if (absent) lines.push(line);
  };
  const trained = (stage: string): boolean => metrics.some((row) => row.stage === stage);
  add(!trained('sft'), 'Training curves: no SFT metrics were recorded.');
  add(!trained('rl'), 'Training curves: no RL metrics were recorded.');
  add(summary.predictions.length === 0, 'Output prediction: no predictions were recorded.');
  add(summary.selections.length === 0, 'Choosing among programs: no samples were recorded.');
  for (const { stage, draws, problems } of summary.selections)
    add(draws === 0 && problems > 0, `Choosing by simulation (${stage}): the programs were not simulated.`);
  add(summary.selfRlef.length === 0, 'Self-repair (Self-RLEF): no episodes were recorded.');
  for (const feedback of ['simulated', 'executed'] as const) {
    add(
      summary.selfRlef.length > 0 && !summary.selfRlef.some((entry) => entry.feedback === feedback),
      `Self-repair: no episodes with ${feedback} feedback were recorded.`,
    );
  }
  add(!records.some((record) => record.schema === 'episode-sample/1'), 'Episodes to read: none were kept.');
  const stages = new Set(
    [...summary.predictions, ...summary.selections, ...summary.selfRlef].map(({ stage }) => stage),
  );
  for (const stage of ['sft', 'rl'])
    add(
      stages.size > 0 && trained(stage) && !stages.has(stage),
      `Evaluation after ${stage.toUpperCase()}: no records.`,
    );
  return lines;
}
