/**
 * The two graphs of sampling. Batch and lengths are dynamic, so one session serves all sizes.
 * - prefill: whole prompts, right-padded, causal; gives every layer's keys and values, and the probabilities
 *   of the token after each prompt's last.
 * - decode: one token per sequence against a cache; gives the new keys and values only (the caller writes them
 *   into the cache: an output as large as the cache would cost more than the arithmetic).
 *
 * The weights are those of `prepareDecodeWeights`: norm gains folded into the matrix that follows, 1/√d into the
 * query projection.
 */

import type { Tensor } from 'onnxruntime-node';
import {
  headSizeOf,
  layOut,
  type ModelConfig,
  type ParameterLayout,
  type ParameterTensor,
  rotaryTables,
} from './architecture.js';
import { DYNAMIC, GraphBuilder, int, type Value } from './graph-builder.js';
import { type TensorMap, tensorOver } from './runtime.js';
import {
  add,
  batchedMatMul,
  concat,
  gemm,
  multiply,
  normalize,
  reshape,
  rotate,
  silu,
  softmax,
  toInt64,
  transpose,
} from './tensor-math.js';

/** The norm whose gain is folded into a matrix, by the matrix' kind. */
const NORM_BEFORE: Readonly<Record<string, string>> = {
  q: 'attentionNorm',
  k: 'attentionNorm',
  v: 'attentionNorm',
  gate: 'mlpNorm',
  up: 'mlpNorm',
};

/** Weights of the decode graphs on an own copy of the parameters, named as the graphs' inputs. */
export function prepareDecodeWeights(
  config: ModelConfig,
  layout: ParameterLayout,
  parameters: Float32Array,
): TensorMap {
  const byKey = new Map(layout.tensors.map((tensor) => [tensor.key, tensor]));
  /** A copy of a matrix, each column times the gain of a norm and `scale`. */
  const folded = (key: string, norm?: string, scale = 1): Tensor => {
    const { offset, size, shape } = byKey.get(key) as ParameterTensor;
    const matrix = parameters.slice(offset, offset + size);
    const gain = norm === undefined ? undefined : byKey.get(norm);
    const width = shape.at(-1) as number;
    for (let i = 0; gain !== undefined && i < size; i++) {
      matrix[i] = (matrix[i] as number) * (parameters[gain.offset + (i % width)] as number) * scale;
    }
    return tensorOver(matrix, shape);
  };
  const scale = 1 / Math.sqrt(headSizeOf(config));
  const weights: TensorMap = { 'weight.embed': folded('embed'), 'weight.head': folded('embed', 'finalNorm') };
  for (const { key } of layerMatrices(layout)) {
    const [, kind = '', layer = ''] = /^([a-zA-Z]+)(\d+)$/.exec(key) ?? [];
    const norm = NORM_BEFORE[kind];
    weights[`weight.${key}`] = folded(key, norm && `${norm}${layer}`, kind === 'q' ? scale : 1);
  }
  return weights;
}

function layerMatrices(layout: ParameterLayout): ParameterTensor[] {
  return layout.tensors.filter(({ shape, key }) => shape.length > 1 && key !== 'embed');
}

/**
 * Inputs: tokens int32 [R][T], positions int32 [R][T], mask [T][T] additive, last int32 [R] (index of each
 * prompt's last token in R·T). Outputs: probabilities [R][V], key<i> and value<i> [R][K][T][d].
 */
