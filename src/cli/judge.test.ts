/** The command itself, with a real sandbox: what it prints, and its exit code. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { addJudgeCommand } from './judge.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deskcheck-judge-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

function file(name: string, ...rows: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

async function deskcheck(...args: readonly string[]) {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  for (const spy of [out, err]) spy.mockClear();
  const program = new Command().exitOverride();
  addJudgeCommand(program);
  await program.parseAsync(['node', 'deskcheck', 'judge', ...args]);
  const text = (spy: typeof out) => spy.mock.calls.map(([chunk]) => String(chunk)).join('');
  return { stdout: text(out), stderr: text(err), exitCode: process.exitCode };
}

const DOUBLE = {
  id: 'double',
  statement: 'Print the number twice as large.',
  publicTests: [{ input: '1', output: '2' }],
  privateTests: [
    { input: '3', output: '6' },
    { input: '4', output: '8' },
  ],
};
const RIGHT = { problem: 'double', source: 'print(2 * int(input()))' };

describe('deskcheck judge', () => {
  it('tells the verdict of each program and each of its tests, in the order of the file', async () => {
    const programs = file(
      'programs.jsonl',
      RIGHT,
      { problem: 'double', id: 'first', source: 'print(2)' },
      { problem: 'double', source: 'import os\nos._exit(0)' },
    );
    const said = await deskcheck(file('double.jsonl', DOUBLE), programs);
    expect(said.stdout.replace(/\d+ ms {2}\d+ MiB/g, '…').split('\n')).toEqual([
      'double/0  accepted  …  3 of 3 tests: accepted ×3',
      'double/first  wrong-answer  …  1 of 3 tests: accepted, wrong-answer ×2',
      'double/2  wrong-answer  …  0 of 3 tests: wrong-answer ×3',
      '',
    ]);
    expect(said.stderr).toBe('3 programs: 1 accepted, 2 wrong-answer\n');
    expect(said.exitCode).toBe(1);
  });

  it('ends with 0 when all are accepted, and writes JSON with time and memory', async () => {
    const said = await deskcheck(file('double.jsonl', DOUBLE), file('right.jsonl', RIGHT), '--json');
    const [row] = said.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(row).toMatchObject({
      ...{ problem: 'double', program: '0', verdict: 'accepted', comparator: 'codecontests' },
      ...{ cpuTimeMs: expect.any(Number), peakMemoryBytes: expect.any(Number) },
    });
    expect(row?.['tests']).toHaveLength(3);
    expect(said.exitCode).toBe(0);
  });

  it('keeps to the limits: those of the problem, or those of the command line', async () => {
    const slow = file('slow.jsonl', { problem: 'double', source: 'while True: pass' });
    const limited = file('limited.jsonl', { ...DOUBLE, limits: { cpuTimeMs: 150 } });
    const own = await deskcheck(limited, slow, '--max-tests', '1');
    expect(own.stdout).toMatch(/^double\/0 {2}time-limit {2}1\d\d ms .* 0 of 1 tests: time-limit\n$/);
    const given = await deskcheck(file('double.jsonl', DOUBLE), slow, '--time-limit', '0.2', '--public-only');
    expect(given.stdout).toMatch(/^double\/0 {2}time-limit {2}[23]\d\d ms .* 0 of 1 tests: time-limit\n$/);
  });

  it('judges calls, without taking an exit for an answer', async () => {
    const calls = [
      { call: 'f(2)', result: '[2, (3,)]' },
      { call: "f('a')", result: 'None' },
    ];
    const programs = file(
      'functions.jsonl',
      { problem: 'c', source: 'def f(x):\n    return [x, (x + 1.0,)] if x == 2 else None' },
      { problem: 'c', source: 'import os\ndef f(x): os._exit(0)' },
    );
    const { stdout } = await deskcheck(file('calls.jsonl', { id: 'c', calls }), programs);
    expect(stdout).toMatch(
      /^c\/0 {2}accepted .* 2 of 2 tests: accepted ×2\nc\/1 {2}runtime-error .*call returned/,
    );
  });

  it('judges published forms: APPS, CRUXEval, HumanEval with the rest of a function', async () => {
    const apps = {
      fn_name: 'f',
      inputs: [
        [1, [2]],
        ['é', []],
      ],
      outputs: [[[1, 2]], [['é']]],
    };
    const twice = await deskcheck(
      file('apps.jsonl', { problem_id: 7, input_output: JSON.stringify(apps) }),
      file('apps-programs.jsonl', { problem: '7', source: 'def f(a, b): return [a] + b' }),
    );
    expect(twice.stdout).toContain('7/0  accepted');
    const code = 'def f(s):\n    return s[::-1]';
    const crux = await deskcheck(
      file('crux.jsonl', { id: 'sample_0', code, input: "'ab'", output: "'ba'" }),
      file('crux-programs.jsonl', { problem: 'sample_0', source: code }),
    );
    expect(crux.stdout).toContain('sample_0/0  accepted');
    const head = 'def add(a, b):\n    """Adds."""\n';
    const test = 'def check(candidate):\n    assert candidate(1, 2) == 3\n';
    const body = '    return a + b\n';
    const human = await deskcheck(
      file('human.jsonl', {
        task_id: 'H/0',
        prompt: head,
        entry_point: 'add',
        canonical_solution: body,
        test,
      }),
      file(
        'human-samples.jsonl',
        { task_id: 'H/0', completion: body },
        { task_id: 'H/0', completion: '    return 3\n' },
        {
          ...{ task_id: 'H/0', completion: '    import os\n    os._exit(0)\n' },
        },
      ),
    );
    expect(human.stdout.split('\n').map((line) => line.split('  ').slice(0, 2))).toEqual([
      ['H/0/0', 'accepted'],
      ['H/0/1', 'accepted'],
      ['H/0/2', 'runtime-error'],
      [''],
    ]);
  });

  it('says in a line what is wrong with its files', async () => {
    const problems = file('double.jsonl', DOUBLE);
    await expect(deskcheck(problems, file('empty.jsonl'))).rejects.toThrow(/holds no programs/);
    await expect(deskcheck(problems, file('other.jsonl', { ...RIGHT, problem: 'x' }))).rejects.toThrow(
      /has a program for "x", which .*double.jsonl does not hold/,
    );
    await expect(deskcheck(file('odd.jsonl', { name: 1 }), file('right.jsonl', RIGHT))).rejects.toThrow(
      /of no known form/,
    );
    const twice = file(
      'twice.jsonl',
      { id: 'c', calls: [{ call: 'f()', result: '1' }] },
      {
        ...{ id: 'c', calls: [{ call: 'f()', result: '1' }] },
      },
    );
    await expect(deskcheck(twice, file('right.jsonl', RIGHT))).rejects.toThrow(/two problems are called c/);
    const odd = file('no-literal.jsonl', { id: 'c', calls: [{ call: 'f()', result: 'A()' }] });
    await expect(deskcheck(odd, file('right.jsonl', RIGHT))).rejects.toThrow(/expected a Python literal/);
  });
});
