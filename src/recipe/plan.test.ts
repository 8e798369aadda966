import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatPlan, planOf, rlCost, sftCost } from './plan.js';
import { isScaleRecipe, parseScaleRecipe } from './scale-schema.js';
import { parseRecipe } from './schema.js';

const read = async (size: '3b' | '7b'): Promise<Record<string, Record<string, unknown>>> =>
  parse(await readFile(join(import.meta.dirname, `../../recipes/paper-qwen2.5-${size}.yaml`), 'utf8'));

describe('the recipes of the paper', () => {
  it('hold its numbers and pass', async () => {
    for (const [size, flops, gpus] of [
      ['3b', 5.0e21, 64],
      ['7b', 7.9e21, 128],
    ] as const) {
      const value = await read(size);
      expect(isScaleRecipe(value)).toBe(true);
      const { sft, rl } = parseScaleRecipe(value, size);
      expect(sft).toMatchObject({
        steps: 15_500,
        batchTokens: 4e6,
        learningRate: 8e-6,
        warmupSteps: 1000,
        flops,
      });
      expect(sft.gpus.count).toBe(gpus);
      expect(rl).toMatchObject({
        updates: 4000,
        tokens: 3.2e9,
        groupSize: 8,
        maxStaleness: 8,
        learningRate: 1.4e-7,
      });
    }
  });

  it('are planned: tokens, FLOPs, GPU hours, disk, commands', async () => {
    const recipe = parseScaleRecipe(await read('3b'), 'a recipe');
    // By hand: 15,500 × 4M; 6 × 3.09e9 × 62e9; 64 × 20 h.
    expect(sftCost(recipe).tokens).toBe(62e9);
    expect(sftCost(recipe).weightFlops).toBeCloseTo(1.149e21, -18.5);
    expect(rlCost(recipe).weightFlops).toBeCloseTo(5.93e19, -17);
    const text = formatPlan(planOf(recipe));
    expect(text).toMatch(/15\.5k steps of 4M tokens: 62B tokens/);
    expect(text).toMatch(/GPU hours: 1\.3k by the paper \(64 H100, about 20 h\)/);
    expect(text).toMatch(/a checkpoint with its optimizer: about 43\.3 GB/);
    expect(text).toMatch(
      /uv run --extra tinker --extra fsdp -m skyrl\.tinker\.api --base-model Qwen\/Qwen2\.5-3B/,
    );
    // 5.0e21 / (64 × 20 × 3600) = 1.09e15, above the dense peak of 9.9e14.
    expect(text).toMatch(/imply 1\.1e15 FLOP\/s per H100, 110% of its dense peak/);
    expect(text).toMatch(/does not take gradClipNorm \(0\.1\)/);
  });

  it('are refused with every fault by name', async () => {
    const value = await read('3b');
    const broken = {
      ...value,
      engine: 'embedded',
      sft: { ...value['sft'], warmupSteps: 20_000 },
      rl: { ...value['rl'], klWeight: 0.1, grupSize: 4 },
    };
    expect(() => parseScaleRecipe(broken, 'a recipe')).toThrow(/grupSize/);
    const { rl } = value;
    expect(() => parseScaleRecipe({ ...broken, rl: { ...rl, klWeight: 0.1 } }, 'a recipe')).toThrow(
      /engine: .*needs engine "tinker".*sft\.warmupSteps.*rl\.klWeight/,
    );
    const hosted = { ...value, tinker: { ...value['tinker'], server: 'hosted' } };
    expect(() => parseScaleRecipe(hosted, 'a recipe')).toThrow(/hosted trains LoRA only/);
  });
});

describe('the engine of a recipe', () => {
  const tinker = { server: 'skyrl-jax', baseModel: 'tiny', loraRank: 8 };

  it('is one line and its settings', () => {
    expect(parseRecipe({ name: 'a' }, 'a').engine).toBe('embedded');
    const recipe = parseRecipe({ name: 'a', engine: 'tinker', tinker }, 'a');
    expect(recipe.tinker).toMatchObject({ baseUrl: 'http://localhost:8000', samplesInFlight: 256 });
  });

  it('is refused when it cannot be', () => {
    expect(() => parseRecipe({ name: 'a', engine: 'tinker' }, 'a')).toThrow(/needs a server/);
    const asynchronous = { name: 'a', engine: 'tinker', tinker, rl: { rollouts: 'asynchronous' } };
    expect(() => parseRecipe(asynchronous, 'a')).toThrow(
      /rl\.rollouts: skyrl-jax .* synchronous rollouts only/,
    );
  });
});
