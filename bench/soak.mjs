/**
 * A mixed load on one sandbox, a fifth of it hostile: what is left behind? Arguments: `--programs N` (2,000),
 * `--sandbox native|wasm` (native), `--processes N` (2), `--hostile-ms N` (150, the CPU time of a hostile program),
 * `--seed S`, `--json`. Linux; needs a build: `npm run bench -- soak`.
 *
 * The load comes in rounds. After each, when nothing runs, it counts zombies and processes beyond those of an idle pool,
 * descriptors and resident memory, ours and our workers'. Asserts: no zombie, no process and no descriptor more than
 * after the warm-up, memory within 10% of it, every verdict of a well-behaved program right, every hostile one's among
 * those that the hostile suite (test/execution/hostile-programs.ts) allows, or the time limit.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { forEachConcurrently } from '../dist/core/concurrency.js';
import { createRng } from '../dist/core/rng.js';
import { createSandbox } from '../dist/execution/create-sandbox.js';
import { judge } from '../dist/execution/judge.js';

const { values: options } = parseArgs({
  options: {
    programs: { type: 'string', default: '2000' },
    sandbox: { type: 'string', default: 'native' },
    processes: { type: 'string', default: '2' },
    'hostile-ms': { type: 'string', default: '150' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const PROGRAMS = Number(options.programs);
const ROUNDS = 20;
const WARM_UP_ROUNDS = 5;
const AT_ONCE = 16;
const LIMITS = { cpuTimeMs: 5_000, memoryLimitBytes: 96 << 20, outputLimitBytes: 1 << 20 };
const HOSTILE_LIMITS = {
  cpuTimeMs: Number(options['hostile-ms']),
  memoryLimitBytes: 96 << 20,
  outputLimitBytes: 100_000,
};

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc');

const hostilePrograms = await loadHostilePrograms();
const rng = createRng(`soak/${options.seed}`);
const tally = { wellBehaved: 0, hostile: 0, runs: 0, traces: 0, wrong: [], outcomes: {} };
const sandbox = createSandbox(options.sandbox, { processes: Number(options.processes) });
const samples = [];
const started = performance.now();
try {
  for (let round = 0; round < ROUNDS; round++) {
    const from = Math.floor((PROGRAMS * round) / ROUNDS);
    const to = Math.floor((PROGRAMS * (round + 1)) / ROUNDS);
    const load = Array.from({ length: to - from }, (_, i) => chooseProgram(from + i));
    await forEachConcurrently(load, AT_ONCE, (runOne) => runOne());
    samples.push(await measureQuiet());
    if (!options.json) process.stderr.write(`${to} of ${PROGRAMS}: ${JSON.stringify(samples.at(-1))}\n`);
  }
} finally {
  await sandbox[Symbol.asyncDispose]();
}
const seconds = (performance.now() - started) / 1000;
const atEnd = descendants();
summarize();

/** Every fifth program is hostile; the others are right, wrong or raise, judged, called or traced. */
function chooseProgram(index) {
  if (index % 5 === 0) {
    const program = hostilePrograms[(index / 5) % hostilePrograms.length];
    return () => runHostile(program);
  }
  const make = rng.pick([judgedRight, judgedRight, judgedRight, judgedWrong, judgedRaising, called, traced]);
  return make(index, rng.int(2, 40));
}

async function runHostile(program) {
  tally.hostile++;
  tally.runs++;
  const source = program.source.replaceAll('PORT', '9');
  const [execution] = await sandbox.run({ source }, [{ kind: 'stdin', stdin: '' }], {
    limits: HOSTILE_LIMITS,
  });
  const key = execution.outcome;
  tally.outcomes[key] = (tally.outcomes[key] ?? 0) + 1;
  // The limit is small, so that a soak is not all waiting; any hostile program may pass it.
  const allowed = [...program.outcomes, 'time-limit'];
  if (!allowed.includes(execution.outcome)) report(program.title, execution);
}

