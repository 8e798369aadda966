/**
 * Tokenizers and chat templates against transformers' own answers (test/integration/tokenizers/generate.py made the file, from
 * texts, tokenizers and templates of ours): five families' shapes, with tools and thinking blocks.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TemplateMessage } from '../src/model/chat-template.js';
import { createChatTokenizer, openChatTokenizer, type TokenizerFiles } from '../src/model/tokenizer.js';

interface Family extends TokenizerFiles {
  readonly texts: readonly { readonly text: string; readonly ids: number[]; readonly decoded: string }[];
  readonly conversations: readonly {
    readonly name: string;
    readonly messages: readonly TemplateMessage[];
    readonly generation: boolean;
    readonly tools: readonly unknown[] | null;
    readonly variables: Readonly<Record<string, unknown>>;
    readonly text: string;
    readonly ids: number[];
  }[];
}

const file = join(import.meta.dirname, 'fixtures', 'chat-templates.json');
const { families } = JSON.parse(await readFile(file, 'utf8')) as { families: Record<string, Family> };

describe.each(Object.entries(families))('a %s tokenizer', (_, family) => {
  const tokenizer = createChatTokenizer(family);

  it.each(family.texts.map((row) => [JSON.stringify(row.text), row] as const))('encodes %s', (_text, row) => {
    expect(tokenizer.encode(row.text)).toEqual(row.ids);
    expect(tokenizer.decode(row.ids)).toBe(row.decoded);
  });

  it.each(
    family.conversations.map((row) => {
      const parts = [row.name, row.tools && 'tools', row.generation && 'generation prompt'];
      return [[...parts, ...Object.keys(row.variables)].filter(Boolean).join(', '), row] as const;
    }),
  )('renders %s', (_name, { messages, generation, tools, variables, text, ids }) => {
    const options = { messages, addGenerationPrompt: generation, variables, ...(tools && { tools }) };
    expect(tokenizer.renderText(options)).toBe(text);
    expect(tokenizer.encode(text)).toEqual(ids);
  });
});

it('a template that refuses a conversation says so in one line', () => {
  const tokenizer = createChatTokenizer(families['turns']!);
  const messages = [
    { role: 'user', content: 'a' },
    { role: 'user', content: 'b' },
  ] as const;
  expect(() => tokenizer.renderPrompt(messages)).toThrow(/template refuses these messages: .*must alternate/);
});

it('a folder may hold its template in a file of its own', async () => {
  const { tokenizer, config } = families['chatml']!;
  const { chat_template: template, ...rest } = config;
  const folder = await mkdtemp(join(tmpdir(), 'deskcheck-template-'));
  try {
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
    await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(rest));
    await expect(openChatTokenizer(folder)).rejects.toThrow(/no chat_template/);
    await writeFile(join(folder, 'chat_template.jinja'), template as string);
    const opened = await openChatTokenizer(folder);
    expect(opened.renderPrompt([{ role: 'user', content: 'hi' }]).length).toBeGreaterThan(3);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
