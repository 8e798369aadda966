/**
 * Arithmetic of sampling: runs the prefill and decode graphs on one copy of the weights, and keeps the cache.
 * Knows slots and tokens; which request sits in which slot, and when, is the batcher's business (sequence-batcher.ts).
 *
 * Its arrays are as large as the cache, so a decoder outlives its weights: `open` gives it others.
 */
import { headSizeOf, type ModelConfig } from './architecture.js';
import { buildDecodeGraph, buildPrefillGraph, foldWeights } from './decode-graph.js';
import { KeyValueCache } from './key-value-cache.js';
import { openProgram, type Program, type TensorMap, tensorOver } from './runtime.js';

interface Programs {
  readonly prefill: Program;
  readonly decode: Program;
}

/** What the last prefill left: keys and values in turn, per layer [R][K][length][d]. */
interface Prefilled {
  readonly arrays: readonly Float32Array[];
  readonly length: number;
}

const MASKED = -1e9;

export class Decoder {
  readonly slots: number;
  /** [slot][V], valid after `step` for the slots that took part. */
  readonly probabilities: Float32Array;
  private readonly config: ModelConfig;
  private readonly threads: number;
  private readonly cache: KeyValueCache;
  private readonly tokens: Int32Array;
  private readonly positions: Int32Array;
  private readonly mask: Float32Array;
  private readonly fresh: readonly { readonly key: Float32Array; readonly value: Float32Array }[];
  private readonly outputs = new Map<number, TensorMap>();
  private programs: Programs | undefined;
  private prefilled: Prefilled = { arrays: [], length: 0 };
  private scratch = new Float32Array(0);
  private causal = new Float32Array(0);

  constructor(config: ModelConfig, threads: number, slots: number) {
    this.config = config;
    this.threads = threads;
    this.slots = slots;
    this.cache = new KeyValueCache(config, slots);
    this.tokens = new Int32Array(slots);
    this.positions = new Int32Array(slots);
    this.mask = new Float32Array(slots * config.maxLength);
    this.probabilities = new Float32Array(slots * config.vocabSize);
    const width = config.keyValueHeads * headSizeOf(config);
    this.fresh = Array.from({ length: config.layers }, () => ({
      key: new Float32Array(slots * width),
      value: new Float32Array(slots * width),
    }));
  }

  /**
   * Takes a copy of these parameters (in the order of `layOut`), before anything else runs. Closed before, or never opened.
   * Throws an InfrastructureError where onnxruntime refuses, and stays closed.
   */
  async open(parameters: Float32Array): Promise<void> {
    const { config, threads } = this;
    const weights = foldWeights(config, parameters);
    const prefill = await openProgram(buildPrefillGraph(config, weights), threads);
    try {
      const decode = await openProgram(buildDecodeGraph(config, weights), threads);
      this.programs = { prefill, decode };
    } catch (error) {
      await prefill.release();
      throw error;
    }
  }

  /** Gives up the weights; the arrays stay. */
  async close(): Promise<void> {
    const { programs } = this;
    this.programs = undefined;
    await programs?.prefill.release();
    await programs?.decode.release();
  }

  /** Runs several prompts at once, for `load`; gives the distribution of the token after each, [V]. */
  async prefill(prompts: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const { config } = this;
    const rows = prompts.length;
    const length = Math.max(...prompts.map((prompt) => prompt.length));
    const tokens = new Int32Array(rows * length);
    const positions = new Int32Array(rows * length);
    const last = new Int32Array(rows);
    for (const [row, prompt] of prompts.entries()) {
      tokens.set(prompt, row * length);
      for (let t = 0; t < length; t++) positions[row * length + t] = t;
      last[row] = row * length + prompt.length - 1;
    }
    const heads = config.keyValueHeads;
    const size = headSizeOf(config);
    const probabilities = new Float32Array(rows * config.vocabSize);
    const outputs: TensorMap = { probabilities: tensorOver(probabilities, [rows, config.vocabSize]) };
    const arrays = this.prefillArrays(rows * heads * length * size);
    for (let i = 0; i < config.layers; i++) {
      outputs[`key${i}`] = tensorOver(arrays[2 * i] as Float32Array, [rows, heads, length, size]);
      outputs[`value${i}`] = tensorOver(arrays[2 * i + 1] as Float32Array, [rows, heads, length, size]);
    }
    await this.opened().prefill.run(
      {
        tokens: tensorOver(tokens, [rows, length]),
        positions: tensorOver(positions, [rows, length]),
        mask: tensorOver(this.causalMask(length), [length, length]),
        last: tensorOver(last, [rows]),
      },
      outputs,
    );
    this.prefilled = { arrays, length };
    return prompts.map((_, row) =>
      probabilities.subarray(row * config.vocabSize, (row + 1) * config.vocabSize),
    );
  }

