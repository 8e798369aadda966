/**
 * The shape of a model: its configuration, and where each parameter lies in one flat Float32Array.
 * Source: transformers' LlamaForCausalLM (names, layouts [out, in], tied embeddings).
 */
import { UsageError } from '../../../core/errors.js';
import { createRng } from '../../../core/rng.js';

/** A Llama model. All counts are positive integers. */
export interface ModelConfig {
  /** Number of token ids. */
  readonly vocabSize: number;
  /** Width D of the residual stream. */
  readonly hiddenSize: number;
  /** Width F of the SwiGLU layer; by default 8/3 of `hiddenSize`, rounded up to a multiple of 32. */
  readonly intermediateSize: number;
  readonly layers: number;
  /** Query heads; by default heads of size 48 or more (`hiddenSize` / 48, rounded down, at least 1). */
  readonly heads: number;
  /** Key/value heads; divides `heads`. */
  readonly keyValueHeads: number;
  /** Longest sequence, in tokens. */
  readonly maxLength: number;
  readonly ropeTheta: number;
  readonly rmsNormEps: number;
}

export type ModelOptions = Pick<ModelConfig, 'vocabSize' | 'hiddenSize' | 'layers' | 'maxLength'> &
  Partial<ModelConfig>;

/** One parameter: a tensor of a checkpoint, an input of the train graphs. */
export interface ParameterTensor {
  /** Hugging Face's name. */
  readonly name: string;
  /** The graphs' name: `embed`, `finalNorm`, or kind and layer, such as `gate2`. */
  readonly key: string;
  readonly shape: readonly number[];
  /** First element in the flat array. */
  readonly offset: number;
  readonly size: number;
  /** Matrices decay, gains of norms do not. */
  readonly decays: boolean;
}

export interface ParameterLayout {
  /** Number of parameters in all. */
  readonly size: number;
  readonly tensors: readonly ParameterTensor[];
}

/** Fills in defaults and checks; throws UsageError for a shape that cannot be. */
export function resolveConfig(options: ModelOptions): ModelConfig {
  const heads = options.heads ?? defaultHeads(options.hiddenSize);
  const config: ModelConfig = {
    vocabSize: options.vocabSize,
    hiddenSize: options.hiddenSize,
    intermediateSize: options.intermediateSize ?? Math.ceil((options.hiddenSize * 8) / 3 / 32) * 32,
    layers: options.layers,
    heads,
    keyValueHeads: options.keyValueHeads ?? heads,
    maxLength: options.maxLength,
    ropeTheta: options.ropeTheta ?? 10_000,
    rmsNormEps: options.rmsNormEps ?? 1e-5,
  };
  for (const key of [
    'vocabSize',
    'hiddenSize',
    'intermediateSize',
    'layers',
    'heads',
    'keyValueHeads',
    'maxLength',
  ] as const) {
    if (!Number.isInteger(config[key]) || config[key] < 1) {
      throw new UsageError(`model: ${key} must be a positive integer, got ${config[key]}`);
    }
  }
  if (config.hiddenSize % (2 * heads) !== 0) {
    throw new UsageError(
      `model: hiddenSize (${config.hiddenSize}) must be a multiple of 2 × heads (${heads}); change one of them`,
    );
  }
  if (heads % config.keyValueHeads !== 0) {
    throw new UsageError(`model: keyValueHeads (${config.keyValueHeads}) must divide heads (${heads})`);
  }
  return config;
}

export function headSizeOf(config: ModelConfig): number {
  return config.hiddenSize / config.heads;
}

/** Where every parameter lies. */
export function layOut(config: ModelConfig): ParameterLayout {
  const { hiddenSize: width, intermediateSize: inner, vocabSize } = config;
  const keyWidth = config.keyValueHeads * headSizeOf(config);
  const tensors: ParameterTensor[] = [];
  let size = 0;
  const put = (key: string, name: string, shape: readonly number[]): void => {
    const count = shape.reduce((a, b) => a * b, 1);
    tensors.push({
      key,
      name: `model.${name}.weight`,
      shape,
      offset: size,
      size: count,
      decays: shape.length > 1,
    });
    size += count;
  };
  put('embed', 'embed_tokens', [vocabSize, width]);
  for (let i = 0; i < config.layers; i++) {
    const prefix = `layers.${i}`;
    put(`attentionNorm${i}`, `${prefix}.input_layernorm`, [width]);
    put(`q${i}`, `${prefix}.self_attn.q_proj`, [width, width]);
    put(`k${i}`, `${prefix}.self_attn.k_proj`, [keyWidth, width]);
    put(`v${i}`, `${prefix}.self_attn.v_proj`, [keyWidth, width]);
    put(`attentionOut${i}`, `${prefix}.self_attn.o_proj`, [width, width]);
    put(`mlpNorm${i}`, `${prefix}.post_attention_layernorm`, [width]);
    put(`gate${i}`, `${prefix}.mlp.gate_proj`, [inner, width]);
    put(`up${i}`, `${prefix}.mlp.up_proj`, [inner, width]);
    put(`down${i}`, `${prefix}.mlp.down_proj`, [width, inner]);
  }
  put('finalNorm', 'norm', [width]);
  return { size, tensors };
}

/**
 * Fresh parameters: gains 1; matrices normal with deviation 1/√in, those that write to the residual stream
 * smaller by √(2·layers) (as GPT-2). Each tensor has its own stream, so equal seeds give equal tensors.
 */
export function initialize(
  config: ModelConfig,
  layout: ParameterLayout,
  seed: string | number,
): Float32Array {
  const parameters = new Float32Array(layout.size);
  const rng = createRng(`embedded/${seed}`);
  for (const tensor of layout.tensors) {
    const values = parameters.subarray(tensor.offset, tensor.offset + tensor.size);
    if (tensor.shape.length === 1) {
      values.fill(1);
      continue;
    }
    const toResidual = /(o_proj|down_proj)\.weight$/.test(tensor.name);
    const fanIn = tensor.shape[1] as number;
    const deviation = (1 / Math.sqrt(fanIn)) * (toResidual ? 1 / Math.sqrt(2 * config.layers) : 1);
    const stream = rng.fork(tensor.name);
    for (let i = 0; i < values.length; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(1 - stream.next()));
      const angle = 2 * Math.PI * stream.next();
      values[i] = radius * Math.cos(angle);
      if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
    }
  }
  return parameters;
}

/** Rotary tables [length][d/2] of cosines and sines. */
export function rotaryTables(config: ModelConfig): { cosines: Float32Array; sines: Float32Array } {
  const half = headSizeOf(config) / 2;
  const cosines = new Float32Array(config.maxLength * half);
  const sines = new Float32Array(config.maxLength * half);
  for (let position = 0; position < config.maxLength; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * config.ropeTheta ** (-i / half);
      cosines[position * half + i] = Math.cos(angle);
      sines[position * half + i] = Math.sin(angle);
    }
  }
  return { cosines, sines };
}

function defaultHeads(hiddenSize: number): number {
  for (let heads = Math.max(1, Math.floor(hiddenSize / 48)); heads > 1; heads--) {
    if (hiddenSize % (2 * heads) === 0) return heads;
  }
  return 1;
}
