import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SftRow } from './chat-rows.js';
import { createDecontaminator } from './decontaminate.js';
import { readParquetRows, writeParquet } from './parquet.js';
import { makeSftData, SFT_COLUMNS, type SftOptions, sharesOf } from './sft-data.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'deskcheck-sft-'));
});
afterEach(() => rm(root, { recursive: true }));

async function file(name: string, rows: readonly unknown[]): Promise<string> {
  const path = join(root, name);
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

const chat = (question: string, answer = `answer to ${question}`) => ({
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
});
const many = (name: string, count: number) => Array.from({ length: count }, (_, i) => chat(`${name} ${i}`));

async function mix(folder: string, options: Partial<SftOptions> & Pick<SftOptions, 'sources'>) {
  const data = await makeSftData({ folder: join(root, folder), seed: 's', sequenceLength: 100, ...options });
  const texts = await Promise.all(data.files.map((path) => readFile(path, 'utf8')));
  const lines = texts.join('').split('\n').filter(Boolean);
  return { data, lines, rows: lines.map((line) => JSON.parse(line) as SftRow) };
}

const from = (rows: readonly SftRow[], dataset: string): SftRow[] =>
  rows.filter(({ metadata }) => metadata.dataset === dataset);

test('sources are mixed by weight, as far as the scarcest goes, in an order that the seed draws', async () => {
  const sources = [
    { path: await file('a.jsonl', many('a', 300)), weight: 3 },
    { path: await file('b.jsonl', many('b', 40)), weight: 1 },
  ];
  const { rows, data, lines } = await mix('mixed', { sources });
  expect([from(rows, 'a.jsonl').length, from(rows, 'b.jsonl').length]).toEqual([120, 40]);
  expect(new Set(rows.map(({ metadata }) => metadata.id)).size).toBe(160);
  expect(data.sources.map(({ read, usable, taken }) => [read, usable, taken])).toEqual([
    [300, 300, 120],
    [40, 40, 40],
  ]);
  // Shuffled: the rare source does not come in one block.
  const places = rows.flatMap(({ metadata }, at) => (metadata.dataset === 'b.jsonl' ? [at] : []));
  expect(places[0]).toBeLessThan(40);
  expect(places.at(-1)).toBeGreaterThan(120);
  expect((await mix('again', { sources })).lines).toEqual(lines);
  expect((await mix('other', { sources, seed: 't' })).lines).not.toEqual(lines);
});

test('asked for more rows than a source has, its rows are repeated evenly', async () => {
  const sources = [
    { path: await file('a.jsonl', many('a', 10)), weight: 1 },
    { path: await file('b.jsonl', many('b', 100)), weight: 3 },
  ];
  const { rows } = await mix('repeated', { sources, rows: 100 });
  const counts = new Map<string, number>();
  for (const { metadata } of from(rows, 'a.jsonl'))
    counts.set(metadata.id, (counts.get(metadata.id) ?? 0) + 1);
  expect(rows).toHaveLength(100);
  expect([...counts.values()].sort()).toEqual([2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
});

test('formats of others are read; what is no conversation, comes twice or is evaluation data is counted', async () => {
  const evaluated = 'write a function that returns the sum of all even numbers in a list of integers';
  const path = await file('mixed.jsonl', [
    {
      conversations: [
        { from: 'human', value: 'q' },
        { from: 'gpt', value: 'sharegpt' },
      ],
    },
    { prompt: 'p', completion: 'plain', source: 'book', license: 'MIT' },
    chat('twice'),
    chat('twice'),
    chat(`Please ${evaluated}.`),
    {
      messages: [
        { role: 'user', content: 'no answer' },
        { role: 'user', content: 'again' },
      ],
    },
    { text: 'not a chat' },
  ]);
  const { data, rows } = await mix('read', {
    sources: [{ path, weight: undefined }],
    decontaminator: createDecontaminator([evaluated]),
  });
  expect(rows.map(({ messages }) => messages.at(-1)!.content).sort()).toEqual([
    'answer to twice',
    'plain',
    'sharegpt',
  ]);
  expect(data.sources[0]!.left).toEqual({
    'read before (equal messages)': 1,
    'in evaluation data (near)': 1,
    "the last message is not the assistant's": 1,
    'no messages': 1,
  });
  expect(rows.find(({ messages }) => messages[0]!.content === 'p')!.metadata).toMatchObject({
    source: 'book',
    licence: 'MIT',
    narrator: null,
  });
});

test('with a tokenizer tokens are counted, and what is too long is left out', async () => {
  const path = await file('a.jsonl', [chat('one two', 'three'), chat('long', 'word '.repeat(200))]);
  const words = (text: string): number[] =>
    text
      .split(/\s+/)
      .filter(Boolean)
      .map(() => 1);
  const { data, rows } = await mix('tokens', {
    sources: [{ path, weight: undefined }],
    tokenizer: {
      encode: words,
      renderText: ({ messages }) => messages.map(({ role, content }) => `${role} ${content}`).join(' '),
      renderPrompt: (messages) =>
        words(`${messages.map(({ role, content }) => `${role} ${content}`)} assistant`),
    },
  });
  // "user one two assistant three": five words, of which one is the answer.
  expect(rows[0]!.metadata).toMatchObject({ tokens: 5, answerTokens: 1 });
  expect(data.lengths).toEqual(new Map([[5, 1]]));
  expect(data.sources[0]!.left).toEqual({ 'longer than 100 tokens': 1 });
});

test('Parquet holds the same rows, and is read again as a source', async () => {
  const sources = [{ path: await file('a.jsonl', many('a', 20)), weight: undefined }];
  const { data, rows } = await mix('first', { sources });
  const parquet = join(root, 'first.parquet');
  await writeParquet(data.files, parquet, SFT_COLUMNS);
  const read: unknown[] = [];
  for await (const text of readParquetRows(parquet)) read.push(JSON.parse(text));
  expect(read).toEqual(
    rows.map((row) => ({ ...row, metadata: { ...row.metadata, tokens: null, answerTokens: null } })),
  );
  const second = await mix('second', { sources: [{ path: parquet, weight: undefined }] });
  expect(second.rows.map(({ metadata }) => metadata.id).sort()).toEqual(
    rows.map(({ metadata }) => metadata.id).sort(),
  );
});

test('weights are given to all or none, and a source without usable rows is refused', async () => {
  const path = await file('a.jsonl', many('a', 2));
  const sources = [
    { path, weight: 1 },
    { path: `${path}2`, weight: undefined },
  ];
  await expect(mix('x', { sources })).rejects.toThrow(/has no weight, but others have/);
  const zero = [{ path, weight: 0 }];
  await expect(mix('y', { sources: zero })).rejects.toThrow(/all weights are 0/);
  expect(() => sharesOf([{ path: 'p', weight: 1, usable: 0 }], undefined)).toThrow(/no row that can be used/);
});
