/**
 * The whole recipe with `engine: tinker` in place of `embedded`, against our Tinker server over HTTP: the same stages, the
 * checkpoints as pointers, the report at the end.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Progress } from '../../src/core/progress.js';
import { createChatTokenizer } from '../../src/model/tokenizer.js';
import { runRecipe } from '../../src/recipe/run-recipe.js';
import { parseRecipe } from '../../src/recipe/schema.js';
import { worldTokenizerFiles } from '../../src/world/vocabulary.js';
import { startTinkerServer } from '../support/tinker-server.js';

test('one line of a recipe takes it to a Tinker server', async () => {
  const root = await mkdtemp(join(tmpdir(), 'deskcheck-tinker-recipe-'));
  const { vocabularySize: vocabSize } = createChatTokenizer(worldTokenizerFiles());
  try {
    await using server = await startTinkerServer({
      kind: 'skyrl',
      folder: join(root, 'server'),
      model: { vocabSize, hiddenSize: 32, layers: 1, heads: 2, maxLength: 256 },
    });
    const recipe = parseRecipe(
      {
        name: 'tinker',
        engine: 'tinker',
        tinker: { server: 'skyrl', baseUrl: server.url, baseModel: 'tiny', loraRank: 0 },
        data: { families: 60, validationProblems: 1, testProblems: 1, trainProblems: 3 },
        sft: { tokens: 12_000, validateEvery: 1 },
        rl: { maxSteps: 1, batchTokens: 300, maxGroups: 2, referenceEvery: 1 },
        evaluation: { samples: 2, maxPrograms: 2 },
      },
      'a recipe',
    );
    const said: string[] = [];
    const progress: Progress = { say: (line) => void said.push(line), update: () => {}, finish: () => {} };
    const folder = await runRecipe(recipe, { root, progress, signal: new AbortController().signal });
    expect(said.join('\n')).toMatch(/skyrl: the server does not take gradClipNorm/);
    const pointer = JSON.parse(await readFile(join(folder, 'checkpoints', 'sft', 'tinker.json'), 'utf8'));
    expect(pointer).toMatchObject({ schema: 'tinker-checkpoint/1', baseModel: 'tiny', loraRank: 0 });
    expect(await readFile(join(folder, 'report', 'index.html'), 'utf8')).toContain('<html');
    expect(server.done['optim_step']).toBeGreaterThanOrEqual(pointer.version);
    // SFT's, RL's, and one for each evaluation; there is no room for a reference beside a model trained in full.
    expect(server.done['create_model']).toBe(4);
    expect(server.done['unload_model']).toBe(4);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}, 300_000);
