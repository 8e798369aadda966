/**
 * The opened train and forward graphs of one engine, one per bucket, with their input and output arrays.
 * Opened on first use and kept.
 */
import type { Tensor } from 'onnxruntime-node';
import type { ModelConfig, ParameterLayout } from './architecture.js';
import { type BatchArrays, createBatchArrays } from './packing.js';
import { openProgram, type Program, type TensorMap, tensorOver } from './runtime.js';
import { type Bucket, buildForwardGraph, buildTrainGraph } from './train-graph.js';

/** One bucket: fill `arrays`, run, read `logprobs` [rows·length]. */
export interface BucketProgram {
  readonly arrays: BatchArrays;
  readonly logprobs: Float32Array;
  /** `gradients` is overwritten (train graphs only). */
  run(gradients?: Float32Array): Promise<void>;
}

export class TrainPrograms {
  private readonly opened = new Map<string, Promise<BucketProgram & { release(): Promise<void> }>>();
  private readonly weights: TensorMap;
  private readonly config: ModelConfig;
  private readonly layout: ParameterLayout;
  private readonly threads: number;

  /** `parameters` are read at every run; the caller updates them in place. */
  constructor(config: ModelConfig, layout: ParameterLayout, parameters: Float32Array, threads: number) {
    this.config = config;
    this.layout = layout;
    this.threads = threads;
    this.weights = blockTensors(layout, parameters, 'weight');
  }

  get(kind: 'train' | 'forward', bucket: Bucket): Promise<BucketProgram> {
    const key = `${kind}:${bucket.rows}x${bucket.length}`;
    let program = this.opened.get(key);
    if (program === undefined) {
      program = this.open(kind, bucket);
      this.opened.set(key, program);
    }
    return program;
  }

  async release(): Promise<void> {
    const programs = await Promise.allSettled(this.opened.values());
    this.opened.clear();
    for (const result of programs) if (result.status === 'fulfilled') await result.value.release();
  }

  private async open(
    kind: 'train' | 'forward',
    bucket: Bucket,
  ): Promise<BucketProgram & { release(): Promise<void> }> {
    const build = kind === 'train' ? buildTrainGraph : buildForwardGraph;
    const program: Program = await openProgram(build(this.config, bucket), this.threads);
    const arrays = createBatchArrays(bucket);
    const logprobs = new Float32Array(bucket.rows * bucket.length);
    const inputs = { ...this.weights, ...batchTensors(arrays, bucket, kind) };
    const outputs: TensorMap = { logprobs: tensorOver(logprobs, [logprobs.length]) };
    const byTarget = new Map<Float32Array, TensorMap>();
    const withGradients = (gradients: Float32Array): TensorMap => {
      let all = byTarget.get(gradients);
      if (all === undefined) {
        all = { ...outputs, ...blockTensors(this.layout, gradients, 'gradient') };
        byTarget.set(gradients, all);
      }
      return all;
    };
    return {
      arrays,
      logprobs,
      run: (gradients) => program.run(inputs, gradients === undefined ? outputs : withGradients(gradients)),
      release: () => program.release(),
    };
  }
}

/** One tensor per block over a flat array, named `<prefix>.<block>`. */
function blockTensors(layout: ParameterLayout, flat: Float32Array, prefix: string): TensorMap {
  const tensors: Record<string, Tensor> = {};
  for (const { name, shape, offset, size } of layout.blocks) {
    tensors[`${prefix}.${name}`] = tensorOver(flat.subarray(offset, offset + size), shape);
  }
  return tensors;
}

function batchTensors(arrays: BatchArrays, bucket: Bucket, kind: 'train' | 'forward'): TensorMap {
  const grid = [bucket.rows, bucket.length];
  const count = [bucket.rows * bucket.length];
  const shared: TensorMap = {
    tokens: tensorOver(arrays.tokens, count),
    targets: tensorOver(arrays.targets, count),
    positions: tensorOver(arrays.positions, grid),
    segments: tensorOver(arrays.segments, grid),
  };
  if (kind === 'forward') return shared;
  return {
    ...shared,
    weights: tensorOver(arrays.weights, count),
    advantages: tensorOver(arrays.advantages, count),
    sampled: tensorOver(arrays.sampled, count),
    clipLow: tensorOver(arrays.clipLow, [1]),
    clipHigh: tensorOver(arrays.clipHigh, [1]),
  };
}
