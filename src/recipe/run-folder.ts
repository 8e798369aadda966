/**
 * A run's folder, `runs/<name>/`: the resolved recipe, which stages are done, and what they wrote. Created once per
 * recipe; the same recipe opens it again and goes on. Another recipe under the same name is refused, so that nothing is
 * overwritten by accident.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { canonicalJson } from '../core/canonical-json.js';
import type { Clock } from '../core/clock.js';
import { UsageError } from '../core/errors.js';
import { writeFileAtomically } from '../core/json-lines.js';
import { lockFolder } from './lock-folder.js';
import { type Recipe, readRecipe } from './schema.js';

const STAGES = 'stages.json';

/** Seconds of a stage that is not finished, from earlier sessions. */
const UNFINISHED = 'unfinished.json';
const KEEP_EVERY_MS = 5_000;

export interface StageClock {
  /** Notes that the stage is finished; returns its seconds over all sessions. */
  finish(): Promise<number>;
  /** Keeps the seconds so far, for a stage that failed or was stopped. */
  stop(): Promise<void>;
}

export interface RunFolder {
  readonly path: string;
  /** Whether this stage was finished, in this session or an earlier one. */
  isDone(stage: string): boolean;
  /** Starts the clock of a stage. Its seconds so far are kept every few seconds, so that a kill loses no more than those. */
  startStage(stage: string, clock: Pick<Clock, 'now'>): StageClock;
  /** Seconds per finished stage, over all sessions that worked on it. */
  readonly seconds: Readonly<Record<string, number>>;
  /** A path inside the folder. */
  file(...parts: string[]): string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Reads and checks the recipe that a folder was made with. */
type ReadRecipe = (path: string) => Promise<object>;

/** Opens or creates the folder and locks it. Throws a UsageError for another recipe's folder, or one in use. */
export async function openRunFolder(
  recipe: { readonly name: string },
  root: string,
  read: ReadRecipe = readRecipe,
): Promise<RunFolder> {
  const path = join(root, recipe.name);
  await mkdir(path, { recursive: true });
  const unlock = await lockFolder(path);
  try {
    await checkRecipe(path, recipe, read);
    const seconds = await readStages(path);
    return {
      path,
      seconds,
      isDone: (stage) => stage in seconds,
      startStage: (stage, clock) => startStage(path, stage, seconds, clock),
      file: (...parts) => join(path, ...parts),
      [Symbol.asyncDispose]: unlock,
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

function startStage(
  path: string,
  stage: string,
  seconds: Record<string, number>,
  clock: Pick<Clock, 'now'>,
): StageClock {
  const file = join(path, UNFINISHED);
  const started = clock.now();
  const before = readSeconds(file).then((kept) => kept[stage] ?? 0);
  const soFar = async (): Promise<number> =>
    Math.round(((await before) + (clock.now() - started) / 1000) * 10) / 10;
  const keep = async (): Promise<void> =>
    writeFileAtomically(file, `${JSON.stringify({ [stage]: await soFar() })}\n`);
  // One write at a time, the last before the clock is stopped.
  let writing = Promise.resolve();
  const timer = setInterval(() => {
    writing = writing.then(keep).catch(() => undefined);
  }, KEEP_EVERY_MS);
  timer.unref();
  return {
    finish: async () => {
      clearInterval(timer);
      await writing;
      seconds[stage] = await soFar();
      await writeFileAtomically(join(path, STAGES), `${JSON.stringify(seconds, null, 2)}\n`);
      await rm(file, { force: true });
      return seconds[stage];
    },
    stop: async () => {
      clearInterval(timer);
      await writing;
      await keep();
    },
  };
}

/** What a kill left of the seconds; a file that it damaged counts as none. */
async function readSeconds(file: string): Promise<Record<string, number>> {
  const read = z.record(z.string(), z.number()).safeParse(safeJson(await readOr(file, '{}')));
  return read.success ? read.data : {};
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds per finished stage of the run in `path`. Throws a UsageError when the file is damaged. */
export async function readStages(path: string): Promise<Record<string, number>> {
  const text = await readOr(join(path, STAGES), '{}');
  try {
    return z.record(z.string(), z.number()).parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(
      `${join(path, STAGES)} is damaged. Restore it, or remove the folder to start over.`,
      { cause },
    );
  }
}

/** Whether this recipe was run there, up to and including a stage. Throws a UsageError for another recipe's folder. */
export async function isRunDone(recipe: Recipe, root: string, stage: string): Promise<boolean> {
  const path = join(root, recipe.name);
  if ((await readOr(join(path, 'recipe.yaml'), '')) === '') return false;
  await checkRecipe(path, recipe, readRecipe);
  return stage in (await readStages(path));
}

async function checkRecipe(path: string, recipe: object, read: ReadRecipe): Promise<void> {
  const file = join(path, 'recipe.yaml');
  if ((await readOr(file, '')) === '') {
    // Stages without their recipe may be another's.
    if ((await readOr(join(path, STAGES), '')) !== '') {
      throw new UsageError(`${file} is lost. Restore it, or remove the folder to start over.`);
    }
    return writeFileAtomically(file, stringify(recipe));
  }
  const made = await read(file).catch(() => undefined);
  if (made === undefined || canonicalJson(made) !== canonicalJson(recipe)) {
    throw new UsageError(
      `${path} holds a run of another recipe. Give this one another name, or remove the folder to start over.`,
    );
  }
}

async function readOr(path: string, otherwise: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise;
    throw error;
  }
}
