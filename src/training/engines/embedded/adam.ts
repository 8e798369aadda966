/**
 * AdamW with global-norm clipping, in place on flat arrays.
 * Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization"; decay is multiplied by the learning rate,
 * as in PyTorch.
 */
import type { AdamParams } from '../../types.js';
import type { ParameterTensor } from './architecture.js';

export interface AdamState {
  /** First and second moments, laid out as the parameters. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Steps taken. */
  step: number;
}

export function createAdamState(size: number): AdamState {
  return { first: new Float32Array(size), second: new Float32Array(size), step: 0 };
}

/** Adds `others` to `gradients`, in order. */
export function addGradients(gradients: Float32Array, others: readonly Float32Array[]): void {
  for (const other of others) {
    for (let i = 0; i < gradients.length; i++) {
      gradients[i] = (gradients[i] as number) + (other[i] as number);
    }
  }
}

/**
 * Adds `others` to `gradients`, in order, and returns the Euclidean norm of the sum, accumulated in double precision.
 * The last addition and the norm share a pass; four partial sums keep the processor's adders busy.
 */
export function sumGradients(gradients: Float32Array, others: readonly Float32Array[]): number {
  addGradients(gradients, others.slice(0, -1));
  const last = others.at(-1);
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const even = gradients.length - (gradients.length % 4);
  for (let i = 0; i < even; i += 4) {
    let a = gradients[i] as number;
    let b = gradients[i + 1] as number;
    let c = gradients[i + 2] as number;
    let d = gradients[i + 3] as number;
    if (last !== undefined) {
      a += last[i] as number;
      b += last[i + 1] as number;
      c += last[i + 2] as number;
      d += last[i + 3] as number;
      gradients[i] = a;
      gradients[i + 1] = b;
      gradients[i + 2] = c;
      gradients[i + 3] = d;
    }
    s0 += a * a;
    s1 += b * b;
    s2 += c * c;
    s3 += d * d;
  }
  for (let i = even; i < gradients.length; i++) {
    const value = (gradients[i] as number) + (last?.[i] ?? 0);
    gradients[i] = value;
    s0 += value * value;
  }
  return Math.sqrt(s0 + s1 + s2 + s3);
}

/** One step: updates `parameters` and `state`; `gradients` stay as they are. `norm` is their global norm. */
export function adamStep(
  parameters: Float32Array,
  gradients: Float32Array,
  norm: number,
  state: AdamState,
  tensors: readonly ParameterTensor[],
  adam: AdamParams,
): void {
  state.step += 1;
  const { beta1, beta2, eps, learningRate } = adam;
  const scale = adam.gradClipNorm > 0 && norm > adam.gradClipNorm ? adam.gradClipNorm / norm : 1;
  const firstCorrection = learningRate / (1 - beta1 ** state.step);
  const secondCorrection = 1 / Math.sqrt(1 - beta2 ** state.step);
  const { first, second } = state;
  for (const tensor of tensors) {
    const keep = tensor.decays ? 1 - learningRate * adam.weightDecay : 1;
    const end = tensor.offset + tensor.size;
    for (let i = tensor.offset; i < end; i++) {
      const gradient = (gradients[i] as number) * scale;
      const m = beta1 * (first[i] as number) + (1 - beta1) * gradient;
      const v = beta2 * (second[i] as number) + (1 - beta2) * gradient * gradient;
      first[i] = m;
      second[i] = v;
      parameters[i] =
        (parameters[i] as number) * keep - (firstCorrection * m) / (Math.sqrt(v) * secondCorrection + eps);
    }
  }
}
