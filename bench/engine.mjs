/**
 * How fast the embedded engine trains and samples on this machine, at three sizes (`--quick`: one, for a second
 * each; `--workers=N`; `--json`). Needs a build: `npm run bench`.
 *
 * Every number comes with a check that the work was really done: log-probabilities recorded at sampling equal those
 * of the train graph, and the loss falls on repeated data. Lengths are those of the small world's examples (about
 * 110 tokens, up to 250); prompts have 100 tokens, 60 are sampled.
 */
import { createEmbeddedEngine } from '../dist/index.js';

const SIZES = [
  { name: '0.36M', hiddenSize: 96, layers: 3, maxLength: 256 },
  { name: '1.0M', hiddenSize: 128, layers: 5, maxLength: 256 },
  { name: '4.9M', hiddenSize: 256, layers: 6, maxLength: 512 },
];
const VOCABULARY = 300;
const TOKENS_PER_STEP = 2048;
const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01, gradClipNorm: 1 };

/** Runs the benchmark and returns its rows; `seconds` per measurement. */
async function run({ seconds = 4, workers = undefined, sizes = SIZES } = {}) {
  const rows = [];
  for (const { name, ...shape } of sizes) {
    const options = { model: { vocabSize: VOCABULARY, ...shape }, seed: 1 };
    const engine = await createEmbeddedEngine(workers === undefined ? options : { ...options, workers });
    try {
      const train = await measureTraining(engine, seconds);
      const apart = await measureSampling(engine, 1, seconds);
      const groups = await measureSampling(engine, 8, seconds);
      rows.push({
        model: name,
        parameters: engine.parameterCount,
        trainTokensPerSecond: train,
        sampledTokensPerSecond: apart,
        sampledTokensPerSecondInGroupsOf8: groups,
        residentMegabytes: Math.round(process.memoryUsage().rss / 1e6),
      });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  }
  return rows;
}

async function measureTraining(engine, seconds) {
  const random = createRandom(1);
  const batches = Array.from({ length: 8 }, () => createBatch(random));
  const step = async ({ data }) => {
    const result = engine.forwardBackward(data, { kind: 'cross_entropy' });
    await engine.optimStep(ADAM);
    return (await result).lossSum;
  };
  const before = await step(batches[0]);
  for (const batch of batches) await step(batch);
  let tokens = 0;
  let rounds = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000 || rounds < 8) {
    const batch = batches[rounds++ % batches.length];
    await step(batch);
    tokens += batch.tokens;
  }
  const elapsed = performance.now() - start;
  const after = await step(batches[0]);
  if (!(after < before)) throw new Error(`the loss did not fall: ${before} to ${after}`);
  return Math.round((tokens / elapsed) * 1000);
}

async function measureSampling(engine, groupSize, seconds) {
  const random = createRandom(2);
  const sampler = await engine.saveWeightsForSampler();
  try {
    const round = async () => {
      const requests = Array.from({ length: 256 / groupSize }, () => createPrompt(random, 100)).flatMap(
        (prompt) =>
          Array.from({ length: groupSize }, () => ({
            prompt,
            maxTokens: 60,
            temperature: 1,
            stopTokens: [],
          })),
      );
      return { requests, samples: await Promise.all(requests.map((request) => sampler.sample(request))) };
    };
    await check(engine, await round());
    let tokens = 0;
    const start = performance.now();
    while (performance.now() - start < seconds * 1000) {
      const { samples } = await round();
      for (const sample of samples) tokens += sample.tokens.length;
    }
    return Math.round((tokens / (performance.now() - start)) * 1000);
  } finally {
    await sampler[Symbol.asyncDispose]();
  }
}

async function check(engine, { requests, samples }) {
  const data = samples.slice(0, 16).map(({ tokens }, i) => {
    const all = [...requests[i].prompt, ...tokens];
    return { tokens: all.slice(0, -1), lossInputs: { targetTokens: all.slice(1) } };
  });
  const { logprobs } = await engine.forward(data);
  for (const [i, list] of logprobs.entries()) {
    const recorded = samples[i].logprobs;
    for (const [t, value] of recorded.entries()) {
      const difference = Math.abs(value - list[requests[i].prompt.length - 1 + t]);
      if (!(difference < 1e-4))
        throw new Error(`log-probabilities of sampling and training differ by ${difference}`);
    }
  }
}

function createBatch(random) {
  const data = [];
  let tokens = 0;
  while (tokens < TOKENS_PER_STEP) {
    const spread = random() + random() + random() + random() - 2;
    const length = Math.max(20, Math.min(248, Math.round(113 + 71 * spread)));
    const ids = createPrompt(random, length);
    data.push({
      tokens: ids,
      lossInputs: { targetTokens: ids, weights: ids.map(() => 1 / TOKENS_PER_STEP) },
    });
    tokens += length;
  }
  return { data, tokens };
}

function createPrompt(random, length) {
  return Array.from({ length }, () => Math.floor(random() * VOCABULARY));
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

const workers = process.argv.find((argument) => argument.startsWith('--workers='));
const rows = await run({
  ...(process.argv.includes('--quick') ? { seconds: 1, sizes: SIZES.slice(0, 1) } : {}),
  ...(workers === undefined ? {} : { workers: Number(workers.slice('--workers='.length)) }),
});
if (process.argv.includes('--json')) console.log(JSON.stringify(rows));
else console.table(rows);
