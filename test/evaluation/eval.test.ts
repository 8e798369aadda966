/**
 * `deskcheck eval` and `report --compare` end to end, with recorded completions for a model: resumed, scored again, refused
 * under other settings, and compared.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SILENT } from '../../src/core/progress.js';
import { paperStyle } from '../../src/episode/prompts/paper.js';
import { loadBenchmark } from '../../src/evaluation/benchmarks/load.js';
import { compareRunFolders, isEvalRun, reportEvalRun } from '../../src/recipe/compare.js';
import { type EvalOptions, runEval } from '../../src/recipe/eval.js';
import { createFakeSandbox } from '../support/fake-sandbox.js';

let folder = '';
const path = (...parts: string[]): string => join(folder, ...parts);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-'));
  const rows = ['3', '4', '5'].map((answer) => ({
    question: `What is ${answer}?`,
    answer: `#### ${answer}`,
  }));
  await writeFile(path('gsm8k.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  await record('good', (i) => [`It is \\boxed{${i + 3}}.`, `<think>?</think>\\boxed{${i + 3}}`]);
  await record('bad', (i) => [i === 0 ? '\\boxed{3}' : '\\boxed{9}', '<think>too long']);
});
afterAll(() => rm(folder, { recursive: true }));

/** A model's completions, by the very prompts of the benchmark. */
async function record(name: string, completions: (item: number) => readonly string[]): Promise<void> {
  const sandbox = createFakeSandbox({});
  const { items } = await loadBenchmark('gsm8k', path('gsm8k.jsonl'), { style: paperStyle }, { sandbox });
  const rows = items.map(({ messages }, i) => ({
    prompt: messages[0]!.content,
    completions: completions(i),
  }));
  await writeFile(path(`${name}.jsonl`), rows.map((row) => JSON.stringify(row)).join('\n'));
}

const common = () => ({
  benchmark: 'gsm8k' as const,
  data: path('gsm8k.jsonl'),
  samples: 1,
  temperature: 1,
  topP: 1,
  maxTokens: 100,
  seed: 0,
  publicTestsInPrompt: true,
  sandbox: 'wasm' as const,
  progress: SILENT,
  signal: new AbortController().signal,
});

const evaluate = (model: string, more: Partial<EvalOptions> = {}) =>
  runEval({
    ...common(),
    model: `recorded:${path(`${model}.jsonl`)}`,
    name: model,
    folder: path(`run-${model}`),
    ...more,
  });

test('answers are asked, judged, kept, and added to; nothing is asked twice', async () => {
  const first = await evaluate('good', { limit: 2 });
  expect(first.summary).toMatchObject({ items: 2, answers: 2, counts: { accepted: 2 } });
  expect(first.spending.calls).toBe(2);
  const more = await evaluate('good', { samples: 2 });
  expect(more.summary).toMatchObject({ items: 3, answers: 6, counts: { accepted: 6 } });
  expect(more.spending.calls).toBe(4);
  const again = await evaluate('good', { samples: 2 });
  expect(again.spending.calls).toBe(0);
  expect(again.summary).toEqual(more.summary);
  const page = await readFile(again.page, 'utf8');
  expect(page).toContain('How does it do on published benchmarks?');
  expect(page).toContain('good answers 100.0% of gsm8k right');
});

test('other settings need another folder, and stored answers are scored again without asking', async () => {
  await evaluate('bad', { samples: 2 });
  await expect(evaluate('bad', { samples: 2, temperature: 0.5 })).rejects.toThrow(/other settings/);
  const rescored = await evaluate('bad', { samples: 2, rescore: true });
  expect(rescored.spending.calls).toBe(0);
  expect(rescored.summary?.counts).toEqual({ accepted: 1, 'wrong-answer': 2, unparsed: 3 });
  await expect(evaluate('good', { rescore: true, folder: path('none') })).rejects.toThrow(/holds no answers/);
});

test('its records are generations to be scored, too', async () => {
  const result = await runEval({
    ...common(),
    generations: path('run-bad', 'records.jsonl'),
    name: 'again',
    folder: path('again'),
  });
  expect(result.summary).toMatchObject({ model: 'again', answers: 6, counts: { accepted: 1 } });
});

test('runs are reported again, and side by side', async () => {
  expect(await isEvalRun(path('run-good'))).toBe(true);
  expect((await reportEvalRun(path('run-good'))).terminalSummary).toContain('gsm8k, pass@1');
  const { page } = await compareRunFolders([path('run-bad'), path('run-good')], path('compare'));
  const html = await readFile(page, 'utf8');
  expect(html).toContain('The runs side by side');
  expect(html).toContain('2 runs side by side: 1 of 1 difference can be told from zero.');
  expect(html.replace(/<script[^>]*>[\s\S]*?<\/script>/g, '')).not.toMatch(/NaN|undefined/);
  const markdown = await readFile(path('compare', 'report.md'), 'utf8');
  expect(markdown).toMatch(/\| gsm8k, pass@1 \| 16\.7% .* \| 100\.0% .*; \+83\.3/);
  const csv = await readFile(path('compare', 'numbers.csv'), 'utf8');
  expect(csv).toMatch(/comparison,,run-good,difference,"?gsm8k, pass@1/);
  await expect(compareRunFolders([path('run-bad')], path('x'))).rejects.toThrow(/at least two/);
  await expect(compareRunFolders([path('run-bad'), path('run-bad')], path('x'))).rejects.toThrow(
    /named twice/,
  );
  await expect(compareRunFolders([path('run-bad'), folder], path('x'))).rejects.toThrow(/holds no run/);
});
