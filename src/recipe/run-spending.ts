/**
 * What a run of a model has cost in all its sessions: counted from the calls that are stored in its folder, at the price that
 * was named last.
 */
import { join } from 'node:path';
import { readStoredUsage } from '../model/response-cache.js';
import type { RunFacts } from '../report/types.js';
import { readSessions } from './sessions.js';

/** Empty where nothing was asked. Calls that failed are not stored, and not counted. */
export async function runSpending(folder: string): Promise<Pick<RunFacts, 'spending'>> {
  const usage = await readStoredUsage(join(folder, 'calls.jsonl'));
  if (usage.calls === 0) return {};
  const price = (await readSessions(folder)).findLast((session) => session.price !== undefined)?.price;
  const money =
    price && (usage.promptTokens * price.prompt + usage.completionTokens * price.completion) / 1e6;
  return { spending: { ...usage, ...(money === undefined ? {} : { money }) } };
}
