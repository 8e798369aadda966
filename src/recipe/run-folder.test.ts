import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRunFolder, type RunFolder, readStages } from './run-folder.js';
import { parseRecipe } from './schema.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'deskcheck-run-'));
});
afterEach(() => rm(root, { recursive: true }));

const recipe = parseRecipe({ name: 'r' }, 'here');

/** Finishes a stage that takes so long. */
async function timed(folder: RunFolder, stage: string, takesMs: number): Promise<void> {
  let now = 0;
  const clock = folder.startStage(stage, { now: () => now });
  now = takesMs;
  await clock.finish();
}

test('a finished stage is still finished when the folder is opened again', async () => {
  {
    await using folder = await openRunFolder(recipe, root);
    expect(folder.isDone('data')).toBe(false);
    await timed(folder, 'data', 12_340);
  }
  await using folder = await openRunFolder(recipe, root);
  expect(folder.isDone('data')).toBe(true);
  expect(folder.seconds).toEqual({ data: 12.3 });
});

test('a stage that several sessions worked on took the time of all of them', async () => {
  {
    await using folder = await openRunFolder(recipe, root);
    let now = 0;
    const clock = folder.startStage('sft', { now: () => now });
    now = 60_000;
    await clock.stop();
    expect(folder.isDone('sft')).toBe(false);
  }
  await using folder = await openRunFolder(recipe, root);
  await timed(folder, 'sft', 5_000);
  expect(folder.seconds).toEqual({ sft: 65 });
  // The next stage begins from nothing.
  await timed(folder, 'rl', 2_000);
  expect(folder.seconds).toEqual({ sft: 65, rl: 2 });
});

test('another recipe under the same name is refused', async () => {
  await using _ = await openRunFolder(recipe, root);
  await _[Symbol.asyncDispose]();
  await expect(openRunFolder(parseRecipe({ name: 'r', seed: 2 }, 'here'), root)).rejects.toThrow(
    /another recipe/,
  );
});

test('a folder in use by a living process is refused, one left by a dead process is taken over', async () => {
  await using folder = await openRunFolder(recipe, root);
  await folder[Symbol.asyncDispose]();
  const living = folder.file(`.lock.${process.ppid}`);
  await writeFile(living, '');
  await expect(openRunFolder(recipe, root)).rejects.toThrow(/in use by process/);
  await rm(living);
  await writeFile(folder.file('.lock.999999999'), '');
  await using again = await openRunFolder(recipe, root);
  expect(again.path).toBe(folder.path);
});

test('finished stages whose recipe is lost are not taken for those of another', async () => {
  {
    await using folder = await openRunFolder(recipe, root);
    await timed(folder, 'data', 1_000);
    await writeFile(folder.file('recipe.yaml'), '');
  }
  await expect(openRunFolder(recipe, root)).rejects.toThrow(/recipe\.yaml is lost/);
});

test.each(['{"data": 1', '[]', '{"data": "1"}', ''])('damaged stages are named: %j', async (text) => {
  await using folder = await openRunFolder(recipe, root);
  await folder[Symbol.asyncDispose]();
  await writeFile(folder.file('stages.json'), text);
  await expect(openRunFolder(recipe, root)).rejects.toThrow(/stages\.json is damaged/);
  await expect(readStages(folder.path)).rejects.toThrow(/stages\.json is damaged/);
});
