/**
 * A findings set through the built command, on a world of a few problems: arms that start from others' checkpoints, a
 * verifier, two seeds; stopped and continued; two processes side by side; and its report rebuilt from its own folder alone.
 */
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ended, runCommand } from '../support/run-command.js';

const SET = `
name: smoke
title: A smoke test
seeds: [1, 2]
base:
  workers: 1
  model: { hiddenSize: 32, layers: 1 }
  data: { families: 60, validationProblems: 1, testProblems: 3, trainProblems: 4 }
  sft: { tokens: 15000, maxMinutes: 60, validateEvery: 1 }
  rl: { maxSteps: 0, maxMinutes: 60, batchTokens: 300, maxGroups: 2 }
  evaluation: { samples: 2, maxPrograms: 3, keepEpisodes: 1 }
arms:
  told: { title: told in words }
  direct: { title: answered at once, sft: { narration: none } }
  told-rl: { title: told then RL, from: told, rl: { maxSteps: 1 } }
  judged: { title: judged by direct, from: told, verifier: direct, evaluation: { repairSamples: 0 } }
compare:
  - { claim: words help, arm: told, metric: prediction, against: { arm: direct }, expect: higher }
  - { claim: choosing helps, arm: told-rl, metric: best@k, against: { metric: pass@1 }, expect: higher }
figures:
  - { name: words, title: Words, kind: bars, metrics: [prediction, pass@1], arms: [told, direct] }
  - { name: choosing, title: Choosing, kind: curves, arms: [told, told-rl] }
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'deskcheck-set-'));
  await writeFile(join(root, 'smoke.yaml'), SET);
});
afterAll(() => rm(root, { recursive: true }));

const run = (killAt?: string): Promise<Ended> =>
  runCommand(['run', join(root, 'smoke.yaml'), '--runs', join(root, 'runs')], killAt);

test('killed, then run by two processes at once, every arm and seed is run once and reported', async () => {
  const killed = await run('told in words, seed 1');
  expect(killed.code).toBeNull();
  const both = await Promise.all([run(), run()]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  const folder = join(root, 'runs', 'smoke');
  expect((await readdir(join(folder, 'records'))).sort()).toEqual(
    ['direct', 'judged', 'told', 'told-rl']
      .flatMap((arm) => [1, 2].map((seed) => `${arm}-s${seed}.jsonl.gz`))
      .sort(),
  );
  const starts = both.flatMap(({ output }) => [...output.matchAll(/^\(\d+ of 10\) (.*), seed (\d)/gm)]);
  const named = starts.map(([, arm, seed]) => `${arm} ${seed}`);
  expect(new Set(named).size).toBe(named.length);
  const report = await readFile(join(folder, 'report', 'report.md'), 'utf8');
  expect(report).toContain('Made from 8 of 8 runs');
  expect(report).toMatch(/\| words help \|.*\| (confirmed|refuted|undecided) \|/);
  expect(await readFile(join(folder, 'report', 'choosing.svg'), 'utf8')).toMatch(/^<svg xmlns=/);
  // A verifier's arm shares the programs of the arm it starts from.
  expect(await stat(join(root, 'runs', 'smoke-runs', 'judged-s1', 'records', 'sft.jsonl'))).toBeDefined();
}, 300_000);

test('the report is rebuilt, byte for byte, from the folder of the set alone', async () => {
  const moved = join(root, 'elsewhere');
  await cp(join(root, 'runs', 'smoke'), moved, { recursive: true });
  const files = await readdir(join(moved, 'report'));
  const before = await Promise.all(files.map((name) => readFile(join(moved, 'report', name), 'utf8')));
  await rm(join(moved, 'report'), { recursive: true });
  const ended = await runCommand(['report', moved]);
  expect(ended.code).toBe(0);
  expect(await Promise.all(files.map((name) => readFile(join(moved, 'report', name), 'utf8')))).toEqual(
    before,
  );
}, 60_000);

test('wrong use of a set is one line', async () => {
  for (const [name, text, says] of [
    ['typo', SET.replace('claim: words', 'clam: words'), /compare\.0/],
    ['stranger', SET.replace('verifier: direct', 'verifier: nobody'), /no arm nobody/],
    [
      'circle',
      SET.replace('title: told in words', 'title: told in words, from: told-rl'),
      /starts from itself/,
    ],
    ['data', SET.replace('sft: { narration: none }', 'data: { families: 2 }'), /cannot change data/],
    ['key', SET.replace('sft: { narration: none }', 'sft: { naration: none }'), /naration/],
  ] as const) {
    await writeFile(join(root, `${name}.yaml`), text.replace('name: smoke', `name: ${name}`));
    const ended = await runCommand(['run', join(root, `${name}.yaml`), '--runs', join(root, 'runs')]);
    expect(ended.output).toMatch(says);
    expect(ended.output.trimEnd().split('\n')).toHaveLength(1);
    expect(ended.code).toBe(2);
  }
}, 60_000);
