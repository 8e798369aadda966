/**
 * `metrics.jsonl` of a run: one row per logged training step. After a kill, rows that are ahead of the checkpoint are
 * dropped before training goes on, so that no step is there twice.
 */
import { appendJsonLines, type JsonLinesWriter, readJsonLines, writeJsonLines } from '../core/json-lines.js';
import type { TrainingMetric } from '../evaluation/records.js';
import type { RunFolder } from './run-folder.js';

export function metricsFile(folder: RunFolder): string {
  return folder.file('metrics.jsonl');
}

/** Opens the log for a stage that goes on after `steps` steps. */
export async function openMetrics(
  folder: RunFolder,
  stage: TrainingMetric['stage'],
  steps: number,
): Promise<JsonLinesWriter> {
  const file = metricsFile(folder);
  const rows = (await readJsonLines(file)) as TrainingMetric[];
  const kept = rows.filter((row) => row.stage !== stage || row.step <= steps);
  if (kept.length < rows.length) await writeJsonLines(file, kept);
  return appendJsonLines(file);
}
