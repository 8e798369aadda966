/**
 * How fast the embedded engine trains and samples beside jax-js (WebAssembly) and PyTorch (CPU): the same Llama, weights,
 * sequences, prompts and threads, in one run, at about 0.3M, 1M and 5M parameters.
 *
 *   --sizes=0.3M,1M   some of the sizes     --sides=ours,jax,eager,compile   some of the sides     --shapes   cost against
 *   sequence length and batch at 1M instead     --seconds=3   per measurement     --threads=2     --json
 *
 * Training is forward, backward, clipping and AdamW on 8 rows of 256 tokens without padding (jax-js: no optimizer). Sampling is
 * 64 prompts of 100 tokens, 60 new ones each, with KV cache (jax-js: without prefill); and as RL samples, 8 prompts with 8
 * continuations each (transformers: num_return_sequences). PyTorch needs `uv` (or UV=path) and is left
 * out without it; its environment is that of test/integration/transformers. Answers are checked: losses of all sides agree,
 * greedy continuations do, recorded log-probabilities are the train graph's.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedEngine } from '../dist/index.js';
import { layOut } from '../dist/training/engines/embedded/architecture.js';
import { readSafetensors } from '../dist/training/engines/embedded/safetensors.js';
import { ADAM, dataOf, sampleJax, sampleOurs, startTorch, trainJax, trainOurs } from './engine/sides.mjs';

const VOCABULARY = 300;
const SIZES = {
  '0.3M': { hiddenSize: 96, layers: 3, heads: 2, intermediateSize: 256, maxLength: 512 },
  '1M': { hiddenSize: 128, layers: 5, heads: 2, maxLength: 512 },
  '5M': { hiddenSize: 256, layers: 6, heads: 4, maxLength: 512 },
};
const ROWS = 8;
const LENGTH = 256;
const SHAPES = [
  [32, 64],
  [8, 256],
  [4, 512],
  [2, 256],
  [32, 256],
];
/** Sequences sampled at once, and of how many one prompt is the start in RL's groups. */
const PROMPTS = 64;
const GROUP = 8;
const PROMPT_LENGTH = 100;
const NEW_TOKENS = 60;
const LOSS_TOLERANCE = 2e-4;

const option = (name, fallback) =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
const seconds = Number(option('seconds', '3'));
const threads = Number(option('threads', '2'));
const sides = option('sides', 'ours,jax,eager,compile').split(',');
const sizes = option('sizes', Object.keys(SIZES).join(',')).split(',');
const unknown = sizes.find((name) => !(name in SIZES));
if (unknown !== undefined) {
  process.stderr.write(`bench engine: no size "${unknown}"; there are ${Object.keys(SIZES).join(', ')}\n`);
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'deskcheck-bench-engine-'));
const torch = sides.some((side) => side === 'eager' || side === 'compile') ? await startTorch() : undefined;
if (torch === undefined && sides.includes('eager')) process.stderr.write('no uv: PyTorch is left out\n');
const rows = [];
try {
  if (torch !== undefined) await torch.ask({ kind: 'version', threads });
  if (process.argv.includes('--shapes')) {
    const model = await makeModel('1M');
    for (const [count, length] of SHAPES) await measureTraining(model, count, length);
  } else {
    for (const size of sizes) {
      const model = await makeModel(size);
      await measureTraining(model, ROWS, LENGTH);
      await measureSampling(model, PROMPTS);
      await measureSampling(model, PROMPTS / GROUP);
    }
  }
} finally {
  await torch?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}
if (process.argv.includes('--json')) console.log(JSON.stringify(rows));
else console.table(rows);

