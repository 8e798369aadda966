/**
 * A checkpoint's log-probabilities against an independent forward pass: plain loops in double precision over the
 * tensors of model.safetensors, written from transformers' modeling_llama.py (RMSNorm, rotate_half, repeat_kv,
 * SwiGLU, tied head), sharing no code with the engine but the reader of the file.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createEmbeddedEngine } from './index.js';
import { readSafetensors, type SafetensorsFile } from './safetensors.js';

type Matrix = number[][];

interface LlamaConfig {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly rope_theta: number;
  readonly rms_norm_eps: number;
}

it('gives the log-probabilities that an independent Llama computes from the folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deskcheck-reference-'));
  try {
    await using engine = await createEmbeddedEngine({
      model: { vocabSize: 19, hiddenSize: 32, layers: 2, heads: 4, keyValueHeads: 2, maxLength: 24 },
      seed: 7,
    });
    const tokens = Array.from({ length: 20 }, (_, t) => (t * t * 5 + 3 * t) % 19);
    const targetTokens = [...tokens.slice(1), 4];
    // A few steps, so that the gains of the norms are no longer 1.
    for (let step = 0; step < 5; step++) {
      await engine.forwardBackward([{ tokens, lossInputs: { targetTokens } }], { kind: 'cross_entropy' });
      const rates = {
        learningRate: 0.03,
        beta1: 0.9,
        beta2: 0.9,
        eps: 1e-8,
        weightDecay: 0,
        gradClipNorm: 0,
      };
      await engine.optimStep(rates);
    }
    await engine.saveState(folder);
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as LlamaConfig;
    const expected = llama(config, await readSafetensors(join(folder, 'model.safetensors')), tokens);
    const other = [...tokens].reverse();
    const { logprobs } = await engine.forward([
      { tokens: other, lossInputs: { targetTokens: other } },
      { tokens, lossInputs: { targetTokens } },
    ]);
    for (const [t, target] of targetTokens.entries()) {
      expect(logprobs[1]?.[t]).toBeCloseTo((expected[t] as number[])[target] as number, 4);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** [T][V] log-probabilities of the next token. */
function llama(config: LlamaConfig, file: SafetensorsFile, tokens: readonly number[]): Matrix {
  const read = (name: string): { readonly shape: readonly number[]; readonly data: Float32Array } => {
    const tensor = file.tensors.get(`${name}.weight`);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    return tensor;
  };
  const project = (x: Matrix, name: string): Matrix => {
    const { shape, data } = read(name);
    const [outputs, inputs] = shape as [number, number];
    return x.map((row) =>
      Array.from({ length: outputs }, (_, o) => dot(row, data.subarray(o * inputs, (o + 1) * inputs))),
    );
  };
  const norm = (x: Matrix, name: string): Matrix => {
    const gain = read(name).data;
    return x.map((row) => {
      const scale = 1 / Math.sqrt(dot(row, row) / row.length + config.rms_norm_eps);
      return row.map((value, i) => value * scale * (gain[i] as number));
    });
  };
  const sum = (a: Matrix, b: Matrix): Matrix =>
    a.map((row, t) => row.map((value, i) => value + ((b[t] as number[])[i] as number)));

  const embeddings = read('model.embed_tokens');
  const width = config.hidden_size;
  let x: Matrix = tokens.map((id) => [...embeddings.data.subarray(id * width, (id + 1) * width)]);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const prefix = `model.layers.${i}`;
    const before = norm(x, `${prefix}.input_layernorm`);
    const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((name) =>
      heads(project(before, `${prefix}.self_attn.${name}`), config.head_dim),
    ) as [Matrix[], Matrix[], Matrix[]];
    const attended = attend(config, q, k, v);
    x = sum(x, project(attended, `${prefix}.self_attn.o_proj`));
    const after = norm(x, `${prefix}.post_attention_layernorm`);
    const gate = project(after, `${prefix}.mlp.gate_proj`);
    const up = project(after, `${prefix}.mlp.up_proj`);
    const inner = gate.map((row, t) =>
      row.map((value, f) => (value / (1 + Math.exp(-value))) * ((up[t] as number[])[f] as number)),
    );
    x = sum(x, project(inner, `${prefix}.mlp.down_proj`));
  }
  return project(norm(x, 'model.norm'), 'model.embed_tokens').map((logits) => {
    const highest = Math.max(...logits);
    const total = Math.log(logits.reduce((all, logit) => all + Math.exp(logit - highest), 0)) + highest;
    return logits.map((logit) => logit - total);
  });
}

/** [T][heads·d] → [heads][T][d]. */
function heads(x: Matrix, size: number): Matrix[] {
  const count = (x[0] as number[]).length / size;
  return Array.from({ length: count }, (_, h) => x.map((row) => row.slice(h * size, (h + 1) * size)));
}

function attend(config: LlamaConfig, q: Matrix[], k: Matrix[], v: Matrix[]): Matrix {
  const group = config.num_attention_heads / config.num_key_value_heads;
  const perHead = q.map((queries, h) => {
    const keys = (k[Math.floor(h / group)] as Matrix).map((row, t) => rotated(row, t, config.rope_theta));
    const values = v[Math.floor(h / group)] as Matrix;
    return queries.map((row, t) => {
      const query = rotated(row, t, config.rope_theta);
      const scores = keys.slice(0, t + 1).map((key) => dot(query, key) / Math.sqrt(config.head_dim));
      const highest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - highest));
      const total = weights.reduce((a, b) => a + b, 0);
      return row.map((_, i) =>
        weights.reduce(
          (all, weight, s) => all + (weight / total) * ((values[s] as number[])[i] as number),
          0,
        ),
      );
    });
  });
  return (perHead[0] as Matrix).map((_, t) => perHead.flatMap((head) => head[t] as number[]));
}

/** x·cos + rotate_half(x)·sin, rotate_half(x) = (−x₂, x₁). */
function rotated(x: readonly number[], position: number, theta: number): number[] {
  const half = x.length / 2;
  return x.map((value, i) => {
    const angle = position / theta ** ((2 * (i % half)) / x.length);
    const partner = i < half ? -(x[i + half] as number) : (x[i - half] as number);
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
