/**
 * The embedded engine: a small Llama trained and sampled inside Node, through onnxruntime.
 *
 * ```ts
 * await using engine = await createEmbeddedEngine({
 *   model: { vocabSize: 300, hiddenSize: 96, layers: 3, maxLength: 256 },
 *   seed: 1,
 * });
 * await engine.forwardBackward(data, { kind: 'cross_entropy' });  // a sum over tokens: divide the weights before
 * await engine.optimStep({ learningRate: 3e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01, gradClipNorm: 1 });
 * await using sampler = await engine.saveWeightsForSampler();
 * const { tokens } = await sampler.sample({ prompt: [1, 2, 3], maxTokens: 60, temperature: 1, stopTokens: [0] });
 * await engine.saveState('checkpoint');             // later: openEmbeddedEngine, openEmbeddedSampler
 * ```
 *
 * Start many `sample` calls at once (Promise.all): they are decoded together. One call at a time is slow.
 * onnxruntime-node computes on the calling thread; put sampling and training into workers to overlap them.
 */
import { cpus } from 'node:os';
import type { PolicyVersion, Sampler } from '../../../model/types.js';
import { initialize, layOut, type ModelOptions, resolveConfig } from './architecture.js';
import { readCheckpoint } from './checkpoint.js';
import { prepareDecodeWeights } from './decode-graph.js';
import { openDecodePrograms } from './decoder.js';
import { EmbeddedEngine } from './engine.js';
import { EmbeddedSampler, type SamplerOptions } from './sampler.js';

export type { ModelConfig, ModelOptions } from './architecture.js';
export { EmbeddedEngine } from './engine.js';
export type { SamplerOptions } from './sampler.js';

export interface ThreadOptions {
  /** Threads of the train graphs; by default the faster of one and all cores is found at the start. */
  readonly threads?: number;
  /** Threads of the decode graphs; default 1. */
  readonly samplerThreads?: number;
}

export interface CreateOptions extends ThreadOptions {
  readonly model: ModelOptions;
  /** Equal seeds give equal weights. */
  readonly seed: string | number;
  readonly sampler?: SamplerOptions;
}

/** A fresh model of the given shape, version 0. Throws UsageError for a shape that cannot be. */
export async function createEmbeddedEngine(options: CreateOptions): Promise<EmbeddedEngine> {
  const config = resolveConfig(options.model);
  const parameters = initialize(config, layOut(config), options.seed);
  return new EmbeddedEngine(config, parameters, undefined, 0, {
    threads: options.threads ?? defaultThreads(),
    samplerThreads: options.samplerThreads ?? 1,
    sampler: { seed: options.seed, ...options.sampler },
  });
}

/**
 * An engine that goes on from a checkpoint folder. Without optimizer.safetensors (`fresh: true` ignores it) the
 * optimizer starts anew. Throws UsageError for a missing, damaged or foreign checkpoint.
 */
export async function openEmbeddedEngine(
  folder: string,
  options: ThreadOptions & {
    readonly seed?: string | number;
    readonly sampler?: SamplerOptions;
    /** Take the weights only: optimizer state empty, version 0. */
    readonly fresh?: boolean;
  } = {},
): Promise<EmbeddedEngine> {
  const fresh = options.fresh === true;
  const checkpoint = await readCheckpoint(folder, { withOptimizer: !fresh });
  const version = fresh ? 0 : checkpoint.version;
  return new EmbeddedEngine(checkpoint.config, checkpoint.parameters, checkpoint.adam, version, {
    threads: options.threads ?? defaultThreads(),
    samplerThreads: options.samplerThreads ?? 1,
    sampler: { seed: options.seed ?? 0, ...options.sampler },
  });
}

/** A sampler on the weights of a checkpoint folder; needs no optimizer state. The caller disposes of it. */
export async function openEmbeddedSampler(
  folder: string,
  options: SamplerOptions & Pick<ThreadOptions, 'samplerThreads'> = {},
): Promise<Sampler> {
  const { config, parameters, version } = await readCheckpoint(folder, { withOptimizer: false });
  const programs = await openDecodePrograms(config, options.samplerThreads ?? 1);
  const weights = prepareDecodeWeights(config, layOut(config), parameters);
  return new EmbeddedSampler(config, programs, weights, version as PolicyVersion, options, () =>
    programs.release(),
  );
}

function defaultThreads(): number {
  return Math.min(2, cpus().length);
}
