/**
 * The opened train and forward graphs of one lane. Opened on first use.
 */
import type { ModelConfig, ParameterLayout } from './architecture.js';
import type { FilledBatch } from './lane.js';
import type { BatchArrays } from './packing.js';
import type { Bucket } from './plan-batches.js';
import { openProgram, type Program, type TensorMap, tensorOver } from './runtime.js';
import { buildForwardGraph, buildTrainGraph } from './train-graph.js';

export type GraphKind = 'train' | 'forward';

export class TrainPrograms {
  private readonly weights: TensorMap;
  private readonly config: ModelConfig;
  private readonly layout: ParameterLayout;
  private readonly threads: number;
  private readonly opened = new Map<GraphKind, Promise<Program>>();
  private readonly gradientTensors = new Map<Float32Array, TensorMap>();

  /** `parameters` are read at every run; the caller updates them in place. */
  constructor(config: ModelConfig, layout: ParameterLayout, parameters: Float32Array, threads: number) {
    this.config = config;
    this.layout = layout;
    this.threads = threads;
    this.weights = parameterTensors(layout, parameters, 'weight');
  }

  /** Runs the graph on a batch and returns its log-probabilities [M]. The train graph overwrites `gradients`. */
  async run({ bucket, arrays }: FilledBatch, gradients?: Float32Array): Promise<Float32Array> {
    const kind = gradients === undefined ? 'forward' : 'train';
    let program = this.opened.get(kind);
    if (program === undefined) {
      program = openProgram(
        (kind === 'train' ? buildTrainGraph : buildForwardGraph)(this.config),
        this.threads,
      );
      this.opened.set(kind, program);
    }
    const count = arrays.kept.length;
    const logprobs = new Float32Array(count);
    const outputs: TensorMap = { logprobs: tensorOver(logprobs, [count]) };
    if (gradients !== undefined) Object.assign(outputs, this.tensorsOf(gradients));
    const inputs = { ...this.weights, ...batchTensors(arrays, bucket, kind) };
    await (await program).run(inputs, outputs);
    return logprobs;
  }

  async release(): Promise<void> {
    const programs = await Promise.allSettled(this.opened.values());
    this.opened.clear();
    for (const result of programs) if (result.status === 'fulfilled') await result.value.release();
  }

  private tensorsOf(gradients: Float32Array): TensorMap {
    let tensors = this.gradientTensors.get(gradients);
    if (tensors === undefined) {
      tensors = parameterTensors(this.layout, gradients, 'gradient');
      this.gradientTensors.set(gradients, tensors);
    }
    return tensors;
  }
}

/** One tensor per parameter over a flat array, named `<prefix>.<key>`. */
function parameterTensors(layout: ParameterLayout, flat: Float32Array, prefix: string): TensorMap {
  const tensors: TensorMap = {};
  for (const { key, shape, offset, size } of layout.tensors) {
    tensors[`${prefix}.${key}`] = tensorOver(flat.subarray(offset, offset + size), shape);
  }
  return tensors;
}

function batchTensors(arrays: BatchArrays, bucket: Bucket, kind: GraphKind): TensorMap {
  const grid = [bucket.rows, bucket.length];
  const kept = [arrays.kept.length];
  const shared: TensorMap = {
    tokens: tensorOver(arrays.tokens, [arrays.tokens.length]),
    positions: tensorOver(arrays.positions, grid),
    segments: tensorOver(arrays.segments, grid),
    kept: tensorOver(arrays.kept, kept),
    targets: tensorOver(arrays.targets, kept),
  };
  if (kind === 'forward') return shared;
  return {
    ...shared,
    weights: tensorOver(arrays.weights, kept),
    advantages: tensorOver(arrays.advantages, kept),
    sampled: tensorOver(arrays.sampled, kept),
    clipLow: tensorOver(arrays.clipLow, [1]),
    clipHigh: tensorOver(arrays.clipHigh, [1]),
  };
}
