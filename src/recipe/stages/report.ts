/**
 * The report of a run, from what it recorded; can be built at any time, of an unfinished run too.
 */
import { stringify } from 'yaml';
import { readJsonLines } from '../../core/json-lines.js';
import { parseEvaluationRecord, safeParseTrainingMetric } from '../../evaluation/records.js';
import { buildReport, writeReport } from '../../report/report.js';
import type { Report, ReportInput } from '../../report/types.js';
import type { Stage } from '../context.js';
import { cutOffRecords } from '../record-files.js';
import type { RunFolder } from '../run-folder.js';
import type { Recipe } from '../schema.js';
import { runFacts } from '../sessions.js';
import { readTestScore } from './data.js';

export const reportStage: Stage = {
  name: 'report',
  title: 'Report',
  run: async ({ recipe, folder, progress }) => {
    const { report } = await buildRunReport(recipe, folder);
    progress.finish(`\n${report.terminalSummary}\n`);
  },
};

/** Builds the report and writes it to `report/`; returns the page's path. */
export async function buildRunReport(
  recipe: Recipe,
  folder: Pick<RunFolder, 'file' | 'seconds'>,
): Promise<{ readonly report: Report; readonly page: string }> {
  const report = buildReport(await collect(recipe, folder));
  return { report, page: await writeReport(folder.file('report'), report) };
}

async function collect(recipe: Recipe, folder: Pick<RunFolder, 'file' | 'seconds'>): Promise<ReportInput> {
  const records = [];
  for (const checkpoint of ['sft', 'rl']) {
    const file = folder.file('records', `${checkpoint}.jsonl`);
    const rows = await readJsonLines(file);
    records.push(...rows.map((row, index) => parseEvaluationRecord(row, `${file}, line ${index + 1}`)));
  }
  const metrics = (await readJsonLines(folder.file('metrics.jsonl'))).flatMap(
    (row) => safeParseTrainingMetric(row) ?? [],
  );
  return {
    title: `Deskcheck: ${recipe.name}`,
    about:
      'A small model trained from scratch in Node on executions told in words, tested on problems whose compositions it has never seen.',
    records,
    metrics,
    missing: await cutOffRecords(folder.file()),
    run: {
      name: recipe.name,
      command: `deskcheck run recipes/${recipe.name}.yaml`,
      seed: recipe.seed,
      recipe: stringify(recipe),
      ...(await runFacts(folder.file())),
      facts: await testFacts(folder),
      stages: Object.entries(folder.seconds).map(([name, seconds]) => ({ name, seconds })),
    },
  };
}

/** How well the private tests catch wrong programs, as the data stage measured it. */
async function testFacts(folder: Pick<RunFolder, 'file'>): Promise<Record<string, string>> {
  const score = await readTestScore(folder);
  if (score === undefined || score.different === 0) return {};
  const percent = ((100 * score.caught) / score.different).toFixed(1);
  return {
    'private tests': `catch ${score.caught} of ${score.different} mutants that differ from their program (${percent}%), of ${score.problems} problems`,
  };
}
