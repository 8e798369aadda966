/**
 * The two graphs of sampling. Batch and lengths are dynamic, so one session serves all sizes.
 * - prefill: whole prompts, right-padded, causal; gives every layer's keys and values, and the probabilities
 *   of the token after each prompt's last.
 * - decode: one token per sequence against a cache; gives the new keys and values only (the caller writes them
 *   into the cache: an output as large as the cache would cost more than the arithmetic).
 *
 * The weights are constants of the graphs, so that onnxruntime packs them once and not at every step. They are those of
 * `foldWeights`: norm gains folded into the matrix that follows, 1/√d into the query projection.
 */

import { headSizeOf, layOut, type ModelConfig, type ParameterTensor, rotaryTables } from './architecture.js';
import { DYNAMIC, type ElementType, GraphBuilder, int, type Value } from './graph-builder.js';
import {
  add,
  batchedMatMul,
  concat,
  gemm,
  multiply,
  normalize,
  reduce,
  reshape,
  rotate,
  silu,
  softmax,
  split,
  toInt64,
  transpose,
  unsqueeze,
} from './tensor-math.js';

interface Matrix {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * The matrices of the graphs of sampling, [out][in]: `embed`, `head` [V][D], and per layer `projections<i>` (queries, keys and values
 * one behind another, [(H + 2K)·d][D]) with its parts `q<i>`, `k<i>`, `v<i>`, and `attentionOut<i>`, `gate<i>`, `up<i>`, `down<i>`.
 */
export type DecodeWeights = ReadonlyMap<string, Matrix>;

/** A copy of `parameters` (in the order of `layOut`) with the gains of norms and 1/√d multiplied in. */
export function foldWeights(config: ModelConfig, parameters: Float32Array): DecodeWeights {
  const { tensors } = layOut(config);
  const byKey = new Map(tensors.map((tensor) => [tensor.key, tensor]));
  const find = (key: string): ParameterTensor => byKey.get(key) as ParameterTensor;
  const width = config.hiddenSize;
  const take = (key: string): Matrix => {
    const { offset, size, shape } = find(key);
    return { shape, data: parameters.slice(offset, offset + size) };
  };
  /** Each column times the gain of a norm; the first `scaled` rows times 1/√d. */
  const fold = ({ shape, data }: Matrix, norm: string, scaled = 0): Matrix => {
    const gain = find(norm).offset;
    const scale = 1 / Math.sqrt(headSizeOf(config));
    for (let i = 0; i < data.length; i++) {
      const factor = (parameters[gain + (i % width)] as number) * (i < scaled * width ? scale : 1);
      data[i] = (data[i] as number) * factor;
    }
    return { shape, data };
  };
  const weights = new Map([
    ['embed', take('embed')],
    ['head', fold(take('embed'), 'finalNorm')],
  ]);
  for (let i = 0; i < config.layers; i++) {
    const parts = ['q', 'k', 'v'].map((part) => find(`${part}${i}`));
    const [first, , last] = parts as [ParameterTensor, ParameterTensor, ParameterTensor];
    const data = parameters.slice(first.offset, last.offset + last.size);
    weights.set(
      `projections${i}`,
      fold({ shape: [data.length / width, width], data }, `attentionNorm${i}`, width),
    );
    for (const { key, shape, offset, size } of parts) {
      const from = offset - first.offset;
      weights.set(key, { shape, data: data.subarray(from, from + size) });
    }
    for (const key of [`attentionOut${i}`, `down${i}`]) weights.set(key, take(key));
    for (const key of [`gate${i}`, `up${i}`]) weights.set(key, fold(take(key), `mlpNorm${i}`));
  }
  return weights;
}

/**
 * Inputs: tokens int32 [R][T], positions int32 [R][T], mask [T][T] additive, last int32 [R] (index of each
 * prompt's last token in R·T). Outputs: probabilities [R][V], key<i> and value<i> [R][K][T][d].
 */
export function buildPrefillGraph(config: ModelConfig, weights: DecodeWeights): Uint8Array {
  const g = new GraphBuilder();
  const tokens = g.input('tokens', 'int32', [DYNAMIC, DYNAMIC]);
  const positions = toInt64(g, g.input('positions', 'int32', [DYNAMIC, DYNAMIC]));
  const mask = g.input('mask', 'float32', [DYNAMIC, DYNAMIC]);
  const last = g.input('last', 'int32', [DYNAMIC]);
  const model = new Model(g, config, weights);
  const { heads, keyValueHeads, headSize, width } = model;
  const group = heads / keyValueHeads;

  // The residual stream is [R·T, D]; attention looks at it as [R, T, …] through the shape of `tokens`.
  const extent = g.apply('Shape', [tokens], [2], { type: 'int64' });
  const asRows = (x: Value, columns: number): Value => {
    const target = g.apply('Concat', [extent, g.constant('int64', [1], [columns])], [3], {
      type: 'int64',
      attributes: { axis: int(0) },
    });
    return g.apply('Reshape', [x, target], [DYNAMIC, DYNAMIC, columns]);
  };
  const byHead = (x: Value, count: number): Value => {
    const target = g.constant('int64', [4], [0, 0, count, headSize]);
    const shape = [DYNAMIC, DYNAMIC, count, headSize];
    return transpose(g, g.apply('Reshape', [x, target], shape), [0, 2, 1, 3]);
  };
  const perHead = (x: Value): Value => (group === 1 ? x : repeatHeads(g, x, group));
  const attend = (queries: Value, keys: Value, values: Value, visible: Value): Value => {
    const scores = add(g, batchedMatMul(g, queries, perHead(keys), { transB: true }), visible);
    const attended = batchedMatMul(g, softmax(g, 'Softmax', scores), perHead(values));
    return reshape(g, transpose(g, attended, [0, 2, 1, 3]), [DYNAMIC, width]);
  };
  const keysAndValues = (i: number, input: Value): [Value, Value] => {
    const [keys, values] = ['k', 'v'].map((part) =>
      asRows(model.project(input, `${part}${i}`), keyValueHeads * headSize),
    ) as [Value, Value];
    return [
      g.renameToOutput(byHead(model.rotate(keys, positions), keyValueHeads), `key${i}`),
      g.renameToOutput(byHead(values, keyValueHeads), `value${i}`),
    ];
  };

  let x = reshape(g, gather(g, model.weight('embed'), tokens, [DYNAMIC, DYNAMIC, width]), [DYNAMIC, width]);
  for (let i = 0; i < config.layers - 1; i++) {
    const input = model.normalize(x);
    const queries = byHead(model.rotate(asRows(model.project(input, `q${i}`), width), positions), heads);
    x = model.mix(i, x, attend(queries, ...keysAndValues(i, input), mask));
  }
  // Of the last layer's results only those of each prompt's last token are looked at.
  const i = config.layers - 1;
  const input = model.normalize(x);
  const at = gather(g, reshape(g, positions, [DYNAMIC]), last, [DYNAMIC], 'int64');
  const query = model.project(gather(g, input, last, [DYNAMIC, width]), `q${i}`);
  const rotated = model.rotate(reshape(g, query, [DYNAMIC, 1, width]), reshape(g, at, [DYNAMIC, 1]));
  const visible = unsqueeze(g, gather(g, mask, at, [DYNAMIC, DYNAMIC]), [1, 2]);
  const attended = attend(byHead(rotated, heads), ...keysAndValues(i, input), visible);
  const ends = model.mix(i, gather(g, x, last, [DYNAMIC, width]), attended);
  g.output(model.probabilities(ends), 'probabilities');
  return g.encode();
}

/**
 * Inputs: tokens int32 [B], positions int32 [B][1], mask [B][1][1][S] additive over the cache, keys<i> and
 * values<i> [B][K][S][d]. Outputs: probabilities [B][V], key<i> and value<i> [B][K][1][d].
 */
export function buildDecodeGraph(config: ModelConfig, weights: DecodeWeights): Uint8Array {
  const g = new GraphBuilder();
  const tokens = g.input('tokens', 'int32', [DYNAMIC]);
  const positions = toInt64(g, g.input('positions', 'int32', [DYNAMIC, 1]));
  const mask = g.input('mask', 'float32', [DYNAMIC, 1, 1, DYNAMIC]);
  const model = new Model(g, config, weights);
  const { heads, keyValueHeads, headSize, width } = model;
  const byHead = (x: Value, group: number): Value => reshape(g, x, [DYNAMIC, keyValueHeads, group, headSize]);

  let x = gather(g, model.weight('embed'), tokens, [DYNAMIC, width]);
  for (let i = 0; i < config.layers; i++) {
    const cached = [DYNAMIC, keyValueHeads, DYNAMIC, headSize];
    const keys = g.input(`keys${i}`, 'float32', cached);
    const values = g.input(`values${i}`, 'float32', cached);
    const [q, k, v] = model.projectTogether(i, model.normalize(x), positions);
    const query = byHead(q, heads / keyValueHeads);
    const key = g.renameToOutput(byHead(k, 1), `key${i}`);
    const value = g.renameToOutput(byHead(v, 1), `value${i}`);
    const past = add(g, batchedMatMul(g, query, keys, { transB: true }), mask);
    const present = reduce(g, 'ReduceSum', multiply(g, query, key), -1);
    const shares = softmax(g, 'Softmax', concat(g, [past, present], 3));
    const onPast = slice(g, shares, 0, -1, past.shape);
    const onPresent = slice(g, shares, -1, Number.MAX_SAFE_INTEGER, present.shape);
    const attended = add(g, batchedMatMul(g, onPast, values), multiply(g, onPresent, value));
    x = model.mix(i, x, reshape(g, attended, [DYNAMIC, width]));
  }
  g.output(model.probabilities(x), 'probabilities');
  return g.encode();
}

/** What both graphs do with rows of the residual stream, [N, D]. */
class Model {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly width: number;
  private readonly g: GraphBuilder;
  private readonly eps: number;
  private readonly weights: DecodeWeights;
  private readonly cosines: Value;
  private readonly sines: Value;

