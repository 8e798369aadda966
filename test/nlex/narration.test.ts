/**
 * What the template narrator says of small programs that were really run, word for word. Locked here: every call is told,
 * also one that leaves nothing behind; prints say what they print; a container too long to be shown is told by the item
 * that was set; what was just said is not said again; values that are only an object's name are not told.
 */
import { afterAll, expect, test } from 'vitest';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import { groundExplanation } from '../../src/nlex/grounding.js';
import { narrateSteps } from '../../src/nlex/line-narrator.js';
import type { ProgramInput } from '../../src/problem/types.js';

const sandbox = createWasmSandbox({ processes: 1 });
afterAll(() => sandbox[Symbol.asyncDispose]());

async function tell(source: string, given: string, kind: ProgramInput['kind'] = 'call'): Promise<string[]> {
  const input: ProgramInput = kind === 'call' ? { kind, expression: given } : { kind, stdin: given };
  const [trace] = await sandbox.trace({ source }, [input]);
  const told = narrateSteps(source, trace!);
  const { stdout, result = '' } = trace!.execution;
  const output = kind === 'call' ? result : stdout;
  expect(groundExplanation({ source, input, trace: trace! }, told, output)).toMatchObject({
    ...{ score: 1, outputMatches: true },
  });
  return told.split('\n');
}

test('a call that leaves nothing behind is told, and a function that falls off its end returns None', async () => {
  const source = 'def g(n):\n    if n > 0:\n        g(n - 1)\n\ndef f(n):\n    g(n)\n';
  expect(await tell(source, 'f(1)')).toEqual([
    'f is called with n = 1.',
    'Next comes `g(n)`.',
    '  g is called with n = 1.',
    '  `n > 0` is true with n = 1. Next comes `g(n - 1)`.',
    '    g is called with n = 0.',
    '    `n > 0` is false with n = 0.',
    'f returns None.',
  ]);
});

test('prints say what they print, read off the output where it cannot be worked out', async () => {
  const source =
    "n = int(input())\nfor i in range(n):\n    print(i, end=' ')\nprint()\nprint(sum(range(n)) * 2.5)\nprint('a', n, sep='-')\n";
  expect(await tell(source, '2\n', 'stdin')).toEqual([
    '`n = int(input())` makes n = 2. Now the loop `for i in range(n)` runs.',
    "- i = 0. `print(i, end=' ')` prints `0` and a space, on the same line.",
    "- i = 1. `print(i, end=' ')` prints `1` and a space, on the same line.",
    "The loop `for i in range(n)` is done. `print()` ends the line. `print(sum(range(n)) * 2.5)` prints `2.5`. `print('a', n, sep='-')` prints `a-2`.",
  ]);
});

test('nothing is read off an output that something else may have written to', async () => {
  const source = 'import sys\nsys.stdout.write("3\\n")\nprint(max([1, 2]))\n';
  expect((await tell(source, '', 'stdin')).join(' ')).toContain('`print(max([1, 2]))` runs.');
});

test('of a long table the item that was set is told, and what a condition rests on', async () => {
  const source =
    'def f(n):\n    table = [[0] * n for _ in range(n)]\n    table[1][2] = 0.5\n    if table[1][2] < n:\n        table[1][2] += 1\n    return table[1][2]\n';
  expect(await tell(source, 'f(9)')).toEqual([
    'f is called with n = 9.',
    '`table = [[0] * n for _ in range(n)]` gives table a length of 9. `table[1][2] = 0.5` makes table[1][2] = 0.5. `table[1][2] < n` is true with table[1][2] = 0.5 and n = 9. `table[1][2] += 1` makes table[1][2] = 1.5. f returns 1.5, the value of `table[1][2]`.',
  ]);
});

test('what a round begins with is not said again, and what stays as it is is said to', async () => {
  const source =
    'def f(xs):\n    out: list = []\n    for x in xs:\n        if x & 1 or x.bit_length() > 9:\n            out.append(x << 2)\n    xs.sort()\n    return out\n';
  expect(await tell(source, 'f([1, 2])')).toEqual([
    'f is called with xs = [1, 2].',
    'out is set to []. Now the loop `for x in xs` runs.',
    '- x = 1. `x & 1 or x.bit_length() > 9` is true with x & 1 = 1 & 1 = 1. 1 << 2 = 4 is appended to out, which becomes [4].',
    '- x = 2. `x & 1 or x.bit_length() > 9` is false with x & 1 = 2 & 1 = 0.',
    'The loop `for x in xs` is done. `xs.sort()` leaves xs = [1, 2]. f returns [4].',
  ]);
});

test('an endless loop begins with a first round, and one that is left by a return says no more', async () => {
  const source =
    'def f(n):\n    it = iter([1])\n    while True:\n        n += next(it)\n        if n > 1:\n            return n\n';
  expect(await tell(source, 'f(1)')).toEqual([
    'f is called with n = 1.',
    '`it = iter([1])` changes it. The loop `while True` runs.',
    '- First round. `n += next(it)` makes n = 2. `n > 1` is true with n = 2. f returns 2.',
  ]);
});

test('imports are not told, and a variable may be called inf', async () => {
  const source = 'from math import *\ninf = 10 ** 9\nbest = inf\nif best > 5:\n    best = 5\nprint(best)\n';
  expect(await tell(source, '', 'stdin')).toEqual([
    'inf becomes 10 ** 9 = 1000000000. best is set to 1000000000. `best > 5` is true with best = 1000000000. best becomes 5. `print(best)` prints `5`.',
  ]);
});

test('a loop on one line is told round by round', async () => {
  const source =
    'def f(n):\n    out = []\n    for i in range(n): out.append(i)\n    while n > 1: n -= 1\n    return out\n';
  expect(await tell(source, 'f(2)')).toEqual([
    'f is called with n = 2.',
    'out is set to []. Now the loop `for i in range(n)` runs.',
    '- i = 0 and out = [0].',
    '- i = 1 and out = [0, 1].',
    'The loop `for i in range(n)` is done. The loop `while n > 1` runs.',
    '- `n > 1` is true with n = 2. That makes n = 1.',
    '`n > 1` is false with n = 1, so the loop is done. f returns [0, 1].',
  ]);
});
