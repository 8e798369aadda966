/**
 * A folder of checkpoints: the latest, from which the same command goes on, and the best by validation. The weights,
 * the optimizer's state and the loop's own state are recorded in one step, so that a kill at any moment leaves the
 * previous checkpoint or the new one, never a mixture.
 *
 * Layout: `step-000120/` (what the engine writes), `latest.json`, `best.json` (which of them, and the loop's state).
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InfrastructureError, UsageError } from '../core/errors.js';
import { writeFileAtomically } from '../core/json-lines.js';
import type { TrainingClient } from './types.js';

export type CheckpointTag = 'latest' | 'best';

export interface SavedState<State> {
  /** The folder that the engine wrote. */
  readonly folder: string;
  readonly state: State;
}

export interface Checkpoints<State> {
  load(tag: CheckpointTag): Promise<SavedState<State> | undefined>;
  /**
   * Saves the client's weights under the step's number, unless they are there already, points the tags at them, and
   * removes those that no tag points at. Calls are made one at a time.
   */
  save(client: TrainingClient, step: number, state: State, tags: readonly CheckpointTag[]): Promise<void>;
}

/** Opens a folder of checkpoints; `parse` checks the loop's state and throws for one it does not know. */
export function openCheckpoints<State>(root: string, parse: (state: unknown) => State): Checkpoints<State> {
  const pointer = (tag: CheckpointTag): string => join(root, `${tag}.json`);
  const nameOf = async (tag: CheckpointTag): Promise<string | undefined> =>
    (await readPointer(pointer(tag)))?.checkpoint;
  return {
    load: async (tag) => {
      const read = await readPointer(pointer(tag));
      return read && { folder: join(root, read.checkpoint), state: parse(read.state) };
    },
    save: async (client, step, state, tags) => {
      const checkpoint = `step-${String(step).padStart(6, '0')}`;
      await mkdir(root, { recursive: true });
      const known = [await nameOf('latest'), await nameOf('best')];
      if (!known.includes(checkpoint)) {
        await rm(join(root, checkpoint), { recursive: true, force: true });
        await client.saveState(join(root, checkpoint));
      }
      for (const tag of tags) {
        await writeFileAtomically(pointer(tag), `${JSON.stringify({ checkpoint, state })}\n`);
      }
      await removeOthers(root, [await nameOf('latest'), await nameOf('best')]);
    },
  };
}

async function readPointer(
  path: string,
): Promise<{ readonly checkpoint: string; readonly state: unknown } | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new InfrastructureError(`cannot read ${path}`, {
      code: 'checkpoint-read',
      boundary: 'storage',
      retryable: false,
      cause: error,
    });
  }
  try {
    const { checkpoint, state } = JSON.parse(text) as { checkpoint: unknown; state: unknown };
    if (typeof checkpoint === 'string') return { checkpoint, state };
  } catch {
    // Reported below, together with a file of another shape.
  }
  throw new UsageError(`${path} is damaged; restore it, or remove its folder to train anew`);
}

async function removeOthers(root: string, kept: readonly (string | undefined)[]): Promise<void> {
  for (const name of await readdir(root)) {
    if (/^step-\d+$/.test(name) && !kept.includes(name))
      await rm(join(root, name), { recursive: true, force: true });
  }
}
