/**
 * Checkpoints as Hugging Face folders: config.json (LlamaForCausalLM), model.safetensors, and for going on with
 * training optimizer.safetensors. Each file is written beside its place and then renamed.
 * Left out: tokenizer files, which the caller adds.
 *
 * The optimizer's file carries the same stamp as the model's, so a folder whose writing was cut short
 * between the two is recognised.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InfrastructureError, messageOf, UsageError } from '../../../core/errors.js';
import type { AdamState } from './adam.js';
import { headSizeOf, layOut, type ModelConfig, type ParameterLayout, resolveConfig } from './architecture.js';
import { type NamedTensor, readSafetensors, type SafetensorsFile, writeSafetensors } from './safetensors.js';

export interface Checkpoint {
  readonly config: ModelConfig;
  readonly parameters: Float32Array;
  /** Absent in a folder without optimizer state. */
  readonly adam?: AdamState;
  /** Optimizer steps that the weights have seen. */
  readonly version: number;
}

const MODEL = 'model.safetensors';
const OPTIMIZER = 'optimizer.safetensors';
const CONFIG = 'config.json';

/** Writes a checkpoint; other files in the folder stay. Throws InfrastructureError (storage) when it cannot. */
export async function writeCheckpoint(folder: string, checkpoint: Required<Checkpoint>): Promise<void> {
  const { config, parameters, adam, version } = checkpoint;
  const layout = layOut(config);
  const stamp = { version: String(version), step: String(adam.step) };
  try {
    await mkdir(folder, { recursive: true });
    const moments = [
      ...tensorsOf(layout, adam.first, 'first.'),
      ...tensorsOf(layout, adam.second, 'second.'),
    ];
    const weights = tensorsOf(layout, parameters, '');
    await replaceFile(folder, CONFIG, (path) =>
      writeText(path, `${JSON.stringify(toHuggingFace(config), null, 2)}\n`),
    );
    await replaceFile(folder, OPTIMIZER, (path) => writeSafetensors(path, moments, stamp));
    await replaceFile(folder, MODEL, (path) => writeSafetensors(path, weights, { format: 'pt', ...stamp }));
  } catch (cause) {
    throw new InfrastructureError(`checkpoint ${folder}: cannot be written: ${messageOf(cause)}`, {
      code: 'checkpoint-write',
      boundary: 'storage',
      retryable: true,
      cause,
    });
  }
}

/**
 * Reads a checkpoint. `expected` is the shape it must have. Throws UsageError when a file is missing or damaged,
 * or the shape is another.
 */
export async function readCheckpoint(
  folder: string,
  options: { readonly expected?: ModelConfig; readonly withOptimizer: boolean },
): Promise<Checkpoint> {
  const config = await readConfig(folder, options.expected?.maxLength);
  if (options.expected !== undefined) compareConfigs(folder, config, options.expected);
  const layout = layOut(config);
  const model = await readSafetensors(join(folder, MODEL));
  const parameters = collect(folder, layout, model, '');
  const version = Number(model.metadata['version'] ?? 0);
  if (!options.withOptimizer) return { config, parameters, version };
  const optimizer = await readSafetensors(join(folder, OPTIMIZER));
  if (optimizer.metadata['version'] !== model.metadata['version']) {
    throw new UsageError(
      `checkpoint ${folder}: ${MODEL} is of version ${version}, ${OPTIMIZER} of ${optimizer.metadata['version']}; ` +
        'saving was cut short, use an earlier checkpoint',
    );
  }
  const first = collect(folder, layout, optimizer, 'first.');
  const second = collect(folder, layout, optimizer, 'second.');
  return { config, parameters, version, adam: { first, second, step: Number(optimizer.metadata['step']) } };
}

function toHuggingFace(config: ModelConfig): Record<string, unknown> {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.hiddenSize / config.heads,
    max_position_embeddings: config.maxLength,
    rope_theta: config.ropeTheta,
    rms_norm_eps: config.rmsNormEps,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    torch_dtype: 'float32',
  };
}

