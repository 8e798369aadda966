/**
 * Recipes for SFT on conversations from files, `world: chats`: which model, which files in which mix, how long.
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../core/errors.js';
import { engineName, faultsOfEngine, tinkerSettings } from './engine-settings.js';
import { modelShape, sftOptimizer } from './schema.js';

const count = z.number().int().positive();
const share = z.number().min(0).max(1);
const rate = z.number().positive();

const data = z.strictObject({
  /**
   * JSON lines of `{"messages": [{"role", "content"}, …]}`. With weights, a file's share of the conversations that are
   * trained on; without, every conversation is taken once per epoch. All files have a weight, or none has.
   */
  train: z.array(z.strictObject({ file: z.string().min(1), weight: rate.optional() })).min(1),
  /** Files to measure the loss on; by default a share of the training files is held out for it. */
  validation: z.array(z.string().min(1)).default([]),
  validationShare: share.default(0.02),
});

const chatRecipe = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'a name of letters, digits, ".", "_" and "-"'),
    world: z.literal('chats'),
    seed: z.number().int().default(1),
    engine: engineName.default('embedded'),
    tinker: tinkerSettings.optional(),
    model: modelShape.extend({
      /** A Hugging Face folder to go on from: weights (of the embedded engine), tokenizer and chat template. */
      base: z.string().optional(),
      /** A fresh model instead: a folder with its tokenizer and chat template, and the shape beside it. */
      tokenizer: z.string().optional(),
    }),
    data,
    sft: sftOptimizer.extend({
      /** The budget: whole epochs, or tokens (prompts included); and a limit in minutes, if wanted. */
      epochs: count.optional(),
      tokens: count.optional(),
      maxMinutes: rate.optional(),
      /** How often the validation loss is measured, in shares of the budget. */
      validateEvery: share.default(0.1),
    }),
  })
  .superRefine((value, context) => {
    const fault = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    const { engine, tinker, model, sft } = value;
    for (const { path, message } of faultsOfEngine({ engine, tinker })) fault(path, message);
    if ((model.base === undefined) === (model.tokenizer === undefined)) {
      fault(['model'], 'name a base to go on from, or a tokenizer for a fresh model');
    }
    if (engine === 'tinker' && model.base !== undefined) {
      fault(['model', 'base'], 'the weights are tinker.baseModel; name its tokenizer only');
    }
    if ((sft.epochs === undefined) === (sft.tokens === undefined)) {
      fault(['sft'], 'give a budget, either epochs or tokens');
    }
    const weighted = value.data.train.filter(({ weight }) => weight !== undefined).length;
    if (weighted > 0 && weighted < value.data.train.length) {
      fault(['data', 'train'], 'give every file a weight, or none');
    }
  });

export type ChatRecipe = Readonly<z.output<typeof chatRecipe>>;

/** Whether a parsed YAML file is meant as a recipe of this kind. */
export function isChatRecipe(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'world' in value && value.world === 'chats';
}

/** Checks a recipe; its paths are taken from the recipe's own folder. Throws a UsageError that names the keys at fault. */
export function parseChatRecipe(value: unknown, from: string): ChatRecipe {
  const result = chatRecipe.safeParse(value);
  if (!result.success) {
    const faults = result.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'recipe'}: ${message}`,
    );
    throw new UsageError(`${from} is not a valid recipe. ${faults.join('; ')}`);
  }
  const at = (path: string): string => resolve(dirname(from), path);
  const { model, data: files, ...rest } = result.data;
  return {
    ...rest,
    model: {
      ...model,
      ...(model.base !== undefined && { base: at(model.base) }),
      ...(model.tokenizer !== undefined && { tokenizer: at(model.tokenizer) }),
    },
    data: {
      ...files,
      train: files.train.map((each) => ({ ...each, file: at(each.file) })),
      validation: files.validation.map(at),
    },
  };
}
