/**
 * RL against more SFT: from the same checkpoint, side by side, for the same minutes, on one core each. Then both and the start
 * are evaluated on the same unseen problems. Linux (taskset); needs a build, and runs whose SFT is finished:
 *
 *   npm run bench -- rl-control runs/seed-1 runs/seed-2 runs/seed-3 [--minutes 4] [--runs runs/control] [--clock wall|cpu]
 *     [--rl '{"learningRate": 2e-4}'] [--sft '{"learningRate": 3e-3}'] [--evaluation '{"samples": 10}']
 *     [--phase train|evaluate|table|all] [--arms start,rl,sft]
 *
 * The control is SFT on the run's own examples, with a fresh optimizer and the recipe's own schedule over its minutes (warm-up,
 * hold, decay): what the recipe gives any SFT. RL has the first core with even seeds, the second with odd ones. Minutes are of
 * training; validation and saving are left out on both sides. With `--clock cpu` they are minutes of CPU of all the arm's
 * processes, for a machine that is shared: a busy minute then does not count against whoever met it. What was stopped goes on.
 *
 * The table: means over problems; differences are paired by problem, 95% by bootstrap over problems. A problem that several runs
 * were evaluated on counts as one.
 */
import { spawn } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { systemClock } from '../dist/core/clock.js';
import { createTerminalProgress, SILENT } from '../dist/core/progress.js';
import { createRng } from '../dist/core/rng.js';
import { curvesOf, scoredPrograms } from '../dist/evaluation/selection-curves.js';
import { clusterMean, createBootstrap } from '../dist/evaluation/statistics.js';
import { runChatSft } from '../dist/recipe/chat-sft.js';
import { readChatRecipe } from '../dist/recipe/read-recipe.js';
import { runRecipe } from '../dist/recipe/run-recipe.js';
import { readRecipe } from '../dist/recipe/schema.js';
import { cpuClock } from './support/cpu-clock.mjs';
import { deriveRun, recipeOf } from './support/derived-run.mjs';

// As a child of itself: one arm's training.
if (['rl', 'sft'].includes(process.argv[2]) && process.argv.length === 6) {
  await trainArm(...process.argv.slice(2));
  process.exit(0);
}

const { values: options, positionals: starts } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: 'runs/control' },
    minutes: { type: 'string', default: '4' },
    rl: { type: 'string', default: '{}' },
    sft: { type: 'string', default: '{}' },
    evaluation: { type: 'string', default: '{}' },
    phase: { type: 'string', default: 'all' },
    clock: { type: 'string', default: 'wall' },
    arms: { type: 'string', default: 'start,rl,sft' },
  },
});
const RUNS = resolve(options.runs);
const MINUTES = Number(options.minutes);
const ARMS = ['start', 'rl', 'sft'];
if (starts.length === 0 || !(MINUTES > 0)) {
  process.stderr.write('rl-control: name at least one run whose SFT is finished, and positive --minutes\n');
  process.exit(2);
}
mkdirSync(RUNS, { recursive: true });
const { signal } = new AbortController();
setMaxListeners(0, signal);
const does = (phase) => options.phase === 'all' || options.phase === phase;
for (const start of starts) {
  if (does('train')) await trainBoth(start);
  if (does('evaluate')) await evaluateAll(start);
}
if (does('table')) printTable();

async function trainBoth(start) {
  const name = basename(start);
  const weights = join(start, 'checkpoints', 'sft');
  const rl = await deriveRun({
    ...{ from: start, runs: RUNS, name: `${name}-rl`, weights },
    done: ['data', 'sft', 'evaluate-sft'],
    change: {
      rl: { maxMinutes: MINUTES, maxSteps: 100_000, checkpoint: 'last', ...JSON.parse(options.rl) },
    },
  });
  const { seed, sft } = await recipeOf(start);
  const { batchTokens, learningRate, warmup, decay, gradClipNorm, weightDecay } = sft;
  const optimizer = { batchTokens, learningRate, warmup, decay, gradClipNorm, weightDecay };
  const examples = readdirSync(join(start, 'data')).filter((file) => /^sft-\d+\.jsonl$/.test(file));
  const more = join(RUNS, `${name}-sft.yaml`);
  const control = {
    ...{ name: `${name}-sft`, world: 'chats', seed },
    model: { base: resolve(weights) },
    data: {
      train: examples.sort().map((file) => ({ file: resolve(start, 'data', file) })),
      validationShare: 0.002,
    },
    sft: {
      ...{ ...optimizer, tokens: 1_000_000_000, maxMinutes: MINUTES, validateEvery: 1 },
      ...JSON.parse(options.sft),
    },
  };
  if (!existsSync(more)) writeFileSync(more, stringify(control));
  const cores = Number(seed) % 2 === 0 ? ['0', '1'] : ['1', '0'];
  const [a, b] = await Promise.all([train(cores[0], 'rl', rl), train(cores[1], 'sft', more)]);
  process.stderr.write(
    `${name}: CPU seconds, start and end included, all processes: RL ${a.toFixed(0)}, SFT ${b.toFixed(0)}\n`,
  );
}

