/**
 * A lane does the engine's arithmetic on one core: in a worker thread of its own, or inline in this thread.
 * An engine has one lane per core; training data are dealt out to all lanes, sequences to be sampled as well,
 * so training and sampling share the cores without ever using more of them.
 *
 * This file holds what a lane is; compute.ts does the work, worker-lane.ts and worker.ts carry it to a thread.
 */
import type { StopReason } from '../../../model/types.js';
import type { Loss } from '../../types.js';
import type { ModelConfig } from './architecture.js';
import type { BatchArrays } from './packing.js';
import type { Bucket } from './plan-batches.js';

/** What a lane is made for. */
export interface LaneOptions {
  readonly config: ModelConfig;
  /** onnxruntime threads. */
  readonly threads: number;
}

/** One run of the train graph, filled in. */
export interface FilledBatch {
  readonly bucket: Bucket;
  readonly arrays: BatchArrays;
}

export interface LaneRunResult {
  /** Per batch [M], the kept tokens. */
  readonly logprobs: readonly Float32Array[];
  readonly lossSum: number;
}

/** A sample request as a lane sees it: checked, and with a seed. */
export interface SequenceRequest {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly seed: string;
  readonly stopTokens: readonly number[];
  readonly stopSequences: readonly (readonly number[])[];
}

export interface Sequence {
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  readonly stopReason: StopReason;
}

/** Calls are begun in the order they are made. */
export interface Lane {
  /** Sets the weights that later calls use; must not be called while an earlier `run` or `openSampler` is under way. */
  setParameters(parameters: Float32Array): Promise<void>;
  /** Forward; with a loss also backward, adding to the lane's gradients. */
  run(batches: readonly FilledBatch[], loss: Loss | undefined): Promise<LaneRunResult>;
  /** The gradients gathered since the last call, `undefined` when there are none. Valid until the next `run`. */
  takeGradients(): Promise<Float32Array | undefined>;
  /** Opens a sampler on a copy of the current weights. */
  openSampler(sampler: number, slots: number): Promise<void>;
  sample(sampler: number, id: number, request: SequenceRequest): Promise<Sequence>;
  /** Makes a request that has not ended reject; no effect otherwise. */
  cancel(sampler: number, id: number): Promise<void>;
  /** Makes a request that has not ended resolve with the tokens it has; no effect otherwise. */
  interrupt(sampler: number, id: number): Promise<void>;
  closeSampler(sampler: number): Promise<void>;
  close(): Promise<void>;
}
