/**
 * The differentiable operations of the transformer: each adds its forward nodes and records its backward.
 * N is the number of tokens of the bucket (rows × T); H query heads, K key/value heads of size d; G = H/K.
 *
 * Departures from the textbook, for speed:
 * - RMSNorm is split: the normalisation works on activations, the gain is multiplied into the columns of the
 *   weight that follows (small matrices instead of [N, D] passes). Same function, same gradients.
 * - the attention's backward uses rowsum(dO∘O) for the softmax correction (Dao et al., FlashAttention).
 * - gradients that meet are added by the C input of a Gemm where one is at hand.
 */
import { DYNAMIC, type GraphBuilder, int, text, type Value } from './graph-builder.js';
import type { Tape } from './tape.js';
import {
  add,
  batchedMatMul,
  dimension,
  extend,
  gemm,
  multiply,
  normalize,
  reduce,
  reshape,
  reshapeLike,
  rotate,
  SAME,
  softmax,
  subtract,
  toInt64,
  transpose,
  unary,
} from './tensor-math.js';

/** Rows of `table` [V, D] for `ids` (int32 [N]) → [N, D]. */
export function embed(tape: Tape, table: Value, ids: Value): Value {
  const g = tape.graph;
  const width = dimension(table, 1);
  const out = g.apply('Gather', [table, ids], [dimension(ids, 0), width], { attributes: { axis: int(0) } });
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient === undefined) return;
    const base = tape.gradientOf(table) ?? zeros(g, table);
    const indices = reshape(g, toInt64(g, ids), [DYNAMIC, 1]);
    const scattered = g.apply('ScatterND', [base, indices, gradient], table.shape, {
      attributes: { reduction: text('add') },
    });
    tape.replace(table, scattered);
  });
  return out;
}

/** x·Wᵀ (+ residual): x [N, in], weight [out, in] as Hugging Face stores it → [N, out]. */
export function linear(tape: Tape, x: Value, weight: Value, residual?: Value): Value {
  const g = tape.graph;
  const out = gemm(g, x, weight, { transB: true, add: residual });
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient === undefined) return;
    if (residual !== undefined) tape.accumulate(residual, gradient);
    tape.replace(weight, gemm(g, gradient, x, { transA: true, add: tape.gradientOf(weight) }));
    tape.replace(x, gemm(g, gradient, weight, { add: tape.gradientOf(x) }));
  });
  return out;
}

/** Multiplies the columns of a weight [out, in] by a norm's gain [in]. */
export function scaleColumns(tape: Tape, weight: Value, gain: Value): Value {
  const g = tape.graph;
  const out = multiply(g, weight, gain);
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient === undefined) return;
    tape.accumulate(weight, multiply(g, gradient, gain));
    const summed = reduce(g, 'ReduceSum', multiply(g, gradient, weight), 0);
    tape.accumulate(gain, reshape(g, summed, gain.shape));
  });
  return out;
}

/** RMSNorm without its gain: x [N, D] → [N, D]. */
export function rmsNormalize(tape: Tape, x: Value, eps: number): Value {
  const g = tape.graph;
  const { normalized, inverse } = normalize(g, x, eps);
  tape.record(() => {
    const gradient = tape.gradientOf(normalized);
    if (gradient === undefined) return;
    const projection = reduce(g, 'ReduceMean', multiply(g, gradient, normalized), -1);
    const centred = subtract(g, gradient, multiply(g, normalized, projection));
    tape.accumulate(x, multiply(g, centred, inverse));
  });
  return normalized;
}

/** silu(gate)·up, all [N, F]. */
export function swiglu(tape: Tape, gate: Value, up: Value): Value {
  const g = tape.graph;
  const sigma = unary(g, 'Sigmoid', gate);
  const activated = multiply(g, gate, sigma);
  const out = multiply(g, activated, up);
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient === undefined) return;
    // silu' = σ + silu·(1 − σ)
    const slope = add(g, sigma, multiply(g, activated, subtract(g, g.scalar(1), sigma)));
    tape.accumulate(gate, multiply(g, multiply(g, gradient, up), slope));
    tape.accumulate(up, multiply(g, gradient, activated));
  });
  return out;
}

export interface RotaryTables {
  /** int64 [rows][T]. */
  readonly positions: Value;
  /** [maxLength][d/2]. */
  readonly cosines: Value;
  readonly sines: Value;
  readonly negativeSines: Value;
}

/** Rotary positions on x [rows][T][heads·d], pairs (i, i + d/2) as in Hugging Face's rotate_half. */
export function rotary(tape: Tape, x: Value, tables: RotaryTables): Value {
  const g = tape.graph;
  const out = rotate(g, x, tables.positions, tables.cosines, tables.sines);
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient === undefined) return;
    tape.accumulate(x, rotate(g, gradient, tables.positions, tables.cosines, tables.negativeSines));
  });
  return out;
}

/** [N, width] as [rows][T][width]; `grid` is any value of shape [rows][T], which N is the product of. */
export function toRows(tape: Tape, x: Value, grid: Value): Value {
  const g = tape.graph;
  const width = dimension(x, 1);
  const out = g.apply('Reshape', [x, extend(g, grid, width)], [...grid.shape, width]);
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient !== undefined) tape.accumulate(x, reshape(g, gradient, [DYNAMIC, width]));
  });
  return out;
}

