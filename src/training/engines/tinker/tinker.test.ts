/**
 * The client against a server with faults, over real HTTP on loopback. What is locked here: whatever is refused, lost or slow,
 * a call is done exactly once, or the client says that it cannot know and does nothing more.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fault, startTinkerServer, type TinkerServer } from '../../../../test/support/tinker-server.js';
import {
  CONTRACT_ADAM,
  CONTRACT_MODEL,
  someData,
} from '../../../../test/training/training-client-contract.js';
import { type Clock, createInstantClock } from '../../../core/clock.js';
import { createEmbeddedEngine } from '../embedded/index.js';
import { openTinkerEngine, type ServerKind, type TinkerEngine, type TinkerOptions } from './index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-faults-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const adam = CONTRACT_ADAM;
const entropy = { kind: 'cross_entropy' } as const;
const request = { prompt: [1, 2], maxTokens: 4, temperature: 1, stopTokens: [], seed: 3 };

type Faults = (call: string, nth: number) => Fault | undefined;

function serve(
  fault: Faults = () => undefined,
  more: { kind?: ServerKind; numbered?: boolean; port?: number } = {},
) {
  const { kind = 'hosted', ...rest } = more;
  return startTinkerServer({ kind, model: CONTRACT_MODEL, folder: join(folder, kind), fault, ...rest });
}

function open(server: TinkerServer, more: Partial<TinkerOptions> = {}): Promise<TinkerEngine> {
  const { maxLength, vocabSize } = CONTRACT_MODEL;
  return openTinkerEngine({
    server: 'hosted',
    baseUrl: server.url,
    baseModel: 'tiny',
    loraRank: 8,
    maxLength,
    vocabSize,
    heartbeatMs: 0,
    clock: createInstantClock(),
    ...more,
  });
}

async function step(client: TinkerEngine, seed: number): Promise<readonly number[]> {
  const [{ lossSum }, { gradNorm }] = await Promise.all([
    client.forwardBackward(someData(seed), entropy),
    client.optimStep(adam),
  ]);
  return [lossSum, gradNorm];
}

/** What three steps and a sample give when nothing goes wrong. */
function undisturbed(): Promise<readonly unknown[]> {
  calm ??= (async () => {
    await using server = await serve();
    await using client = await open(server);
    return await run(client);
  })();
  return calm;
}
let calm: Promise<readonly unknown[]> | undefined;

async function run(client: TinkerEngine): Promise<readonly unknown[]> {
  const steps = [await step(client, 1), await step(client, 2), await step(client, 3)];
  await using sampler = await client.saveWeightsForSampler();
  await client.saveState(join(folder, 'run'));
  return [...steps, await sampler.sample(request)];
}

const COUNTS = {
  create_model: 1,
  forward_backward: 3,
  optim_step: 3,
  save_weights_for_sampler: 1,
  save_weights: 1,
  asample: 1,
};

