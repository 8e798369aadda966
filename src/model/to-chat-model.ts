/**
 * What the library's functions take as a model: a `ChatModel` as it is, or an AI SDK language model, which gets the wrappers
 * that a model behind an endpoint needs.
 */
import type { LanguageModelV3 } from '@ai-sdk/provider';
import { UsageError } from '../core/errors.js';
import { createLanguageModelChatModel } from './language-model.js';
import type { ChatModel } from './types.js';
import { type EndpointManners, withEndpointManners } from './wrappers.js';

/** Any of the two. An AI SDK model has to be of specification v3 (AI SDK 6). */
export type AnyModel = ChatModel | LanguageModelV3;

/** Throws a UsageError for anything else, such as a model of another AI SDK. */
export function toChatModel(model: AnyModel, manners: EndpointManners = {}): ChatModel {
  if ('generate' in model) return model;
  if (model.specificationVersion === 'v3') {
    return withEndpointManners(createLanguageModelChatModel(model), manners);
  }
  const { specificationVersion } = model as { readonly specificationVersion?: unknown };
  throw new UsageError(
    `expected a ChatModel or an AI SDK 6 language model (specification v3), not ${String(specificationVersion ?? typeof model)}`,
  );
}