function judgedRight(index, n) {
  const programs = [
    ['n = int(input())\nprint(sum(i * i for i in range(n)))', squares(n)],
    ['n = int(input())\na, b = 0, 1\nfor _ in range(n):\n    a, b = b, a + b\nprint(a)', fibonacci(n)],
    [
      'import collections\nn = int(input())\nc = collections.Counter(str(i % 7) for i in range(n))\nprint(*sorted(c.items(), key=lambda p: (-p[1], p[0]))[0])',
      `('0', ${Math.ceil(n / 7)})`.replace(/[(),']/g, ''),
    ],
    [
      'import sys\nclass Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, x):\n        self.items.append(x)\nn = int(sys.stdin.readline())\ns = Stack()\nfor i in range(n):\n    s.push(i)\nprint(len(s.items), s.items[-1])',
      `${n} ${n - 1}`,
    ],
  ];
  const [source, expected] = programs[index % programs.length];
  return () => expectVerdict(`# ${index}\n${source}`, n, `${expected}\n`, 'accepted');
}

function judgedWrong(index, n) {
  return () => expectVerdict(`# ${index}\nprint(int(input()) + 1)`, n, `${n}\n`, 'wrong-answer');
}

function judgedRaising(index, n) {
  return () => expectVerdict(`# ${index}\nprint([][int(input())])`, n, `${n}\n`, 'runtime-error');
}

async function expectVerdict(source, n, output, expected) {
  tally.wellBehaved++;
  const tests = Array.from({ length: 1 + (n % 4) }, () => ({ input: `${n}\n`, output }));
  tally.runs += tests.length;
  const problem = { id: 'soak', statement: '', publicTests: tests, privateTests: [], limits: LIMITS };
  const { verdict } = await judge(sandbox, { source }, problem);
  if (verdict !== expected) report(source, { verdict, expected });
}

function called(index, n) {
  return async () => {
    tally.wellBehaved++;
    tally.runs++;
    const source = `# ${index}\ndef f(n):\n    return {"n": n, "sum": sum(i * i for i in range(n))}`;
    const [execution] = await sandbox.run({ source }, [{ kind: 'call', expression: `f(${n})` }], {
      limits: LIMITS,
    });
    if (execution.result !== `{'n': ${n}, 'sum': ${squares(n)}}`) report(source, execution);
  };
}

function traced(index, n) {
  return async () => {
    tally.wellBehaved++;
    tally.traces++;
    const source = `# ${index}\nn = int(input())\nt = 0\nfor i in range(n):\n    t += i\nprint(t)`;
    const [trace] = await sandbox.trace({ source }, [{ kind: 'stdin', stdin: `${n}` }], { limits: LIMITS });
    // call, return and three lines of its own; two lines a round, and the loop's last look
    const right = trace.execution.stdout === `${(n * (n - 1)) / 2}\n` && trace.events.length === 2 * n + 6;
    if (!right) report(source, { events: trace.events.length, ...trace.execution });
  };
}

function squares(n) {
  return (BigInt(n) * BigInt(n - 1) * BigInt(2 * n - 1)) / 6n;
}

function fibonacci(n) {
  let [a, b] = [0n, 1n];
  for (let i = 0; i < n; i++) [a, b] = [b, a + b];
  return a;
}

function report(program, found) {
  tally.wrong.push({ program, found });
  process.stderr.write(`WRONG: ${JSON.stringify({ program, found })}\n`);
}

/** What there is when nothing runs: processes on their way in or out are given time. */
async function measureQuiet() {
  collectGarbage();
  await sleep(300);
  let seen = descendants();
  for (let i = 0; i < 20 && seen.some(({ state }) => state === 'Z'); i++) {
    await sleep(100);
    seen = descendants();
  }
  const own = { pid: process.pid, ...resources(process.pid) };
  const workers = seen.map(({ pid }) => resources(pid));
  return {
    zombies: seen.filter(({ state }) => state === 'Z').length,
    processes: seen.length,
    ownDescriptors: own.descriptors,
    workerDescriptors: Math.max(0, ...workers.map(({ descriptors }) => descriptors)),
    ownMiB: own.mib,
    workerMiB: Math.max(0, ...workers.map(({ mib }) => mib)),
  };
}

/** Every process below this one, wherever in whatever namespace. */
function descendants() {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = tryRead(`/proc/${name}/stat`)
      ?.replace(/^.*\) /s, '')
      .split(' ');
    if (fields === undefined) continue;
    const siblings = children.get(Number(fields[1])) ?? [];
    children.set(Number(fields[1]), [...siblings, { pid: Number(name), state: fields[0] }]);
  }
  const found = [];
  for (const pending = [process.pid]; pending.length > 0; ) {
    const below = children.get(pending.pop()) ?? [];
    found.push(...below);
    pending.push(...below.map(({ pid }) => pid));
  }
  return found;
}

