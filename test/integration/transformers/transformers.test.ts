/**
 * Checkpoints against Hugging Face transformers on CPU: folders that the engine wrote open there, folders that
 * transformers wrote open here, and both give the same log-probabilities. Its Python environment is its own (pyproject.toml,
 * several gigabytes); it is made outside the repository unless UV_PROJECT_ENVIRONMENT says where.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import {
  createEmbeddedEngine,
  type EmbeddedEngine,
  type ModelOptions,
  openEmbeddedEngine,
} from '../../../src/training/engines/embedded/index.js';

const ADAM = { learningRate: 0.02, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01, gradClipNorm: 1 };
const TOLERANCE = 1e-3;

const OURS: Readonly<Record<string, ModelOptions>> = {
  'of the tiny recipe': { vocabSize: 300, hiddenSize: 96, layers: 3, heads: 2, maxLength: 256 },
  'with grouped key heads and another base of positions': {
    vocabSize: 61,
    hiddenSize: 64,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
    intermediateSize: 96,
    maxLength: 128,
    ropeTheta: 500,
    rmsNormEps: 1e-3,
  },
};

const THEIRS: Readonly<Record<string, object>> = {
  'with the default base of positions': {
    vocab_size: 53,
    hidden_size: 32,
    intermediate_size: 80,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
  },
  'with another base of positions': {
    vocab_size: 53,
    hidden_size: 48,
    intermediate_size: 64,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-2,
    rope_parameters: { rope_type: 'default', rope_theta: 77 },
  },
};

let folder: string;
let expected: Map<string, number[][]>;
const sequences = (vocabSize: number, longest: number): number[][] => {
  const rng = createRng('transformers');
  return [longest, 17, 2].map((length) => Array.from({ length }, () => rng.int(0, vocabSize - 1)));
};
const ours = Object.entries(OURS).map(([title, model], i) => ({ title, model, name: `ours-${i}` }));
const theirs = Object.entries(THEIRS).map(([title, config], i) => ({ title, config, name: `theirs-${i}` }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-transformers-test-'));
  for (const { model, name } of ours) {
    await using engine = await createEmbeddedEngine({ model, seed: 5 });
    const data = datums(sequences(model.vocabSize, model.maxLength));
    // A few steps, so that the gains of the norms are no longer 1.
    for (let step = 0; step < 4; step++) {
      await engine.forwardBackward(data, { kind: 'cross_entropy' });
      await engine.optimStep(ADAM);
    }
    await engine.saveState(join(folder, name));
  }
  const measured = [
    ...ours.map(({ name, model }) => ({ name, tokens: sequences(model.vocabSize, model.maxLength) })),
    ...theirs.map(({ name }) => ({ name, tokens: sequences(53, 64) })),
  ];
  const results = await reference({
    create: theirs.map(({ name, config }, seed) => ({ folder: join(folder, name), seed, config })),
    measure: measured.map(({ name, tokens }) => ({ folder: join(folder, name), tokens })),
  });
  expected = new Map(measured.map(({ name }, i) => [name, results[i] as number[][]]));
}, 900_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a checkpoint of ours gives the same log-probabilities in transformers', () => {
  for (const { title, name, model } of ours) {
    it(title, async () => {
      await using engine = await openEmbeddedEngine(join(folder, name));
      await compare(engine, sequences(model.vocabSize, model.maxLength), expected.get(name) ?? []);
    });
  }
});

describe('a folder that transformers wrote gives the same log-probabilities here', () => {
  for (const { title, name } of theirs) {
    it(title, async () => {
      await using engine = await openEmbeddedEngine(join(folder, name), { fresh: true });
      await compare(engine, sequences(53, 64), expected.get(name) ?? []);
    });
  }
});

async function compare(engine: EmbeddedEngine, tokens: number[][], wanted: number[][]): Promise<void> {
  const { logprobs } = await engine.forward(datums(tokens));
  expect(wanted).toHaveLength(tokens.length);
  let worst = 0;
  for (const [i, list] of wanted.entries()) {
    expect(logprobs[i]).toHaveLength(list.length);
    for (const [t, value] of list.entries()) {
      worst = Math.max(worst, Math.abs((logprobs[i]?.[t] ?? Number.NaN) - value));
    }
  }
  console.log(`largest difference ${worst.toExponential(1)}`);
  expect(worst).toBeLessThan(TOLERANCE);
}

function datums(tokens: number[][]) {
  return tokens.map((all) => ({ tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1) } }));
}

async function reference(task: object): Promise<number[][][]> {
  const child = spawn(process.env['UV'] ?? 'uv', ['run', 'python', 'reference.py'], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      UV_PROJECT_ENVIRONMENT: join(tmpdir(), 'deskcheck-transformers'),
      ...process.env,
      HF_HUB_OFFLINE: '1',
    },
  });
  child.stdin.end(JSON.stringify(task));
  const [output, code] = await Promise.all([
    text(child.stdout),
    new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    }),
  ]);
  if (code !== 0) throw new Error(`the reference ended with code ${code}`);
  return JSON.parse(output) as number[][][];
}
