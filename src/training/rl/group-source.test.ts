import { describe, expect, test } from 'vitest';
import { createInstantClock } from '../../core/clock.js';
import type { PolicyVersion } from '../../model/types.js';
import { GroupCalledOff } from './group.js';
import { createStreamSource, createWaveSource, type SourceOptions } from './group-source.js';
import { createPromptQueue } from './prompt-queue.js';
import type { GroupResult, Prompt } from './types.js';

interface Started {
  readonly prompt: Prompt;
  finish(): void;
}

/** Groups that end when the test says so, or when they are called off. */
function setUp(fields: Partial<SourceOptions> = {}) {
  const started: Started[] = [];
  const clock = createInstantClock();
  const options: SourceOptions = {
    queue: createPromptQueue([{ name: 'a', weight: 1, size: Infinity }], 1),
    maxInFlight: 10,
    version: 0 as PolicyVersion,
    maxStaleness: 8,
    maxAttempts: 3,
    clock,
    start: (prompt, signal) =>
      new Promise<GroupResult>((resolve, reject) => {
        started.push({ prompt, finish: () => resolve({ kind: 'scored', group: { prompt, rollouts: [] } }) });
        signal.addEventListener('abort', () => {
          const { reason } = signal;
          if (reason instanceof GroupCalledOff) resolve({ kind: 'cancelled', prompt, reason: reason.why });
          else reject(reason);
        });
      }),
    ...fields,
  };
  return { options, started, clock };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('stragglers', () => {
  test('are called off once they are long behind the mean, and the wave ends', async () => {
    const { options, started, clock } = setUp({ stragglerPatience: 3 });
    await using source = createWaveSource(options);
    const wave = source.next(10);
    clock.advance(1_000);
    for (const { finish } of started.slice(0, 8)) finish();
    await settle();
    expect(source.inFlight).toBe(2);
    clock.advance(4_000);
    started[8]!.finish();
    const kinds = (await wave).map((result) => (result.kind === 'cancelled' ? result.reason : result.kind));
    expect(kinds).toEqual([...new Array(9).fill('scored'), 'straggler']);
  });

  test('are left alone at the last attempt at their prompt, and where it is not asked for', async () => {
    for (const fields of [{ stragglerPatience: 3, maxAttempts: 1 }, {}]) {
      const { options, started, clock } = setUp(fields);
      await using source = createStreamSource(options);
      const first = source.next(1);
      clock.advance(1_000);
      for (const { finish } of started.slice(0, 9)) finish();
      expect(await first).toHaveLength(1);
      clock.advance(60_000);
      started[10]!.finish();
      await settle();
      for (let i = 0; i < 9; i++) expect((await source.next(1))[0]?.kind).toBe('scored');
    }
  });
});

test('a stream calls off what has grown too old, and holds no more than it may', async () => {
  const { options, started } = setUp({ maxInFlight: 3, maxStaleness: 1 });
  await using source = createStreamSource(options);
  const first = source.next(1);
  started[0]!.finish();
  expect((await first)[0]?.kind).toBe('scored');
  expect(source.inFlight).toBe(3);
  source.onVersion(1 as PolicyVersion);
  await settle();
  expect(source.inFlight).toBe(3);
  source.onVersion(2 as PolicyVersion);
  await settle();
  const results = [await source.next(1), await source.next(1)].flat();
  expect(results.map((result) => (result.kind === 'cancelled' ? result.reason : result.kind))).toEqual([
    'too-old',
    'too-old',
  ]);
});
