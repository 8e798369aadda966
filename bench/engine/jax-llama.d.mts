/** Types of jax-llama.mjs for the tests. */
import type { ModelConfig, ParameterTensor } from '../../src/training/engines/embedded/architecture.js';
import type { Loss } from '../../src/training/types.js';

/** What the tests need of jax-js' arrays. */
export interface JaxArray {
  /** Its elements, flat; frees it. */
  data(): Promise<Float32Array>;
}

export function toJax(
  tensors: readonly Pick<ParameterTensor, 'key' | 'shape'>[],
  values: Readonly<Record<string, Float32Array>>,
): Record<string, JaxArray>;

export function grid(
  rows: readonly (readonly number[])[],
  length: number,
  dtype?: 'int32' | 'float32',
): JaxArray;

export interface JaxBatch {
  readonly tokens: JaxArray;
  readonly targets: JaxArray;
  readonly weights: JaxArray;
  /** Read by the policy losses only; must be absent for cross entropy. */
  readonly advantages?: JaxArray;
  readonly sampled?: JaxArray;
}

export function jaxLossAndGradients(
  config: ModelConfig,
  loss: Loss,
): (parameters: Record<string, JaxArray>, batch: JaxBatch) => [JaxArray, Record<string, JaxArray>];
