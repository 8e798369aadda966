/**
 * What the README shows is what there is: its commands and options are known, and its snippets run.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText } from 'ai';
import type { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { createProgram } from '../src/cli/program.js';
import { startChatServer } from './support/chat-server.js';
import { answerAsModel, timesProgram } from './support/double-server.js';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');

function blocksOf(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, text]) => text!,
  );
}

const commands = blocksOf('sh')
  .join('')
  .split('\n')
  .filter((line) => line.startsWith('deskcheck '))
  .map((line) => line.replace(/\s+#.*$/, ''));

test.each(commands)('%s: a command with these options', (line) => {
  let command: Command | undefined = createProgram();
  for (const word of line.split(' ').slice(1)) {
    const inner: Command | undefined = command!.commands.find((one) => one.name() === word);
    if (inner === undefined) break;
    command = inner;
  }
  expect(command!.parent, line).not.toBeNull();
  const known = command!.options.map(({ long }) => long);
  for (const [option] of line.matchAll(/--[a-z-]+/g)) expect(known).toContain(option);
});

test('the commands were found at all', () => {
  expect(commands.length).toBeGreaterThan(8);
});

/** Runs a snippet as a module; `before` stands in for what the text around it speaks of. */
async function run(snippet: string, before: string, after = ''): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), 'deskcheck-readme-'));
  const file = join(folder, 'snippet.ts');
  const [imports, rest] = [/^import .*;$/gm, snippet.replace(/^import .*;$/gm, '')];
  await writeFile(file, [...(snippet.match(imports) ?? []), before, rest, after].join('\n'));
  try {
    return (await import(/* @vite-ignore */ file)) as Record<string, unknown>;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('the snippet that narrates an execution does', { timeout: 60_000 }, async () => {
  const snippet = blocksOf('ts').find((text) => text.includes('narrateByLine'))!;
  const printed: unknown[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((text) => printed.push(text));
  try {
    await run(snippet, "const source = 'def f(xs):\\n    return sorted(xs)\\n';");
  } finally {
    log.mockRestore();
  }
  expect(printed.join('\n')).toContain('[1, 2, 3]');
});

test('the snippet of one changed line gives a model that verifies itself', async () => {
  await using server = await startChatServer(answerAsModel({ solve: 0.5, simulate: 1 }));
  const provider = createOpenAICompatible({ name: 'local', baseURL: server.baseUrl, includeUsage: true });
  vi.stubGlobal('provider', provider);
  const snippet = blocksOf('ts').find((text) => text.includes('withSelfVerification'))!;
  const { model } = await run(snippet, '', 'export { model };');
  vi.unstubAllGlobals();
  const { text } = await generateText({
    model: model as Parameters<typeof generateText>[0]['model'],
    seed: 1,
    prompt: 'read n and print n times 5.\n\nInput:\n```\n7\n```\nOutput:\n```\n35\n```\n',
  });
  expect(text).toContain(timesProgram(5));
});
