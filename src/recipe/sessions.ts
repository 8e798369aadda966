/**
 * `sessions.jsonl` of a run's folder: on which machine, by which commit and versions, at which price a run was made, a row per
 * session that did some of its work. A report that is built later, elsewhere, names these and not where it was built.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../core/errors.js';
import { appendJsonLines, readJsonLines } from '../core/json-lines.js';
import type { TokenPrice } from '../model/meter.js';
import type { RunFacts } from '../report/types.js';
import { machineFacts } from './machine-facts.js';

const session = z.object({
  /** ISO 8601. */
  startedAt: z.string(),
  machine: z.string(),
  commit: z.string().optional(),
  versions: z.record(z.string(), z.string()),
  price: z.object({ prompt: z.number(), completion: z.number() }).optional(),
});
export type Session = Readonly<z.infer<typeof session>>;

/** Notes a session, the first time it is called; sessions that find everything done never call it. */
export function createSessionNote(folder: string, price?: TokenPrice): () => Promise<void> {
  const startedAt = new Date().toISOString();
  let noted: Promise<void> | undefined;
  const note = async (): Promise<void> => {
    await using file = await appendJsonLines(join(folder, 'sessions.jsonl'));
    await file.write([{ startedAt, ...(await machineFacts()), ...(price && { price }) }]);
  };
  return () => {
    noted ??= note();
    return noted;
  };
}

/** Throws a UsageError for a damaged row. */
export async function readSessions(folder: string): Promise<Session[]> {
  const file = join(folder, 'sessions.jsonl');
  return (await readJsonLines(file)).map((row, index) => {
    const read = session.safeParse(row);
    if (!read.success) throw new UsageError(`${file}, line ${index + 1} is no session; remove the line`);
    return read.data;
  });
}

type Facts = Pick<RunFacts, 'versions' | 'commit' | 'machine' | 'startedAt' | 'builtBy'>;

/** Where the run was made, all sessions together, and where its report is built if that is elsewhere. */
export async function runFacts(folder: string): Promise<Facts> {
  const here = await machineFacts();
  const builtBy = [here.machine, here.commit && `commit ${here.commit}`, listOf(here.versions)].join(', ');
  const sessions = await readSessions(folder);
  const [first] = sessions;
  // A run from before sessions were noted.
  if (first === undefined) return { versions: {}, builtBy };
  const all = (of: (session: Session) => string | undefined): string | undefined =>
    [...new Set(sessions.flatMap((one) => of(one) ?? []))].join(' and ') || undefined;
  const commit = all((one) => one.commit);
  const names = [...new Set(sessions.flatMap(({ versions }) => Object.keys(versions)))];
  const versions = Object.fromEntries(names.map((name) => [name, all((one) => one.versions[name]) ?? '']));
  const machine = all((one) => one.machine)!;
  const same =
    machine === here.machine && commit === here.commit && listOf(versions) === listOf(here.versions);
  return {
    versions,
    machine,
    startedAt: first.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'),
    ...(commit === undefined ? {} : { commit }),
    ...(same ? {} : { builtBy }),
  };
}

function listOf(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}
