/**
 * SFT on conversations from files, with the embedded engine: it learns, it is resumed in the middle, and wrong data are named.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { SILENT } from '../core/progress.js';
import { createChatTokenizer, openChatTokenizer, writeTokenizerFiles } from '../model/tokenizer.js';
import { openEmbeddedSampler } from '../training/engines/embedded/index.js';
import { worldTokenizerFiles } from '../world/vocabulary.js';
import { runChatSft } from './chat-sft.js';
import { readChatRecipe } from './read-recipe.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'deskcheck-chats-'));
  await writeTokenizerFiles(root, createChatTokenizer(worldTokenizerFiles()).files);
});
afterEach(() => rm(root, { recursive: true }));

const LETTERS = [...'abcdefghijkl'];
/** One letter is answered by the next. */
const lessons = LETTERS.map((letter, i) => ({
  messages: [
    { role: 'user', content: letter },
    { role: 'assistant', content: LETTERS[(i + 1) % LETTERS.length] },
  ],
  source: 'an alphabet',
}));

async function writeRecipe(name: string, fields: object = {}): Promise<string> {
  await writeFile(join(root, 'lessons.jsonl'), lessons.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const recipe = {
    name,
    world: 'chats',
    model: { tokenizer: '.', hiddenSize: 32, layers: 1, heads: 2, feedForwardSize: 64, maxLength: 32 },
    data: { train: [{ file: 'lessons.jsonl' }], validation: ['lessons.jsonl'] },
    sft: { epochs: 60, batchTokens: 24, learningRate: 0.02, weightDecay: 0, validateEvery: 0.25 },
    ...fields,
  };
  const path = join(root, `${name}.yaml`);
  await writeFile(path, stringify(recipe));
  return path;
}

const run = async (path: string, signal = new AbortController().signal): Promise<string> =>
  runChatSft(await readChatRecipe(path), { root: join(root, 'runs'), progress: SILENT, signal });

test('it learns its conversations, stopped in the middle or not, and leaves models that open elsewhere', async () => {
  const whole = await run(await writeRecipe('whole'));
  const path = await writeRecipe('stopped');
  for (let stops = 0; stops < 3; stops++) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 400);
    await run(path, controller.signal).catch((error: Error) => expect(error.name).toBe('AbortError'));
    clearTimeout(timer);
  }
  const stopped = await run(path);
  const weights = (folder: string): Promise<Buffer> =>
    readFile(join(folder, 'checkpoints', 'last', 'model.safetensors'));
  expect((await weights(stopped)).equals(await weights(whole))).toBe(true);
  const rows = (await readFile(join(whole, 'metrics.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { validationLoss?: number; tokens: number });
  const losses = rows.flatMap(({ validationLoss }) => validationLoss ?? []);
  expect(losses.length).toBeGreaterThanOrEqual(4);
  expect(losses.at(-1)).toBeLessThan(0.05);
  // 12 conversations of <|user|> letter <|assistant|> letter <|end|>, of which the last is only a target: 4 inputs each.
  expect(rows.at(-1)!.tokens).toBe(60 * 12 * 4);

  for (const name of ['last', 'best']) {
    const folder = join(whole, 'checkpoints', name);
    const tokenizer = await openChatTokenizer(folder);
    const sampler = await openEmbeddedSampler(folder);
    const prompt = tokenizer.renderPrompt([{ role: 'user', content: 'c' }]);
    const { tokens } = await sampler.sample({
      prompt,
      stopTokens: tokenizer.stopTokens,
      maxTokens: 4,
      temperature: 0,
    });
    expect(tokens).toEqual(tokenizer.encodeCompletion('d'));
    await sampler[Symbol.asyncDispose]();
  }
  // A finished run is not trained again; a model goes on from its folder.
  expect(await run(await writeRecipe('whole'))).toBe(whole);
  const more = await writeRecipe('more', {
    model: { base: 'runs/whole/checkpoints/last' },
    sft: { tokens: 200, batchTokens: 24 },
  });
  expect(existsSync(join(await run(more), 'checkpoints', 'last', 'config.json'))).toBe(true);
}, 60_000);

test.each([
  ['{"messages": [{"role": "user", "content": "a"}]}', /rows.jsonl, row 1: no message of the assistant/],
  ['{"messages": [{"role": "human", "content": "a"}]}', /rows.jsonl, row 1: expected .*messages.0.role/],
  ['{"prompt": "a"}', /rows.jsonl, row 1: expected/],
  ['', /rows.jsonl is missing or holds no rows/],
])('wrong rows are named: %s', async (row, message) => {
  await writeFile(join(root, 'rows.jsonl'), row);
  const path = await writeRecipe('wrong', { data: { train: [{ file: 'rows.jsonl' }] } });
  await expect(run(path)).rejects.toThrow(message);
});

test('the example recipe is one, with its paths from its own folder', async () => {
  const recipe = await readChatRecipe(join(import.meta.dirname, '../../recipes/conversations.yaml'));
  expect(recipe.data.train.map(({ file }) => basename(file))).toEqual(['explained.jsonl', 'general.jsonl']);
  expect(dirname(recipe.data.train[0]!.file)).toBe(join(import.meta.dirname, '../../recipes'));
  expect(recipe.sft).toMatchObject({ epochs: 2, decay: 0.6 });
});

test.each([
  [{ sft: {} }, /sft: give a budget, either epochs or tokens/],
  [{ model: {} }, /model: name a base to go on from, or a tokenizer/],
  [
    { data: { train: [{ file: 'a', weight: 1 }, { file: 'b' }] } },
    /data.train: give every file a weight, or none/,
  ],
  [{ sft: { epochs: 1, tokens: 5 } }, /either epochs or tokens/],
])('a recipe that cannot be is refused: %j', async (fields, message) => {
  await expect(readChatRecipe(await writeRecipe('wrong', fields))).rejects.toThrow(message);
});