describe('faults of a server', () => {
  const every2nd =
    (fault: Fault): Faults =>
    (call, nth) =>
      call !== 'get_server_capabilities' && nth % 2 === 1 ? fault : undefined;
  const polls =
    (fault: Fault): Faults =>
    (call, nth) =>
      call === 'retrieve_future' && nth % 3 !== 0 ? fault : undefined;

  it.each<[string, Faults]>([
    ['a long poll that ends with 408', polls({ kind: 'status', status: 408 })],
    ['429 with Retry-After', every2nd({ kind: 'status', status: 429, headers: { 'retry-after': '2' } })],
    ['500', every2nd({ kind: 'status', status: 500 })],
    ['503 while polling', polls({ kind: 'status', status: 503 })],
    ['402, a pause for billing', polls({ kind: 'status', status: 402 })],
    [
      'a proxy that says 400 now and then',
      (call, nth) =>
        call === 'retrieve_future' && nth % 5 === 1 ? { kind: 'status', status: 400 } : undefined,
    ],
    ['connections that break before the work', every2nd({ kind: 'drop' })],
    [
      '410, a result that is gone',
      (call, nth) =>
        call === 'retrieve_future' && nth % 3 === 1 && nth < 12 ? { kind: 'status', status: 410 } : undefined,
    ],
  ])('are lived through: %s', async (_, fault) => {
    await using server = await serve((call, nth) => (call === 'create_model' ? undefined : fault(call, nth)));
    await using client = await open(server);
    expect(await run(client)).toEqual(await undisturbed());
    expect(server.done).toMatchObject({
      ...COUNTS,
      create_model: server.done['create_model'],
      asample: server.done['asample'],
    });
  });

  it.each(['hosted', 'skyrl-jax'] as const)(
    '%s counts nothing twice when answers are lost after the work',
    async (kind) => {
      const lost = new Set(['forward_backward', 'optim_step', 'save_weights', 'save_weights_for_sampler']);
      await using server = await serve(
        (call, nth) => (lost.has(call) && nth % 2 === 1 ? { kind: 'lose' } : undefined),
        { kind },
      );
      await using client = await open(server, { server: kind });
      const result = await run(client);
      if (kind === 'hosted') expect(result).toEqual(await undisturbed());
      const { forward_backward: backward, optim_step: optim } = server.done;
      expect({ backward, optim }).toEqual({ backward: 3, optim: 3 });
      // SkyRL does not number these: the first is kept under a name that nobody asks for.
      if (kind === 'hosted') expect(server.done).toMatchObject(COUNTS);
      expect(server.arrived['optim_step']).toBe(6);
    },
  );

  it('polls again when a poll hangs for longer than its time', async () => {
    await using server = await serve((call, nth) =>
      call === 'retrieve_future' && nth === 2 ? { kind: 'hang' } : undefined,
    );
    await using client = await open(server, { requestTimeoutMs: 300 });
    expect(await step(client, 1)).toHaveLength(2);
    expect(server.done).toMatchObject({ forward_backward: 1, optim_step: 1 });
  });

  it('waits as long as Retry-After says, else ever longer', async () => {
    const clock = createInstantClock();
    await using server = await serve((call, nth) => {
      if (call !== 'optim_step' || nth > 4) return undefined;
      return { kind: 'status', status: 429, ...(nth === 1 && { headers: { 'retry-after': '7' } }) };
    });
    await using client = await open(server, { clock, random: () => 0.5 });
    await step(client, 1);
    expect(clock.slept).toEqual([7000, 1000, 2000, 4000]);
  });

  it('gives up, retryably, on a server that does not come back', async () => {
    await using server = await serve((call) => (call === 'optim_step' ? { kind: 'drop' } : undefined));
    await using client = await open(server, { patienceMs: 60_000 });
    await client.forwardBackward(someData(1), entropy);
    await expect(client.optimStep(adam)).rejects.toMatchObject({
      code: 'server-unreachable',
      boundary: 'engine',
      retryable: true,
    });
    expect(server.done['optim_step']).toBeUndefined();
  });
});

describe('a server that does not number its calls', () => {
  it('is not asked twice for what changes the weights: the client stops, and a checkpoint goes on', async () => {
    const path = join(folder, 'unnumbered');
    await using server = await serve(
      (call, nth) => (call === 'optim_step' && nth === 2 ? { kind: 'lose' } : undefined),
      { kind: 'skyrl', numbered: false },
    );
    await using client = await open(server, { server: 'skyrl', loraRank: 0 });
    await step(client, 1);
    await client.saveState(path);
    await expect(step(client, 2)).rejects.toMatchObject({ code: 'answer-lost', retryable: true });
    await expect(client.forward(someData(1))).rejects.toMatchObject({ code: 'out-of-step' });
    await client.loadState(path);
    expect(client.version).toBe(1);
    const resumed = await step(client, 2);
    await using other = await serve(undefined, { kind: 'skyrl' });
    await using fresh = await open(other, { server: 'skyrl', loraRank: 0 });
    await step(fresh, 1);
    expect(resumed).toEqual(await step(fresh, 2));
  });

  it('is asked again when it refused, or was never reached', async () => {
    await using server = await serve(
      (call, nth) => (call === 'optim_step' && nth === 1 ? { kind: 'status', status: 429 } : undefined),
      { kind: 'skyrl', numbered: false },
    );
    await using client = await open(server, { server: 'skyrl', loraRank: 0 });
    await step(client, 1);
    expect(server.done['optim_step']).toBe(1);
  });
});

