/**
 * The embedded TrainingClient: parameters, gradients and optimizer state in flat arrays, the arithmetic in the
 * bucketed graphs. Calls run one after another in the order they came.
 */
import { InfrastructureError, UsageError } from '../../../core/errors.js';
import type { PolicyVersion, Sampler } from '../../../model/types.js';
import type {
  AdamParams,
  Datum,
  ForwardBackwardResult,
  ForwardResult,
  Loss,
  OptimStepResult,
  TrainingClient,
} from '../../types.js';
import { type AdamState, adamStep, createAdamState, globalNorm } from './adam.js';
import { layOut, type ModelConfig, type ParameterLayout } from './architecture.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { prepareDecodeWeights } from './decode-graph.js';
import { type DecodePrograms, openDecodePrograms } from './decoder.js';
import { lossSum } from './loss.js';
import { checkData, fillBatch } from './packing.js';
import { type CostModel, costModelOf, planBatches } from './plan-batches.js';
import { EmbeddedSampler, type SamplerOptions } from './sampler.js';
import { TrainPrograms } from './train-programs.js';

export interface EngineOptions {
  /** Threads of the train graphs. */
  readonly threads: number;
  readonly samplerThreads: number;
  readonly sampler: SamplerOptions;
}

export class EmbeddedEngine implements TrainingClient {
  readonly config: ModelConfig;
  private readonly layout: ParameterLayout;
  private readonly parameters: Float32Array;
  private readonly gradients: Float32Array;
  private readonly scratch: Float32Array;
  private readonly adam: AdamState;
  private readonly programs: TrainPrograms;
  private readonly decoding: SharedPrograms;
  private readonly options: EngineOptions;
  private readonly costs: CostModel;
  private steps: number;
  private accumulated = false;
  private queue: Promise<unknown> = Promise.resolve();
  private disposed = false;

  /** Takes ownership of `parameters` and `adam`. */
  constructor(
    config: ModelConfig,
    parameters: Float32Array,
    adam: AdamState | undefined,
    steps: number,
    options: EngineOptions,
  ) {
    this.config = config;
    this.layout = layOut(config);
    this.parameters = parameters;
    this.gradients = new Float32Array(this.layout.size);
    this.scratch = new Float32Array(this.layout.size);
    this.adam = adam ?? createAdamState(this.layout.size);
    this.steps = steps;
    this.options = options;
    this.costs = costModelOf(config);
    const longestRun = Math.max(this.costs.tokensPerRun, config.maxLength);
    this.programs = new TrainPrograms(config, this.layout, parameters, longestRun, options.threads);
    this.decoding = new SharedPrograms(() => openDecodePrograms(config, options.samplerThreads));
  }

  get maxLength(): number {
    return this.config.maxLength;
  }

  get version(): PolicyVersion {
    return this.steps as PolicyVersion;
  }

  /** Number of parameters. */
  get parameterCount(): number {
    return this.layout.size;
  }

  forwardBackward(data: readonly Datum[], loss: Loss): Promise<ForwardBackwardResult> {
    return this.enqueue(async () => {
      checkData(data, this.config.maxLength, this.config.vocabSize, loss);
      let sum = 0;
      const logprobs = await this.runBatches(data, loss, (batchLoss) => {
        sum += batchLoss;
      });
      return { logprobs, lossSum: sum };
    });
  }

  forward(data: readonly Datum[]): Promise<ForwardResult> {
    return this.enqueue(async () => {
      checkData(data, this.config.maxLength, this.config.vocabSize);
      return { logprobs: await this.runBatches(data) };
    });
  }

  optimStep(adam: AdamParams): Promise<OptimStepResult> {
    return this.enqueue(async () => {
      if (!this.accumulated) throw new UsageError('optimStep: no gradients; call forwardBackward before it');
      const gradNorm = globalNorm(this.gradients);
      this.accumulated = false;
      if (!Number.isFinite(gradNorm)) {
        throw new InfrastructureError('the gradient is not finite; the weights were left as they are', {
          code: 'gradient-not-finite',
          boundary: 'engine',
          retryable: false,
        });
      }
      adamStep(this.parameters, this.gradients, gradNorm, this.adam, this.layout.tensors, adam);
      this.steps += 1;
      return { gradNorm, version: this.version };
    });
  }

