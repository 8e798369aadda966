/**
 * RL on the small world for half an hour, killed ten times at random moments and resumed: is every group counted once, does
 * memory stay flat, does it ever stall? Linux; needs a build and a run whose SFT is finished:
 *
 *   npm run bench -- rl-soak runs/tiny [--minutes 30] [--kills 10] [--rollouts asynchronous] [--seed 1] [--runs runs/soak]
 *
 * The kills (SIGKILL, to the process alone; what it started has to end by itself) come first: three in ten at a random moment of
 * the first twenty seconds, the others up to forty seconds after the first step of their session. Then one session trains until
 * two thirds of the time have been trained in all, lost steps not counted. Asserts
 * - of rollouts.jsonl: every group once, and every prompt given out is either there or among the unfinished ones of the last
 *   checkpoint; of metrics.jsonl: every step once;
 * - nothing about unhandled rejections or warnings of Node's in what was written, exit code 0, no process left behind by a kill;
 * - in the last session: resident memory (of the process; of its sandboxes), by the median of its last fifth, within 5% of that
 *   of its second fifth;
 * - no stall: never half a minute in which no thread of it or of its sandboxes ran, or waited for a processor (how long steps take
 *   says nothing on a machine that others use too).
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createRng } from '../dist/core/rng.js';
import { deriveRun } from './support/derived-run.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: 'runs/soak' },
    minutes: { type: 'string', default: '30' },
    kills: { type: 'string', default: '10' },
    rollouts: { type: 'string', default: 'asynchronous' },
    rl: { type: 'string', default: '{}' },
    seed: { type: 'string', default: '1' },
  },
});
const [start] = positionals;
if (start === undefined) {
  process.stderr.write('rl-soak: name a run whose SFT is finished, such as runs/tiny\n');
  process.exit(2);
}
const RUNS = resolve(options.runs);
const KILLS = Number(options.kills);
const SECONDS = 60 * Number(options.minutes);
const SAMPLE_MS = 5_000;
mkdirSync(RUNS, { recursive: true });
const name = `${basename(start)}-soak`;
const recipe = await deriveRun({
  ...{ from: start, runs: RUNS, name, weights: join(start, 'checkpoints', 'sft') },
  done: ['data', 'sft', 'evaluate-sft'],
  change: {
    rl: {
      ...{
        maxMinutes: ((2 / 3) * SECONDS) / 60,
        maxSteps: 1_000_000,
        rollouts: options.rollouts,
        checkpoint: 'last',
      },
      ...JSON.parse(options.rl),
    },
  },
});
const rng = createRng(`rl-soak/${options.seed}`);
const begun = performance.now();
const secondsSince = () => (performance.now() - begun) / 1000;
const sessions = [];
let output = '';
/** Longest time, in seconds, in which nothing of the trained process tree ran or waited for a processor. */
let longestIdle = 0;

for (let kill = 0; kill < KILLS; kill++) {
  const early = kill % 10 < 3;
  sessions.push(await session({ fromFirstStep: !early, seconds: rng.next() * (early ? 20 : 40) }));
}
sessions.push(await session());
report();

/** Runs the command until its end, or until it is killed; samples memory. */
async function session(kill) {
  const args = [resolve(import.meta.dirname, '../dist/cli/main.js'), 'train', 'rl', recipe, '--runs', RUNS];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const samples = [];
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const closed = new Promise((done) => child.on('exit', (code, by) => done({ code, by })));
  const started = performance.now();
  let busyMs = 0;
  let idleMs = 0;
  let sampledAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const busy = busyMsOf(child.pid);
    // At least a hundredth of the time, on any processor; a sandbox that is replaced takes its time with it.
    idleMs = Math.abs(busy - busyMs) > (now - sampledAt) / 100 ? 0 : idleMs + now - sampledAt;
    longestIdle = Math.max(longestIdle, idleMs / 1000);
    busyMs = busy;
    sampledAt = now;
    samples.push(memoryOf(child.pid));
  }, SAMPLE_MS);
  const ended = await (kill === undefined ? closed : Promise.race([closed, momentOf(kill)]));
  clearInterval(timer);
  const children = descendantsOf(child.pid);
  if (!ended) child.kill('SIGKILL');
  const { code, by } = ended ?? (await closed);
  for (let wait = 0; wait < 300 && children.some(isAlive); wait++) await sleep(200);
  const left = children.filter(isAlive).length;
  const steps =
    rowsOf('metrics.jsonl')
      .filter(({ stage }) => stage === 'rl')
      .at(-1)?.step ?? 0;
  const seconds = (performance.now() - started) / 1000;
  process.stderr.write(
    `${secondsSince().toFixed(0)} s: ${by ?? `exit code ${code}`} after ${seconds.toFixed(1)} s, at step ${steps}; ${left} processes left behind\n`,
  );
  return { code, by, seconds, steps, left, samples };
}

async function momentOf({ fromFirstStep, seconds }) {
  const before = lastChange();
  while (fromFirstStep && lastChange() === before) await sleep(200);
  await sleep(seconds * 1000);
}

/** When rollouts.jsonl was last written. */
function lastChange() {
  const found = statSync(join(RUNS, name, 'rollouts.jsonl'), { throwIfNoEntry: false });
  return found?.size ? `${found.size} ${found.mtimeMs}` : undefined;
}

