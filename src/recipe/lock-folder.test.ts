import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FolderInUseError, isFolderInUse, lockFolder } from './lock-folder.js';

const others: ChildProcess[] = [];
let pids: number[];
let folder: string;
beforeAll(() => {
  for (let i = 0; i < 6; i++) others.push(spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']));
  pids = others.map(({ pid }) => pid!);
});
afterAll(() => {
  for (const other of others) other.kill('SIGKILL');
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('the lock of a living process holds, that of one that is gone does not', async () => {
  const unlock = await lockFolder(folder, pids[0]);
  await expect(lockFolder(folder)).rejects.toThrow(`in use by process ${pids[0]}`);
  expect(await isFolderInUse(folder)).toBe(true);
  await unlock();
  await writeFile(join(folder, '.lock.999999999'), '');
  expect(await isFolderInUse(folder)).toBe(false);
  await (await lockFolder(folder))();
  expect(await readdir(folder)).toEqual([]);
});

test('of many that come at once behind a killed owner, never two have the folder', async () => {
  for (let round = 0; round < 30; round++) {
    await writeFile(join(folder, '.lock.999999999'), '');
    const came = await Promise.allSettled(pids.map((pid) => lockFolder(folder, pid)));
    const won = came.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(won.length).toBeLessThanOrEqual(1);
    for (const one of came) {
      if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(FolderInUseError);
    }
    await won[0]?.();
    expect(await readdir(folder)).toEqual([]);
  }
});
