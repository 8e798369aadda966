import { expect, test } from 'vitest';
import { UsageError } from '../core/errors.js';
import { parseRecipe, readRecipe } from './schema.js';

test('a recipe of a name alone has every default', () => {
  const recipe = parseRecipe({ name: 'tiny' }, 'here');
  expect(recipe.seed).toBe(1);
  expect(recipe.rl.groupSize).toBe(8);
  expect(recipe.rl.outputPredictionScale).toBe(0.8);
});

test('an unknown key is named, not ignored', () => {
  expect(() => parseRecipe({ name: 'x', sft: { tokenz: 1 } }, 'r.yaml')).toThrow(UsageError);
  expect(() => parseRecipe({ name: 'x', sft: { tokenz: 1 } }, 'r.yaml')).toThrow(/r\.yaml.*sft.*tokenz/);
});

test('a value of the wrong kind is named with its place', () => {
  expect(() => parseRecipe({ name: 'x', rl: { groupSize: 'many' } }, 'r.yaml')).toThrow(/rl\.groupSize/);
  expect(() => parseRecipe({ name: '../x' }, 'r.yaml')).toThrow(/name/);
});

test('a missing file is wrong use', async () => {
  await expect(readRecipe('/no/such/recipe.yaml')).rejects.toThrow(UsageError);
});
