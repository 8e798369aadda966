/**
 * Where runs of every kind keep their records: recipes per checkpoint, the other commands in one file.
 */
import { join } from 'node:path';
import { isCutOff } from '../core/json-lines.js';

export const RECORD_FILES: readonly string[] = [
  join('records', 'sft.jsonl'),
  join('records', 'rl.jsonl'),
  'records.jsonl',
  'predictions.jsonl',
];

/** A sentence per file whose last record is cut off, and so counts nowhere. */
export async function cutOffRecords(folder: string): Promise<string[]> {
  const cut = await Promise.all(RECORD_FILES.map((name) => isCutOff(join(folder, name))));
  return RECORD_FILES.filter((_, i) => cut[i]).map(
    (name) => `${name}: its last record is cut off and is counted nowhere.`,
  );
}
