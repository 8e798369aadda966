/**
 * The same Llama in jax-js, differentiated by jax-js: the reference of the gradient tests (test/training/jax-gradients.test.ts)
 * and an opponent in bench/engine. Shares nothing with the engine but the names and shapes of the parameters.
 * One-hot products stand where indices would: the gradient of taking rows cannot be compiled by jax-js 0.1.25.
 * jax-js counts references: a function owns its arguments, `.ref` keeps an array for another use.
 */
import { init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';

await init('wasm');

/** Parameters { key: Float32Array } of the given `tensors` ({ key, shape }) as jax-js arrays. */
export function toJax(tensors, values) {
  return Object.fromEntries(
    tensors.map(({ key, shape }) => [key, np.array(values[key]).reshape([...shape])]),
  );
}

/** [B][T] integers of rows of at most T, filled up with 0. */
export function grid(rows, length, dtype = 'int32') {
  const flat = rows.flatMap((row) => [...row, ...new Array(length - row.length).fill(0)]);
  return np.array(flat, { dtype }).reshape([rows.length, length]);
}

/** Loss (as in src/training/types.ts) and its gradients: (parameters, batch of [B][T] arrays) → [loss, gradients]. */
export function jaxLossAndGradients(config, loss) {
  return jit(valueAndGrad((parameters, batch) => lossOf(config, loss, parameters, batch)));
}

function lossOf(config, loss, parameters, batch) {
  const { tokens, targets, weights, advantages, sampled } = batch;
  const logits = forward(config, parameters, tokens);
  const logprobs = np.sum(nn.logSoftmax(logits, -1).mul(nn.oneHot(targets, config.vocabSize)), -1);
  if (loss.kind === 'cross_entropy') return np.negative(np.sum(logprobs.mul(weights)));
  const ratio = np.exp(logprobs.sub(sampled));
  const gain = advantages.mul(weights);
  if (loss.kind === 'importance_sampling') return np.negative(np.sum(ratio.mul(gain)));
  const clipped = np.clip(ratio.ref, loss.clipLow, loss.clipHigh);
  return np.negative(np.sum(np.minimum(ratio.mul(gain.ref), clipped.mul(gain))));
}

/** tokens [B][T] → logits [B][T][V]. */
function forward(config, p, tokens) {
  const { heads, keyValueHeads, hiddenSize } = config;
  const [batch, length] = tokens.shape;
  const size = hiddenSize / heads;
  const angles = rotaryTable(config, length);
  let x = np.matmul(nn.oneHot(tokens, config.vocabSize), p.embed.ref);
  for (let i = 0; i < config.layers; i++) {
    const before = rmsNorm(x.ref, p[`attentionNorm${i}`], config.rmsNormEps);
    const [q, k, v] = [`q${i}`, `k${i}`, `v${i}`].map((key, j) =>
      project(before.ref, p[key]).reshape([batch, length, j === 0 ? heads : keyValueHeads, size]),
    );
    before.dispose();
    const mixed = attend(rotate(q, angles), rotate(k, angles), v);
    x = x.add(project(mixed.reshape([batch, length, hiddenSize]), p[`attentionOut${i}`]));
    const after = rmsNorm(x.ref, p[`mlpNorm${i}`], config.rmsNormEps);
    const gate = nn.silu(project(after.ref, p[`gate${i}`]));
    x = x.add(project(gate.mul(project(after, p[`up${i}`])), p[`down${i}`]));
  }
  return project(rmsNorm(x, p.finalNorm, config.rmsNormEps), p.embed);
}

/** Causal attention of q [B][T][H][d] to k and v [B][T][K][d]. (jax-js' own takes a newer Node than ours.) */
function attend(q, k, v) {
  const [batch, length, heads, size] = q.shape;
  const groups = k.shape[2];
  const apart = (x, shape) => np.transpose(x, [0, 2, 1, 3]).reshape(shape);
  const queries = apart(q, [batch, groups, heads / groups, length, size]);
  const keys = apart(k, [batch, groups, 1, length, size]);
  const values = apart(v, [batch, groups, 1, length, size]);
  const scores = np.matmul(queries, np.transpose(keys, [0, 1, 2, 4, 3])).mul(1 / Math.sqrt(size));
  const future = np.triu(np.ones([length, length]), 1).mul(-1e9);
  const mixed = np.matmul(nn.softmax(scores.add(future), -1), values);
  return np.transpose(mixed.reshape([batch, heads, length, size]), [0, 2, 1, 3]);
}

export function project(x, weight) {
  return np.matmul(x, np.transpose(weight));
}

export function rmsNorm(x, gain, eps) {
  const scale = np.reciprocal(np.sqrt(np.mean(np.square(x.ref), -1, { keepdims: true }).add(eps)));
  return x.mul(scale).mul(gain);
}

/** x [B][T][heads][d], pairs (i, i + d/2). */
function rotate(x, { cosines, sines }) {
  const [first, second] = np.split(x, 2, -1);
  const turned = [
    first.ref.mul(cosines()).sub(second.ref.mul(sines())),
    second.mul(cosines()).add(first.mul(sines())),
  ];
  return np.concatenate(turned, -1);
}

function rotaryTable({ hiddenSize, heads, ropeTheta }, length) {
  const half = hiddenSize / heads / 2;
  const table = (f) => () =>
    np
      .array(
        Float32Array.from({ length: length * half }, (_, i) =>
          f(Math.floor(i / half) * ropeTheta ** (-(i % half) / half)),
        ),
      )
      .reshape([1, length, 1, half]);
  return { cosines: table(Math.cos), sines: table(Math.sin) };
}