  /** `options` override the engine's own. */
  saveWeightsForSampler(options: SamplerOptions = {}): Promise<Sampler> {
    return this.enqueue(async () => {
      const programs = await this.decoding.acquire();
      return new EmbeddedSampler(
        this.config,
        programs,
        prepareDecodeWeights(this.config, this.layout, this.parameters),
        this.version,
        { ...this.options.sampler, ...options },
        () => this.decoding.release(),
      );
    });
  }

  saveState(folder: string): Promise<void> {
    return this.enqueue(() =>
      writeCheckpoint(folder, {
        config: this.config,
        parameters: this.parameters,
        adam: this.adam,
        version: this.steps,
      }),
    );
  }

  /** Discards accumulated gradients. */
  loadState(folder: string): Promise<void> {
    return this.enqueue(async () => {
      const checkpoint = await readCheckpoint(folder, { expected: this.config, withOptimizer: true });
      this.parameters.set(checkpoint.parameters);
      const adam = checkpoint.adam ?? createAdamState(this.layout.size);
      this.adam.first.set(adam.first);
      this.adam.second.set(adam.second);
      this.adam.step = adam.step;
      this.steps = checkpoint.version;
      this.accumulated = false;
    });
  }

  /** Waits for queued calls. Samplers stay usable until they are disposed of themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.queue;
    await this.programs.release();
    await this.decoding.retire();
  }

  /** Log-probabilities per datum; with a loss, adds its gradients to the accumulated ones. */
  private async runBatches(
    data: readonly Datum[],
    loss?: Loss,
    onLoss?: (sum: number) => void,
  ): Promise<Float32Array[]> {
    const results: Float32Array[] = new Array(data.length);
    const lengths = data.map(({ tokens }) => tokens.length);
    for (const batch of planBatches(lengths, this.costs)) {
      fillBatch(this.programs.arrays, batch, data, loss);
      let logprobs: Float32Array;
      if (loss === undefined) logprobs = await this.programs.run(batch.bucket);
      else {
        logprobs = await this.programs.run(batch.bucket, this.accumulated ? this.scratch : this.gradients);
        if (this.accumulated) addInto(this.gradients, this.scratch);
        this.accumulated = true;
        onLoss?.(lossSum(loss, this.programs.arrays, logprobs));
      }
      for (const { datum, row, start } of batch.placements) {
        const base = row * batch.bucket.length + start;
        results[datum] = logprobs.slice(base, base + (lengths[datum] as number));
      }
    }
    return results;
  }

  private enqueue<T>(task: () => Promise<T>): Promise<T> {
    if (this.disposed) return Promise.reject(new UsageError('engine: it has been disposed of'));
    const result = this.queue.then(task);
    this.queue = result.catch(() => undefined);
    return result;
  }
}

function addInto(target: Float32Array, source: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + (source[i] as number);
}

/** Opened once, used by many samplers, released when the engine has retired and the last sampler is gone. */
class SharedPrograms {
  private readonly open: () => Promise<DecodePrograms>;
  private programs: Promise<DecodePrograms> | undefined;
  private users = 0;
  private retired = false;

  constructor(open: () => Promise<DecodePrograms>) {
    this.open = open;
  }

  async acquire(): Promise<DecodePrograms> {
    this.users += 1;
    this.programs ??= this.open();
    return this.programs;
  }

  async release(): Promise<void> {
    this.users -= 1;
    await this.closeIfUnused();
  }

  async retire(): Promise<void> {
    this.retired = true;
    await this.closeIfUnused();
  }

  private async closeIfUnused(): Promise<void> {
    if (!this.retired || this.users > 0 || this.programs === undefined) return;
    const programs = await this.programs;
    this.programs = undefined;
    await programs.release();
  }
}
