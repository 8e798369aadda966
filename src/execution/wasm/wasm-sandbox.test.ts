import { afterAll, describe, expect, it } from 'vitest';
import type { ProgramInput } from '../../problem/types.js';
import { createWasmSandbox } from './wasm-sandbox.js';

const stdin = (text: string): ProgramInput => ({ kind: 'stdin', stdin: text });
const call = (expression: string): ProgramInput => ({ kind: 'call', expression });

describe('the wasm sandbox', () => {
  const sandbox = createWasmSandbox({ processes: 1 });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  it('runs a program on several inputs, in order', async () => {
    const source = 'print(input()[::-1])';
    const results = await sandbox.run({ source }, [stdin('abc\n'), stdin('de')]);
    expect(results.map((r) => [r.outcome, r.stdout])).toEqual([
      ['completed', 'cba\n'],
      ['completed', 'ed\n'],
    ]);
  });

  it('answers a call with a literal', async () => {
    const source = 'def f(a, b):\n    return {a: [b, (1,)]}';
    const [result] = await sandbox.run({ source }, [call("f('x', None)")]);
    expect(result).toMatchObject({ outcome: 'completed', result: "{'x': [None, (1,)]}" });
  });

  it('traces a call from its own frame on', async () => {
    const source = 'def f(a, b):\n    c = a + b\n    return [c]';
    const [trace] = await sandbox.trace({ source }, [call('f(1, 3)')]);
    expect(trace?.events).toEqual([
      { kind: 'call', frame: 0, function: 'f', line: 1, changes: { a: '1', b: '3' } },
      { kind: 'line', frame: 0, function: 'f', line: 2, changes: {} },
      { kind: 'line', frame: 0, function: 'f', line: 3, changes: { c: '4' } },
      { kind: 'return', frame: 0, function: 'f', line: 3, changes: {}, value: '[4]' },
    ]);
  });

  it('rejects when its signal is aborted', async () => {
    await expect(
      sandbox.run({ source: 'pass' }, [stdin('')], { signal: AbortSignal.abort(new Error('no more')) }),
    ).rejects.toThrow('no more');
  });
});

describe('createWasmSandbox', () => {
  it('refuses a number of processes that makes no sense', () => {
    expect(() => createWasmSandbox({ processes: 0 })).toThrow(/whole number from 1/);
  });

  it('rejects work that was still to do when it is closed', async () => {
    const sandbox = createWasmSandbox({ processes: 1 });
    const pending = sandbox.run({ source: 'print(1)' }, [stdin('')]);
    await Promise.all([
      expect(pending).rejects.toMatchObject({ code: 'sandbox-closed' }),
      sandbox[Symbol.asyncDispose](),
    ]);
  });
});
