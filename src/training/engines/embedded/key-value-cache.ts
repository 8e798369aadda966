/**
 * The keys and values of the sequences being decoded: per layer two arrays [slot][K][S][d], where the stride S
 * follows the longest sequence. Slots 0 … n−1 are in use; the caller keeps them dense with `move`.
 */
import { headSizeOf, type ModelConfig } from './architecture.js';
import { type TensorMap, tensorOver } from './runtime.js';

/** The stride grows and shrinks in these steps, so that it rarely changes. */
const STRIDE_STEP = 32;

export class KeyValueCache {
  private readonly layers: readonly { readonly keys: Float32Array; readonly values: Float32Array }[];
  private readonly heads: number;
  private readonly headSize: number;
  private readonly maxLength: number;
  private stride = 0;

  constructor(config: ModelConfig, slots: number) {
    this.heads = config.keyValueHeads;
    this.headSize = headSizeOf(config);
    this.maxLength = config.maxLength;
    const size = slots * this.heads * this.maxLength * this.headSize;
    this.layers = Array.from({ length: config.layers }, () => ({
      keys: new Float32Array(size),
      values: new Float32Array(size),
    }));
  }

  /** S: how many tokens per slot the arrays hold now. */
  get length(): number {
    return this.stride;
  }

  /** Makes room for `longest` tokens in each of the first `used` slots, and gives up room far beyond that. */
  fit(longest: number, used: number): void {
    const wanted = Math.min(this.maxLength, Math.max(1, Math.ceil(longest / STRIDE_STEP)) * STRIDE_STEP);
    if (wanted > this.stride || wanted <= this.stride - 2 * STRIDE_STEP || used === 0)
      this.restride(wanted, used);
  }

  /** Inputs `keys<i>` and `values<i>` over the first `count` slots. */
  tensors(count: number): TensorMap {
    const shape = [count, this.heads, this.stride, this.headSize];
    const size = count * this.heads * this.stride * this.headSize;
    const tensors: TensorMap = {};
    for (const [i, { keys, values }] of this.layers.entries()) {
      tensors[`keys${i}`] = tensorOver(keys.subarray(0, size), shape);
      tensors[`values${i}`] = tensorOver(values.subarray(0, size), shape);
    }
    return tensors;
  }

  /**
   * Writes the keys and values of a prompt of `length` tokens to the start of a slot: row `row` of `arrays`, which are keys and
   * values in turn, per layer [row][K][T][d].
   */
  load(slot: number, arrays: readonly Float32Array[], row: number, stride: number, length: number): void {
    const size = this.headSize;
    const targets = this.layers.flatMap(({ keys, values }) => [keys, values]);
    for (const [i, target] of targets.entries()) {
      const source = arrays[i] as Float32Array;
      for (let head = 0; head < this.heads; head++) {
        const from = (row * this.heads + head) * stride * size;
        target.set(source.subarray(from, from + length * size), this.at(slot, head, 0));
      }
    }
  }

  /** Writes one new token of layer `layer` for slots 0 … positions.length−1; `keys`, `values` [slot][K][d]. */
  append(
    layer: number,
    keys: Float32Array,
    values: Float32Array,
    positions: Int32Array,
    count: number,
  ): void {
    const target = this.layers[layer] as (typeof this.layers)[number];
    const { headSize, heads } = this;
    let from = 0;
    for (let slot = 0; slot < count; slot++) {
      const position = positions[slot] as number;
      for (let head = 0; head < heads; head++) {
        const to = this.at(slot, head, position);
        for (let i = 0; i < headSize; i++) {
          target.keys[to + i] = keys[from + i] as number;
          target.values[to + i] = values[from + i] as number;
        }
        from += headSize;
      }
    }
  }

  /** Copies the first `length` tokens of a slot to another. */
  copy(from: number, to: number, length: number): void {
    const size = length * this.headSize;
    for (const { keys, values } of this.layers) {
      for (let head = 0; head < this.heads; head++) {
        const start = this.at(from, head, 0);
        keys.copyWithin(this.at(to, head, 0), start, start + size);
        values.copyWithin(this.at(to, head, 0), start, start + size);
      }
    }
  }

  private at(slot: number, head: number, position: number): number {
    return ((slot * this.heads + head) * this.stride + position) * this.headSize;
  }

  /** Lays the used slots out anew; growing works from the back, shrinking from the front, so nothing is overrun. */
  private restride(stride: number, used: number): void {
    const before = this.stride * this.headSize;
    const after = stride * this.headSize;
    const kept = Math.min(before, after);
    const rows = used * this.heads;
    for (const { keys, values } of this.layers) {
      for (const array of [keys, values]) {
        for (let i = 0; i < rows; i++) {
          const row = after > before ? rows - 1 - i : i;
          array.copyWithin(row * after, row * before, row * before + kept);
        }
      }
    }
    this.stride = stride;
  }
}
