/**
 * The train graph of a bucket (rows × length tokens): forward, loss and backward in one ONNX model, with the
 * weights as inputs; and its forward-only half.
 *
 * One graph serves all losses. With ρ = exp(log p − sampled), the gradient of the summed loss by log p is
 *   −w                  for cross entropy (the other terms carry weight 0),
 *   −a·ρ·[not clipped]  for the policy losses, where a = mask·advantage; importance sampling clips nowhere.
 * The loss itself is computed outside, from the log-probabilities, in double precision (loss.ts).
 */

import { headSizeOf, layOut, type ModelConfig, rotaryTables } from './architecture.js';
import { GraphBuilder, type Value } from './graph-builder.js';
import {
  attention,
  embed,
  linear,
  type RotaryTables,
  rmsNormalize,
  rotary,
  scaleColumns,
  splitColumns,
  swiglu,
  targetLogprobs,
  view,
} from './operations.js';
import { Tape } from './tape.js';
import { add, multiply, reshape, subtract, toInt64, unary } from './tensor-math.js';

/** Fixed sizes of one graph, in rows and tokens per row. */
export interface Bucket {
  readonly rows: number;
  readonly length: number;
}

/** Additive mask for what may not be attended to. */
const MASKED = -1e9;

/** Inputs: the `weight.<block>`s and those of `packing.ts`. Outputs: `logprobs` [rows·length], `gradient.<block>`. */
export function buildTrainGraph(config: ModelConfig, bucket: Bucket): Uint8Array {
  const g = new GraphBuilder();
  const tape = new Tape(g);
  const { logprobs, weights } = forward(tape, config, bucket);
  const count = bucket.rows * bucket.length;
  tape.accumulate(
    logprobs,
    lossGradient(g, logprobs, {
      weights: g.input('weights', 'float32', [count]),
      advantages: g.input('advantages', 'float32', [count]),
      sampled: g.input('sampled', 'float32', [count]),
      clipLow: g.input('clipLow', 'float32', [1]),
      clipHigh: g.input('clipHigh', 'float32', [1]),
    }),
  );
  tape.backward();
  g.output(logprobs, 'logprobs');
  for (const [name, weight] of weights) {
    const gradient = tape.gradientOf(weight);
    if (gradient === undefined) throw new RangeError(`no gradient for ${name}`);
    g.output(gradient, `gradient.${name}`);
  }
  return g.encode();
}

/** As the train graph, without loss and backward. */
export function buildForwardGraph(config: ModelConfig, bucket: Bucket): Uint8Array {
  const g = new GraphBuilder();
  g.output(forward(new Tape(g), config, bucket).logprobs, 'logprobs');
  return g.encode();
}

interface LossInputs {
  /** All [N], the thresholds [1]. */
  readonly weights: Value;
  readonly advantages: Value;
  readonly sampled: Value;
  readonly clipLow: Value;
  readonly clipHigh: Value;
}

/** dLoss/dlog p, [N]. Where the clipped branch of the minimum is the smaller, it is constant: gradient 0. */
function lossGradient(g: GraphBuilder, logprobs: Value, inputs: LossInputs): Value {
  const { weights, advantages, sampled, clipLow, clipHigh } = inputs;
  const shape = logprobs.shape;
  const bool = { type: 'bool' } as const;
  const zero = g.scalar(0);
  const ratio = unary(g, 'Exp', subtract(g, logprobs, sampled));
  const above = g.apply(
    'And',
    [g.apply('Greater', [advantages, zero], shape, bool), g.apply('Greater', [ratio, clipHigh], shape, bool)],
    shape,
    bool,
  );
  const below = g.apply(
    'And',
    [g.apply('Less', [advantages, zero], shape, bool), g.apply('Less', [ratio, clipLow], shape, bool)],
    shape,
    bool,
  );
  const clipped = g.apply('Or', [above, below], shape, bool);
  const policy = g.apply('Where', [clipped, zero, multiply(g, advantages, ratio)], shape);
  return unary(g, 'Neg', add(g, weights, policy));
}

