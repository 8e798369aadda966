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
 * The arithmetic runs in worker threads, one per core, so the event loop stays free, and sampling may go on while
 * training does. From TypeScript sources (a test runner) it runs in the calling thread, which then blocks.
 */
import { availableParallelism } from 'node:os';
import { UsageError } from '../../../core/errors.js';
import type { PolicyVersion, Sampler } from '../../../model/types.js';
import { initialize, layOut, type ModelConfig, type ModelOptions, resolveConfig } from './architecture.js';
import { readCheckpoint } from './checkpoint.js';
import { Compute } from './compute.js';
import { EmbeddedEngine } from './engine.js';
import type { Lane } from './lane.js';
import { openSampler, type SamplerOptions } from './sampler.js';
import { WORKERS_AVAILABLE, WorkerLane } from './worker-lane.js';

export type { ModelConfig, ModelOptions } from './architecture.js';
export { EmbeddedEngine } from './engine.js';
export type { SamplerOptions } from './sampler.js';
export { WORKERS_AVAILABLE } from './worker-lane.js';

export interface ThreadOptions {
  /** Worker threads, each computing on one core; 0 computes in the calling thread. By default one per core, at most 8. */
  readonly workers?: number;
  /** onnxruntime's threads in each of them; default 1. */
  readonly threads?: number;
}

export interface CreateOptions extends ThreadOptions {
  readonly model: ModelOptions;
  /** Equal seeds give equal weights. */
  readonly seed: string | number;
  readonly sampler?: SamplerOptions;
}

export interface OpenOptions extends ThreadOptions {
  /** Seed of sample requests that bring none. */
  readonly seed?: string | number;
  readonly sampler?: SamplerOptions;
  /** Take the weights only: optimizer state empty, version 0. Needs no optimizer.safetensors. */
  readonly fresh?: boolean;
}

const MOST_WORKERS = 8;

/** A fresh model of the given shape, version 0. Throws UsageError for a shape that cannot be. */
export async function createEmbeddedEngine(options: CreateOptions): Promise<EmbeddedEngine> {
  const config = resolveConfig(options.model);
  const parameters = initialize(config, layOut(config), options.seed);
  return new EmbeddedEngine({ config, parameters, version: 0 }, openLanes(config, options), {
    seed: options.seed,
    ...options.sampler,
  });
}

/** An engine that goes on from a checkpoint folder. Throws UsageError for a missing or damaged checkpoint. */
export async function openEmbeddedEngine(folder: string, options: OpenOptions = {}): Promise<EmbeddedEngine> {
  const fresh = options.fresh === true;
  const checkpoint = await readCheckpoint(folder, { withOptimizer: !fresh });
  const start = fresh ? { ...checkpoint, version: 0 } : checkpoint;
  return new EmbeddedEngine(start, openLanes(checkpoint.config, options), {
    seed: options.seed ?? 0,
    ...options.sampler,
  });
}

/** A sampler on the weights of a checkpoint folder; needs no optimizer state. The caller disposes of it. */
export async function openEmbeddedSampler(
  folder: string,
  options: SamplerOptions & ThreadOptions = {},
): Promise<Sampler> {
  const { config, parameters, version } = await readCheckpoint(folder, { withOptimizer: false });
  const lanes = openLanes(config, options);
  await Promise.all(lanes.map((lane) => lane.setParameters(parameters)));
  return openSampler(config, lanes, 0, version as PolicyVersion, options, async () => {
    await Promise.all(lanes.map((lane) => lane.close()));
  });
}

function openLanes(config: ModelConfig, options: ThreadOptions): Lane[] {
  const { workers = WORKERS_AVAILABLE ? Math.min(MOST_WORKERS, availableParallelism()) : 0, threads = 1 } =
    options;
  for (const [name, value, least] of [
    ['workers', workers, 0],
    ['threads', threads, 1],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new UsageError(`engine: ${name} must be an integer of at least ${least}, got ${value}`);
    }
  }
  if (workers === 0) return [new Compute({ config, threads })];
  if (!WORKERS_AVAILABLE) {
    throw new UsageError('engine: worker threads need the compiled package; build it, or use workers: 0');
  }
  return Array.from({ length: workers }, () => new WorkerLane({ config, threads }));
}
