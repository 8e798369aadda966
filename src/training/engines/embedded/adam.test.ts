import { describe, expect, it } from 'vitest';
import type { AdamParams } from '../../types.js';
import { adamStep, createAdamState, sumGradients } from './adam.js';
import type { ParameterTensor } from './architecture.js';

const tensors: readonly ParameterTensor[] = [
  { name: 'matrix', key: 'matrix', shape: [1, 2], offset: 0, size: 2, decays: true },
  { name: 'norm', key: 'norm', shape: [1], offset: 2, size: 1, decays: false },
];
const adam: AdamParams = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  eps: 0,
  weightDecay: 0.5,
  gradClipNorm: 0,
};

describe('AdamW', () => {
  it('moves the first step by the learning rate against the sign, after decaying matrices only', () => {
    const parameters = Float32Array.of(2, -2, 2);
    const gradients = Float32Array.of(3, -0.01, 5);
    adamStep(parameters, gradients, sumGradients(gradients, []), createAdamState(3), tensors, adam);
    expect(parameters[0]).toBeCloseTo(2 * 0.95 - 0.1, 5);
    expect(parameters[1]).toBeCloseTo(-2 * 0.95 + 0.1, 5);
    expect(parameters[2]).toBeCloseTo(2 - 0.1, 5);
  });

  it('follows two steps worked by hand', () => {
    const parameters = Float32Array.of(0, 0, 1);
    const state = createAdamState(3);
    const step = (gradient: number): void => {
      adamStep(parameters, Float32Array.of(0, 0, gradient), Math.abs(gradient), state, tensors, {
        ...adam,
        eps: 1e-8,
      });
    };
    step(1);
    step(-2);
    // m = 0.9·0.1·1 − 0.1·2 = −0.11, v = 0.99·0.01 + 0.01·4 = 0.0499; corrected −0.11/0.19 and 0.0499/0.0199
    const expected = 1 - 0.1 + (0.1 * (0.11 / 0.19)) / Math.sqrt(0.0499 / 0.0199);
    expect(parameters[2]).toBeCloseTo(expected, 5);
  });

  it('scales the gradient to the clipping norm', () => {
    const state = createAdamState(3);
    const gradients = Float32Array.of(3, 4, 0);
    expect(sumGradients(gradients, [])).toBe(5);
    adamStep(new Float32Array(3), gradients, 5, state, tensors, { ...adam, eps: 1e-8, gradClipNorm: 1 });
    expect(state.first[0]).toBeCloseTo(0.1 * 0.6, 6);
    expect(state.first[1]).toBeCloseTo(0.1 * 0.8, 6);
  });

  it('sums gradients in order and gives the norm of the sum', () => {
    const gradients = Float32Array.of(1, 2, 3, 4, 5, 6);
    const others = [Float32Array.of(1, 1, 1, 1, 1, 1), Float32Array.of(0, 0, -4, 0, -6, -7)];
    expect(sumGradients(gradients, others)).toBeCloseTo(Math.sqrt(4 + 9 + 0 + 25), 10);
    expect([...gradients]).toEqual([2, 3, 0, 5, 0, 0]);
  });
});