/** Trains in a process of its own, on one core; resolves to the CPU seconds that it and its children used. */
function train(core, stage, recipe) {
  return new Promise((done, fail) => {
    const args = ['-c', core, process.execPath, import.meta.filename, stage, recipe, RUNS, options.clock];
    const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const outputs = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      child[stream].on('data', (chunk) => {
        outputs[stream] += chunk;
      });
    }
    child.on('close', (code) => {
      writeFileSync(recipe.replace(/\.yaml$/, '.log'), outputs.stderr);
      if (code !== 0) return fail(new Error(`${recipe}: exit code ${code}: ${outputs.stderr.slice(-400)}`));
      done(Number(outputs.stdout));
    });
  });
}

async function evaluateAll(start) {
  const name = basename(start);
  const weights = {
    start: join(start, 'checkpoints', 'sft'),
    rl: join(RUNS, `${name}-rl`, 'checkpoints', 'rl'),
    sft: join(RUNS, `${name}-sft`, 'checkpoints', 'last'),
  };
  for (const arm of options.arms.split(',')) {
    const recipe = await deriveRun({
      ...{ from: start, runs: RUNS, name: `${name}-eval-${arm}`, weights: weights[arm] },
      change: { evaluation: { repairSamples: 1, maxPrograms: 2, ...JSON.parse(options.evaluation) } },
    });
    await runRecipe(await readRecipe(recipe), {
      ...{ root: RUNS, progress: SILENT, signal, until: 'evaluate-sft' },
    });
    process.stderr.write(`${name}: ${arm} evaluated\n`);
  }
}

/** Per problem (its id and statement) and measure: sum and count, as the bootstrap takes them. */
function scoresOf(start, arm) {
  const file = join(RUNS, `${basename(start)}-eval-${arm}`, 'records', 'sft.jsonl');
  const records = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const problems = new Map();
  const statements = new Map(
    records
      .filter(({ schema }) => schema === 'selection/1')
      .map(({ problem, statement }) => [problem, statement]),
  );
  const add = (id, measure, sum, count) => {
    const problem = `${id} ${statements.get(id)}`;
    const scores = problems.get(problem) ?? {};
    problems.set(problem, scores);
    const before = scores[measure] ?? { sum: 0, count: 0 };
    scores[measure] = { sum: before.sum + sum, count: before.count + count };
  };
  for (const record of records) {
    if (record.schema === 'selection/1') {
      const programs = scoredPrograms(record.programs);
      const k = programs.length;
      const { pass, executed, simulated } = curvesOf(record.problem, programs, [1, k]);
      add(record.problem, 'solve pass@1', pass[0], 1);
      add(record.problem, 'solve pass@10', pass[1], 1);
      if (simulated) add(record.problem, 'best@10 simulated', simulated[1], 1);
      add(record.problem, 'best@10 executed', executed[1], 1);
    }
    // The model's own programs differ from arm to arm; these do not.
    if (record.schema === 'output-prediction/1' && record.origin !== 'own') {
      const scored = record.predictions.filter(({ verdict }) => verdict !== 'unscored');
      const right = scored.filter(({ verdict }) => verdict === 'correct').length;
      for (const measure of ['output prediction', `… ${record.origin}s`]) {
        add(record.problem, measure, right, scored.length);
      }
    }
  }
  return problems;
}

function printTable() {
  const byArm = Object.fromEntries(
    ARMS.map((arm) => [arm, new Map(starts.map((start) => [start, scoresOf(start, arm)]))]),
  );
  const measures = [
    ...['solve pass@1', 'solve pass@10', 'output prediction', '… references', '… mutants'],
    ...['best@10 simulated', 'best@10 executed'],
  ];
  const percent = (value) => (value === null ? '–' : (100 * value).toFixed(1));
  const signed = (value) => `${value >= 0 ? '+' : '−'}${Math.abs(100 * value).toFixed(1)}`;
  for (const chosen of [...starts.map((start) => [start]), ...(starts.length > 1 ? [starts] : [])]) {
    const ids = [...new Set(chosen.flatMap((start) => [...byArm.start.get(start).keys()]))];
    const bootstrap = createBootstrap(ids.length, { rng: createRng('rl-control') });
    console.log(`\n${chosen.map((start) => basename(start)).join(' + ')}: ${ids.length} problems\n`);
    console.log(
      '| | start | RL | more SFT | RL − start | RL − more SFT |\n| --- | --- | --- | --- | --- | --- |',
    );
    for (const measure of measures) {
      const clusters = (arm) =>
        ids.map((id) =>
          chosen
            .map((start) => byArm[arm].get(start).get(id)?.[measure] ?? { sum: 0, count: 0 })
            .reduce((a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count })),
        );
      const difference = (a, b) => {
        const interval = bootstrap.difference(clusters(a), clusters(b));
        const middle = clusterMean(clusters(a)) - clusterMean(clusters(b));
        return `${signed(middle)} (${signed(interval.low)} to ${signed(interval.high)})`;
      };
      const means = ARMS.map((arm) => percent(clusterMean(clusters(arm))));
      console.log(
        `| ${measure} | ${means.join(' | ')} | ${difference('rl', 'start')} | ${difference('rl', 'sft')} |`,
      );
    }
  }
}

async function trainArm(stage, recipe, runs, clockName) {
  const clock = clockName === 'cpu' ? cpuClock : systemClock;
  const how = {
    ...{ root: runs, clock, signal: new AbortController().signal },
    progress: createTerminalProgress(process.stderr),
  };
  if (stage === 'rl') await runRecipe(await readRecipe(recipe), { ...how, until: 'rl' });
  else await runChatSft(await readChatRecipe(recipe), how);
  process.stdout.write(String(cpuClock.now() / 1000));
}