function resources(pid) {
  const kib = Number(/VmRSS:\s+(\d+)/.exec(tryRead(`/proc/${pid}/status`) ?? '')?.[1] ?? 0);
  let descriptors = 0;
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    // it has just ended
  }
  return { mib: Math.round(kib / 102.4) / 10, descriptors };
}

function tryRead(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The hostile suite is TypeScript: its types are taken off into a folder that goes at once. */
async function loadHostilePrograms() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'deskcheck-soak-'));
  try {
    const file = join(root, 'test', 'execution', 'hostile-programs.ts');
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const flags = ['--ignoreConfig', '--noCheck', '--module', 'nodenext', '--target', 'es2022'];
    const out = spawnSync(process.execPath, [tsc, ...flags, '--rootDir', root, '--outDir', folder, file], {
      encoding: 'utf8',
    });
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const url = pathToFileURL(join(folder, relative(root, file).replace(/ts$/, 'js')));
    const loaded = await import(url.href).catch((error) => {
      throw new Error(`${out.stdout}${out.stderr}${error}`);
    });
    return loaded.HOSTILE_PROGRAMS;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function summarize() {
  // Half against half: how many processes there are at a quiet moment, and what they hold open, goes up and down by itself.
  const warm = samples.slice(WARM_UP_ROUNDS - 1);
  const [first, last] = [warm.slice(0, warm.length >> 1), warm.slice(warm.length >> 1)];
  const most = (rows, key) => Math.max(...rows.map((row) => row[key]));
  const median = (rows, key) => rows.map((row) => row[key]).sort((a, b) => a - b)[rows.length >> 1];
  const growth = (key) => Number((median(last, key) / Math.max(median(first, key), 0.1) - 1).toFixed(3));
  const summary = {
    sandbox: options.sandbox,
    programs: PROGRAMS,
    wellBehaved: tally.wellBehaved,
    hostile: tally.hostile,
    runs: tally.runs,
    traces: tally.traces,
    seconds: Math.round(seconds),
    hostileOutcomes: tally.outcomes,
    wrong: tally.wrong.length,
    zombies: Math.max(...samples.map(({ zombies }) => zombies)),
    processes: [most(first, 'processes'), most(last, 'processes')],
    processesAfterClosing: atEnd.length,
    ownDescriptors: [most(first, 'ownDescriptors'), most(last, 'ownDescriptors')],
    workerDescriptors: [most(first, 'workerDescriptors'), most(last, 'workerDescriptors')],
    ownMiB: [median(first, 'ownMiB'), median(last, 'ownMiB')],
    workerMiB: [median(first, 'workerMiB'), median(last, 'workerMiB')],
  };
  console.log(options.json ? JSON.stringify(summary) : summary);
  assert.equal(summary.wrong, 0, 'every verdict is right');
  assert.equal(summary.zombies, 0, 'no zombie is left');
  assert.equal(summary.processesAfterClosing, 0, 'closing the sandbox leaves no process');
  for (const key of ['processes', 'ownDescriptors', 'workerDescriptors']) {
    assert.ok(summary[key][1] <= summary[key][0], `${key} do not grow: ${summary[key]}`);
  }
  for (const key of ['ownMiB', 'workerMiB']) assert.ok(growth(key) <= 0.1, `${key} grew by ${growth(key)}`);
}
