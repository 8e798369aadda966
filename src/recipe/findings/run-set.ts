/**
 * Running a findings set: every run that is missing, in order, then its report. Started twice, on two cores, the processes
 * share the work: each takes the next run that nobody has taken and whose needs are met. Stopped at any moment, the same
 * command goes on.
 *
 * Folder of a set: `set.json` (how it was resolved), `records/<arm>-s<seed>.jsonl.gz`, `report/`. It is whole by itself: the
 * report is built from it alone.
 */

import { join } from 'node:path';
import { systemClock } from '../../core/clock.js';
import { exists } from '../../core/exists.js';
import { formatDuration, type Progress } from '../../core/progress.js';
import { FolderInUseError, isFolderInUse } from '../lock-folder.js';
import { isRunDone, readStages } from '../run-folder.js';
import { runRecipe } from '../run-recipe.js';
import { readSessions } from '../sessions.js';
import { collectArmRun, writeArmRun } from './arm-records.js';
import { type Job, jobsOf, runName } from './jobs.js';
import { reportFindingsSet, writeSetFile } from './set-report.js';
import type { FindingsSet } from './set-schema.js';

export interface SetOptions {
  /** Folder that holds the runs, and the set's. */
  readonly root: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** How often to look whether another process has finished what is needed. */
const LOOK_EVERY_MS = 2_000;

/** Returns the set's folder. */
export async function runFindingsSet(set: FindingsSet, options: SetOptions): Promise<string> {
  const { root, progress, signal } = options;
  const folder = join(root, set.name);
  const runs = join(root, set.runs);
  const jobs = jobsOf(set);
  await writeSetFile(set, folder);
  for (;;) {
    signal.throwIfAborted();
    const done = await doneJobs(jobs, runs);
    for (const job of done) await keepRecords(job, runs, folder);
    const pending = jobs.filter((job) => !done.includes(job));
    if (pending.length === 0) break;
    const taken = await takeOne(pending, done, jobs, options, runs);
    if (!taken) await systemClock.sleep(LOOK_EVERY_MS, signal);
  }
  const { terminalSummary } = await reportFindingsSet(folder);
  progress.finish(`\n${terminalSummary}\n`);
  return folder;
}

async function doneJobs(jobs: readonly Job[], runs: string): Promise<Job[]> {
  const flags = await Promise.all(jobs.map(({ recipe, until }) => isRunDone(recipe, runs, until)));
  return jobs.filter((_, i) => flags[i]);
}

/** Runs the first job whose needs are met and that no other process runs; `false` when there is none now. */
async function takeOne(
  pending: readonly Job[],
  done: readonly Job[],
  jobs: readonly Job[],
  { progress, signal }: SetOptions,
  runs: string,
): Promise<boolean> {
  const ready = new Set(done.map(({ name }) => name));
  for (const job of pending) {
    if (!job.needs.every((name) => ready.has(name)) || (await isFolderInUse(join(runs, job.name)))) continue;
    try {
      const left = await secondsLeft(pending, done, runs);
      const onStart = (): void =>
        progress.say(
          `\n(${done.length + 1} of ${jobs.length}) ${job.arm?.title ?? 'data'}, seed ${job.seed}` +
            (left === undefined ? '' : `; about ${formatDuration(left)} of work left`),
        );
      await runRecipe(job.recipe, { root: runs, progress, signal, until: job.until, onStart });
      return true;
    } catch (error) {
      // Taken by another process this moment.
      if (!(error instanceof FolderInUseError)) throw error;
    }
  }
  return false;
}

/** What the pending runs will take together: as long as the same arm took from another seed, else as the others on average. */
async function secondsLeft(
  pending: readonly Job[],
  done: readonly Job[],
  runs: string,
): Promise<number | undefined> {
  if (done.length === 0) return undefined;
  const took = await Promise.all(
    done.map(async ({ name, arm }) => ({ arm: arm?.name, seconds: sum(await readStages(join(runs, name))) })),
  );
  const meanOf = (list: readonly { readonly seconds: number }[]): number =>
    list.reduce((total, { seconds }) => total + seconds, 0) / list.length;
  return pending.reduce((total, { arm }) => {
    const same = took.filter((one) => one.arm === arm?.name);
    return total + meanOf(same.length > 0 ? same : took);
  }, 0);
}

/** The compact records of a finished arm, unless they are there; of several sessions the last is named. */
async function keepRecords(job: Job, runs: string, folder: string): Promise<void> {
  const { arm } = job;
  if (arm === undefined) return;
  const file = join(folder, 'records', `${runName(arm.name, job.seed)}.jsonl.gz`);
  if (await exists(file)) return;
  const session = (await readSessions(join(runs, job.name))).at(-1);
  const run = await collectArmRun({ ...job, arm }, join(runs, job.name), {
    ...(session?.commit !== undefined && { commit: session.commit }),
    machine: session?.machine ?? 'unknown',
    node: session?.versions['node'] ?? 'unknown',
    seconds: await readStages(join(runs, job.name)),
  });
  await writeArmRun(file, run);
}

function sum(seconds: Readonly<Record<string, number>>): number {
  return Object.values(seconds).reduce((a, b) => a + b, 0);
}
