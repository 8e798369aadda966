/**
 * Scoring and reporting at full size: 1,000 problems × 20 programs × 4 tests × 5 predictions, made up from known
 * rates, read from JSON lines like a run's own. Asserts that the numbers are what the rates imply, and that it takes
 * less than a minute and 2 GiB. Needs a build: `npm run bench`.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJsonLines } from '../dist/core/json-lines.js';
import { createRng } from '../dist/core/rng.js';
import { parseEvaluationRecord } from '../dist/evaluation/records.js';
import { buildReport } from '../dist/report/report.js';

const SIZES = { problems: 1_000, programs: 20, tests: 4, draws: 5 };
const SOLVE = 0.4;
const SIMULATE = 0.8;

const rng = createRng('bench/report');
const lines = [];
/** So many lines of a few letters and digits each. */
function unlike(count) {
  return Array.from(
    { length: count },
    () => `${rng.int(0, 2 ** 31).toString(36)} = ${rng.int(0, 999)}\n`,
  ).join('');
}

for (let p = 0; p < SIZES.problems; p++) {
  const tests = Array.from({ length: SIZES.tests }, (_, t) => ({
    input: `${p} ${t}\n`,
    output: `${p + t}\n`,
  }));
  const programs = Array.from({ length: SIZES.programs }, (_, i) => {
    const right = rng.chance(SOLVE);
    return {
      // Text that no other program shares, so that the page cannot be small by repetition.
      source: `# program ${i}\n${unlike(60)}print(sum(map(int, input().split())))`,
      verdictPublic: tests.map(() => (right ? 'accepted' : 'wrong-answer')),
      verdictAll: right ? 'accepted' : 'wrong-answer',
      outputs: tests.map(({ output }) => (right ? output : `${output}0`)),
      responseTokens: rng.int(100, 900),
      simulations: tests.map(({ output }, test) => {
        const passed = Array.from({ length: SIZES.draws }, () => rng.chance(SIMULATE) === right);
        return {
          test,
          passed,
          predictions: passed.map((pass) => (pass ? output : '-1\n')),
          tokens: passed.map(() => 120),
        };
      }),
    };
  });
  lines.push(
    JSON.stringify({
      schema: 'selection/1',
      problem: `problem-${p}`,
      stage: 'rl',
      model: 'synthetic',
      comparator: 'output',
      statement: `Problem ${p}\n${unlike(90)}`,
      tests,
      programs,
    }),
  );
}
const folder = await mkdtemp(join(tmpdir(), 'deskcheck-bench-'));
try {
  const file = join(folder, 'selection.jsonl');
  await writeFile(file, `${lines.join('\n')}\n`);
  lines.length = 0;
  const started = performance.now();
  const records = (await readJsonLines(file)).map((row, i) => parseEvaluationRecord(row, `${file}:${i + 1}`));
  const read = performance.now();
  const report = buildReport({
    title: 'Synthetic bench',
    run: { name: 'bench', command: 'npm run bench', seed: 0, recipe: '', versions: {}, stages: [] },
    records,
    metrics: [],
  });
  const done = performance.now();
  const peakGiB = process.resourceUsage().maxRSS / 1024 ** 2;
  const seconds = (done - started) / 1000;
  console.log(
    `report: ${SIZES.problems} × ${SIZES.programs} × ${SIZES.tests} × ${SIZES.draws} read in ${((read - started) / 1000).toFixed(1)} s, ` +
      `scored and reported in ${((done - read) / 1000).toFixed(1)} s, peak ${peakGiB.toFixed(2)} GiB, page ${(report.html.length / 1e6).toFixed(1)} MB`,
  );
  const value = (metric, k) => {
    const row = report.csv[0].text
      .split('\n')
      .map((line) => line.split(','))
      .find((cells) => cells[0] === 'selection' && cells[4] === metric && cells[6] === String(k));
    return Number(row[7]);
  };
  assert.ok(Math.abs(value('pass', 1) - SOLVE) < 0.02, 'pass@1 is the rate that was put in');
  assert.ok(Math.abs(value('pass', 10) - (1 - (1 - SOLVE) ** 10)) < 0.01, 'pass@10 follows from it');
  assert.ok(
    Math.abs(value('best executed', 10) - value('pass', 10)) < 1e-9,
    'a perfect oracle finds what is there',
  );
  assert.ok(value('best simulated', 10) > 0.9, 'four simulated tests at 80% choose well');
  assert.ok(seconds < 60 && peakGiB < 2, 'within a minute and 2 GiB');
} finally {
  await rm(folder, { recursive: true });
}