async function readConfig(folder: string, maxLength: number | undefined): Promise<ModelConfig> {
  const path = join(folder, CONFIG);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`${path}: cannot be read; expected a checkpoint folder`, { cause });
  });
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new UsageError(`${path}: not JSON; restore it or train anew`, { cause });
  }
  if (json['model_type'] !== 'llama' || json['tie_word_embeddings'] !== true) {
    throw new UsageError(
      `${path}: the embedded engine opens Llama models with tied embeddings, this is ${json['model_type']}` +
        (json['tie_word_embeddings'] === true ? '' : ' without them'),
    );
  }
  refuseOthers(path, json);
  const count = (key: string): number => json[key] as number;
  // Since version 5 transformers writes the base of the rotary positions into `rope_parameters`.
  const rope = (json['rope_parameters'] ?? {}) as Record<string, unknown>;
  const config = resolveConfig({
    vocabSize: count('vocab_size'),
    hiddenSize: count('hidden_size'),
    intermediateSize: count('intermediate_size'),
    layers: count('num_hidden_layers'),
    heads: count('num_attention_heads'),
    keyValueHeads: count('num_key_value_heads'),
    maxLength: maxLength ?? count('max_position_embeddings'),
    ropeTheta: (rope['rope_theta'] ?? count('rope_theta')) as number,
    rmsNormEps: count('rms_norm_eps'),
  });
  const headSize = json['head_dim'] ?? headSizeOf(config);
  if (headSize !== headSizeOf(config)) {
    throw new UsageError(
      `${path}: head_dim is ${headSize}; the embedded engine opens models with hidden_size / num_attention_heads`,
    );
  }
  return config;
}

/** Throws UsageError for members of the Llama family that the graphs do not compute. */
function refuseOthers(path: string, json: Readonly<Record<string, unknown>>): void {
  const scaling = (json['rope_parameters'] ?? json['rope_scaling']) as
    | Record<string, unknown>
    | null
    | undefined;
  const kind = scaling?.['rope_type'] ?? scaling?.['type'] ?? 'default';
  const faults = [
    ...(kind === 'default' ? [] : [`rotary positions of type ${kind}`]),
    ...(json['attention_bias'] === true ? ['attention_bias'] : []),
    ...(json['mlp_bias'] === true ? ['mlp_bias'] : []),
    ...((json['hidden_act'] ?? 'silu') === 'silu' ? [] : [`hidden_act ${json['hidden_act']}`]),
  ];
  if (faults.length === 0) return;
  throw new UsageError(`${path}: the embedded engine cannot open a model with ${faults.join(', ')}`);
}

function compareConfigs(folder: string, found: ModelConfig, expected: ModelConfig): void {
  for (const key of Object.keys(expected) as (keyof ModelConfig)[]) {
    if (found[key] !== expected[key]) {
      throw new UsageError(
        `checkpoint ${folder}: its ${key} is ${found[key]}, this engine's is ${expected[key]}; ` +
          'open it with the shape it was trained in',
      );
    }
  }
}

function tensorsOf(layout: ParameterLayout, flat: Float32Array, prefix: string): NamedTensor[] {
  return layout.tensors.map(({ name, shape, offset, size }) => ({
    name: `${prefix}${name}`,
    shape,
    data: flat.subarray(offset, offset + size),
  }));
}

function collect(
  folder: string,
  layout: ParameterLayout,
  file: SafetensorsFile,
  prefix: string,
): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const { name, shape, offset } of layout.tensors) {
    const tensor = file.tensors.get(`${prefix}${name}`);
    if (tensor === undefined)
      throw new UsageError(`checkpoint ${folder}: the tensor ${prefix}${name} is missing`);
    if (tensor.shape.join('×') !== shape.join('×')) {
      throw new UsageError(
        `checkpoint ${folder}: ${prefix}${name} is ${tensor.shape.join('×')}, config.json says ${shape.join('×')}`,
      );
    }
    flat.set(tensor.data, offset);
  }
  return flat;
}

async function replaceFile(
  folder: string,
  name: string,
  write: (path: string) => Promise<void>,
): Promise<void> {
  const temporary = join(folder, `.${name}.${process.pid}.part`);
  try {
    await write(temporary);
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeText(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
