/**
 * How a model is named on the command line (`--model`), in one syntax:
 *
 *     http://localhost:8000/v1#name      an OpenAI-compatible endpoint, and the model's name there
 *     embedded:runs/tiny                 a run folder or a Hugging Face folder; a bare path means the same
 *     recorded:completions.jsonl         a file of completions (recorded-model.ts)
 *     ai-sdk:@ai-sdk/mistral#name        an AI SDK 6 provider that is installed, or a module of yours that exports a model
 *
 * Left out: opening them (src/recipe/open-model.ts; the embedded engine is in a room above).
 */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LanguageModelV3 } from '@ai-sdk/provider';
import { messageOf, UsageError } from '../core/errors.js';

export type ModelSpec =
  | { readonly kind: 'endpoint'; readonly baseUrl: string; readonly name: string }
  | { readonly kind: 'embedded'; readonly folder: string }
  | { readonly kind: 'recorded'; readonly file: string }
  | { readonly kind: 'ai-sdk'; readonly module: string; readonly name: string | undefined };

/** For `--help`. */
export const MODEL_SYNTAX =
  'http://host:8000/v1#name | embedded:<run folder> | recorded:<file.jsonl> | ai-sdk:<package or file>#name';

/** Throws a UsageError that shows the syntax. */
export function parseModelSpec(text: string): ModelSpec {
  const [, scheme = '', rest = ''] = /^([a-z][a-z-]+):(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case 'http':
    case 'https': {
      const hash = text.indexOf('#');
      const name = hash < 0 ? '' : text.slice(hash + 1);
      const baseUrl = hash < 0 ? text : text.slice(0, hash);
      if (name === '' || !URL.canParse(baseUrl)) {
        throw new UsageError(
          `"${text}" names no model; write ${baseUrl || 'http://host:8000/v1'}#<model name>`,
        );
      }
      return { kind: 'endpoint', baseUrl, name };
    }
    case 'embedded':
      return { kind: 'embedded', folder: required(rest, text) };
    case 'recorded':
      return { kind: 'recorded', file: required(rest, text) };
    case 'ai-sdk': {
      const [module = '', name] = rest.split('#', 2);
      return { kind: 'ai-sdk', module: required(module, text), name: name || undefined };
    }
    case '':
      return { kind: 'embedded', folder: required(text, text) };
    default:
      throw new UsageError(`unknown kind of model "${scheme}:" in "${text}"; expected ${MODEL_SYNTAX}`);
  }
}

/**
 * Loads an AI SDK model: the module's default export if it is a model; otherwise its provider function (default export, or
 * the export called after the package, such as `mistral` of `@ai-sdk/mistral`) applied to the name. Packages are looked
 * up from the working directory.
 */
export async function loadLanguageModel(module: string, name: string | undefined): Promise<LanguageModelV3> {
  const exported = await importModule(module);
  const called = module
    .split('/')
    .at(-1)!
    .replace(/\.[cm]?js$/, '')
    .replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const found = exported['default'] ?? exported[called];
  const model = typeof found === 'function' && name !== undefined ? (found as Provider)(name) : found;
  if (!isLanguageModel(model)) {
    throw new UsageError(
      `ai-sdk:${module} gives no AI SDK 6 language model (specification v3); it has to export a model as default, ` +
        `or a provider, with the model's name after "#"`,
    );
  }
  return model;
}

type Provider = (name: string) => unknown;

async function importModule(module: string): Promise<Record<string, unknown>> {
  try {
    const path = /^[./]/.test(module)
      ? resolve(module)
      : createRequire(join(process.cwd(), 'package.json')).resolve(module);
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new UsageError(`cannot load ai-sdk:${module}: ${messageOf(cause)}. Is it installed here?`, {
      cause,
    });
  }
}

function isLanguageModel(value: unknown): value is LanguageModelV3 {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { specificationVersion?: unknown }).specificationVersion === 'v3'
  );
}

function required(value: string, text: string): string {
  if (value === '') throw new UsageError(`"${text}" names no model; expected ${MODEL_SYNTAX}`);
  return value;
}
