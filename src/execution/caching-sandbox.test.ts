import { expect, test } from 'vitest';
import { createCachingSandbox } from './caching-sandbox.js';
import type { Execution, Sandbox } from './types.js';

const INPUT = [{ kind: 'stdin', stdin: '1\n' }] as const;

function countingSandbox(failures = 0): { readonly sandbox: Sandbox; runs(): number } {
  let runs = 0;
  const sandbox: Sandbox = {
    kind: 'wasm',
    concurrency: 1,
    run: async ({ source }) => {
      if (++runs <= failures) throw new Error('down');
      return [{ outcome: 'completed', stdout: source, cpuTimeMs: 1, wallTimeMs: 1 } satisfies Execution];
    },
    trace: async () => [],
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { sandbox, runs: () => runs };
}

test('the same program on the same inputs is run once', async () => {
  const { sandbox, runs } = countingSandbox();
  const caching = createCachingSandbox(sandbox);
  const [first, second] = await Promise.all([
    caching.run({ source: 'a' }, INPUT),
    caching.run({ source: 'a' }, INPUT),
  ]);
  expect(second).toEqual(first);
  await caching.run({ source: 'b' }, INPUT);
  await caching.run({ source: 'a' }, []);
  expect(runs()).toBe(3);
});

test('a failure of the machinery is not remembered', async () => {
  const { sandbox, runs } = countingSandbox(1);
  const caching = createCachingSandbox(sandbox);
  await expect(caching.run({ source: 'a' }, INPUT)).rejects.toThrow('down');
  await expect(caching.run({ source: 'a' }, INPUT)).resolves.toHaveLength(1);
  expect(runs()).toBe(2);
});

test('what was asked for longest ago is forgotten first', async () => {
  const { sandbox, runs } = countingSandbox();
  const caching = createCachingSandbox(sandbox, 2);
  for (const source of ['a', 'b', 'c', 'a']) await caching.run({ source }, INPUT);
  expect(runs()).toBe(4);
});

test('whoever is stopped stops waiting, and nobody else who waits for the same run', async () => {
  let finish = (): void => undefined;
  const { sandbox } = countingSandbox();
  const caching = createCachingSandbox({
    ...sandbox,
    run: async (_, __, options) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      options?.signal?.throwIfAborted();
      return [];
    },
  });
  const stop = new AbortController();
  const stopped = caching.run({ source: 'a' }, INPUT, { signal: stop.signal });
  const waiting = caching.run({ source: 'a' }, INPUT, { signal: new AbortController().signal });
  stop.abort(new Error('called off'));
  await expect(stopped).rejects.toThrow('called off');
  finish();
  expect(await waiting).toEqual([]);
});
