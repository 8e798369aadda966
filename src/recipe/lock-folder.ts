/**
 * One process per folder. Each that wants it first writes a file with its own process id in the name, then looks for those
 * of others: of two that come at once at least one sees the other and withdraws, so never do both work there, whether or
 * not an earlier owner was killed and left its file.
 */
import { readdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { UsageError } from '../core/errors.js';

const LOCK = /^\.lock\.(\d+)$/;
const TRIES = 4;

/** Another process works in the folder. */
export class FolderInUseError extends UsageError {}

/**
 * Returns what gives the folder free again. Throws a FolderInUseError when another living process has it. `pid` is for
 * tests: a process that has the folder already gets it again.
 */
export async function lockFolder(path: string, pid = process.pid): Promise<() => Promise<void>> {
  const own = join(path, `.lock.${pid}`);
  const unlock = (): Promise<void> => unlink(own).catch(() => undefined);
  for (let tries = 1; ; tries++) {
    await writeFile(own, '');
    const [owner] = await ownersOf(path, pid);
    if (owner === undefined) return unlock;
    await unlock();
    // Two that came at once both withdraw; one of them is earlier the next time.
    if (tries === TRIES) {
      throw new FolderInUseError(`${path} is in use by process ${owner}. Wait for it, or stop it first.`);
    }
    await setTimeout(20 * Math.random() * tries);
  }
}

/** Whether a living process other than this one works in the folder. */
export async function isFolderInUse(path: string): Promise<boolean> {
  return (await ownersOf(path, process.pid)).length > 0;
}

/** The living processes, other than `pid`, that hold the folder or try to; files of those that are gone are removed. */
async function ownersOf(path: string, pid: number): Promise<number[]> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const owners: number[] = [];
  for (const name of names) {
    const owner = Number(LOCK.exec(name)?.[1] ?? pid);
    if (owner === pid) continue;
    if (isAlive(owner)) owners.push(owner);
    else await unlink(join(path, name)).catch(() => undefined);
  }
  return owners;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
