/**
 * Answers kept on disk, recorded files, and the syntax that names models.
 */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import { loadLanguageModel, parseModelSpec } from '../../src/model/model-spec.js';
import { openRecordedModel } from '../../src/model/recorded-model.js';
import { createUnaskedModel, openResponseCache, withCache } from '../../src/model/response-cache.js';
import type { ChatRequest } from '../../src/model/types.js';
import { createScriptedModel } from '../support/scripted-model.js';

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-'));
  file = join(folder, 'calls.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

function asking(content: string, seed?: number): ChatRequest {
  const base = { messages: [{ role: 'user', content }], maxTokens: 9, temperature: 1 } as const;
  return seed === undefined ? base : { ...base, seed };
}

describe('the cache', () => {
  test('asks for each question once, over sessions, and tells seeds apart', async () => {
    {
      await using cache = await openResponseCache(file);
      const model = withCache(createScriptedModel(['ä', 'two']), cache);
      expect((await model.generate(asking('q', 1))).text).toBe('ä');
      expect((await model.generate(asking('q', 2))).text).toBe('two');
      expect((await model.generate(asking('q', 1))).text).toBe('ä');
    }
    await using cache = await openResponseCache(file);
    const hits: string[] = [];
    const onHit = ({ text }: { readonly text: string }): number => hits.push(text);
    const model = withCache(createScriptedModel(['three']), cache, { onHit });
    const texts = [];
    for (const seed of [2, 3, 1]) texts.push((await model.generate(asking('q', seed))).text);
    expect(texts).toEqual(['two', 'three', 'ä']);
    expect(hits).toEqual(['two', 'ä']);
  });

  test('asks once for equal questions in flight', async () => {
    await using cache = await openResponseCache(file);
    const model = withCache(createScriptedModel(['only']), cache);
    const [a, b] = await Promise.all([model.generate(asking('q', 1)), model.generate(asking('q', 1))]);
    expect([a.text, b.text]).toEqual(['only', 'only']);
  });

  test('does not keep samples that no seed names, nor failures', async () => {
    await using cache = await openResponseCache(file);
    const script = ['one', 'two', { error: new Error('down') }, 'three'] as const;
    const model = withCache(createScriptedModel(script), cache);
    expect((await model.generate(asking('q'))).text).toBe('one');
    expect((await model.generate(asking('q'))).text).toBe('two');
    await expect(model.generate(asking('q', 1))).rejects.toThrow('down');
    expect((await model.generate(asking('q', 1))).text).toBe('three');
  });

  test('drops a line that a kill cut off, and goes on behind the whole ones', async () => {
    {
      await using cache = await openResponseCache(file);
      await withCache(createScriptedModel(['one']), cache).generate(asking('q', 1));
    }
    await appendFile(file, (await readFile(file, 'utf8')).slice(0, 90));
    {
      await using cache = await openResponseCache(file);
      expect(cache.size).toBe(1);
      await withCache(createScriptedModel(['two']), cache).generate(asking('q', 2));
    }
    await using cache = await openResponseCache(file);
    const model = withCache(createUnaskedModel('scripted'), cache);
    expect((await model.generate(asking('q', 1))).text).toBe('one');
    expect((await model.generate(asking('q', 2))).text).toBe('two');
    await expect(model.generate(asking('q', 3))).rejects.toThrow('no stored answer of scripted to "q');
  });
});

describe('a recorded model', () => {
  test('answers by seed where seeds are recorded, else in the order of the file', async () => {
    const messages = [{ role: 'user', content: 'q' }];
    const rows = [
      { messages, text: 'seven', seed: 7 },
      { messages, text: 'eight', seed: 8, stopReason: 'length' },
      { prompt: 'p', completions: ['a', 'b'] },
    ];
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'));
    const model = await openRecordedModel(file);
    expect(await model.generate(asking('q', 8))).toMatchObject({ text: 'eight', stopReason: 'length' });
    expect((await model.generate(asking('q', 7))).text).toBe('seven');
    expect((await model.generate(asking('p', 1))).text).toBe('a');
    expect((await model.generate(asking('p', 1))).text).toBe('b');
    await expect(model.generate(asking('p', 1))).rejects.toThrow(UsageError);
  });

  test("reads a run's calls", async () => {
    {
      await using cache = await openResponseCache(file);
      await withCache(createScriptedModel(['one']), cache).generate(asking('q', 1));
    }
    const model = await openRecordedModel(file);
    expect((await model.generate(asking('q', 1))).text).toBe('one');
  });

  test('says what is wrong with a file', async () => {
    await writeFile(file, '{"prompt": "p"}\n');
    await expect(openRecordedModel(file)).rejects.toThrow('line 1: expected {messages, text}');
    await expect(openRecordedModel(join(folder, 'none'))).rejects.toThrow('holds no completions');
  });
});

describe('--model', () => {
  test.each([
    ['http://h:8000/v1#org/name', { kind: 'endpoint', baseUrl: 'http://h:8000/v1', name: 'org/name' }],
    ['embedded:runs/tiny', { kind: 'embedded', folder: 'runs/tiny' }],
    ['runs/tiny', { kind: 'embedded', folder: 'runs/tiny' }],
    ['recorded:a.jsonl', { kind: 'recorded', file: 'a.jsonl' }],
    ['ai-sdk:@ai-sdk/mistral#small', { kind: 'ai-sdk', module: '@ai-sdk/mistral', name: 'small' }],
  ] as const)('%s', (text, spec) => {
    expect(parseModelSpec(text)).toEqual(spec);
  });

  test.each(['http://h:8000/v1', 'openai:gpt', 'recorded:', ''])(
    '"%s" is refused with the syntax',
    (text) => {
      expect(() => parseModelSpec(text)).toThrow(UsageError);
    },
  );

  test('an AI SDK provider is found under the name of its package', async () => {
    const module = join(folder, 'my-provider.mjs');
    await writeFile(
      module,
      "export const myProvider = (modelId) => ({ specificationVersion: 'v3', modelId });",
    );
    expect(await loadLanguageModel(module, 'small')).toMatchObject({ modelId: 'small' });
    await expect(loadLanguageModel('not-installed-here', 'x')).rejects.toThrow('Is it installed here?');
  });
});
