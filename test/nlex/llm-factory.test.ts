/**
 * The data factory against a real HTTP server that speaks the OpenAI protocol, through the built command. Behind it a
 * scripted model whose explanations are right, wrong or no explanations in known numbers, and a network that fails in every
 * way we know of; killed outright in the middle, twice.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hash32 } from '../../src/core/rng.js';
import { type Asked, type ServerAnswer, startChatServer } from '../support/chat-server.js';
import { runCommand, startCommand } from '../support/run-command.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'deskcheck-factory-'));
});
afterEach(() => rm(root, { recursive: true }));

const EXECUTIONS = 280;
const CONCURRENCY = 24;

/** A loop whose constant tells it from the others. */
const programOf = (id: number): string =>
  `def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total + ${id}\n`;

async function writeExecutions(): Promise<string> {
  const path = join(root, 'executions.jsonl');
  const rows = Array.from({ length: EXECUTIONS }, (_, id) => ({
    id,
    code: programOf(id),
    input: `${3 + (id % 3)}`,
  }));
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

function idOf({ messages }: Asked): number {
  return Number(/return total \+ (\d+)/.exec(messages[0]!.content)![1]);
}

/** What the model says of an execution: one in twenty each is wrong in its output, in a value, and without markers. */
function narrate(asked: Asked): string {
  const text = asked.messages[0]!.content;
  const id = idOf(asked);
  const n = Number(/The call: f\((\d+)\)/.exec(text)![1]);
  const result = Number(/\nresult: (\d+)/.exec(text)![1]);
  const total = (n * (n - 1)) / 2;
  if (id % 20 === 11) return `The function returns ${result}.`;
  const stated = id % 20 === 7 ? total + 40 : total;
  const output = id % 20 === 3 ? result + 1 : result;
  const explanation = `f is called with n = ${n}. total starts at 0. After the last round total = ${stated}, so f returns ${result}.`;
  return `[EXPLANATION]\n${explanation}\n[/EXPLANATION]\n[OUTPUT]\n${output}\n[/OUTPUT]`;
}

/** How the network fails when a question comes for the first time. */
function faultFor(id: number): ServerAnswer | undefined {
  switch (id % 9) {
    case 1:
      return { kind: 'status', status: 429, headers: { 'retry-after': '0.05' } };
    case 2:
      return { kind: 'status', status: 500 };
    case 3:
      return { kind: 'cut' };
    case 4:
      return { kind: 'garbage' };
    case 5:
      return { kind: 'cut', end: true };
    default:
      return id % 45 === 6 ? { kind: 'silence' } : undefined;
  }
}

function startNarrator(faulty: boolean, onAnswer: (answered: number) => void = () => undefined) {
  const seen = new Set<number>();
  const answered = new Map<number, number>();
  let total = 0;
  const server = startChatServer((asked) => {
    const id = idOf(asked);
    const fault = faulty && !seen.has(id) ? faultFor(id) : undefined;
    seen.add(id);
    if (fault) return fault;
    answered.set(id, (answered.get(id) ?? 0) + 1);
    onAnswer(++total);
    return narrate(asked);
  });
  return { server, answered };
}

const nlex = (path: string, baseUrl: string, out: string): string[] => [
  ...['data', 'nlex', path, '--narrator', 'llm', '--model', `${baseUrl}#scripted`, '--out', join(root, out)],
  ...['--concurrency', String(CONCURRENCY), '--timeout', '1.5', '--no-parquet'],
];

async function contentsOf(out: string): Promise<Record<string, string>> {
  const names = (await readdir(join(root, out))).filter((name) => /^part-|README/.test(name)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(root, out, name), 'utf8')])),
  ) as Record<string, string>;
}

