/**
 * The embedded engine where an endpoint would be: `--model embedded:<folder>`. The weights are random, so what is tested is
 * the way through, not the answers.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import { SILENT } from '../../src/core/progress.js';
import { createChatTokenizer, writeTokenizerFiles } from '../../src/model/tokenizer.js';
import { openChatModel } from '../../src/recipe/open-model.js';
import { runVerify } from '../../src/recipe/verify.js';
import { createEmbeddedEngine } from '../../src/training/engines/embedded/index.js';
import { worldTokenizerFiles } from '../../src/world/vocabulary.js';
import { timesProblem } from '../support/double-server.js';

let root = '';
let checkpoint = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'deskcheck-embedded-'));
  checkpoint = join(root, 'tiny', 'checkpoints', 'sft');
  const files = worldTokenizerFiles();
  const vocabSize = createChatTokenizer(files).vocabularySize;
  const model = { vocabSize, hiddenSize: 16, layers: 1, heads: 2, maxLength: 256 };
  await using engine = await createEmbeddedEngine({ model, seed: 1 });
  await engine.saveState(checkpoint);
  await writeTokenizerFiles(checkpoint, files);
});
afterAll(() => rm(root, { recursive: true }));

test('a run folder answers in the terse style, and is called by its name', async () => {
  await using opened = await openChatModel(`embedded:${join(root, 'tiny')}`);
  expect(opened.model.id).toBe('tiny');
  expect(opened.style.id).toBe('terse');
  const request = {
    messages: [{ role: 'user', content: 'Run:\nprint(1)\nInput: 1' }],
    maxTokens: 8,
  } as const;
  const { usage } = await opened.model.generate({ ...request, temperature: 1, seed: 1 });
  expect(usage.completionTokens).toBeGreaterThan(0);
  expect(opened.meter.spending()).toMatchObject({ calls: 1, completionTokens: usage.completionTokens });
});

test('verify works through all its problems with it', async () => {
  const { outcomes, spending } = await runVerify({
    folder: join(root, 'run'),
    problems: [timesProblem(0), timesProblem(1)],
    sandbox: 'none',
    progress: SILENT,
    signal: new AbortController().signal,
    settings: {
      ...{ command: 'verify', model: join(root, 'tiny'), seed: 1, samples: 2, predictions: 1, vote: 'share' },
      ...{ earlyStop: false, publicTestsInPrompt: true, temperature: 1, topP: 1, comparator: 'codecontests' },
    },
  });
  expect(outcomes).toHaveLength(2);
  expect(spending.calls).toBeGreaterThanOrEqual(4);
});

test('a folder without a model is refused', async () => {
  await expect(openChatModel(join(root, 'nothing'))).rejects.toThrow(UsageError);
});
