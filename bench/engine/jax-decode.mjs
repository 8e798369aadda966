/**
 * Decoding with a KV cache in jax-js: one compiled step for a batch, the cache a fixed [B][K][S][d] per layer, probabilities
 * read back and tokens drawn in JavaScript. No prefill: a prompt is fed token by token.
 */
import { jit, nn, numpy as np, tree } from '@jax-js/jax';
import { project, rmsNorm } from './jax-llama.mjs';

/** A decoder of `batch` sequences that share their position. `step` takes their tokens, gives probabilities [B][V]. */
export function createJaxDecoder(config, parameters, batch, length) {
  const { hiddenSize, heads, keyValueHeads, ropeTheta } = config;
  const size = hiddenSize / heads;
  const half = size / 2;
  const empty = () => np.zeros([batch, keyValueHeads, length, size]);
  let cache = Array.from({ length: config.layers }, () => ({ keys: empty(), values: empty() }));
  const compiled = jit((p, tokens, old, place, mask, cosines, sines) =>
    decode(config, p, tokens, old, { place, mask, cosines, sines }),
  );
  const row = (values, shape) => np.array(Float32Array.from(values)).reshape(shape);
  return {
    async step(tokens, position) {
      const angles = Array.from({ length: half }, (_, i) => position * ropeTheta ** (-i / half));
      const [probabilities, next] = compiled(
        tree.ref(parameters),
        np.array(Int32Array.from(tokens), { dtype: np.int32 }),
        cache,
        row(
          Array.from({ length }, (_, s) => (s === position ? 1 : 0)),
          [1, 1, length, 1],
        ),
        row(
          Array.from({ length }, (_, s) => (s <= position ? 0 : -1e9)),
          [1, 1, 1, length],
        ),
        row(angles.map(Math.cos), [1, 1, half]),
        row(angles.map(Math.sin), [1, 1, half]),
      );
      cache = next;
      return probabilities.data();
    },
    dispose() {
      tree.dispose(cache);
    },
  };
}

function decode(config, p, tokens, cache, { place, mask, cosines, sines }) {
  const { heads, keyValueHeads, hiddenSize } = config;
  const batch = tokens.shape[0];
  const size = hiddenSize / heads;
  const group = heads / keyValueHeads;
  const rotate = (x) => {
    const [first, second] = np.split(x, 2, -1);
    const turned = [
      first.ref.mul(cosines.ref).sub(second.ref.mul(sines.ref)),
      second.mul(cosines.ref).add(first.mul(sines.ref)),
    ];
    return np.concatenate(turned, -1);
  };
  const next = [];
  let x = np.matmul(nn.oneHot(tokens, config.vocabSize), p.embed.ref);
  for (const [i, { keys: oldKeys, values: oldValues }] of cache.entries()) {
    const before = rmsNorm(x.ref, p[`attentionNorm${i}`], config.rmsNormEps);
    const part = (key, count) => project(before.ref, p[key]).reshape([batch, count, size]);
    const query = rotate(part(`q${i}`, heads)).reshape([batch, keyValueHeads, group, size]);
    const written = (x) => x.reshape([batch, keyValueHeads, 1, size]).mul(place.ref);
    const keys = oldKeys.add(written(rotate(part(`k${i}`, keyValueHeads))));
    const values = oldValues.add(written(part(`v${i}`, keyValueHeads)));
    before.dispose();
    const scores = np.matmul(query, np.transpose(keys.ref, [0, 1, 3, 2])).mul(1 / Math.sqrt(size));
    const mixed = np.matmul(nn.softmax(scores.add(mask.ref), -1), values.ref);
    next.push({ keys, values });
    x = x.add(project(mixed.reshape([batch, hiddenSize]), p[`attentionOut${i}`]));
    const after = rmsNorm(x.ref, p[`mlpNorm${i}`], config.rmsNormEps);
    const gate = nn.silu(project(after.ref, p[`gate${i}`]));
    x = x.add(project(gate.mul(project(after, p[`up${i}`])), p[`down${i}`]));
  }
  const logits = project(rmsNorm(x, p.finalNorm, config.rmsNormEps), p.embed);
  for (const used of [place, mask, cosines, sines]) used.dispose();
  return [nn.softmax(logits, -1), next];
}
