/**
 * The train graph: forward, loss and backward in one ONNX model, with the weights as inputs; and its forward-only
 * half. The numbers of rows R and of tokens per row T are dynamic, N = R·T: one session serves all sizes, at the
 * speed of fixed shapes.
 *
 * Of the N tokens only M are `kept`: those whose log-probability is wanted. From the last layer's attention on, the
 * others are left out (they are still attended to), about a seventh of the arithmetic when half of a datum is prompt.
 *
 * One graph serves all losses. With ρ = exp(log p − sampled), the gradient of the summed loss by log p is
 *   −w                  for cross entropy (the other terms carry weight 0),
 *   −a·ρ·[not clipped]  for the policy losses, where a = mask·advantage; importance sampling clips nowhere.
 * The loss itself is computed outside, from the log-probabilities, in double precision (loss.ts).
 */

import { headSizeOf, layOut, type ModelConfig, rotaryTables } from './architecture.js';
import { DYNAMIC, GraphBuilder, type Value } from './graph-builder.js';
import {
  attention,
  embed,
  gatherRows,
  linear,
  type RotaryTables,
  rmsNormalize,
  rotary,
  scaleColumns,
  swiglu,
  targetLogprobs,
  toRows,
  toTokens,
} from './operations.js';
import { Tape } from './tape.js';
import { add, multiply, subtract, toInt64, unary, unsqueeze } from './tensor-math.js';

/** Additive mask for what may not be attended to. */
const MASKED = -1e9;

/** Inputs: the `weight.<key>`s and those of `packing.ts`. Outputs: `logprobs` [M], `gradient.<key>`. */
export function buildTrainGraph(config: ModelConfig): Uint8Array {
  const g = new GraphBuilder();
  const tape = new Tape(g);
  const { logprobs, weights } = forward(tape, config);
  tape.accumulate(
    logprobs,
    lossGradient(g, logprobs, {
      weights: g.input('weights', 'float32', [DYNAMIC]),
      advantages: g.input('advantages', 'float32', [DYNAMIC]),
      sampled: g.input('sampled', 'float32', [DYNAMIC]),
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
export function buildForwardGraph(config: ModelConfig): Uint8Array {
  const g = new GraphBuilder();
  g.output(forward(new Tape(g), config).logprobs, 'logprobs');
  return g.encode();
}

interface LossInputs {
  /** All [M], the thresholds [1]. */
  readonly weights: Value;
  readonly advantages: Value;
  readonly sampled: Value;
  readonly clipLow: Value;
  readonly clipHigh: Value;
}

/** dLoss/dlog p, [M]. Where the clipped branch of the minimum is the smaller, it is constant: gradient 0. */
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

function forward(tape: Tape, config: ModelConfig): { logprobs: Value; weights: ReadonlyMap<string, Value> } {
  const g = tape.graph;
  const tokens = g.input('tokens', 'int32', [DYNAMIC]);
  const kept = g.input('kept', 'int32', [DYNAMIC]);
  const targets = g.input('targets', 'int32', [DYNAMIC]);
  const positions = g.input('positions', 'int32', [DYNAMIC, DYNAMIC]);
  const mask = blockCausalMask(g, g.input('segments', 'int32', [DYNAMIC, DYNAMIC]), positions);
  const weights = new Map<string, Value>();
  for (const { key, shape } of layOut(config).tensors) {
    weights.set(key, g.input(`weight.${key}`, 'float32', shape));
  }
  const weight = (name: string): Value => weights.get(name) as Value;
  const tables = constantTables(g, config, toInt64(g, positions));
  /** x·Wᵀ for the weight `key` with the gain of the norm that made x. */
  const project = (x: Value, key: string, norm: string): Value =>
    linear(tape, x, scaleColumns(tape, weight(key), weight(norm)));

  let x = embed(tape, weight('embed'), tokens);
  for (let i = 0; i < config.layers; i++) {
    const attentionIn = rmsNormalize(tape, x, config.rmsNormEps);
    const [q, k, v] = [`q${i}`, `k${i}`, `v${i}`].map((key) =>
      toRows(tape, project(attentionIn, key, `attentionNorm${i}`), positions),
    ) as [Value, Value, Value];
    const attended = attention(tape, rotary(tape, q, tables), rotary(tape, k, tables), v, mask, {
      heads: config.heads,
      keyValueHeads: config.keyValueHeads,
      headSize: headSizeOf(config),
    });
    let mixed = toTokens(tape, attended, positions);
    if (i === config.layers - 1) [mixed, x] = [gatherRows(tape, mixed, kept), gatherRows(tape, x, kept)];
    x = linear(tape, mixed, weight(`attentionOut${i}`), x);
    const mlpIn = rmsNormalize(tape, x, config.rmsNormEps);
    const gate = project(mlpIn, `gate${i}`, `mlpNorm${i}`);
    const up = project(mlpIn, `up${i}`, `mlpNorm${i}`);
    x = linear(tape, swiglu(tape, gate, up), weight(`down${i}`), x);
  }
  const head = scaleColumns(tape, weight('embed'), weight('finalNorm'));
  const logits = linear(tape, rmsNormalize(tape, x, config.rmsNormEps), head);
  return { logprobs: targetLogprobs(tape, logits, targets), weights };
}

/** 0 where a token may attend (same segment, not later), MASKED elsewhere: [R][T] each → [R][1][T][T]. */
function blockCausalMask(g: GraphBuilder, segments: Value, positions: Value): Value {
  const [rows, length] = segments.shape as [number, number];
  const shape = [rows, 1, length, length];
  const bool = { type: 'bool' } as const;
  const asQuery = (x: Value): Value => unsqueeze(g, x, [1, 3]);
  const asKey = (x: Value): Value => unsqueeze(g, x, [1, 2]);
  const same = g.apply('Equal', [asQuery(segments), asKey(segments)], shape, bool);
  const earlier = g.apply('GreaterOrEqual', [asQuery(positions), asKey(positions)], shape, bool);
  const allowed = g.apply('And', [same, earlier], shape, bool);
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
