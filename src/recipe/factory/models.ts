/**
 * The models that a data set asks, if any: they share one cache in the set's folder (`calls.jsonl`, so that work that was
 * stopped asks only what is missing), one meter with one spending limit, and the manners of the endpoint wrappers.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hash32 } from '../../core/rng.js';
import { createMeter, type Spending, type TokenPrice } from '../../model/meter.js';
import { openResponseCache } from '../../model/response-cache.js';
import type { EndpointManners } from '../../model/wrappers.js';
import { createProposer, type ProposeInputs } from '../../nlex/functions/propose-inputs.js';
import { createLlmNarrator } from '../../nlex/llm-narrator.js';
import { type Narrator, templateNarrator } from '../../nlex/narrator.js';
import { type OpenChatModel, openChatModel } from '../open-model.js';

export interface FactoryModelOptions extends EndpointManners {
  readonly folder: string;
  readonly seed: string;
  /** As `--model` names them; absent: the template narrator, no proposals, no sampled programs. */
  readonly narrator?: string;
  readonly temperature: number;
  /** Of one explanation. */
  readonly maxTokens: number;
  readonly proposer?: string;
  readonly solvers?: readonly string[];
  readonly maxTokensTotal?: number;
  readonly price?: TokenPrice;
}

export interface FactoryModels {
  readonly narrator: Narrator;
  readonly propose: ProposeInputs | undefined;
  readonly solvers: readonly OpenChatModel[];
  /** undefined where no model is asked. */
  spending(): Spending | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Calls asked for, and the sampling of proposals. */
const PROPOSALS = { calls: 8, maxTokens: 1_024, temperature: 0.8, topP: 0.95 };

/** Throws a UsageError for a model that there is not. */
export async function openFactoryModels(options: FactoryModelOptions): Promise<FactoryModels> {
  const { folder, narrator, proposer, solvers = [], maxTokens, temperature } = options;
  if (narrator === undefined && proposer === undefined && solvers.length === 0) return NO_MODELS;
  await mkdir(folder, { recursive: true });
  const cache = await openResponseCache(join(folder, 'calls.jsonl'));
  const meter = createMeter(options.maxTokensTotal);
  const opened = new Map<string, OpenChatModel>();
  const open = async (text: string): Promise<OpenChatModel> => {
    const model = opened.get(text) ?? (await openChatModel(text, { ...options, cache, meter }));
    opened.set(text, model);
    return model;
  };
  const close = async (): Promise<void> => {
    for (const model of opened.values()) await model[Symbol.asyncDispose]();
    await cache[Symbol.asyncDispose]();
  };
  const seed = hash32(`factory/${options.seed}`);
  try {
    return {
      narrator:
        narrator === undefined
          ? templateNarrator
          : createLlmNarrator((await open(narrator)).model, { maxTokens, temperature, seed }),
      propose:
        proposer === undefined
          ? undefined
          : createProposer((await open(proposer)).model, { ...PROPOSALS, seed }),
      solvers: await Promise.all(solvers.map(open)),
      spending: meter.spending,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const NO_MODELS: FactoryModels = {
  narrator: templateNarrator,
  propose: undefined,
  solvers: [],
  spending: () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};
