/**
 * The loops above the seam on the embedded engine: SFT memorises, RL solves a bandit and learns to copy from rewards
 * alone, and what the sampler recorded is what the trainer computes.
 */
import { describe, expect, test } from 'vitest';
import { createEmbeddedEngine } from '../../src/training/engines/embedded/index.js';
import type { RlOptions, RlStep } from '../../src/training/rl/options.js';
import { trainRl } from '../../src/training/rl/train-rl.js';
import { trainSft } from '../../src/training/sft.js';
import { banditTask, copyTask, tokenRenderer } from '../support/token-tasks.js';

const model = { vocabSize: 8, hiddenSize: 32, layers: 1, heads: 2, maxLength: 16 };
const adam = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 1 };

async function run(
  options: Pick<RlOptions, 'tasks' | 'rollouts' | 'batch' | 'budget'>,
  seed = 1,
): Promise<readonly RlStep[]> {
  await using engine = await createEmbeddedEngine({ model, seed });
  const steps: RlStep[] = [];
  await trainRl(engine, {
    ...options,
    renderer: tokenRenderer,
    seed,
    adam,
    schedule: { peak: 3e-3, warmupShare: 0.1, decayShare: 0.2 },
    onStep: (step) => void steps.push(step),
  });
  return steps;
}

describe('RL on the embedded engine', () => {
  test('solves a bandit', async () => {
    const batch = { tokenBudget: 100, maxGroups: 16 };
    const steps = await run({
      tasks: [banditTask(5)],
      rollouts: 'synchronous',
      batch,
      budget: { steps: 40 },
    });
    expect(steps[0]!.tasks['bandit']!.reward).toBeLessThan(-0.8);
    expect(steps.at(-1)!.tasks['bandit']!.reward).toBeGreaterThan(0.9);
  });

  test.each(['synchronous', 'asynchronous'] as const)('learns to copy with %s rollouts', async (rollouts) => {
    const batch = { tokenBudget: 500, maxGroups: 32 };
    const steps = await run({
      tasks: [copyTask([1, 2, 3, 4, 5], 1)],
      rollouts,
      batch,
      budget: { steps: 60 },
    });
    const rewards = steps.map(({ tasks }) => tasks['copy']!.reward);
    expect(rewards[0]).toBeLessThan(-0.3);
    expect(rewards.at(-1)).toBeGreaterThan(0.9);
  });

  test('is on policy: the trainer computes what the sampler recorded, so that the ratios are 1', async () => {
    const batch = { tokenBudget: 500, maxGroups: 32 };
    const steps = await run({
      tasks: [copyTask([1, 2, 3], 2)],
      rollouts: 'synchronous',
      batch,
      budget: { steps: 10 },
    });
    for (const { policy } of steps) {
      expect(policy?.mismatch?.max ?? 0).toBeLessThan(1e-4);
      expect(policy?.clipFraction ?? 0).toBe(0);
    }
  });
});

test('SFT on the embedded engine memorises its examples', async () => {
  await using engine = await createEmbeddedEngine({ model, seed: 1 });
  const lessons = [
    { promptTokens: [1, 2], completionTokens: [5, 6, 0] },
    { promptTokens: [2, 1], completionTokens: [7, 0] },
  ];
  let loss = Number.POSITIVE_INFINITY;
  await trainSft(engine, {
    source: () => lessons,
    batchTokens: 32,
    budget: { steps: 80 },
    schedule: { peak: 1e-2, warmupShare: 0.05, decayShare: 0.6 },
    adam,
    onStep: (step) => {
      loss = step.loss;
    },
  });
  expect(loss).toBeLessThan(0.02);
  await using sampler = await engine.saveWeightsForSampler();
  for (const { promptTokens, completionTokens } of lessons) {
    const request = { prompt: promptTokens, maxTokens: 5, temperature: 0, stopTokens: [0] };
    expect((await sampler.sample(request)).tokens).toEqual(completionTokens);
  }
});
