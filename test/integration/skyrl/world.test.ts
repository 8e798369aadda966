/**
 * The small world's own RL on SkyRL, on CPU with its JAX backend: output prediction and solving through the unchanged loop,
 * programs judged in the wasm sandbox, the server killed on the way and the run gone on with.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { terseStyle } from '../../../src/episode/prompts/terse.js';
import { createWasmSandbox } from '../../../src/execution/wasm/wasm-sandbox.js';
import { createChatTokenizer, writeTokenizerFiles } from '../../../src/model/tokenizer.js';
import { executionExample, solvingExample } from '../../../src/nlex/examples.js';
import type { Problem } from '../../../src/problem/types.js';
import { createPredictions, type PredictionItem } from '../../../src/recipe/stages/predictions.js';
import { createTasks } from '../../../src/recipe/stages/rl-tasks.js';
import { encodeExample } from '../../../src/recipe/stages/sft.js';
import { openCheckpoints } from '../../../src/training/checkpoints.js';
import { createEmbeddedEngine } from '../../../src/training/engines/embedded/index.js';
import { openTinkerEngine } from '../../../src/training/engines/tinker/index.js';
import { parseRlState, type RlState, type RlStep } from '../../../src/training/rl/options.js';
import { trainRl } from '../../../src/training/rl/train-rl.js';
import { trainSft } from '../../../src/training/sft.js';
import { shuffledSource } from '../../../src/training/sft-data.js';
import { createProblems } from '../../../src/world/problems.js';
import { worldTokenizerFiles } from '../../../src/world/vocabulary.js';
import { type SkyrlServer, startSkyrl } from './server.js';

const MAX_LENGTH = 128;
/** Answers without a narration, and programs of a stage at most: the server compiles every length anew. */
const MAX_TOKENS = { simulate: 32, solve: 32, review: 32 };
const adam = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0 };

const tokenizer = createChatTokenizer(worldTokenizerFiles());
const sandbox = createWasmSandbox({ processes: 1, isolation: 'program' });
let folder: string;
let model: string;
let problems: readonly Problem[];
let predictions: readonly PredictionItem[];
let server: SkyrlServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-skyrl-'));
  model = join(folder, 'model');
  problems = await createProblems(sandbox, 'skyrl', 'train', 6, [1, 1, 0, 0]);
  predictions = await createPredictions(sandbox, problems, 'skyrl/predictions');
  await writeModel();
  server = await startSkyrl(model, join(folder, 'state'));
});

afterAll(async () => {
  await server?.kill();
  await sandbox[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A model that has half learned these problems' answers, so that the rewards of a group differ. */
async function writeModel(): Promise<void> {
  await using engine = await createEmbeddedEngine({
    model: {
      vocabSize: tokenizer.vocabularySize,
      hiddenSize: 32,
      layers: 2,
      heads: 2,
      maxLength: MAX_LENGTH,
    },
    seed: 1,
    threads: 1,
  });
  const examples = [
    ...predictions.map(({ source, input, output }) =>
      executionExample(
        terseStyle,
        { source },
        { kind: 'stdin', stdin: input },
        { explanation: '', output, narrator: 'none' },
      ),
    ),
    ...problems.map((problem) => solvingExample(terseStyle, problem, problem.programs![0]!)),
  ];
  await trainSft(engine, {
    source: shuffledSource(examples, 'skyrl/sft', (example) => [encodeExample(tokenizer, example)]),
    batchTokens: 512,
    budget: { tokens: 27_000 },
    schedule: { peak: 1e-2, warmupShare: 0.05, decayShare: 0.5 },
    adam: { ...adam, gradClipNorm: 1 },
  });
  await engine.saveState(model);
  await writeTokenizerFiles(model, tokenizer.files);
}

test('ten RL steps of the small world, the server killed in the middle and started again', async () => {
  const checkpoints = openCheckpoints<RlState>(join(folder, 'rl'), parseRlState);
  const steps: RlStep[] = [];
  const run = async (killAfter?: number): Promise<RlState> => {
    await using engine = await openTinkerEngine({
      server: 'skyrl-jax',
      baseUrl: server.url,
      baseModel: model,
      loraRank: 8,
      seed: 1,
      maxLength: MAX_LENGTH,
      vocabSize: tokenizer.vocabularySize,
      patienceMs: killAfter === undefined ? 60_000 : 2_000,
    });
    return await trainRl(engine, {
      tasks: createTasks(
        { outputPrediction: 0.5, outputPredictionScale: 0.8, selfRlef: 0, simulatedFeedbackFrom: 1 },
        terseStyle,
        problems,
        predictions,
        MAX_TOKENS,
      ),
      renderer: tokenizer,
      sandbox,
      seed: 'skyrl/rl',
      groupSize: 4,
      rollouts: 'synchronous',
      batch: { tokenBudget: 512, maxGroups: 8 },
      adam: { ...adam, gradClipNorm: 0 },
      schedule: { peak: 2e-3, warmupShare: 0, decayShare: 0 },
      budget: { steps: 10 },
      checkpoints,
      saveEvery: 2,
      retry: { maxAttempts: 1, baseDelayMs: 1 },
      onStep: async (step) => {
        steps[step.step - 1] = step;
        console.log(lineOf(step));
        if (step.step === killAfter) await server.kill();
      },
    });
  };
  await expect(run(5)).rejects.toThrow();
  expect((await checkpoints.load('latest'))!.state.steps).toBe(4);
  server = await startSkyrl(model, join(folder, 'state'), server.port);
  expect(await run()).toMatchObject({ steps: 10, finished: true });
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  for (const { groups, policy, failures } of steps) {
    expect(groups).toMatchObject({ stale: 0, unscored: 0, abandoned: 0 });
    expect(failures).toEqual({});
    expect(policy?.mismatch?.max ?? 0).toBeLessThan(1e-3);
  }
  // There was something to learn from in most steps, and in both tasks.
  expect(steps.filter(({ groups }) => groups.trained > 0).length).toBeGreaterThanOrEqual(8);
  for (const name of ['output-prediction', 'solving']) {
    expect(steps.some(({ tasks }) => (tasks[name]?.mixedShare ?? 0) > 0)).toBe(true);
  }
});

function lineOf({ step, tasks, groups, sampledTokens, trainedTokens, policy, stepSeconds }: RlStep): string {
  const rewards = Object.entries(tasks).map(([name, { reward }]) => `${name} ${reward.toFixed(2)}`);
  return (
    `step ${step}: ${rewards.join(', ')}; ${groups.trained} groups trained, ${groups.uniform} uniform; ` +
    `${sampledTokens} tokens sampled, ${trainedTokens} trained; mismatch ${policy?.mismatch?.max}; ${stepSeconds.toFixed(1)} s`
  );
}
