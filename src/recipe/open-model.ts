/**
 * Opening the model of a run (its newest checkpoint) or of a Hugging Face folder, for use.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../core/errors.js';
import { createSamplerChatModel } from '../model/renderer.js';
import { openChatTokenizer } from '../model/tokenizer.js';
import type { ChatModel } from '../model/types.js';
import { openEmbeddedSampler } from '../training/engines/embedded/index.js';

export interface OpenModel {
  readonly model: ChatModel;
  readonly folder: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Throws a UsageError when there is no model at `path`. */
export async function openModel(path: string): Promise<OpenModel> {
  const folder = await findCheckpoint(path);
  const tokenizer = await openChatTokenizer(folder);
  const sampler = await openEmbeddedSampler(folder);
  return {
    folder,
    model: createSamplerChatModel(folder, sampler, tokenizer),
    [Symbol.asyncDispose]: () => sampler[Symbol.asyncDispose](),
  };
}

async function findCheckpoint(path: string): Promise<string> {
  const candidates = [join(path, 'checkpoints', 'rl'), join(path, 'checkpoints', 'sft'), path];
  for (const folder of candidates) {
    if (await exists(join(folder, 'config.json'))) return folder;
  }
  throw new UsageError(
    `there is no model in ${path}. Train one with "deskcheck run recipes/tiny.yaml", or name a run or a model folder.`,
  );
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