export function buildPrefillGraph(config: ModelConfig): Uint8Array {
  const g = new GraphBuilder();
  const tokens = g.input('tokens', 'int32', [DYNAMIC, DYNAMIC]);
  const positions = toInt64(g, g.input('positions', 'int32', [DYNAMIC, DYNAMIC]));
  const mask = g.input('mask', 'float32', [DYNAMIC, DYNAMIC]);
  const last = g.input('last', 'int32', [DYNAMIC]);
  const shared = createShared(g, config, positions);
  const { heads, keyValueHeads, headSize } = shared;
  const group = heads / keyValueHeads;
  const columns = config.hiddenSize;

  // The residual stream is [R·T, D]; attention looks at it as [R, T, …] through the shape of `tokens`.
  const extent = g.apply('Shape', [tokens], [2], { type: 'int64' });
  const asRows = (x: Value, width: number): Value => {
    const target = g.apply('Concat', [extent, g.constant('int64', [1], [width])], [3], {
      type: 'int64',
      attributes: { axis: int(0) },
    });
    return g.apply('Reshape', [x, target], [DYNAMIC, DYNAMIC, width]);
  };
  const byHead = (x: Value, count: number): Value => {
    const target = g.constant('int64', [4], [0, 0, count, headSize]);
    const shape = [DYNAMIC, DYNAMIC, count, headSize];
    return transpose(g, g.apply('Reshape', [x, target], shape), [0, 2, 1, 3]);
  };
  let x = reshape(g, gather(g, shared.weight('embed'), tokens, [DYNAMIC, DYNAMIC, columns]), [
    DYNAMIC,
    columns,
  ]);
  for (let i = 0; i < config.layers; i++) {
    x = layer(g, shared, i, x, (q, k, v) => {
      const queries = byHead(shared.rotate(asRows(q, columns)), heads);
      const keys = byHead(shared.rotate(asRows(k, keyValueHeads * headSize)), keyValueHeads);
      const values = byHead(asRows(v, keyValueHeads * headSize), keyValueHeads);
      g.output(keys, `key${i}`);
      g.output(values, `value${i}`);
      const perHead = (kv: Value): Value => (group === 1 ? kv : repeatHeads(g, kv, group));
      const scores = add(g, batchedMatMul(g, queries, perHead(keys), { transB: true }), mask);
      const attended = batchedMatMul(g, softmax(g, 'Softmax', scores), perHead(values));
      return reshape(g, transpose(g, attended, [0, 2, 1, 3]), [DYNAMIC, columns]);
    });
  }
  const ends = gather(g, x, last, [DYNAMIC, columns]);
  g.output(probabilities(g, shared, config, ends), 'probabilities');
  return g.encode();
}

/**
 * Inputs: tokens int32 [B], positions int32 [B][1], mask [B][1][1][S] additive over the cache, keys<i> and
 * values<i> [B][K][S][d]. Outputs: probabilities [B][V], key<i> and value<i> [B][K][1][d].
 */
export function buildDecodeGraph(config: ModelConfig): Uint8Array {
  const g = new GraphBuilder();
  const tokens = g.input('tokens', 'int32', [DYNAMIC]);
  const positions = toInt64(g, g.input('positions', 'int32', [DYNAMIC, 1]));
  const mask = g.input('mask', 'float32', [DYNAMIC, 1, 1, DYNAMIC]);
  const shared = createShared(g, config, positions);
  const { heads, keyValueHeads, headSize } = shared;
  const columns = config.hiddenSize;
  const rotated = (x: Value, width: number): Value => shared.rotate(reshape(g, x, [DYNAMIC, 1, width]));
  const byHead = (x: Value, group: number): Value => reshape(g, x, [DYNAMIC, keyValueHeads, group, headSize]);

  let x = gather(g, shared.weight('embed'), tokens, [DYNAMIC, columns]);
  for (let i = 0; i < config.layers; i++) {
    const cached = [DYNAMIC, keyValueHeads, DYNAMIC, headSize];
    const keys = g.input(`keys${i}`, 'float32', cached);
    const values = g.input(`values${i}`, 'float32', cached);
    x = layer(g, shared, i, x, (q, k, v) => {
      const query = byHead(rotated(q, columns), heads / keyValueHeads);
      const key = byHead(rotated(k, keyValueHeads * headSize), 1);
      const value = byHead(v, 1);
      g.output(key, `key${i}`);
      g.output(value, `value${i}`);
      const past = add(g, batchedMatMul(g, query, keys, { transB: true }), mask);
      const present = batchedMatMul(g, query, key, { transB: true });
      const weights = softmax(g, 'Softmax', concat(g, [past, present], 3));
      const onPast = slice(g, weights, 0, -1, past.shape);
      const onPresent = slice(g, weights, -1, Number.MAX_SAFE_INTEGER, present.shape);
      const attended = add(g, batchedMatMul(g, onPast, values), multiply(g, onPresent, value));
      return reshape(g, attended, [DYNAMIC, columns]);
    });
  }
  g.output(probabilities(g, shared, config, x), 'probabilities');
  return g.encode();
}

