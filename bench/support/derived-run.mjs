/**
 * A run folder that goes on from another's data and SFT checkpoint: `runs/<name>/` with the data of `from` linked in and the
 * weights of a checkpoint folder as its SFT result. Left as it is when it exists, so that the same command goes on.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { readRecipe } from '../../dist/recipe/schema.js';

/** The recipe of a run folder, with its defaults. */
export function recipeOf(folder) {
  return readRecipe(join(folder, 'recipe.yaml'));
}

/** Returns the new recipe's file. `change` is merged into the sections of the recipe of `from`. */
export async function deriveRun({ from, runs, name, weights, change = {}, done = ['data', 'sft'] }) {
  const to = join(runs, name);
  const file = join(runs, `${name}.yaml`);
  if (existsSync(file)) return file;
  mkdirSync(join(to, 'data'), { recursive: true });
  for (const entry of readdirSync(join(from, 'data'))) {
    if (!entry.startsWith('rl-')) symlinkSync(resolve(from, 'data', entry), join(to, 'data', entry));
  }
  cpSync(weights, join(to, 'checkpoints', 'sft'), { recursive: true });
  writeFileSync(join(to, 'stages.json'), JSON.stringify(Object.fromEntries(done.map((stage) => [stage, 0]))));
  const recipe = { ...(await recipeOf(from)), name };
  for (const [section, values] of Object.entries(change)) recipe[section] = { ...recipe[section], ...values };
  // As a run folder is made: the recipe in it, and a copy to start it by.
  writeFileSync(join(to, 'recipe.yaml'), stringify(recipe));
  writeFileSync(file, stringify(recipe));
  return file;
}
