/**
 * The tinker engine: training and sampling on any server that speaks the Tinker API, one's own (SkyRL) or the hosted service.
 *
 * ```ts
 * await using engine = await openTinkerEngine({
 *   server: 'skyrl', baseUrl: 'http://localhost:8000', baseModel: 'Qwen/Qwen2.5-3B-Instruct', loraRank: 0, maxLength: 65_536,
 * });
 * ```
 *
 * docs/scaling.md tells how to start a server, and what was tried.
 */
import { UsageError } from '../../../core/errors.js';
import type { Sampler } from '../../../model/types.js';
import { adapterFor, SERVER_KINDS, type ServerKind } from './adapters/index.js';
import { TinkerEngine } from './engine.js';
import { openSession } from './session.js';
import { createTransport, type TransportOptions } from './transport.js';

export { adapterFor, noticesOf, SERVER_KINDS, type ServerKind } from './adapters/index.js';
export type { TinkerEngine } from './engine.js';

export interface TinkerOptions extends TransportOptions {
  readonly server: ServerKind;
  /** A model that the server serves, as it names it. */
  readonly baseModel: string;
  /** 0 trains all weights, where the server can; default 32. */
  readonly loraRank?: number;
  /** Of the LoRA weights. */
  readonly seed?: number;
  /** Longest sequence, prompt and answer together, in tokens: the API does not tell it. */
  readonly maxLength: number;
  /** Ids from here on are refused before they are sent; default: none. */
  readonly vocabSize?: number;
  /** Most sample requests in flight; default 256. */
  readonly samplesInFlight?: number;
  /** Pause between heartbeats; default 10 s, 0 sends none. */
  readonly heartbeatMs?: number;
  /** A checkpoint folder to start with; `fresh`: of it the weights only, at version 0. */
  readonly from?: { readonly folder: string; readonly fresh: boolean };
}

/** Connects and opens a session. Throws a UsageError for settings that the server cannot have. */
export async function openTinkerEngine(options: TinkerOptions): Promise<TinkerEngine> {
  const { server, baseModel, loraRank = 32, maxLength, vocabSize = Number.POSITIVE_INFINITY } = options;
  const { samplesInFlight = 256, seed, heartbeatMs, from } = options;
  if (!SERVER_KINDS.includes(server)) {
    throw new UsageError(`tinker: the server is one of ${SERVER_KINDS.join(', ')}, got "${server}"`);
  }
  const adapter = adapterFor(server);
  if (loraRank === 0 && !adapter.fullTraining) {
    throw new UsageError(`tinker: ${server} trains LoRA only; give a loraRank of at least 1`);
  }
  for (const [name, value] of Object.entries({ maxLength, samplesInFlight })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(`tinker: ${name} must be a positive integer, got ${value}`);
    }
  }
  const session = await openSession(createTransport(options), adapter, {
    baseModel,
    ...(heartbeatMs !== undefined && { heartbeatMs }),
  });
  const settings = { baseModel, loraRank, maxLength, vocabSize, samplesInFlight };
  try {
    return await TinkerEngine.open(session, { ...settings, ...(seed !== undefined && { seed }) }, from);
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** A sampler on a checkpoint's weights, with a model of its own; the caller disposes of it. */
export async function openTinkerSampler(
  options: Omit<TinkerOptions, 'from'> & { readonly folder: string },
): Promise<Sampler> {
  const engine = await openTinkerEngine({ ...options, from: { folder: options.folder, fresh: true } });
  const sampler = await engine.saveWeightsForSampler();
  // The sampler keeps what it needs of the engine until it is closed itself.
  await engine[Symbol.asyncDispose]();
  return sampler;
}