function report() {
  const groups = rowsOf('rollouts.jsonl');
  const steps = rowsOf('metrics.jsonl').filter((row) => row.stage === 'rl' && row.validation === undefined);
  const { state } = JSON.parse(
    readFileSync(join(RUNS, name, 'checkpoints', 'rl-steps', 'latest.json'), 'utf8'),
  );
  // What a session counted after its last save is counted again by the next one, which takes the newer rows away first.
  const saved = groups.filter(({ step }) => step <= state.steps);
  const counted = saved.map(({ ordinal }) => ordinal);
  const unfinished = state.prompts.unfinished.map(({ ordinal }) => ordinal);
  const all = [...counted, ...unfinished].sort((a, b) => a - b);
  const savedSteps = steps.filter(({ step }) => step <= state.steps).map(({ step }) => step);
  const last = sessions.at(-1);
  const memory = (of) => [1, 4].map((fifth) => median(part(last.samples.map(of), fifth)));
  const stepSeconds = steps.map((row) => row.stepSeconds);
  const summary = {
    seconds: Math.round(secondsSince()),
    kills: sessions.filter(({ by }) => by === 'SIGKILL').length,
    stepsAtKills: sessions.map(({ steps }) => steps),
    steps: state.steps,
    groups: counted.length,
    twice: counted.length - new Set(counted).size,
    lost: state.prompts.nextOrdinal - new Set(all).size,
    unfinished: unfinished.length,
    abandoned: saved.filter(({ kind }) => kind === 'abandoned').length,
    stale: steps.reduce((sum, row) => sum + row.groups.stale, 0),
    unscored: steps.reduce((sum, row) => sum + row.groups.unscored, 0),
    meanStaleness: mean(steps.map((row) => row.meanStaleness)),
    sampledTokens: steps.reduce((sum, row) => sum + row.sampledTokens, 0),
    stepSecondsMedianAndMost: [median(stepSeconds), Math.max(...stepSeconds)],
    longestIdleSeconds: Math.round(longestIdle),
    mebibytesEarlyAndLate: memory(({ own }) => own).map(Math.round),
    sandboxMebibytesEarlyAndLate: memory(({ others }) => others).map(Math.round),
    lastSessionSeconds: Math.round(last.seconds),
    leftBehind: sessions.reduce((sum, { left }) => sum + left, 0),
    complaints: [...output.matchAll(/unhandled|\(node:\d+\) .*warning.*/gi)].map(([text]) => text),
  };
  console.log(JSON.stringify(summary, null, 2));
  writeFileSync(join(RUNS, `${name}.json`), JSON.stringify({ summary, sessions }));
  assert.equal(summary.kills, KILLS);
  assert.equal(last.code, 0);
  assert.ok(state.finished);
  assert.equal(summary.twice, 0, 'no group is counted twice');
  assert.equal(summary.lost, 0, 'no prompt is lost');
  assert.deepEqual(
    savedSteps,
    Array.from({ length: state.steps }, (_, i) => i + 1),
    'every step is there once',
  );
  assert.equal(summary.leftBehind, 0, 'no process outlives a kill');
  assert.deepEqual(summary.complaints, []);
  for (const [early, late] of [summary.mebibytesEarlyAndLate, summary.sandboxMebibytesEarlyAndLate]) {
    assert.ok(late <= 1.05 * early, `memory is flat: ${early} to ${late} MiB`);
  }
  assert.ok(longestIdle < 30, `it never stalls: nothing ran or wanted to for ${longestIdle} s`);
}

function rowsOf(file) {
  try {
    const lines = readFileSync(join(RUNS, name, file), 'utf8')
      .split('\n')
      .slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function memoryOf(pid) {
  const others = descendantsOf(pid).reduce((sum, each) => sum + residentMiB(each), 0);
  return { atSeconds: Math.round(secondsSince()), own: residentMiB(pid), others };
}

/** Milliseconds in which threads of a process and of what it started ran, or waited for a processor. */
function busyMsOf(root) {
  let nanoseconds = 0;
  for (const pid of [root, ...descendantsOf(root)]) {
    for (const thread of entriesOf(`/proc/${pid}/task`)) {
      const [ran = 0, waited = 0] = textOf(`/proc/${pid}/task/${thread}/schedstat`).split(' ').map(Number);
      nanoseconds += ran + waited;
    }
  }
  return nanoseconds / 1e6;
}

function residentMiB(pid) {
  const found = /VmRSS:\s+(\d+)/.exec(statusOf(pid));
  return found ? Number(found[1]) / 1024 : 0;
}

function isAlive(pid) {
  return !/State:\s+[ZX]/.test(statusOf(pid) || 'State: X');
}

function statusOf(pid) {
  return textOf(`/proc/${pid}/status`);
}

/** Empty where there is no such file, any more. */
function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function entriesOf(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function descendantsOf(root) {
  const parents = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = /PPid:\s+(\d+)/.exec(statusOf(entry));
    if (parent) parents.set(Number(entry), Number(parent[1]));
  }
  const isBelow = (pid) => {
    for (let at = parents.get(pid); at !== undefined; at = parents.get(at)) if (at === root) return true;
    return false;
  };
  return [...parents.keys()].filter(isBelow);
}

function part(values, fifth) {
  return values.slice(Math.floor((fifth * values.length) / 5), Math.floor(((fifth + 1) * values.length) / 5));
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