interface Shared {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly eps: number;
  weight(name: string): Value;
  rotate(x: Value): Value;
}

function createShared(g: GraphBuilder, config: ModelConfig, positions: Value): Shared {
  const headSize = headSizeOf(config);
  const { cosines, sines } = rotaryTables(config);
  const shape = [config.maxLength, headSize / 2];
  const cosineTable = g.constant('float32', shape, cosines);
  const sineTable = g.constant('float32', shape, sines);
  const layout = layOut(config);
  const weights = new Map<string, Value>();
  const declare = (name: string, shape: readonly number[]): void => {
    weights.set(name, g.input(`weight.${name}`, 'float32', shape));
  };
  for (const name of ['embed', 'head']) declare(name, [config.vocabSize, config.hiddenSize]);
  for (const { key, shape } of layerMatrices(layout)) declare(key, shape);
  return {
    heads: config.heads,
    keyValueHeads: config.keyValueHeads,
    headSize,
    eps: config.rmsNormEps,
    weight: (name) => weights.get(name) as Value,
    rotate: (x) => rotate(g, x, positions, cosineTable, sineTable),
  };
}

/** One layer on x [N, D]; `attend` turns q, k, v [N, …] into [N, D]. */
function layer(
  g: GraphBuilder,
  shared: Shared,
  index: number,
  x: Value,
  attend: (q: Value, k: Value, v: Value) => Value,
): Value {
  const { weight, eps } = shared;
  const project = (input: Value, key: string): Value =>
    gemm(g, input, weight(`${key}${index}`), { transB: true });
  const before = normalize(g, x, eps).normalized;
  const [q, k, v] = ['q', 'k', 'v'].map((key) => project(before, key)) as [Value, Value, Value];
  const mid = gemm(g, attend(q, k, v), weight(`attentionOut${index}`), { transB: true, add: x });
  const after = normalize(g, mid, eps).normalized;
  const inner = multiply(g, silu(g, project(after, 'gate')), project(after, 'up'));
  return gemm(g, inner, weight(`down${index}`), { transB: true, add: mid });
}

function probabilities(g: GraphBuilder, shared: Shared, config: ModelConfig, x: Value): Value {
  const { normalized } = normalize(g, x, config.rmsNormEps);
  return softmax(g, 'Softmax', gemm(g, normalized, shared.weight('head'), { transB: true }));
}

function gather(g: GraphBuilder, table: Value, ids: Value, shape: readonly number[]): Value {
  return g.apply('Gather', [table, ids], shape, { attributes: { axis: int(0) } });
}

/** Part of the last of four axes. */
function slice(g: GraphBuilder, x: Value, start: number, end: number, shape: readonly number[]): Value {
  const at = (value: number): Value => g.constant('int64', [1], [value]);
  return g.apply('Slice', [x, at(start), at(end), at(3)], shape);
}

/** Each key/value head once per query head of its group: [R][K][T][d] → [R][H][T][d]. */
function repeatHeads(g: GraphBuilder, x: Value, group: number): Value {
  const count = x.shape[1] as number;
  const indices = Array.from({ length: count * group }, (_, head) => Math.floor(head / group));
  const ids = g.constant('int32', [indices.length], indices);
  return g.apply('Gather', [x, ids], x.shape.with(1, indices.length), { attributes: { axis: int(1) } });
}
