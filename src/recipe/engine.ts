/**
 * The training engine that a recipe names, for its SFT, RL and evaluation stages.
 */
import { UsageError } from '../core/errors.js';
import type { Sampler } from '../model/types.js';
import {
  createEmbeddedEngine,
  openEmbeddedEngine,
  openEmbeddedSampler,
  type ThreadOptions,
  WORKERS_AVAILABLE,
} from '../training/engines/embedded/index.js';
import {
  adapterFor,
  noticesOf,
  openTinkerEngine,
  openTinkerSampler,
  type TinkerOptions,
} from '../training/engines/tinker/index.js';
import type { TrainingClient } from '../training/types.js';
import type { Recipe } from './schema.js';

/** Moments and epsilon of AdamW, alike in SFT and RL; the rest is the recipe's. */
export const ADAM = { beta1: 0.9, beta2: 0.95, eps: 1e-8 } as const;

/** What a recipe of any kind says about its engine. */
type EngineChoice = Pick<Recipe, 'engine' | 'tinker' | 'seed' | 'model'> & Partial<Pick<Recipe, 'workers'>>;

/** A model at its start: fresh for the embedded engine, the server's base model for tinker. */
export function createTrainingEngine(recipe: EngineChoice, vocabSize: number): Promise<TrainingClient> {
  if (recipe.engine === 'tinker') return openTinkerEngine(tinkerOptions(recipe, vocabSize));
  const { kvHeads, feedForwardSize, ...model } = recipe.model;
  return createEmbeddedEngine({
    model: { vocabSize, ...model, keyValueHeads: kvHeads, intermediateSize: feedForwardSize },
    seed: recipe.seed,
    ...threadsOf(recipe),
  });
}

/** The weights of a checkpoint folder, at version 0 and with an empty optimizer. */
export function openTrainingEngine(
  recipe: EngineChoice,
  folder: string,
  vocabSize: number,
): Promise<TrainingClient> {
  if (recipe.engine === 'tinker') {
    return openTinkerEngine({ ...tinkerOptions(recipe, vocabSize), from: { folder, fresh: true } });
  }
  return openEmbeddedEngine(folder, { fresh: true, seed: recipe.seed, ...threadsOf(recipe) });
}

/** Whether a second model can stand beside the one in training: not where a server trains all weights of the only one. */
export function hasRoomForReference({ engine, tinker }: EngineChoice): boolean {
  return engine !== 'tinker' || tinker?.loraRank !== 0;
}

/** A sampler on the weights of a checkpoint folder; the caller disposes of it. */
export function openCheckpointSampler(
  recipe: EngineChoice,
  folder: string,
  vocabSize: number,
): Promise<Sampler> {
  if (recipe.engine === 'tinker') return openTinkerSampler({ ...tinkerOptions(recipe, vocabSize), folder });
  return openEmbeddedSampler(folder, threadsOf(recipe));
}

/** What a user should know of the engine before a stage trains on it. */
export function engineNotices({ engine, tinker }: EngineChoice, gradClipNorm: number): string[] {
  return engine === 'tinker' && tinker ? noticesOf(adapterFor(tinker.server), { gradClipNorm }) : [];
}

/** From TypeScript sources there are no worker threads, whatever the recipe says. */
function threadsOf({ workers }: EngineChoice): ThreadOptions {
  return workers === undefined || !WORKERS_AVAILABLE ? {} : { workers };
}

function tinkerOptions({ tinker, model, seed }: EngineChoice, vocabSize: number): TinkerOptions {
  if (!tinker) throw new UsageError('engine "tinker" needs a server and a baseModel');
  const apiKey = process.env['TINKER_API_KEY'];
  return {
    server: tinker.server,
    baseUrl: tinker.baseUrl,
    baseModel: tinker.baseModel,
    loraRank: tinker.loraRank,
    samplesInFlight: tinker.samplesInFlight,
    maxLength: model.maxLength,
    vocabSize,
    seed,
    ...(apiKey !== undefined && { apiKey }),
  };
}
