/** The work of a lane, in whatever thread it is called. */
import { InfrastructureError } from '../../../core/errors.js';
import type { Loss } from '../../types.js';
import { addGradients } from './adam.js';
import { layOut, type ParameterLayout } from './architecture.js';
import { Decoder } from './decoder.js';
import type { FilledBatch, Lane, LaneOptions, LaneRunResult, Sequence, SequenceRequest } from './lane.js';
import { lossSum } from './loss.js';
import { SequenceBatcher } from './sequence-batcher.js';
import { TrainPrograms } from './train-programs.js';

export class Compute implements Lane {
  private readonly options: LaneOptions;
  private readonly layout: ParameterLayout;
  private readonly parameters: Float32Array;
  private readonly samplers = new Map<number, SequenceBatcher>();
  private train: TrainPrograms | undefined;
  /** Decoders that no sampler uses now, kept for the next version of the policy, since their arrays are as large as the cache. */
  private idle: readonly Decoder[] = [];
  private gradients: Float32Array | undefined;
  private scratch: Float32Array | undefined;
  private accumulated = false;

  constructor(options: LaneOptions) {
    this.options = options;
    this.layout = layOut(options.config);
    this.parameters = new Float32Array(this.layout.size);
  }

  async setParameters(parameters: Float32Array): Promise<void> {
    this.parameters.set(parameters);
  }

  async run(batches: readonly FilledBatch[], loss: Loss | undefined): Promise<LaneRunResult> {
    this.train ??= new TrainPrograms(this.options.config, this.layout, this.parameters, this.options.threads);
    const logprobs: Float32Array[] = [];
    let sum = 0;
    for (const batch of batches) {
      const target = loss === undefined ? undefined : this.gradientTarget();
      const output = await this.train.run(batch, target);
      logprobs.push(output);
      if (loss === undefined || this.gradients === undefined) continue;
      if (target !== undefined && target !== this.gradients) addGradients(this.gradients, [target]);
      this.accumulated = true;
      sum += lossSum(loss, batch.arrays, output);
    }
    return { logprobs, lossSum: sum };
  }

  async takeGradients(): Promise<Float32Array | undefined> {
    if (!this.accumulated) return undefined;
    this.accumulated = false;
    return this.gradients;
  }

  async openSampler(sampler: number, slots: number): Promise<void> {
    const { config, threads } = this.options;
    const [decoder = new Decoder(config, threads, slots), ...idle] = this.idle.filter(
      (each) => each.slots === slots,
    );
    this.idle = idle;
    await decoder.open(this.parameters);
    this.samplers.set(sampler, new SequenceBatcher(config, decoder));
  }

  async sample(sampler: number, id: number, request: SequenceRequest): Promise<Sequence> {
    const batcher = this.samplers.get(sampler);
    if (batcher === undefined) {
      throw new InfrastructureError('the sampler is closed', {
        code: 'sampler-closed',
        boundary: 'engine',
        retryable: false,
      });
    }
    return batcher.sample(id, request);
  }

  async cancel(sampler: number, id: number): Promise<void> {
    this.samplers.get(sampler)?.cancel(id);
  }

  async interrupt(sampler: number, id: number): Promise<void> {
    this.samplers.get(sampler)?.interrupt(id);
  }

  async closeSampler(sampler: number): Promise<void> {
    const batcher = this.samplers.get(sampler);
    this.samplers.delete(sampler);
    if (batcher === undefined) return;
    const decoder = await batcher.close();
    this.idle = [...this.idle, decoder];
  }

  async close(): Promise<void> {
    for (const sampler of [...this.samplers.keys()]) await this.closeSampler(sampler);
    await this.train?.release();
  }

  /** Where the next run writes: straight into the gradients when they are empty, else beside them. */
  private gradientTarget(): Float32Array {
    this.gradients ??= new Float32Array(this.layout.size);
    if (!this.accumulated) return this.gradients;
    this.scratch ??= new Float32Array(this.layout.size);
    return this.scratch;
  }
}