/** [rows][T][width] as [N, width]; `grid` as in `toRows`. */
export function toTokens(tape: Tape, x: Value, grid: Value): Value {
  const g = tape.graph;
  const width = dimension(x, 2);
  const out = reshape(g, x, [DYNAMIC, width]);
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient !== undefined)
      tape.accumulate(x, g.apply('Reshape', [gradient, extend(g, grid, width)], x.shape));
  });
  return out;
}

/** The rows `ids` (int32 [M], each at most once) of x [N, D] → [M, D]. */
export function gatherRows(tape: Tape, x: Value, ids: Value): Value {
  const g = tape.graph;
  const width = dimension(x, 1);
  const out = g.apply('Gather', [x, ids], [dimension(ids, 0), width], { attributes: { axis: int(0) } });
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient === undefined) return;
    const shape = g.apply('Shape', [x], [2], { type: 'int64' });
    const empty = g.apply('ConstantOfShape', [shape], x.shape);
    const indices = reshape(g, toInt64(g, ids), [DYNAMIC, 1]);
    tape.accumulate(x, g.apply('ScatterND', [empty, indices, gradient], x.shape));
  });
  return out;
}

export interface AttentionShape {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
}

/**
 * softmax(q·kᵀ/√d + mask)·v: q [rows][T][H·d], k and v [rows][T][K·d], mask [rows][1][T][T] → [rows][T][H·d].
 * Query head h reads key/value head ⌊h/G⌋.
 */
export function attention(
  tape: Tape,
  q: Value,
  k: Value,
  v: Value,
  mask: Value,
  shape: AttentionShape,
): Value {
  const g = tape.graph;
  const { heads, keyValueHeads, headSize } = shape;
  const alpha = 1 / Math.sqrt(headSize);
  /** [rows][T][count·d] → [rows][count][T][d]. */
  const byHead = (x: Value, count: number): Value =>
    transpose(g, reshapeLike(g, x, [SAME, SAME, count, headSize]), [0, 2, 1, 3]);
  /** [rows][count][T][d] → [rows][T][count·d]. */
  const byToken = (x: Value, count: number): Value =>
    reshapeLike(g, transpose(g, x, [0, 2, 1, 3]), [SAME, SAME, count * headSize]);
  /** The query heads of a group below each other, [rows][K][G·T][·], and back, [rows][H][T][·]. */
  const grouped = (x: Value): Value =>
    heads === keyValueHeads ? x : reshapeLike(g, x, [SAME, keyValueHeads, DYNAMIC, SAME]);
  const apart = (x: Value): Value =>
    heads === keyValueHeads ? x : reshapeLike(g, x, [SAME, heads, DYNAMIC, SAME]);

  const queries = grouped(byHead(q, heads));
  const keys = byHead(k, keyValueHeads);
  const values = byHead(v, keyValueHeads);
  const scores = batchedMatMul(g, queries, keys, { transB: true, alpha });
  const weights = grouped(softmax(g, 'Softmax', add(g, apart(scores), mask)));
  const attended = batchedMatMul(g, weights, values);
  const out = byToken(apart(attended), heads);
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient === undefined) return;
    const outGradient = grouped(byHead(gradient, heads));
    const valueGradient = batchedMatMul(g, weights, outGradient, { transA: true });
    const weightGradient = batchedMatMul(g, outGradient, values, { transB: true });
    const correction = reduce(g, 'ReduceSum', multiply(g, outGradient, attended), -1);
    const scoreGradient = multiply(g, weights, subtract(g, weightGradient, correction));
    const queryGradient = batchedMatMul(g, scoreGradient, keys, { alpha });
    const keyGradient = batchedMatMul(g, scoreGradient, queries, { transA: true, alpha });
    tape.accumulate(q, byToken(apart(queryGradient), heads));
    tape.accumulate(k, byToken(keyGradient, keyValueHeads));
    tape.accumulate(v, byToken(valueGradient, keyValueHeads));
  });
  return out;
}

/** log softmax(logits)[target]: logits [N, V], targets int32 [N] → [N]. */
export function targetLogprobs(tape: Tape, logits: Value, targets: Value): Value {
  const g = tape.graph;
  const column = reshape(g, targets, [DYNAMIC, 1]);
  const logs = softmax(g, 'LogSoftmax', logits);
  const picked = g.apply('GatherElements', [logs, column], column.shape, { attributes: { axis: int(1) } });
  const out = reshape(g, picked, [DYNAMIC]);
  tape.record(() => {
    const gradient = tape.gradientOf(out);
    if (gradient === undefined) return;
    const upstream = reshape(g, gradient, [DYNAMIC, 1]);
    const spread = multiply(g, unary(g, 'Exp', logs), unary(g, 'Neg', upstream));
    const scattered = g.apply('ScatterElements', [spread, column, upstream], logits.shape, {
      attributes: { axis: int(1), reduction: text('add') },
    });
    tape.accumulate(logits, scattered);
  });
  return out;
}

function zeros(g: GraphBuilder, like: Value): Value {
  const shape = g.constant('int64', [like.shape.length], like.shape);
  return g.apply('ConstantOfShape', [shape], like.shape);
}
