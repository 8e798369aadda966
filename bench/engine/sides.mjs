/**
 * The three sides of bench/engine, each on the same weights (a checkpoint folder), sequences and prompts:
 * `train` gives tokens per second and the loss before the first step, `sample` tokens per second. Every side checks that its
 * answers are those of the embedded engine.
 */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openEmbeddedEngine } from '../../dist/index.js';

export const ADAM = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.01,
  gradClipNorm: 1,
};

/** Seconds per round of `step`, over at least two rounds and `seconds`. */
export async function rounds(step, seconds, warm = 2) {
  for (let i = 0; i < warm; i++) await step();
  let count = 0;
  const start = performance.now();
  while (count < 2 || performance.now() - start < seconds * 1000) {
    await step();
    count += 1;
  }
  return (performance.now() - start) / 1000 / count;
}

export function dataOf({ tokens, targets }) {
  const weight = 1 / (tokens.length * tokens[0].length);
  return tokens.map((row, i) => ({
    tokens: row,
    lossInputs: { targetTokens: targets[i], weights: row.map(() => weight) },
  }));
}

/** The embedded engine on `workers` lanes. */
export async function trainOurs(folder, batch, seconds, workers) {
  const engine = await openEmbeddedEngine(folder, { fresh: true, workers });
  try {
    const losses = [];
    const data = dataOf(batch);
    const each = await rounds(
      async () => {
        const result = engine.forwardBackward(data, { kind: 'cross_entropy' });
        await engine.optimStep(ADAM);
        losses.push((await result).lossSum);
      },
      seconds,
      3,
    );
    const tokens = batch.tokens.length * batch.tokens[0].length;
    return { tokensPerSecond: tokens / each, firstLoss: losses[0], secondLoss: losses[1] };
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

/** Samples `newTokens` for every prompt at temperature 1; recorded log-probabilities equal the train graph's. */
export async function sampleOurs(folder, prompts, newTokens, seconds, workers) {
  const engine = await openEmbeddedEngine(folder, { fresh: true, workers });
  const sampler = await engine.saveWeightsForSampler({ slots: Math.ceil(prompts.length / workers) });
  try {
    const common = { maxTokens: newTokens, temperature: 1, stopTokens: [] };
    const round = () => Promise.all(prompts.map((prompt) => sampler.sample({ prompt, ...common })));
    await checkRecorded(engine, prompts, await round());
    const each = await rounds(round, seconds, 0);
    const greedy = await Promise.all(
      prompts
        .slice(0, 8)
        .map((prompt) => sampler.sample({ prompt, maxTokens: 8, temperature: 0, stopTokens: [] })),
    );
    return {
      tokensPerSecond: (prompts.length * newTokens) / each,
      greedy: greedy.map(({ tokens }) => tokens),
    };
  } finally {
    await sampler[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  }
}

async function checkRecorded(engine, prompts, samples) {
  const data = samples.slice(0, 16).map(({ tokens }, i) => {
    const all = [...prompts[i], ...tokens];
    return { tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1) } };
  });
  const { logprobs } = await engine.forward(data);
  for (const [i, list] of logprobs.entries()) {
    for (const [t, value] of samples[i].logprobs.entries()) {
      const difference = Math.abs(value - list[prompts[i].length - 1 + t]);
      if (!(difference < 1e-4))
        throw new Error(`log-probabilities of sampling and training differ by ${difference}`);
    }
  }
}

/** jax-js in WebAssembly: forward and backward only, the optimizer left out. */
export async function trainJax(model, batch, seconds) {
  const { grid, jaxLossAndGradients } = await import('./jax-llama.mjs');
  const { tree } = await import('@jax-js/jax');
  const compute = jaxLossAndGradients(model.config, { kind: 'cross_entropy' });
  const parameters = await jaxParameters(model);
  const length = batch.tokens[0].length;
  const weight = 1 / (batch.tokens.length * length);
  let firstLoss;
  const step = async () => {
    const [loss, gradients] = compute(tree.ref(parameters), {
      tokens: grid(batch.tokens, length),
      targets: grid(batch.targets, length),
      weights: grid(
        batch.tokens.map((row) => row.map(() => weight)),
        length,
        'float32',
      ),
    });
    firstLoss ??= (await loss.data())[0];
    await gradients.embed.blockUntilReady();
    tree.dispose(gradients);
  };
  const each = await rounds(step, seconds, 1);
  tree.dispose(parameters);
  return { tokensPerSecond: (batch.tokens.length * length) / each, firstLoss };
}

/** jax-js with a KV cache, from position `prompt length` on, its prefill left out of the time. */
export async function sampleJax(model, prompts, newTokens, seconds) {
  const { tree } = await import('@jax-js/jax');
  const { createJaxDecoder } = await import('./jax-decode.mjs');
  const parameters = await jaxParameters(model);
  const promptLength = prompts[0].length;
  const decoder = createJaxDecoder(model.config, parameters, prompts.length, promptLength + newTokens);
  let probabilities;
  for (let t = 0; t < 3; t++)
    probabilities = await decoder.step(
      prompts.map((row) => row[t]),
      t,
    );
  await checkFirst(model, prompts, probabilities);
  let position = promptLength;
  const vocabulary = model.config.vocabSize;
  const each = await rounds(async () => {
    const tokens = prompts.map((_, i) => draw(probabilities, i * vocabulary, vocabulary));
    probabilities = await decoder.step(tokens, position);
    position = position + 1 < promptLength + newTokens ? position + 1 : promptLength;
  }, seconds);
  decoder.dispose();
  tree.dispose(parameters);
  return { tokensPerSecond: prompts.length / each };
}

async function checkFirst({ folder, config }, prompts, probabilities) {
  const engine = await openEmbeddedEngine(folder, { fresh: true, workers: 1 });
  const data = prompts.map((row) => ({
    tokens: row.slice(0, 3),
    lossInputs: { targetTokens: row.slice(1, 4) },
  }));
  const { logprobs } = await engine.forward(data);
  await engine[Symbol.asyncDispose]();
  for (const [i, list] of logprobs.entries()) {
    const difference = Math.abs(list[2] - Math.log(probabilities[i * config.vocabSize + prompts[i][3]]));
    if (!(difference < 1e-4))
      throw new Error(`jax-js decodes another model: log-probabilities differ by ${difference}`);
  }
}

async function jaxParameters({ tensors, values }) {
  const { toJax } = await import('./jax-llama.mjs');
  return toJax(tensors, values);
}

function draw(probabilities, offset, size) {
  let rest = Math.random();
  for (let i = 0; i < size; i++) {
    rest -= probabilities[offset + i];
    if (rest < 0) return i;
  }
  return size - 1;
}

/** Starts PyTorch (test/integration/transformers has its environment), or gives `undefined` where there is no uv. */
export async function startTorch() {
  const folder = join(import.meta.dirname, '..', '..', 'test', 'integration', 'transformers');
  const child = spawn(
    process.env.UV ?? 'uv',
    ['run', '--project', folder, 'python', join(import.meta.dirname, 'torch_side.py')],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        UV_PROJECT_ENVIRONMENT: join(tmpdir(), 'deskcheck-transformers'),
        ...process.env,
        HF_HUB_OFFLINE: '1',
      },
    },
  );
  const started = await new Promise((resolve) => {
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
  });
  if (!started) return undefined;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(task) {
      child.stdin.write(`${JSON.stringify(task)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('PyTorch ended; see above');
      return JSON.parse(value);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await new Promise((resolve) => child.once('close', resolve));
    },
  };
}