test('killed twice behind a failing network, a set ends as one that nothing happened to', {
  timeout: 400_000,
}, async () => {
  const path = await writeExecutions();
  const calm = startNarrator(false);
  await using quiet = await calm.server;
  // The address is not part of a row, but of the settings: both sets are made through one.
  const whole = await runCommand(nlex(path, quiet.baseUrl, 'whole'));
  expect(whole).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('238 of 280 executions explained'),
  });
  expect([...calm.answered.values()].every((times) => times === 1)).toBe(true);

  let running = startCommand([]);
  const stops = [60, 160];
  const rough = startNarrator(true, (answered) => {
    if (answered === stops[0]) {
      stops.shift();
      running.kill();
    }
  });
  await using failing = await rough.server;
  for (let session = 0; session < 2; session++) {
    running = startCommand(nlex(path, failing.baseUrl, 'killed'));
    expect((await running.ended).code).toBeNull();
  }
  const last = await runCommand(nlex(path, failing.baseUrl, 'killed'));
  expect(last).toMatchObject({ code: 0, stdout: expect.stringContaining('238 of 280 executions explained') });
  expect(last.stdout).toMatch(/more calls had been stored/);

  const [a, b] = [await contentsOf('whole'), await contentsOf('killed')];
  for (const name of Object.keys(a).filter((name) => name.startsWith('part-'))) expect(b[name]).toBe(a[name]);
  expect(Object.keys(b)).toEqual(Object.keys(a));
  // Every answer is kept once; answered twice were at most those in flight at a kill.
  const calls = (await readFile(join(root, 'killed', 'calls.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(new Set(calls.map((line) => (JSON.parse(line) as { key: string }).key)).size).toBe(EXECUTIONS);
  expect(calls).toHaveLength(EXECUTIONS);
  const again = [...rough.answered.values()].filter((times) => times > 1);
  expect(again.length).toBeLessThanOrEqual(2 * CONCURRENCY);
  for (const reason of ['wrong output', 'unsupported state', 'answer without the two marked parts'])
    expect(b['README.md']).toContain(`| ${reason} | 14 |`);
  expect(b['README.md']).toContain('**Narrator**: llm:scripted, all 238.');
});

test('a spending limit stops the work before it is passed, and a higher one goes on', {
  timeout: 120_000,
}, async () => {
  const path = await writeExecutions();
  const { server, answered } = startNarrator(false);
  await using open = await server;
  const stopped = await runCommand([...nlex(path, open.baseUrl, 'set'), '--max-tokens-total', '60000']);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(/the limit of 60000 tokens .* with a higher --max-tokens-total goes on/);
  const before = answered.size;
  expect(before).toBeGreaterThan(5);
  expect(before).toBeLessThan(EXECUTIONS);
  const on = await runCommand(nlex(path, open.baseUrl, 'set'));
  expect(on.stdout).toContain('238 of 280 executions explained');
  expect([...answered.values()].every((times) => times === 1)).toBe(true);
});

test('of ten sampled programs per model at most four right ones are kept, with every public test', async () => {
  const problems = ['double', 'again'].map((id) => ({
    ...{ id, statement: `Print twice the number. (${id})`, privateTests: [{ input: '7\n', output: '14\n' }] },
    publicTests: [1, 20].map((n) => ({ input: `${n}\n`, output: `${2 * n}\n` })),
  }));
  const path = join(root, 'problems.jsonl');
  await writeFile(path, problems.map((row) => `${JSON.stringify(row)}\n`).join(''));
  // A third of the programs is wrong, on the private test only; one sample in ten holds none.
  const solver = (asked: Asked): string => {
    const draw = hash32(`${asked.model}/${asked.seed}`) % 30;
    if (draw % 10 === 9) return 'I would double it.';
    const wrong = draw % 3 === 0 ? ' if n != 7 else 0' : '';
    return `\`\`\`python\nn = int(input())  # ${asked.model} ${asked.seed}\nprint(2 * n${wrong})\n\`\`\``;
  };
  await using server = await startChatServer(solver);
  const args = ['data', 'predictions', path, '--out', join(root, 'set')];
  const models = ['a', 'b'].map((name) => `${server.baseUrl}#${name}`);
  const ended = await runCommand([...args, '--solver', ...models, '--samples', '10']);
  expect(ended).toMatchObject({ code: 0, stderr: expect.any(String) });
  const rows = (await readFile(join(root, 'set', 'part-00000.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map(
      (line) =>
        JSON.parse(line) as {
          problem: string;
          author: string;
          source: string;
          stdin: string;
          output: string;
        },
    );
  expect(server.asked).toHaveLength(40);
  for (const problem of ['double', 'again'])
    for (const author of ['a', 'b']) {
      const own = rows.filter((row) => row.problem === problem && row.author === author);
      expect(new Set(own.map(({ source }) => source)).size).toBe(4);
      expect(own.map(({ stdin, output }) => [stdin, output])).toEqual(
        [1, 1, 1, 1].flatMap(() => [
          ['1\n', '2\n'],
          ['20\n', '40\n'],
        ]),
      );
    }
  expect(rows.every(({ source }) => !source.includes('if n != 7'))).toBe(true);
});

test('inputs that a model proposes are tried for a function that has no others', async () => {
  await mkdir(join(root, 'code'));
  const text =
    'class Box:\n    def __init__(self, x):\n        self.x = x\n\ndef weigh(box: Box):\n    total = box.x + 1\n    return total\n';
  await writeFile(join(root, 'code', 'boxes.py'), text);
  await using server = await startChatServer(
    () => '1. `weigh(Box(3))`\n2. weigh(unknown)\n3. weigh(Box(-1))',
  );
  const args = ['data', 'functions', join(root, 'code'), '--out', join(root, 'set')];
  const without = await runCommand([...args.slice(0, -1), join(root, 'none')]);
  expect(without.stdout).toContain('0 rows from 0 of 1 eligible functions');
  const ended = await runCommand([...args, '--proposer', `${server.baseUrl}#p`]);
  expect(ended.stdout).toContain('2 rows from 1 of 1 eligible functions');
  expect(await readFile(join(root, 'set', 'README.md'), 'utf8')).toContain(
    '**Where inputs come from**: proposed, all 2.',
  );
});

test('wrong use is one clear line', async () => {
  const out = ['--out', join(root, 'set')];
  const cases: [string[], RegExp][] = [
    [
      ['nlex', 'none.jsonl', ...out, '--narrator', 'llm'],
      /--narrator llm asks a model: name it with --model/,
    ],
    [['nlex', 'none.jsonl', ...out, '--model', 'http://h/v1#m'], /add --narrator llm/],
    [['nlex', 'none.jsonl', ...out], /cannot read none.jsonl/],
    [['sft', 'none', ...out], /none does not exist/],
    [['functions', root, ...out, '--shard', '3/2'], /--shard takes i\/n/],
    [['predictions', 'p.jsonl', ...out, '--solver', 'http://h/v1'], /names no model/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runCommand(['data', ...args]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
  }
});
