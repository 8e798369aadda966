/**
 * Reading a recipe file of either kind: the small world's, which is run, or one at the paper's scale, which is planned.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { messageOf, UsageError } from '../core/errors.js';
import { isScaleRecipe, parseScaleRecipe, type ScaleRecipe } from './scale-schema.js';
import { parseRecipe, type Recipe } from './schema.js';

export type AnyRecipe =
  | { readonly kind: 'small'; readonly recipe: Recipe }
  | { readonly kind: 'scale'; readonly recipe: ScaleRecipe };

/** Throws a UsageError when the file is missing, no YAML, or not a recipe. */
export async function readAnyRecipe(path: string): Promise<AnyRecipe> {
  let value: unknown;
  try {
    value = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`cannot read the recipe ${path}: ${messageOf(cause).split('\n')[0]}`, { cause });
  }
  return isScaleRecipe(value)
    ? { kind: 'scale', recipe: parseScaleRecipe(value, path) }
    : { kind: 'small', recipe: parseRecipe(value, path) };
}
