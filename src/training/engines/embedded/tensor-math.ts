/**
 * Thin, typed wrappers over the ONNX operators that the engine composes: shapes are worked out here, once.
 * No gradients (see tape.ts and operations.ts).
 */
import {
  type Attribute,
  DYNAMIC,
  float,
  type GraphBuilder,
  int,
  ints,
  sizeOf,
  type Value,
} from './graph-builder.js';

/** For `reshapeLike`: ONNX's own mark for a dimension that stays. */
export const SAME = 0;

const MICROSOFT = { domain: 'com.microsoft' } as const;

export interface MatMulOptions {
  /** Use the transpose of the last two dimensions. */
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Factor on the product. */
  readonly alpha?: number;
}

/** a·b (+ c): a [m,k] or its transpose, b [k,n] or its transpose, c [m,n]. */
export function gemm(
  g: GraphBuilder,
  a: Value,
  b: Value,
  options: MatMulOptions & { readonly add?: Value | undefined } = {},
): Value {
  const rows = dimension(a, options.transA === true ? 1 : 0);
  const columns = dimension(b, options.transB === true ? 0 : 1);
  const inputs = options.add === undefined ? [a, b] : [a, b, options.add];
  return g.apply('Gemm', inputs, [rows, columns], { attributes: matMulAttributes(options) });
}

/** a·b over the last two dimensions; the leading dimensions are equal. */
export function batchedMatMul(g: GraphBuilder, a: Value, b: Value, options: MatMulOptions = {}): Value {
  const batch = a.shape.slice(0, -2);
  const rows = dimension(a, options.transA === true ? -1 : -2);
  const columns = dimension(b, options.transB === true ? -2 : -1);
  return g.apply('FusedMatMul', [a, b], [...batch, rows, columns], {
    ...MICROSOFT,
    attributes: matMulAttributes(options),
  });
}

export const add = (g: GraphBuilder, a: Value, b: Value): Value => binary(g, 'Add', a, b);
export const subtract = (g: GraphBuilder, a: Value, b: Value): Value => binary(g, 'Sub', a, b);
export const multiply = (g: GraphBuilder, a: Value, b: Value): Value => binary(g, 'Mul', a, b);

export function unary(g: GraphBuilder, operator: 'Exp' | 'Neg' | 'Sigmoid' | 'Log', a: Value): Value {
  return g.apply(operator, [a], a.shape);
}

/** a·σ(a), in one pass. */
export function silu(g: GraphBuilder, a: Value): Value {
  return g.apply('QuickGelu', [a], a.shape, { ...MICROSOFT, attributes: { alpha: float(1) } });
}

/** `shape` may hold one DYNAMIC dimension, which is then inferred. */
export function reshape(g: GraphBuilder, a: Value, shape: readonly number[]): Value {
  const fixed = !shape.includes(DYNAMIC) && !a.shape.includes(DYNAMIC);
  if (fixed && sizeOf(shape) !== sizeOf(a.shape))
    throw new RangeError(`reshape: [${a.shape}] does not fit [${shape}]`);
  return reshapeTo(g, a, shape, shape);
}

/** In `target`, `SAME` takes over the dimension of `a` at that place, DYNAMIC (once) is inferred. */
export function reshapeLike(g: GraphBuilder, a: Value, target: readonly number[]): Value {
  const shape = target.map((size, axis) => (size === SAME ? dimension(a, axis) : size));
  return reshapeTo(g, a, target, shape);
}

function reshapeTo(g: GraphBuilder, a: Value, target: readonly number[], partial: readonly number[]): Value {
  const known = partial.filter((size) => size !== DYNAMIC);
  const inferred = a.shape.includes(DYNAMIC) ? DYNAMIC : sizeOf(a.shape) / sizeOf(known);
  const shape = partial.map((size) => (size === DYNAMIC ? inferred : size));
  const sizes = g.constant('int64', [target.length], target);
  return g.apply('Reshape', [a, sizes], shape, { type: a.type });
}

/** A shape known only at run time: the dimensions of `like`, then `width`. */
export function extend(g: GraphBuilder, like: Value, width: number): Value {
  const rank = like.shape.length;
  const leading = g.apply('Shape', [like], [rank], { type: 'int64' });
  return g.apply('Concat', [leading, g.constant('int64', [1], [width])], [rank + 1], {
    type: 'int64',
    attributes: { axis: int(0) },
  });
}

