/**
 * Reading a recipe file of any kind: the small world's, which is run; a findings set, which is many runs of it; SFT on
 * conversations, which is trained; or one at the paper's scale, which is planned.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { messageOf, UsageError } from '../core/errors.js';
import { type ChatRecipe, isChatRecipe, parseChatRecipe } from './chat-schema.js';
import { type FindingsSet, isFindingsSet, readFindingsSet } from './findings/set-schema.js';
import { isScaleRecipe, parseScaleRecipe, type ScaleRecipe } from './scale-schema.js';
import { parseRecipe, type Recipe } from './schema.js';

export type AnyRecipe =
  | { readonly kind: 'small'; readonly recipe: Recipe }
  | { readonly kind: 'chats'; readonly recipe: ChatRecipe }
  | { readonly kind: 'scale'; readonly recipe: ScaleRecipe }
  | { readonly kind: 'findings'; readonly set: FindingsSet };

/** Throws a UsageError when the file is missing, no YAML, or not a recipe. */
export async function readAnyRecipe(path: string): Promise<AnyRecipe> {
  let value: unknown;
  try {
    value = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`cannot read the recipe ${path}: ${messageOf(cause).split('\n')[0]}`, { cause });
  }
  if (isChatRecipe(value)) return { kind: 'chats', recipe: parseChatRecipe(value, path) };
  if (isFindingsSet(value)) return { kind: 'findings', set: await readFindingsSet(path) };
  return isScaleRecipe(value)
    ? { kind: 'scale', recipe: parseScaleRecipe(value, path) }
    : { kind: 'small', recipe: parseRecipe(value, path) };
}

/** A recipe of SFT on conversations. Throws like `readAnyRecipe`, and for a recipe of another kind. */
export async function readChatRecipe(path: string): Promise<ChatRecipe> {
  const found = await readAnyRecipe(path);
  if (found.kind === 'chats') return found.recipe;
  throw new UsageError(`${path} is no recipe of SFT on conversations (world: chats)`);
}
