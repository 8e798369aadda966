/** The sandbox contract for `wasm`, and what only it has to stand: programs that try to reach Node. */
import { afterAll, describe, expect, it } from 'vitest';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import {
  INNOCENT_OUTPUT,
  innocent,
  NODE_ESCAPES,
  SECRET,
  SECRET_HUNTER,
  spoiler,
} from './hostile-programs.js';
import { describeSandbox } from './sandbox-contract.js';

describeSandbox('wasm', () => createWasmSandbox({ processes: 2 }), new Set(['threads']));

describe('the wasm sandbox that is put back after every program', () => {
  const sandbox = createWasmSandbox({ processes: 1, isolation: 'program' });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  it('carries nothing from one program to the next', async () => {
    const limits = { cpuTimeMs: 2_000, memoryLimitBytes: 160 << 20, outputLimitBytes: 100_000 };
    const run = async (source: string) =>
      (await sandbox.run({ source }, [{ kind: 'stdin', stdin: 'hello' }], { limits }))[0]?.stdout;
    const same = innocent('/tmp');
    expect(await run(same)).toBe(INNOCENT_OUTPUT);
    await run(spoiler('/tmp'));
    expect(await run(same)).toBe(INNOCENT_OUTPUT);
    await run(`print(input(), "${SECRET}")`);
    expect(await run(SECRET_HUNTER)).toBe('[] True\n');
  });
});

describe('the way from Python to Node', () => {
  const sandbox = createWasmSandbox({ processes: 1 });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  it.each(NODE_ESCAPES)('is closed for %s', async (_, source) => {
    const limits = { cpuTimeMs: 400, memoryLimitBytes: 160 << 20, outputLimitBytes: 100_000 };
    const [execution] = await sandbox.run({ source }, [{ kind: 'stdin', stdin: '' }], { limits });
    expect(execution?.stdout).not.toContain('escaped');
    const [next] = await sandbox.run(
      { source: 'import sys\nprint(sum(map(int, input().split())), type(sys).__name__)' },
      [{ kind: 'stdin', stdin: '1 2' }],
    );
    expect(next).toMatchObject({ outcome: 'completed', stdout: '3 module\n' });
  });
});
