/**
 * How fast programs are judged and traced on this machine (`--quick`; `--json`). Needs a build: `npm run bench`.
 *
 * - Judging: short programs, each on one input, by every sandbox that works here, against one `python3 -I` process per
 *   test (the interpreter itself, not a shim); two at a time everywhere. Every output is checked. `medianMs` is one run from
 *   asking for its process to its end, all of it overhead but the program's own 0.1 to 0.2 ms.
 * - Tracing: events per second of the recorder against a plain `sys.settrace` + `repr` tracer, in one CPython, on five
 *   small programs and, with DESKCHECK_DATA, on real ones (support/tracing.mjs says how).
 */
import { spawn } from 'node:child_process';
import { createSandbox, diagnoseExecution } from '../dist/execution/create-sandbox.js';
import { probePython } from '../dist/execution/native/probe.js';
import { measureTracing } from './support/tracing.mjs';

const CONCURRENCY = 2;

const programFor = (k) => `
n = int(input())
xs = list(map(int, input().split()))
total = 0
best = None
for x in xs:
    if x % ${k + 1} == 0:
        total += x
    else:
        total -= 1
    if best is None or x > best:
        best = x
print(total, best)
`;
const INPUT = '6\n3 1 4 1 5 9\n';
const expected = (k) => {
  const xs = [3, 1, 4, 1, 5, 9];
  return `${xs.reduce((sum, x) => sum + (x % (k + 1) === 0 ? x : -1), 0)} 9\n`;
};

/** Runs the benchmark and returns its rows. */
export async function run({ programs = 1000, tracerSeconds = 1, everyProgram = 1 } = {}) {
  const rows = [];
  const { sandboxes } = await diagnoseExecution();
  const works = new Set(sandboxes.filter((report) => report.works).map((report) => report.kind));
  if (works.has('unsafe-process')) {
    // -S: without site-packages, which can take most of the time that a Python takes to start.
    for (const flags of [['-I'], ['-I', '-S']]) {
      rows.push(await measureProcesses(Math.min(programs, 100), flags));
    }
  }
  for (const kind of ['native', 'wasm']) {
    if (works.has(kind)) rows.push(await measureSandbox(kind, programs));
  }
  const slowest = works.has('unsafe-process') ? rows[0].programsPerSecond : Number.NaN;
  for (const row of rows) row.times = Number((row.programsPerSecond / slowest).toFixed(1));
  return {
    judging: rows,
    tracing: works.has('unsafe-process')
      ? measureTracing(probePython().found.path, tracerSeconds, everyProgram)
      : undefined,
  };
}

async function measureSandbox(kind, programs) {
  const sandbox = createSandbox(kind, { processes: CONCURRENCY });
  const one = async (k) => {
    const [execution] = await sandbox.run({ source: programFor(k) }, [{ kind: 'stdin', stdin: INPUT }]);
    check(execution.stdout, k);
    return execution.wallTimeMs;
  };
  try {
    await Promise.all(Array.from({ length: 50 }, (_, k) => one(k)));
    const started = performance.now();
    const times = await Promise.all(Array.from({ length: programs }, (_, k) => one(k)));
    return toRow(kind, programs, performance.now() - started, times);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

/** One process per test, as the simplest judges do it. */
async function measureProcesses(programs, flags) {
  const { path } = probePython().found;
  const times = [];
  let next = 0;
  const started = performance.now();
  const lane = async () => {
    for (let k = next++; k < programs; k = next++) {
      const begun = performance.now();
      check(await runProcess(path, [...flags, '-c', programFor(k)]), k);
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return toRow(`python3 ${flags.join(' ')} per test`, programs, performance.now() - started, times);
}

function runProcess(python, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
    child.stdin.end(INPUT);
  });
}

function check(output, k) {
  if (output !== expected(k))
    throw new Error(`program ${k} printed ${JSON.stringify(output)}, not ${expected(k)}`);
}

function toRow(name, programs, elapsedMs, times) {
  const sorted = [...times].sort((a, b) => a - b);
  return {
    sandbox: name,
    programsPerSecond: Math.round((programs / elapsedMs) * 1000),
    medianMs: Number(sorted[sorted.length >> 1].toFixed(2)),
  };
}

const isQuick = process.argv.includes('--quick');
const result = await run(isQuick ? { programs: 100, tracerSeconds: 0.2, everyProgram: 20 } : {});
if (process.argv.includes('--json')) console.log(JSON.stringify(result));
else {
  console.table(result.judging);
  if (result.tracing !== undefined) console.table(result.tracing.groups);
}