/** Inserts dimensions of size 1, at these axes of the result. */
export function unsqueeze(g: GraphBuilder, a: Value, axes: readonly number[]): Value {
  const shape = [...a.shape];
  for (const axis of axes) shape.splice(axis, 0, 1);
  return g.apply('Unsqueeze', [a, g.constant('int64', [axes.length], axes)], shape, { type: a.type });
}

export function transpose(g: GraphBuilder, a: Value, order: readonly number[]): Value {
  const shape = order.map((axis) => dimension(a, axis));
  return g.apply('Transpose', [a], shape, { type: a.type, attributes: { perm: ints(order) } });
}

export function concat(g: GraphBuilder, parts: readonly Value[], axis: number): Value {
  const first = parts[0] as Value;
  const at = axis < 0 ? axis + first.shape.length : axis;
  const size = parts.reduce((sum, part) => sum + dimension(part, at), 0);
  return g.apply('Concat', parts, first.shape.with(at, size), {
    type: first.type,
    attributes: { axis: int(at) },
  });
}

/** Cuts the last axis into parts of these sizes. */
export function split(g: GraphBuilder, a: Value, sizes: readonly number[]): Value[] {
  const parts = g.constant('int64', [sizes.length], sizes);
  const shapes = sizes.map((size) => ({ shape: a.shape.with(-1, size) }));
  return g.applyMany('Split', [a, parts], shapes, { attributes: { axis: int(-1) } });
}

/** Sum or mean over one axis, which stays with size 1. */
export function reduce(g: GraphBuilder, operator: 'ReduceSum' | 'ReduceMean', a: Value, axis: number): Value {
  const at = axis < 0 ? axis + a.shape.length : axis;
  const axes = g.constant('int64', [1], [at]);
  return g.apply(operator, [a, axes], a.shape.with(at, 1), { attributes: { keepdims: int(1) } });
}

export function softmax(g: GraphBuilder, operator: 'Softmax' | 'LogSoftmax', a: Value): Value {
  return g.apply(operator, [a], a.shape, { attributes: { axis: int(-1) } });
}

export function toInt64(g: GraphBuilder, a: Value): Value {
  return g.apply('Cast', [a], a.shape, { type: 'int64', attributes: { to: int(7) } });
}

/** Rotates pairs (i, i + headSize/2) of every head: x [batch][T][heads·headSize], positions int64 [batch][T]. */
export function rotate(g: GraphBuilder, x: Value, positions: Value, cosines: Value, sines: Value): Value {
  return g.apply('RotaryEmbedding', [x, positions, cosines, sines], x.shape, {
    ...MICROSOFT,
    attributes: { interleaved: int(0) },
  });
}

/** x / √(mean(x²) + eps) over the last axis of x [rows, width], and the factor [rows, 1]. */
export function normalize(g: GraphBuilder, x: Value, eps: number): { normalized: Value; inverse: Value } {
  const width = dimension(x, -1);
  const ones = g.constant('float32', [width], new Float32Array(width).fill(1));
  const [normalized, inverse] = g.applyMany(
    'SimplifiedLayerNormalization',
    [x, ones],
    [{ shape: x.shape }, { shape: x.shape.with(-1, 1) }],
    { attributes: { axis: int(-1), epsilon: float(eps), stash_type: int(1) } },
  );
  return { normalized: normalized as Value, inverse: inverse as Value };
}

export function dimension(value: Value, axis: number): number {
  const size = value.shape.at(axis);
  if (size === undefined) throw new RangeError(`axis ${axis} of [${value.shape}]`);
  return size;
}

function matMulAttributes(options: MatMulOptions): Record<string, Attribute> {
  return {
    transA: int(options.transA === true ? 1 : 0),
    transB: int(options.transB === true ? 1 : 0),
    alpha: float(options.alpha ?? 1),
  };
}

/** Elementwise with broadcasting. */
function binary(g: GraphBuilder, operator: string, a: Value, b: Value): Value {
  const rank = Math.max(a.shape.length, b.shape.length);
  const shape = Array.from({ length: rank }, (_, i) =>
    broadcast(a.shape.at(i - rank) ?? 1, b.shape.at(i - rank) ?? 1),
  );
  return g.apply(operator, [a, b], shape);
}

function broadcast(a: number, b: number): number {
  if (a === 1) return b;
  return b === 1 || b === DYNAMIC ? a : b;
}
