/**
 * Opening a model for use: by the syntax of `--model` (src/model/model-spec.ts), wrapped so that calls are limited, retried,
 * cached and counted; or the model of a run (its newest checkpoint) on its own.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../core/errors.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import { paperStyle } from '../episode/prompts/paper.js';
import { terseStyle } from '../episode/prompts/terse.js';
import { createEndpointChatModel, createLanguageModelChatModel } from '../model/language-model.js';
import { createMeter, type Meter, type TokenPrice } from '../model/meter.js';
import { loadLanguageModel, parseModelSpec } from '../model/model-spec.js';
import { openRecordedModel } from '../model/recorded-model.js';
import { createSamplerChatModel } from '../model/renderer.js';
import { createUnaskedModel, type ResponseCache, withCache } from '../model/response-cache.js';
import { openChatTokenizer } from '../model/tokenizer.js';
import type { ChatModel } from '../model/types.js';
import { type EndpointManners, withConcurrencyLimit, withEndpointManners } from '../model/wrappers.js';
import { openEmbeddedSampler } from '../training/engines/embedded/index.js';

export interface OpenModel {
  readonly model: ChatModel;
  readonly folder: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A model and how to speak to it. */
export interface OpenChatModel {
  readonly model: ChatModel;
  /** `terse` for embedded models, which learned it; `paper` for all others. */
  readonly style: PromptStyle;
  /** What calls have cost; shared with other models that were opened with it. */
  readonly meter: Meter;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface OpenModelOptions extends EndpointManners {
  /** Default: one of its own, without a limit. */
  readonly meter?: Meter;
  readonly price?: TokenPrice;
  /** Answers found here are not asked for; new ones are kept here. Not owned. */
  readonly cache?: ResponseCache;
  /** Only the cache answers; a call that is not there is a UsageError. */
  readonly cachedOnly?: boolean;
  /** Default: `DESKCHECK_API_KEY`, else `OPENAI_API_KEY`. */
  readonly apiKey?: string;
  /** Further fields of an endpoint's requests. */
  readonly extraBody?: Readonly<Record<string, unknown>>;
  /** In place of the style that goes with the kind of model. */
  readonly style?: PromptStyle;
}

/** Opens what `--model` names. Throws a UsageError when there is no such model. */
export async function openChatModel(text: string, options: OpenModelOptions = {}): Promise<OpenChatModel> {
  const { cache, meter = createMeter() } = options;
  const { model: plain, style, close } = await openPlain(text, options);
  const counted = meter.count(plain, options.price);
  const id = await identityOf(text, plain.id);
  const model = cache ? withCache(counted, cache, { id, onHit: meter.noteCached }) : counted;
  return { model, style: options.style ?? style, meter, [Symbol.asyncDispose]: close };
}

/** An embedded model may be trained further under the same name; its answers of before are then not its own. */
async function identityOf(text: string, id: string): Promise<string> {
  const spec = parseModelSpec(text);
  if (spec.kind !== 'embedded') return id;
  const { mtimeMs, size } = await stat(join(await findCheckpoint(spec.folder), 'model.safetensors'));
  return `${id}@${Math.round(mtimeMs)}/${size}`;
}

interface Plain {
  readonly model: ChatModel;
  readonly style: PromptStyle;
  close(): Promise<void>;
}

async function openPlain(text: string, options: OpenModelOptions): Promise<Plain> {
  const spec = parseModelSpec(text);
  const style = spec.kind === 'embedded' ? terseStyle : paperStyle;
  const close = async (): Promise<void> => undefined;
  if (options.cachedOnly) {
    const id = nameOfSpec(text);
    return { model: createUnaskedModel(id), style, close };
  }
  switch (spec.kind) {
    case 'endpoint': {
      const { DESKCHECK_API_KEY: own, OPENAI_API_KEY: usual } = process.env;
      const apiKey = options.apiKey ?? own ?? usual;
      const model = createEndpointChatModel({
        baseUrl: spec.baseUrl,
        model: spec.name,
        ...(apiKey === undefined ? {} : { apiKey }),
        ...(options.extraBody === undefined ? {} : { extraBody: options.extraBody }),
      });
      return { model: withEndpointManners(model, options), style, close };
    }
    case 'ai-sdk': {
      const model = createLanguageModelChatModel(await loadLanguageModel(spec.module, spec.name));
      return { model: withEndpointManners({ ...model, id: nameOfSpec(text) }, options), style, close };
    }
    case 'recorded':
      return { model: await openRecordedModel(spec.file, nameOfSpec(text)), style, close };
    case 'embedded': {
      const { model, [Symbol.asyncDispose]: dispose } = await openModel(spec.folder);
      const named = { ...model, id: nameOf(spec.folder) };
      return { model: withConcurrencyLimit(named, options.concurrency ?? 256), style, close: dispose };
    }
    default:
      return spec satisfies never;
  }
}

/** What records call the model: without address and folders, so that it names no machine. */
function nameOfSpec(text: string): string {
  const spec = parseModelSpec(text);
  switch (spec.kind) {
    case 'endpoint':
      return spec.name;
    case 'ai-sdk':
      return spec.name ?? basename(spec.module);
    case 'recorded':
      return basename(spec.file);
    case 'embedded':
      return nameOf(spec.folder);
    default:
      return spec satisfies never;
  }
}

/** `runs/tiny` → `tiny`; `runs/tiny/checkpoints/sft` → `tiny-sft`. */
function nameOf(folder: string): string {
  const path = resolve(folder);
  const parent = dirname(path);
  return basename(parent) === 'checkpoints'
    ? `${basename(dirname(parent))}-${basename(path)}`
    : basename(path);
}

/** The embedded model of a run or a folder, as it is. Throws a UsageError when there is no model at `path`. */
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

/** The newest checkpoint of a run, or the folder itself. Throws a UsageError when there is no model. */
export async function findCheckpoint(path: string): Promise<string> {
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
