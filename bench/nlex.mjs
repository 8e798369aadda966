/**
 * Explaining executions: narration and grounding per second, alone and with tracing in the sandbox, beside PySnooper (the
 * usual way to get a readable trace of a Python function: one process, no sandbox, nothing checked). The answers are checked:
 * every result is what plain Python gives, every explanation ends in it and is grounded, every one spoiled in a value is
 * looked at, and PySnooper states the same result.
 *
 * Needs a build (`npm run bench -- nlex`), and PySnooper where Python finds it: `pip install --target DIR pysnooper`, then
 * PYTHONPATH=DIR. Without it, that line is left out.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRng } from '../dist/core/rng.js';
import { createSandbox } from '../dist/execution/create-sandbox.js';
import { groundExplanation } from '../dist/nlex/grounding.js';
import { narrateByLine } from '../dist/nlex/line-narrator.js';

const INPUTS = 60;
const rng = createRng('bench/nlex');
const list = (low, high, most) => Array.from({ length: rng.int(low, high) }, () => rng.int(-most, most));
const word = () => Array.from({ length: rng.int(3, 14) }, () => rng.pick([...'abcde '])).join('');

/** Programs of different kinds, and how their inputs are drawn. */
const PROGRAMS = [
  [
    'def f(xs):\n    total = 0\n    for x in xs:\n        if x % 2 == 0:\n            total += x\n        elif x > 5:\n            total -= 1\n    return total\n',
    () => JSON.stringify(list(3, 20, 30)),
  ],
  [
    'def f(s):\n    out = {}\n    for c in s:\n        out[c] = out.get(c, 0) + 1\n    return sorted(out.items())\n',
    () => `'${word()}'`,
  ],
  [
    'def f(n):\n    steps = 0\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n        steps += 1\n    return steps\n',
    () => String(rng.int(1, 60)),
  ],
  [
    'def f(n):\n    if n < 2:\n        return n\n    return f(n - 1) + f(n - 2)\n',
    () => String(rng.int(2, 9)),
  ],
  [
    'def f(xs):\n    xs = list(xs)\n    for i in range(len(xs)):\n        for j in range(len(xs) - 1 - i):\n            if xs[j] > xs[j + 1]:\n                xs[j], xs[j + 1] = xs[j + 1], xs[j]\n    return xs\n',
    () => JSON.stringify(list(2, 8, 20)),
  ],
  [
    'def f(text):\n    words = text.split()\n    longest = ""\n    for w in words:\n        if len(w) > len(longest):\n            longest = w\n    return longest.upper()\n',
    () => `'${word()} ${word()}'`,
  ],
  [
    'def f(n):\n    table = [[0] * n for _ in range(n)]\n    for i in range(n):\n        for j in range(n):\n            table[i][j] = 1 if i == 0 or j == 0 else table[i - 1][j] + table[i][j - 1]\n    return table[-1][-1] if n else 0\n',
    () => String(rng.int(0, 6)),
  ],
  [
    'def f(xs, target):\n    low, high = 0, len(xs) - 1\n    while low <= high:\n        middle = (low + high) // 2\n        if xs[middle] == target:\n            return middle\n        if xs[middle] < target:\n            low = middle + 1\n        else:\n            high = middle - 1\n    return -1\n',
    () => `${JSON.stringify(list(5, 40, 99).sort((a, b) => a - b))}, ${rng.int(-99, 99)}`,
  ],
];
const programs = PROGRAMS.map(([source, draw]) => ({
  source,
  inputs: Array.from({ length: INPUTS }, () => ({ kind: 'call', expression: `f(${draw()})` })),
}));
const calls = programs.map(({ source, inputs }) => [source, inputs.map(({ expression }) => expression)]);
const executions = programs.length * INPUTS;

const truth = python(
  'import json, sys\nout = []\nfor source, calls in json.load(sys.stdin):\n    names = {}\n    exec(source, names)\n    out.append([repr(eval(call, names)) for call in calls])\nprint(json.dumps(out))',
);

const sandbox = createSandbox('auto');
const traceAll = () => Promise.all(programs.map(({ source, inputs }) => sandbox.trace({ source }, inputs)));
await traceAll();
const tracing = performance.now();
const traces = await traceAll();
const traceMs = performance.now() - tracing;
await sandbox[Symbol.asyncDispose]();

