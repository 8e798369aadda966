/**
 * The whole recipe through the built command, on a world of a few problems: it goes on after a kill, counts nothing twice,
 * and the same seed gives the same data and evaluation set.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ended, runCommand } from '../support/run-command.js';

const RECIPE = `
data: { families: 150, validationProblems: 3, testProblems: 4, trainProblems: 6 }
sft: { tokens: 40000, validateEvery: 1 }
rl: { maxSteps: 2, batchTokens: 500, maxGroups: 4, predictionsFrom: [reference, own-wrong], ownSamples: 2, replayTokens: 256 }
evaluation: { samples: 2, maxPrograms: 2 }
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'deskcheck-recipe-'));
  for (const name of ['one', 'two']) await writeFile(join(root, `${name}.yaml`), `name: ${name}\n${RECIPE}`);
});
afterAll(() => rm(root, { recursive: true }));

const run = (name: string, killAt?: string): Promise<Ended> =>
  runCommand(['run', join(root, `${name}.yaml`), '--runs', join(root, 'runs')], killAt);

const rowsOf = async (...path: string[]): Promise<Record<string, unknown>[]> =>
  (await readFile(join(root, 'runs', ...path), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('killed in the middle and started again, a run ends whole, with nothing counted twice', async () => {
  const killed = await run('one', '[2/');
  expect(killed.code).toBeNull();
  const killedAgain = await run('one', '[5/');
  expect(killedAgain.code).toBeNull();
  expect(killedAgain.output).toContain('done before');
  const ended = await run('one');
  expect(ended.output).toContain('[6/6] Report');
  expect(ended.code).toBe(0);

  const steps = (await rowsOf('one', 'metrics.jsonl')).map(
    ({ stage, step, validation }) => `${stage} ${step} ${!!validation}`,
  );
  expect(new Set(steps).size).toBe(steps.length);
  for (const checkpoint of ['sft', 'rl']) {
    const selections = (await rowsOf('one', 'records', `${checkpoint}.jsonl`)).filter(
      ({ schema }) => schema === 'selection/1',
    );
    expect(new Set(selections.map(({ problem }) => problem)).size).toBe(4);
    expect(selections).toHaveLength(4);
    for (const file of ['config.json', 'model.safetensors', 'tokenizer.json']) {
      expect(existsSync(join(root, 'runs', 'one', 'checkpoints', checkpoint, file))).toBe(true);
    }
  }
  const page = await readFile(join(root, 'runs', 'one', 'report', 'index.html'), 'utf8');
  expect(page).toContain('</html>');
  expect(page).not.toMatch(/(src|href)="https?:/);
}, 240_000);

test('the same seed gives the same data and the same problems to evaluate on', async () => {
  await run('two', '[2/');
  for (const file of [
    'sft-00000.jsonl',
    'problems-test.jsonl',
    'problems-train.jsonl',
    'problems-validation.jsonl',
  ]) {
    const text = (name: string): Promise<string> => readFile(join(root, 'runs', name, 'data', file), 'utf8');
    expect(await text('two')).toBe(await text('one'));
  }
}, 120_000);

test('wrong use gives one clear line and exit code 2, and overwrites nothing', async () => {
  await writeFile(join(root, 'one-changed.yaml'), `name: one\nseed: 9\n${RECIPE}`);
  const changed = await runCommand(['run', join(root, 'one-changed.yaml'), '--runs', join(root, 'runs')]);
  expect(changed.code).toBe(2);
  expect(changed.output).toMatch(/^deskcheck: .*another recipe/);
  await writeFile(join(root, 'broken.py'), 'x = = 1\n');
  for (const args of [
    ['run', join(root, 'none.yaml')],
    ['trace', join(root, 'none.py')],
    ['narrate', join(root, 'broken.py')],
    ['simulate', join(root, 'broken.py'), '--model', join(root, 'runs')],
    ['report', join(root, 'nothing')],
  ]) {
    const ended = await runCommand(args);
    expect(ended.output.trimEnd().split('\n')).toHaveLength(1);
    expect(ended.output).toMatch(/^deskcheck: /);
    expect(ended.code).toBe(2);
  }
}, 60_000);

test('a checkpoint of another shape is refused in one line', async () => {
  const folder = join(root, 'runs', 'one', 'checkpoints', 'rl');
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, hidden_size: 64 }));
  await writeFile(join(root, 'ok.py'), 'print(1)\n');
  const ended = await runCommand(['simulate', join(root, 'ok.py'), '--model', join(root, 'runs', 'one')]);
  expect(ended.code).toBe(2);
  expect(ended.output.trimEnd().split('\n')).toHaveLength(1);
}, 60_000);