  constructor(g: GraphBuilder, config: ModelConfig, weights: DecodeWeights) {
    this.g = g;
    this.heads = config.heads;
    this.keyValueHeads = config.keyValueHeads;
    this.headSize = headSizeOf(config);
    this.width = config.hiddenSize;
    this.eps = config.rmsNormEps;
    this.weights = weights;
    const { cosines, sines } = rotaryTables(config);
    const shape = [config.maxLength, this.headSize / 2];
    this.cosines = g.constant('float32', shape, cosines);
    this.sines = g.constant('float32', shape, sines);
  }

  /** A matrix as a constant of the graph. */
  weight(key: string): Value {
    const { shape, data } = this.weights.get(key) as Matrix;
    return this.g.weights(shape, data);
  }

  /** x / √(mean(x²) + eps) of rows [N, D]; the gain is in the matrix that follows. */
  normalize(x: Value): Value {
    return normalize(this.g, x, this.eps).normalized;
  }

  /** input [N, in] times a matrix: [N, out]. */
  project(input: Value, key: string, add?: Value): Value {
    return gemm(this.g, input, this.weight(key), { transB: true, add });
  }

  /** Queries, keys and values of few rows at once: [N, H·d], [N, K·d], [N, K·d]; the first two rotated to `positions` [N, 1]. */
  projectTogether(layer: number, input: Value, positions: Value): [Value, Value, Value] {
    const { g, width } = this;
    const keyWidth = this.keyValueHeads * this.headSize;
    const all = this.project(input, `projections${layer}`);
    const [rotating, values] = split(g, all, [width + keyWidth, keyWidth]) as [Value, Value];
    const rotated = this.rotate(reshape(g, rotating, [DYNAMIC, 1, width + keyWidth]), positions);
    const [queries, keys] = split(g, rotated, [width, keyWidth]) as [Value, Value];
    return [queries, keys, values];
  }

  /** x [batch][T][heads·d], positions [batch][T]. */
  rotate(x: Value, positions: Value): Value {
    return rotate(this.g, x, positions, this.cosines, this.sines);
  }

  /** The rest of a layer on x [N, D], after attention gave `attended` [N, H·d]. */
  mix(layer: number, x: Value, attended: Value): Value {
    const { g } = this;
    const mid = this.project(attended, `attentionOut${layer}`, x);
    const input = this.normalize(mid);
    const gate = silu(g, this.project(input, `gate${layer}`));
    return this.project(multiply(g, gate, this.project(input, `up${layer}`)), `down${layer}`, mid);
  }

  /** The distribution of the token after each row: [N, D] → [N, V]. */
  probabilities(x: Value): Value {
    return softmax(this.g, 'Softmax', this.project(this.normalize(x), 'head'));
  }
}

function gather(
  g: GraphBuilder,
  table: Value,
  ids: Value,
  shape: readonly number[],
  type: ElementType = 'float32',
): Value {
  return g.apply('Gather', [table, ids], shape, { type, attributes: { axis: int(0) } });
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
