/**
 * The embedded TrainingClient: parameters and optimizer state in flat arrays here, forward and backward in the
 * lanes. Calls run one after another in the order they came.
 *
 * Data are dealt out to the lanes by length, so that all have about the same work; each lane adds up its own
 * gradients, and these are added in the order of the lanes. So runs with equally many lanes are bit-identical.
 */
import { InfrastructureError, UsageError } from '../../../core/errors.js';
import type { PolicyVersion, Sampler } from '../../../model/types.js';
import { checkData } from '../../check-data.js';
import type {
  AdamParams,
  Datum,
  ForwardBackwardResult,
  ForwardResult,
  Loss,
  OptimStepResult,
  TrainingClient,
} from '../../types.js';
import { type AdamState, adamStep, createAdamState, sumGradients } from './adam.js';
import { layOut, type ModelConfig, type ParameterLayout } from './architecture.js';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { Lane } from './lane.js';
import { fillBatch, readLogprobs } from './packing.js';
import { type CostModel, costModelOf, deal, planBatches } from './plan-batches.js';
import { openSampler, type SamplerOptions } from './sampler.js';

export class EmbeddedEngine implements TrainingClient {
  readonly config: ModelConfig;
  private readonly layout: ParameterLayout;
  private readonly parameters: Float32Array;
  private readonly adam: AdamState;
  private readonly lanes: readonly Lane[];
  private readonly samplerOptions: SamplerOptions;
  private readonly costs: CostModel;
  private steps: number;
  private accumulated = false;
  private queue: Promise<unknown> = Promise.resolve();
  private samplersOpened = 0;
  private openSamplers = 0;
  private disposed = false;

  /** Takes ownership of `checkpoint` and `lanes`. */
  constructor(checkpoint: Checkpoint, lanes: readonly Lane[], samplerOptions: SamplerOptions) {
    this.config = checkpoint.config;
    this.layout = layOut(this.config);
    this.parameters = checkpoint.parameters;
    this.adam = checkpoint.adam ?? createAdamState(this.layout.size);
    this.steps = checkpoint.version;
    this.costs = costModelOf(this.config);
    this.lanes = lanes;
    this.samplerOptions = samplerOptions;
    this.publish();
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

  /** The log-probabilities of tokens with weight 0 are not computed: they are 0. */
  forwardBackward(data: readonly Datum[], loss: Loss): Promise<ForwardBackwardResult> {
    return this.enqueue(async () => {
      checkData(data, this.config.maxLength, this.config.vocabSize, loss);
      const result = await this.run(data, loss);
      if (data.length > 0) this.accumulated = true;
      return result;
    });
  }

  forward(data: readonly Datum[]): Promise<ForwardResult> {
    return this.enqueue(async () => {
      checkData(data, this.config.maxLength, this.config.vocabSize);
      const { logprobs } = await this.run(data, undefined);
      return { logprobs };
    });
  }

  optimStep(adam: AdamParams): Promise<OptimStepResult> {
    return this.enqueue(async () => {
      if (!this.accumulated) throw new UsageError('optimStep: no gradients; call forwardBackward before it');
      const { gradients, gradNorm } = await this.collectGradients();
      if (!Number.isFinite(gradNorm)) {
        throw new InfrastructureError('the gradient is not finite; the weights were left as they are', {
          code: 'gradient-not-finite',
          boundary: 'engine',
          retryable: false,
        });
      }
      adamStep(this.parameters, gradients, gradNorm, this.adam, this.layout.tensors, adam);
      this.steps += 1;
      this.publish();
      return { gradNorm, version: this.version };
    });
  }

  /** `options` override the engine's own. */
  saveWeightsForSampler(options: SamplerOptions = {}): Promise<Sampler> {
    return this.enqueue(async () => {
      this.openSamplers += 1;
      const merged = { ...this.samplerOptions, ...options };
      return openSampler(this.config, this.lanes, this.samplersOpened++, this.version, merged, async () => {
        this.openSamplers -= 1;
        await this.closeIfUnused();
      });
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
      if (this.accumulated) await this.collectGradients();
      this.publish();
    });
  }

  /** Waits for queued calls. Samplers stay usable until they are disposed of themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.queue;
    await this.closeIfUnused();
  }

  /** Deals the data out, runs them, and puts the log-probabilities back into the caller's order. */
  private async run(data: readonly Datum[], loss: Loss | undefined): Promise<ForwardBackwardResult> {
    const logprobs: Float32Array[] = new Array(data.length);
    const lengths = data.map(({ tokens }) => tokens.length);
    const runLane = async (lane: Lane, share: readonly number[]): Promise<number> => {
      const batches = planBatches(lengths, share, this.costs);
      const filled = batches.map((batch) => fillBatch(batch, data, loss));
      const result = await lane.run(filled, loss);
      for (const [i, batch] of batches.entries()) {
        readLogprobs(batch, data, loss, result.logprobs[i] as Float32Array, logprobs);
      }
      return result.lossSum;
    };
    const shares = deal(lengths, this.lanes.length);
    const sums = await Promise.all(shares.map((share, i) => runLane(this.lanes[i] as Lane, share)));
    return { logprobs, lossSum: sums.reduce((a, b) => a + b, 0) };
  }

  /** The sum of the lanes' gradients, which are cleared, and its norm. Valid until the next run. */
  private async collectGradients(): Promise<{ gradients: Float32Array; gradNorm: number }> {
    this.accumulated = false;
    const parts = (await Promise.all(this.lanes.map((lane) => lane.takeGradients()))).filter(
      (part) => part !== undefined,
    );
    const [gradients = new Float32Array(this.layout.size), ...others] = parts;
    return { gradients, gradNorm: sumGradients(gradients, others) };
  }

  /** Gives the lanes the current weights. Nothing waits for it: lanes take calls in order, and a failure shows there. */
  private publish(): void {
    for (const lane of this.lanes) void lane.setParameters(this.parameters).catch(() => undefined);
  }

  private async closeIfUnused(): Promise<void> {
    if (!this.disposed || this.openSamplers > 0) return;
    await Promise.all(this.lanes.map((lane) => lane.close()));
  }

  private enqueue<T>(task: () => Promise<T>): Promise<T> {
    if (this.disposed) return Promise.reject(new UsageError('engine: it has been disposed of'));
    const result = this.queue.then(task);
    this.queue = result.catch(() => undefined);
    return result;
  }
}
