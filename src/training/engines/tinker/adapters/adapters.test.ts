import { describe, expect, it } from 'vitest';
import type { AdamParams, Datum } from '../../../types.js';
import { adapterFor, noticesOf } from './index.js';
import type { WireBatch } from './types.js';

const adam: AdamParams = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.01,
  gradClipNorm: 0.1,
};
const data: readonly Datum[] = [
  {
    tokens: [1, 2, 3],
    lossInputs: {
      targetTokens: [2, 3, 4],
      weights: [0, 0.5, 0.25],
      logprobs: [0, -1, -2],
      advantages: [9, 2, -4],
    },
  },
  { tokens: [5], lossInputs: { targetTokens: [6], weights: [2], logprobs: [-0.5], advantages: [1] } },
];
const ppo = { kind: 'ppo', clipLow: 0.8, clipHigh: 1.25 } as const;

/** SkyRL's JAX gradient with respect to each target's log-probability at ratio 1, by its formula (backends/jax.py). */
function jaxGradient({ data: wire }: WireBatch): number[][] {
  return wire.map(({ loss_fn_inputs: inputs }) => {
    const mask = inputs['weights']!.data;
    const total = mask.reduce((sum, m) => sum + m, 0);
    return mask.map((m, t) => (-m * inputs['advantages']!.data[t]!) / total / wire.length);
  });
}

describe('the skyrl-jax adapter', () => {
  const { encode } = adapterFor('skyrl-jax');

  it('undoes the mean of means: the gradient of cross entropy is that of the sum', () => {
    const batch = encode(data, { kind: 'cross_entropy' }, data.length);
    expect(batch.loss).toEqual({
      loss_fn: 'cispo',
      loss_fn_config: { clip_low_threshold: 1, clip_high_threshold: 1 },
    });
    expect(jaxGradient(batch)).toEqual([[-0, -0.5, -0.25], [-2]]);
  });

  it('undoes it for PPO, with the weight as a factor of the advantage', () => {
    const batch = encode(data, ppo, data.length);
    expect(batch.loss.loss_fn_config).toEqual({ clip_low_threshold: 0.8, clip_high_threshold: 1.25 });
    expect(jaxGradient(batch)).toEqual([[-0, -1, 1], [-2]]);
  });

  it('shares a step of known size: the same data in two calls carry the factor of the whole step', () => {
    const [first] = encode(data.slice(0, 1), ppo, 2).data;
    expect(first).toEqual(encode(data, ppo, 2).data[0]);
  });
});

describe('the other adapters', () => {
  it('send sums as they are, the weight as a factor; SkyRL is sent a mask beside it', () => {
    const hosted = adapterFor('hosted').encode(data, ppo, 1).data[0]!.loss_fn_inputs;
    expect(hosted['advantages']!.data).toEqual([0, 1, -1]);
    expect(Object.keys(hosted).sort()).toEqual(['advantages', 'logprobs', 'target_tokens']);
    const skyrl = adapterFor('skyrl').encode(data, ppo, 1).data[0]!.loss_fn_inputs;
    expect(skyrl['weights']!.data).toEqual([0, 1, 1]);
    const entropy = adapterFor('hosted').encode(data, { kind: 'cross_entropy' }, 1);
    expect(entropy.loss).toEqual({ loss_fn: 'cross_entropy' });
    expect(entropy.data[0]!.loss_fn_inputs['weights']).toEqual({
      data: [0, 0.5, 0.25],
      dtype: 'float32',
      shape: [3],
    });
  });

  it('send gradient clipping only where it is taken, and say so elsewhere', () => {
    expect(adapterFor('hosted').encodeAdam(adam).grad_clip_norm).toBe(0.1);
    expect(adapterFor('skyrl-jax').encodeAdam(adam)).not.toHaveProperty('grad_clip_norm');
    expect(noticesOf(adapterFor('hosted'), adam)).toEqual([]);
    const notices = noticesOf(adapterFor('skyrl-jax'), adam);
    expect(notices[0]).toMatch(/gradClipNorm \(0.1\)/);
    expect(notices[1]).toMatch(/synchronous/);
    expect(noticesOf(adapterFor('skyrl'), { gradClipNorm: 0 })).toHaveLength(1);
  });
});