describe('a server that is killed and started again', () => {
  it('has forgotten model and session; a new client goes on from the checkpoint to the same numbers', async () => {
    const path = join(folder, 'killed');
    const first = await serve();
    const client = await open(first, { patienceMs: 1 });
    await step(client, 1);
    await client.saveState(path);
    await step(client, 2);
    await first[Symbol.asyncDispose]();
    await expect(step(client, 3)).rejects.toMatchObject({ code: 'server-unreachable' });
    await using second = await serve(undefined, { port: first.port });
    await expect(client.optimStep(adam)).rejects.toThrow();
    await client[Symbol.asyncDispose]();
    await using resumed = await open(second, { from: { folder: path, fresh: false } });
    expect(resumed.version).toBe(1);
    expect([await step(resumed, 2), await step(resumed, 3)]).toEqual((await undisturbed()).slice(1, 3));
  });
});

describe('failures that no retry mends', () => {
  it('close the model until a checkpoint is loaded: no step is made on unknown gradients', async () => {
    await using server = await serve((call, nth) =>
      call === 'forward_backward' && nth === 1 ? { kind: 'status', status: 422 } : undefined,
    );
    await using client = await open(server);
    const [backward, optim] = await Promise.allSettled([
      client.forwardBackward(someData(1), entropy),
      client.optimStep(adam),
    ]);
    expect(backward).toMatchObject({ status: 'rejected', reason: { code: 'rejected', retryable: false } });
    expect(optim).toMatchObject({ status: 'rejected', reason: { code: 'out-of-step' } });
    expect(server.done['optim_step']).toBeUndefined();
    expect(client.version).toBe(0);
  });

  it('are one clear line: a wrong key, a wrong model, a wrong address, LoRA where there is nothing else', async () => {
    await using locked = await serve(() => ({ kind: 'status', status: 401 }));
    await expect(open(locked)).rejects.toThrow(/refused the API key/);
    await using server = await serve();
    await expect(open(server, { baseModel: 'large' })).rejects.toThrow(/does not serve "large"; it has tiny/);
    await expect(open(server, { baseUrl: 'localhost' })).rejects.toThrow(/http or https URL/);
    await expect(open(server, { loraRank: 0 })).rejects.toThrow(/hosted trains LoRA only/);
    await expect(open(server, { maxLength: 0 })).rejects.toThrow(/maxLength must be a positive integer/);
  });

  it('include answers of another shape', async () => {
    await using server = await serve();
    const client = await open(server);
    const { bodies } = server;
    expect(bodies.find(({ call }) => call === 'create_session')?.body).toMatchObject({ tags: ['deskcheck'] });
    await client[Symbol.asyncDispose]();
    await expect(open(server, { baseUrl: `${server.url}/elsewhere` })).rejects.toMatchObject({
      boundary: 'engine',
    });
  });
});

describe('numbers and sessions', () => {
  it('numbers every call of a model from 1 without a gap', async () => {
    await using server = await serve();
    await using client = await open(server);
    await run(client);
    const numbers = server.bodies.flatMap(({ call, body }) =>
      body.model_id === undefined || call === 'unload_model' ? [] : [body.seq_id],
    );
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  it('sends a heartbeat every ten seconds, and stops at once when the server has forgotten the session', async () => {
    const beats: (() => void)[] = [];
    const clock: Clock = {
      now: () => 0,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          expect(ms).toBe(10_000);
          beats.push(resolve);
          signal?.addEventListener('abort', () => reject(signal.reason));
        }),
    };
    await using server = await serve((call, nth) =>
      call === 'session_heartbeat' && nth === 2 ? { kind: 'status', status: 404 } : undefined,
    );
    const { heartbeatMs: _, ...rest } = { heartbeatMs: 0 };
    const { maxLength, vocabSize } = CONTRACT_MODEL;
    await using client = await openTinkerEngine({
      server: 'hosted',
      baseUrl: server.url,
      baseModel: 'tiny',
      maxLength,
      vocabSize,
      clock,
      ...rest,
    });
    await client.forward(someData(1));
    const arrived = async (count: number): Promise<void> => {
      while ((server.arrived['session_heartbeat'] ?? 0) < count || beats.length < 2) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    beats[0]!();
    await arrived(1);
    await client.forward(someData(1));
    beats[1]!();
    await arrived(2);
    const lost = async (): Promise<unknown> => {
      for (;;) {
        const failure = await client.forward(someData(1)).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure) return failure;
      }
    };
    expect(await lost()).toMatchObject({ code: 'session-lost', retryable: true });
  });

  it('unloads the model when engine and samplers are closed', async () => {
    await using server = await serve();
    const client = await open(server);
    const sampler = await client.saveWeightsForSampler();
    await client[Symbol.asyncDispose]();
    expect(server.done['unload_model']).toBeUndefined();
    await sampler[Symbol.asyncDispose]();
    expect(server.done['unload_model']).toBe(1);
  });
});

