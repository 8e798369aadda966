import { afterAll, describe, expect, it } from 'vitest';
import { UsageError } from '../core/errors.js';
import { judgeCalls } from './calls.js';
import { createWasmSandbox } from './wasm/wasm-sandbox.js';

describe('judgeCalls', () => {
  const sandbox = createWasmSandbox({ processes: 1 });
  afterAll(() => sandbox[Symbol.asyncDispose]());
  const verdictsOf = async (source: string, expected: string): Promise<readonly string[]> => {
    const tests = [
      { expression: 'f(1)', expected },
      { expression: 'f(0)', expected: 'None' },
    ];
    const { tests: verdicts, verdict } = await judgeCalls(sandbox, { source }, tests);
    return [verdict, ...verdicts.map((test) => test.verdict)];
  };

  it('compares results as Python values', async () => {
    const source = 'def f(x):\n    return {"a": x, "b": {2, 1}} if x else None';
    expect(await verdictsOf(source, "{'b': {1, 2}, 'a': 1.0}")).toEqual(['accepted', 'accepted', 'accepted']);
    expect(await verdictsOf(source, '[1]')).toEqual(['wrong-answer', 'wrong-answer', 'accepted']);
  });

  it('gives a call that raises its own verdict', async () => {
    expect(await verdictsOf('def f(x):\n    return 1 // x if x else 1 // x', '1')).toEqual([
      'runtime-error',
      'accepted',
      'runtime-error',
    ]);
  });

  it('says when a result is no literal', async () => {
    const source = 'class A: pass\ndef f(x):\n    return A()';
    const { tests } = await judgeCalls(sandbox, { source }, [{ expression: 'f(1)', expected: '1' }]);
    expect(tests[0]).toMatchObject({ verdict: 'wrong-answer', reason: 'the result is no literal: <A>' });
  });

  it('takes no exit for an answer', async () => {
    for (const leave of ['os._exit(0)', 'sys.exit(0)', 'exit()']) {
      const source = `import os, sys\ndef f(x):\n    ${leave}`;
      expect(await verdictsOf(source, 'None')).toEqual(['runtime-error', 'runtime-error', 'runtime-error']);
    }
  });

  it('refuses expected results that are no literals', async () => {
    await expect(
      judgeCalls(sandbox, { source: '' }, [{ expression: 'f()', expected: 'A()' }]),
    ).rejects.toThrow(UsageError);
  });
});
