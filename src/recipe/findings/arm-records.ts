/**
 * The records of one arm and seed as a findings set keeps them: small enough for a repository, and enough for every number
 * and figure of its report. JSON lines under gzip; the first line says where they come from.
 *
 * Left out, against a run's own records: the text of programs (they stay tellable apart), statements, where simulations depart, and most
 * episodes.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { UsageError } from '../../core/errors.js';
import { readJsonLines } from '../../core/json-lines.js';
import { type EvaluationRecord, parseEvaluationRecord } from '../../evaluation/records.js';
import type { ArmFacts, ArmRun } from '../../report/findings-set/types.js';
import type { Job } from './jobs.js';

const facts = z.strictObject({
  schema: z.literal('arm-facts/1'),
  arm: z.string(),
  seed: z.number().int(),
  /** Of the code that the run was made with, where it is known. */
  commit: z.string().optional(),
  machine: z.string(),
  node: z.string(),
  /** Seconds per stage, of the session that finished it. */
  seconds: z.record(z.string(), z.number()),
  /** Steps and trained tokens of its own SFT and RL. */
  sft: z.strictObject({ steps: z.number(), tokens: z.number() }).optional(),
  rl: z.strictObject({ steps: z.number(), tokens: z.number() }).optional(),
}) satisfies z.ZodType<ArmFacts & { readonly schema: 'arm-facts/1' }>;

/** Problems whose episode is kept, of those that the run kept. */
const EPISODES = 1;

export async function writeArmRun(
  file: string,
  { facts: known, records }: Pick<ArmRun, 'facts' | 'records'>,
): Promise<void> {
  const rows = [{ schema: 'arm-facts/1', ...known }, ...compact(records)];
  await mkdir(dirname(file), { recursive: true });
  // Processes that work on one set side by side may write the same file.
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join(''), { level: 9 }));
  await rename(temporary, file);
}

/** Throws a UsageError for a file that is damaged or of another version. */
export async function readArmRun(file: string): Promise<ArmRun> {
  try {
    const [first, ...rows] = gunzipSync(await readFile(file))
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const { schema: _, ...known } = facts.parse(first);
    return {
      facts: known,
      records: rows.map((row, i) => parseEvaluationRecord(row, `${file}, line ${i + 2}`)),
    };
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`${file} is damaged or of another version; restore it, or run the set again`, {
      cause,
    });
  }
}

/** Everything that a finished run of an arm recorded, uncut. */
export async function collectArmRun(
  job: Job & { readonly arm: NonNullable<Job['arm']> },
  folder: string,
  about: Pick<ArmFacts, 'commit' | 'machine' | 'node' | 'seconds'>,
): Promise<ArmRun> {
  const stage = job.until.replace('evaluate-', '');
  const file = `${folder}/records/${stage}.jsonl`;
  const records = (await readJsonLines(file)).map((row, i) =>
    parseEvaluationRecord(row, `${file}, line ${i + 1}`),
  );
  const metrics = (await readJsonLines(`${folder}/metrics.jsonl`)) as MetricRow[];
  const spent = (kind: 'sft' | 'rl'): ArmFacts['sft'] => {
    const last = metrics.filter((row) => row.stage === kind).at(-1);
    return last && { steps: last.step, tokens: last.tokens };
  };
  const [sft, rl] = [spent('sft'), spent('rl')];
  return {
    facts: { arm: job.arm.name, seed: job.seed, ...about, ...(sft && { sft }), ...(rl && { rl }) },
    records,
  };
}

type MetricRow = { readonly stage: string; readonly step: number; readonly tokens: number };

function compact(records: readonly EvaluationRecord[]): EvaluationRecord[] {
  const inOrder = [...records].sort((a, b) => (a.problem < b.problem ? -1 : a.problem > b.problem ? 1 : 0));
  let episodes = 0;
  const labels = new Map<string, Map<string, string>>();
  // Programs of one problem are numbered over all its records.
  const label = (problem: string, source: string): string => {
    const known = labels.get(problem) ?? new Map<string, string>();
    labels.set(problem, known);
    if (!known.has(source)) known.set(source, `#${known.size + 1}`);
    return known.get(source)!;
  };
  return inOrder.flatMap((record): EvaluationRecord[] => {
    switch (record.schema) {
      case 'output-prediction/1':
        return [{ ...record, programSource: label(record.problem, record.programSource) }];
      case 'selection/1': {
        const { statement: _, ...rest } = record;
        const programs = record.programs.map((program) => ({
          ...program,
          source: program.source === null ? null : label(record.problem, program.source),
          simulations: program.simulations.map(({ departure: _, ...simulation }) => simulation),
        }));
        return [{ ...rest, programs }];
      }
      case 'self-rlef/1': {
        const programs = record.programs.map((program) => ({
          ...program,
          source: program.source === null ? null : label(record.problem, program.source),
        }));
        return [{ ...record, programs }];
      }
      case 'episode-sample/1':
        return episodes++ < EPISODES ? [record] : [];
      case 'benchmark/1':
        return [record];
      default:
        return record satisfies never;
    }
  });
}