function forward(
  tape: Tape,
  config: ModelConfig,
  bucket: Bucket,
): { logprobs: Value; weights: ReadonlyMap<string, Value> } {
  const g = tape.graph;
  const { rows, length } = bucket;
  const count = rows * length;
  const tokens = g.input('tokens', 'int32', [count]);
  const targets = g.input('targets', 'int32', [count]);
  const positions = g.input('positions', 'int32', [rows, length]);
  const mask = blockCausalMask(g, g.input('segments', 'int32', [rows, length]));
  const weights = new Map<string, Value>();
  for (const block of layOut(config).blocks) {
    weights.set(block.name, g.input(`weight.${block.name}`, 'float32', block.shape));
  }
  const weight = (name: string): Value => weights.get(name) as Value;
  const tables = constantTables(g, config, toInt64(g, positions));
  const headSize = headSizeOf(config);
  const sizes = [config.hiddenSize, config.keyValueHeads * headSize, config.keyValueHeads * headSize];

  let x = embed(tape, weight('embed'), tokens);
  for (let i = 0; i < config.layers; i++) {
    const attentionIn = rmsNormalize(tape, x, config.rmsNormEps);
    const qkvWeight = scaleColumns(tape, weight(`qkv${i}`), weight(`attentionNorm${i}`));
    const parts = splitColumns(tape, linear(tape, attentionIn, qkvWeight), sizes);
    const [q, k, v] = parts.map((part) => view(tape, part, [rows, length, part.shape[1] as number])) as [
      Value,
      Value,
      Value,
    ];
    const attended = attention(tape, rotary(tape, q, tables), rotary(tape, k, tables), v, mask, {
      heads: config.heads,
      keyValueHeads: config.keyValueHeads,
      headSize,
    });
    x = linear(tape, view(tape, attended, [count, config.hiddenSize]), weight(`attentionOut${i}`), x);
    const mlpIn = rmsNormalize(tape, x, config.rmsNormEps);
    const gateUpWeight = scaleColumns(tape, weight(`gateUp${i}`), weight(`mlpNorm${i}`));
    x = linear(tape, swiglu(tape, linear(tape, mlpIn, gateUpWeight)), weight(`down${i}`), x);
  }
  const head = scaleColumns(tape, weight('embed'), weight('finalNorm'));
  const logits = linear(tape, rmsNormalize(tape, x, config.rmsNormEps), head);
  return { logprobs: targetLogprobs(tape, logits, targets), weights };
}

/** 0 where a token may attend (same segment, not later), MASKED elsewhere: segments [R][T] → [R][1][T][T]. */
function blockCausalMask(g: GraphBuilder, segments: Value): Value {
  const [rows, length] = segments.shape as [number, number];
  const shape = [rows, 1, length, length];
  const bool = { type: 'bool' } as const;
  const same = g.apply(
    'Equal',
    [reshape(g, segments, [rows, 1, length, 1]), reshape(g, segments, [rows, 1, 1, length])],
    shape,
    bool,
  );
  const causal = g.constant(
    'bool',
    [length, length],
    Array.from({ length: length * length }, (_, i) => (i % length <= Math.floor(i / length) ? 1 : 0)),
  );
  const allowed = g.apply('And', [same, causal], shape, bool);
  return g.apply('Where', [allowed, g.scalar(0), g.scalar(MASKED)], shape);
}

function constantTables(g: GraphBuilder, config: ModelConfig, positions: Value): RotaryTables {
  const { cosines, sines } = rotaryTables(config);
  const shape = [config.maxLength, headSizeOf(config) / 2];
  return {
    positions,
    cosines: g.constant('float32', shape, cosines),
    sines: g.constant('float32', shape, sines),
    negativeSines: g.constant(
      'float32',
      shape,
      sines.map((value) => -value),
    ),
  };
}