/** A model that has seen a few steps, so that its answers are no ties; on disk for all sides. */
async function makeModel(size) {
  const path = join(folder, size);
  const engine = await createEmbeddedEngine({
    model: { vocabSize: VOCABULARY, ...SIZES[size] },
    seed: 1,
    workers: threads,
  });
  const data = dataOf(makeBatch(4, 64, createRandom(7)));
  for (let step = 0; step < 10; step++) {
    void engine.forwardBackward(data, { kind: 'cross_entropy' });
    await engine.optimStep({ ...ADAM, learningRate: 1e-2 });
  }
  await engine.saveState(path);
  const { config, parameterCount } = engine;
  await engine[Symbol.asyncDispose]();
  const file = await readSafetensors(join(path, 'model.safetensors'));
  const { tensors } = layOut(config);
  const values = Object.fromEntries(tensors.map(({ key, name }) => [key, file.tensors.get(name).data]));
  return { size, folder: path, config, tensors, values, parameterCount };
}

async function measureTraining(model, count, length) {
  const batch = makeBatch(count, length, createRandom(1));
  const ours = await trainOurs(model.folder, batch, seconds, threads);
  const row = {
    work: `train ${count}×${length}`,
    parameters: model.parameterCount,
    ours: Math.round(ours.tokensPerSecond),
  };
  const opponents = {
    jax: () => trainJax(model, batch, seconds),
    eager: () =>
      torch?.ask({ kind: 'train', folder: model.folder, ...batch, seconds, threads, compiled: false }),
    compile: () =>
      torch?.ask({ kind: 'train', folder: model.folder, ...batch, seconds, threads, compiled: true }),
  };
  for (const [side, run] of Object.entries(opponents)) {
    const result = sides.includes(side) ? await run() : undefined;
    if (result === undefined) continue;
    agree(`loss of ${side}`, result.firstLoss, ours.firstLoss);
    if (result.secondLoss !== undefined) agree(`second loss of ${side}`, result.secondLoss, ours.secondLoss);
    compare(row, side, result.tokensPerSecond);
  }
  report(row);
}

/** `distinct` prompts, together continued `PROMPTS` times. */
async function measureSampling(model, distinct) {
  const different = makeBatch(distinct, PROMPT_LENGTH, createRandom(2)).tokens;
  const each = PROMPTS / distinct;
  const prompts = different.flatMap((prompt) => Array.from({ length: each }, () => prompt));
  const ours = await sampleOurs(model.folder, prompts, NEW_TOKENS, seconds, threads);
  const row = {
    work: `sample ${each > 1 ? `${distinct}×${each}` : PROMPTS}×(${PROMPT_LENGTH}+${NEW_TOKENS})`,
    parameters: model.parameterCount,
    ours: Math.round(ours.tokensPerSecond),
  };
  if (sides.includes('jax') && each === 1) {
    compare(row, 'jax', (await sampleJax(model, prompts, NEW_TOKENS, seconds)).tokensPerSecond);
  }
  if (sides.includes('eager') && torch !== undefined) {
    const task = { kind: 'generate', folder: model.folder, prompts: different, each };
    const answer = await torch.ask({ ...task, new_tokens: NEW_TOKENS, seconds, threads });
    const greedy = ours.greedy.filter((_, i) => i % each === 0);
    if (JSON.stringify(answer.greedy.slice(0, greedy.length)) !== JSON.stringify(greedy)) {
      throw new Error(`greedy continuations differ: ${JSON.stringify([answer.greedy, greedy])}`);
    }
    compare(row, 'eager', answer.tokensPerSecond);
  }
  report(row);
}

function compare(row, side, tokensPerSecond) {
  row[side] = Math.round(tokensPerSecond);
  row[`ours/${side}`] = Number((row.ours / tokensPerSecond).toFixed(2));
}

function report(row) {
  rows.push(row);
  if (!process.argv.includes('--json')) process.stderr.write(`${JSON.stringify(row)}\n`);
}

function agree(what, value, expected) {
  if (!(Math.abs(value - expected) < LOSS_TOLERANCE * Math.abs(expected))) {
    throw new Error(`${what} is ${value}, ours is ${expected}`);
  }
}

/** Rows of random tokens with random targets. */
function makeBatch(count, length, random) {
  const draw = () =>
    Array.from({ length: count }, () => Array.from({ length }, () => Math.floor(random() * VOCABULARY)));
  return { tokens: draw(), targets: draw() };
}

/** mulberry32: the same work in every run. */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
