/**
 * A run's folder, `runs/<name>/`: the resolved recipe, which stages are done, and what they wrote. Created once per
 * recipe; the same recipe opens it again and goes on. Another recipe under the same name is refused, so that nothing is
 * overwritten by accident.
 */
import { mkdir, open, readFile, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { canonicalJson } from '../core/canonical-json.js';
import { UsageError } from '../core/errors.js';
import { writeFileAtomically } from '../core/json-lines.js';
import { type Recipe, readRecipe } from './schema.js';

export interface RunFolder {
  readonly path: string;
  /** Whether this stage was finished, in this session or an earlier one. */
  isDone(stage: string): boolean;
  /** Notes that a stage is finished; `seconds` is the time it took over all sessions. */
  markDone(stage: string, seconds: number): Promise<void>;
  /** Seconds per finished stage. */
  readonly seconds: Readonly<Record<string, number>>;
  /** A path inside the folder. */
  file(...parts: string[]): string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens or creates the folder and locks it. Throws a UsageError for another recipe's folder, or one in use. */
export async function openRunFolder(recipe: Recipe, root: string): Promise<RunFolder> {
  const path = join(root, recipe.name);
  await mkdir(path, { recursive: true });
  const unlock = await lockFolder(path);
  try {
    await checkRecipe(path, recipe);
    const stagesPath = join(path, 'stages.json');
    const seconds: Record<string, number> = JSON.parse(await readOr(stagesPath, '{}'));
    return {
      path,
      seconds,
      isDone: (stage) => stage in seconds,
      markDone: async (stage, spent) => {
        seconds[stage] = Math.round(spent * 10) / 10;
        await writeFileAtomically(stagesPath, `${JSON.stringify(seconds, null, 2)}\n`);
      },
      file: (...parts) => join(path, ...parts),
      [Symbol.asyncDispose]: unlock,
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function checkRecipe(path: string, recipe: Recipe): Promise<void> {
  const file = join(path, 'recipe.yaml');
  if ((await readOr(file, '')) === '') return writeFileAtomically(file, stringify(recipe));
  const made = await readRecipe(file).catch(() => undefined);
  if (made === undefined || canonicalJson(made) !== canonicalJson(recipe)) {
    throw new UsageError(
      `${path} holds a run of another recipe. Give this one another name, or remove the folder to start over.`,
    );
  }
}

/** One process per run folder; the lock of a process that is gone is taken over. */
export async function lockFolder(path: string): Promise<() => Promise<void>> {
  const file = join(path, '.lock');
  for (let tries = 0; tries < 2; tries++) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => unlink(file).catch(() => undefined);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = Number(await readOr(file, '0'));
      if (owner !== process.pid && isAlive(owner)) {
        throw new UsageError(`${path} is in use by process ${owner}. Wait for it, or stop it first.`);
      }
      await rm(file, { force: true });
    }
  }
  throw new UsageError(`cannot lock ${path}; is another process starting there?`);
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
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