  /** Makes room; call before `load` and `step`. `longest` counts cached tokens, `used` slots in use. */
  fit(longest: number, used: number): void {
    this.cache.fit(longest, used);
  }

  /** Puts row `row` of the last prefill, a prompt of `length` tokens, into a slot. */
  load(slot: number, row: number, length: number): void {
    const { arrays, length: stride } = this.prefilled;
    this.cache.load(slot, arrays, row, stride, length);
  }

  /** Copies the first `length` tokens of a slot to another. */
  copy(from: number, to: number, length: number): void {
    this.cache.copy(from, to, length);
  }

  /** Sets what the next step reads for a slot: the token, and how many tokens the cache holds before it. */
  feed(slot: number, token: number, position: number): void {
    this.tokens[slot] = token;
    this.positions[slot] = position;
  }

  /** Feeds one token to slots 0 … count−1; their keys and values are in the cache afterwards. */
  async step(count: number): Promise<void> {
    const { cache, mask, positions } = this;
    const stride = cache.length;
    mask.fill(MASKED, 0, count * stride);
    for (let slot = 0; slot < count; slot++) {
      mask.fill(0, slot * stride, slot * stride + (positions[slot] as number));
    }
    await this.opened().decode.run(
      {
        ...cache.tensors(count),
        tokens: tensorOver(this.tokens.subarray(0, count), [count]),
        positions: tensorOver(positions.subarray(0, count), [count, 1]),
        mask: tensorOver(mask.subarray(0, count * stride), [count, 1, 1, stride]),
      },
      this.outputsFor(count),
    );
    for (const [layer, { key, value }] of this.fresh.entries()) {
      cache.append(layer, key, value, positions, count);
    }
  }

  /** Room for every layer's keys and values; the same memory whenever it suffices, since fresh pages cost a tenth of a prefill. */
  private prefillArrays(size: number): Float32Array[] {
    const count = 2 * this.config.layers;
    if (this.scratch.length < count * size) this.scratch = new Float32Array(count * size);
    return Array.from({ length: count }, (_, i) => this.scratch.subarray(i * size, (i + 1) * size));
  }

  private outputsFor(count: number): TensorMap {
    let outputs = this.outputs.get(count);
    if (outputs === undefined) {
      const { vocabSize, keyValueHeads, hiddenSize, heads } = this.config;
      const shape = [count, keyValueHeads, 1, hiddenSize / heads];
      const size = (count * keyValueHeads * hiddenSize) / heads;
      outputs = {
        probabilities: tensorOver(this.probabilities.subarray(0, count * vocabSize), [count, vocabSize]),
      };
      for (const [i, { key, value }] of this.fresh.entries()) {
        outputs[`key${i}`] = tensorOver(key.subarray(0, size), shape);
        outputs[`value${i}`] = tensorOver(value.subarray(0, size), shape);
      }
      this.outputs.set(count, outputs);
    }
    return outputs;
  }

  /** [length][length], in memory that is used again. */
  private causalMask(length: number): Float32Array {
    if (this.causal.length < length * length) this.causal = new Float32Array(length * length);
    const mask = this.causal.subarray(0, length * length).fill(MASKED);
    for (let row = 0; row < length; row++) mask.fill(0, row * length, row * length + row + 1);
    return mask;
  }

  private opened(): Programs {
    if (this.programs === undefined) throw new Error('the decoder is closed');
    return this.programs;
  }
}
