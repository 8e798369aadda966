/** The sandbox contract for `wasm`, and what only it has to stand: programs that try to reach Node. */
import { afterAll, describe, expect, it } from 'vitest';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import { NODE_ESCAPES } from './hostile-programs.js';
import { describeSandbox } from './sandbox-contract.js';

describeSandbox('wasm', () => createWasmSandbox({ processes: 2 }), new Set(['threads', 'asyncio']));

describe('the way from Python to Node', () => {
  const sandbox = createWasmSandbox({ processes: 1 });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  it.each(NODE_ESCAPES)('is closed for %s', async (_, source) => {
    const limits = { cpuTimeMs: 400, memoryLimitBytes: 160 << 20, outputLimitBytes: 100_000 };
    const [execution] = await sandbox.run({ source }, [{ kind: 'stdin', stdin: '' }], { limits });
    expect(execution?.stdout).not.toContain('escaped');
  });
});
