/**
 * A checkpoint of the tinker engine is a pointer: the weights and the optimizer's state stay with the server, and the
 * folder's `tinker.json` says where, for which base model, and at which version.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../../core/errors.js';
import { writeFileAtomically } from '../../../core/json-lines.js';

const pointer = z.object({
  schema: z.literal('tinker-checkpoint/1'),
  /** `tinker://<model>/weights/<name>`. */
  path: z.string(),
  baseModel: z.string(),
  /** 0 for full training. */
  loraRank: z.number().int().min(0),
  version: z.number().int().min(0),
});

export type CheckpointPointer = Readonly<z.output<typeof pointer>>;

export async function writePointer(
  folder: string,
  checkpoint: Omit<CheckpointPointer, 'schema'>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ schema: 'tinker-checkpoint/1', ...checkpoint }, null, 2);
  await writeFileAtomically(join(folder, 'tinker.json'), `${text}\n`);
}

/** Throws a UsageError when the folder holds no checkpoint of this engine, or one of another model. */
export async function readPointer(
  folder: string,
  expected: Pick<CheckpointPointer, 'baseModel' | 'loraRank'>,
): Promise<CheckpointPointer> {
  const path = join(folder, 'tinker.json');
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`${path}: cannot be read; expected a checkpoint of the tinker engine`, { cause });
  }
  const parsed = pointer.safeParse(value);
  if (!parsed.success) throw new UsageError(`${path} is damaged; restore it, or use an earlier checkpoint`);
  for (const key of ['baseModel', 'loraRank'] as const) {
    if (parsed.data[key] !== expected[key]) {
      throw new UsageError(
        `checkpoint ${folder}: its ${key} is ${parsed.data[key]}, this engine's is ${expected[key]}; ` +
          'open it as it was trained',
      );
    }
  }
  return parsed.data;
}