describe('servers that count differently', () => {
  const weighted = [...someData(11, 5), ...someData(12, 2)];

  it.each(['hosted', 'skyrl-jax'] as const)(
    '%s trains to the weights of the embedded engine',
    async (kind) => {
      await using server = await serve(undefined, { kind });
      await using client = await open(server, { server: kind });
      await using reference = await createEmbeddedEngine({ model: CONTRACT_MODEL, seed: 1, threads: 1 });
      const plain = { ...adam, gradClipNorm: 0 };
      for (let i = 0; i < 3; i++) {
        const results = await Promise.all(
          [client, reference].map(async (engine) => {
            const [a, b, { gradNorm }] = await Promise.all([
              engine.forwardBackward(weighted.slice(0, 4), entropy),
              engine.forwardBackward(weighted.slice(4), entropy),
              engine.optimStep(plain),
            ]);
            return [a.lossSum, b.lossSum, gradNorm];
          }),
        );
        for (const [j, value] of results[1]!.entries()) expect(results[0]![j]).toBeCloseTo(value, 3);
      }
      const [ours, theirs] = [await client.forward(weighted), await reference.forward(weighted)];
      for (const [i, list] of theirs.logprobs.entries()) {
        for (const [t, value] of list.entries()) expect(ours.logprobs[i]![t]).toBeCloseTo(value, 2);
      }
    },
  );

  it('skyrl-jax does not clip: its step is that of the embedded engine without clipping', async () => {
    const sharp = { ...adam, gradClipNorm: 1e-3, eps: 1e-2 };
    const lossAfter = async (kind: ServerKind): Promise<number> => {
      await using server = await serve(undefined, { kind });
      await using client = await open(server, { server: kind });
      await Promise.all([client.forwardBackward(weighted, entropy), client.optimStep(sharp)]);
      return (await client.forwardBackward(weighted, entropy)).lossSum;
    };
    const reference = async (gradClipNorm: number): Promise<number> => {
      await using engine = await createEmbeddedEngine({ model: CONTRACT_MODEL, seed: 1, threads: 1 });
      await Promise.all([
        engine.forwardBackward(weighted, entropy),
        engine.optimStep({ ...sharp, gradClipNorm }),
      ]);
      return (await engine.forwardBackward(weighted, entropy)).lossSum;
    };
    const [clipped, unclipped] = [await reference(1e-3), await reference(0)];
    expect(clipped - unclipped).toBeGreaterThan(0.05);
    expect(await lossAfter('hosted')).toBeCloseTo(clipped, 3);
    expect(await lossAfter('skyrl-jax')).toBeCloseTo(unclipped, 3);
  });

  it('skyrl-jax refuses to sample weights that training has left, and waits for samples before a step', async () => {
    await using server = await serve(undefined, { kind: 'skyrl-jax' });
    await using client = await open(server, { server: 'skyrl-jax' });
    const old = await client.saveWeightsForSampler();
    const sampling = old.sample(request);
    await step(client, 1);
    expect((await sampling).versions).toEqual([0, 0, 0, 0]);
    const order = server.bodies.map(({ call }) => call);
    expect(order.indexOf('asample')).toBeLessThan(order.indexOf('optim_step'));
    await expect(old.sample(request)).rejects.toThrow(/use synchronous rollouts/);
    await old[Symbol.asyncDispose]();
    expect(server.arrived['delete']).toBe(1);
    await using current = await client.saveWeightsForSampler();
    expect((await current.sample(request)).versions).toEqual([1, 1, 1, 1]);
  });

  it('skyrl-jax says so when the pieces of a step outgrow the room that the first left', async () => {
    await using server = await serve(undefined, { kind: 'skyrl-jax' });
    await using client = await open(server, { server: 'skyrl-jax' });
    await client.forwardBackward(weighted.slice(0, 1), entropy);
    await expect(client.forwardBackward(weighted, entropy)).rejects.toThrow(/together with their optimStep/);
  });
});