const told = [];
const tell = () => {
  told.length = 0;
  programs.forEach(({ source, inputs }, at) => {
    inputs.forEach((input, index) => {
      told.push(narrateByLine(source, traces[at][index], input));
    });
  });
};
let groundings = [];
const ground = () => {
  groundings = programs.flatMap(({ source, inputs }, at) =>
    inputs.map((input, index) => {
      const trace = traces[at][index];
      return groundExplanation({ source, input, trace }, told[at * INPUTS + index]);
    }),
  );
};
const narrateMs = best(tell);
const groundMs = best(ground);

let spoiled = 0;
let caught = 0;
programs.forEach(({ source, inputs }, at) => {
  inputs.forEach((input, index) => {
    const trace = traces[at][index];
    const text = told[at * INPUTS + index];
    assert.equal(trace.execution.result, truth[at][index], 'the result is what plain Python gives');
    assert.ok(text.endsWith(` is ${truth[at][index]}`), 'the explanation ends in it');
    const wrong = spoil(text);
    if (wrong === undefined) return;
    spoiled++;
    const grounding = groundExplanation({ source, input, trace }, wrong);
    if (grounding.score < 1 || grounding.outputMatches === false) caught++;
  });
});
const grounded = groundings.filter(({ score, outputMatches }) => score === 1 && outputMatches === true);
const claims = groundings.reduce((sum, one) => sum + one.claims, 0);
const characters = told.reduce((sum, text) => sum + text.length, 0);
assert.equal(grounded.length, executions, 'every explanation is grounded');
assert.ok(caught >= 0.98 * spoiled, `${caught} of ${spoiled} spoiled explanations caught`);

const perSecond = (ms) => `${Math.round((1000 * executions) / ms)}/s`;
console.log(
  `nlex: ${executions} executions of ${programs.length} programs, ${claims} claims, all grounded; spoiled in one value: ${caught} of ${spoiled} caught`,
);
console.log(
  `  narration ${perSecond(narrateMs)}, grounding ${perSecond(groundMs)} (${Math.round(claims / groundMs)}k claims/s), ${Math.round(characters / executions)} characters each`,
);
console.log(
  `  with tracing in ${sandbox.kind}, ${sandbox.concurrency} processes: ${perSecond(traceMs + narrateMs + groundMs)}`,
);
comparePySnooper();

function comparePySnooper() {
  const script =
    "import io, json, linecache, re, sys, time\ntry:\n    import pysnooper\nexcept ImportError:\n    print('null')\n    sys.exit()\n" +
    'out, started, size = [], time.perf_counter(), 0\nfor source, calls in json.load(sys.stdin):\n' +
    "    names = {}\n    name = '<bench %d>' % len(out)\n" +
    '    linecache.cache[name] = (len(source), None, source.splitlines(True), name)\n    exec(compile(source, name, "exec"), names)\n' +
    "    row = []\n    for call in calls:\n        text = io.StringIO()\n        plain = names['f']\n" +
    "        names['f'] = pysnooper.snoop(text, depth=20, color=False, max_variable_length=None)(plain)\n        eval(call, names)\n        names['f'] = plain\n" +
    "        text = text.getvalue()\n        size += len(text)\n        row.append(re.findall(r'Return value:\\.\\. (.*)', text)[-1])\n" +
    '    out.append(row)\nprint(json.dumps([out, time.perf_counter() - started, size]))';
  const answer = python(script);
  if (answer === null) {
    console.log('  PySnooper: not installed; see the header of this file');
    return;
  }
  const [results, seconds, size] = answer;
  assert.deepEqual(results, truth, 'PySnooper states the same results');
  console.log(
    `  PySnooper, one process without a sandbox, nothing checked: ${perSecond(1000 * seconds)}, ${Math.round(size / executions)} characters each`,
  );
}

function python(script) {
  const { stdout, stderr, status } = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(calls),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** The best of a few runs, in milliseconds. */
function best(work) {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) {
    const started = performance.now();
    work();
    least = Math.min(least, performance.now() - started);
  }
  return least;
}

/** Adds one to a number outside quoted code. */
function spoil(text) {
  const blanked = text.replace(/`[^`\n]*`/g, (quoted) => '`'.repeat(quoted.length));
  const spots = [...blanked.matchAll(/(?<![\w.'"])-?\d+(?![\w.'"])/g)];
  if (spots.length === 0) return undefined;
  const { 0: old, index } = rng.pick(spots);
  return text.slice(0, index) + String(Number(old) + 1) + text.slice(index + old.length);
}
