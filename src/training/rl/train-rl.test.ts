import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTabularClient, type TabularClient } from '../../../test/support/tabular-client.js';
import { banditTask, copyTask, tokenRenderer } from '../../../test/support/token-tasks.js';
import { createInstantClock } from '../../core/clock.js';
import { InfrastructureError, UsageError } from '../../core/errors.js';
import type { PolicyVersion } from '../../model/types.js';
import { openCheckpoints } from '../checkpoints.js';
import type { SftSource } from '../sft-data.js';
import { type CountedGroup, parseRlState, type RlOptions, type RlStep } from './options.js';
import type { RlTask } from './tasks.js';
import { trainRl } from './train-rl.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-rl-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const table = (): TabularClient => createTabularClient({ vocabSize: 8, order: 1 });

const base: Omit<RlOptions, 'tasks' | 'rollouts'> = {
  renderer: tokenRenderer,
  seed: 1,
  batch: { tokenBudget: 100, maxGroups: 12 },
  budget: { steps: 60 },
  schedule: { peak: 0.15, warmupShare: 0.05, decayShare: 0 },
  adam: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 1 },
  clock: createInstantClock(),
};

describe.each(['synchronous', 'asynchronous'] as const)('%s RL', (rollouts) => {
  test('solves a bandit', async () => {
    const client = table();
    const steps: RlStep[] = [];
    await trainRl(client, {
      ...base,
      rollouts,
      tasks: [banditTask(5)],
      onStep: (step) => void steps.push(step),
    });
    expect(client.probabilities([1])[5]).toBeGreaterThan(0.9);
    expect(steps[0]!.tasks['bandit']!.reward).toBeLessThan(-0.6);
    expect(steps.at(-1)!.tasks['bandit']!.reward).toBeGreaterThan(0.8);
    expect(client.openSamplers).toBe(0);
  });

  test('learns to copy', async () => {
    const client = createTabularClient({ vocabSize: 8, order: 3 });
    await trainRl(client, { ...base, rollouts, tasks: [copyTask([1, 2, 3], 2)], budget: { steps: 90 } });
    for (const a of [1, 2, 3]) {
      for (const b of [1, 2, 3]) {
        expect(client.probabilities([a, b])[a]).toBeGreaterThan(0.9);
        expect(client.probabilities([a, b, a])[b]).toBeGreaterThan(0.9);
      }
    }
  });
});

test('equal seeds give equal synchronous runs', async () => {
  const [first, second] = [table(), table()];
  const rows: RlStep[][] = [[], []];
  for (const [i, client] of [first, second].entries()) {
    const onStep = (step: RlStep) => void rows[i]!.push(step);
    await trainRl(client, {
      ...base,
      rollouts: 'synchronous',
      tasks: [banditTask(5)],
      budget: { steps: 8 },
      onStep,
    });
  }
  expect(second.probabilities([1])).toEqual(first.probabilities([1]));
  expect(rows[1]).toEqual(rows[0]);
});

test('synchronous rollouts are on policy: staleness 0, no clipping, and equal log-probabilities', async () => {
  const steps: RlStep[] = [];
  const tasks = [banditTask(5, 1), copyTask([1, 2], 1, 3)];
  const budget = { steps: 12 };
  await trainRl(table(), {
    ...base,
    rollouts: 'synchronous',
    tasks,
    budget,
    onStep: (step) => void steps.push(step),
  });
  const trained = steps.filter(({ policy }) => policy);
  expect(trained.length).toBeGreaterThan(6);
  for (const { staleness, policy, groups, sampledTokens, trainedTokens } of trained) {
    expect(staleness).toEqual({ 0: groups.trained });
    expect(policy?.clipFraction).toBe(0);
    expect(policy?.mismatch?.tokens).toBe(trainedTokens);
    expect(policy?.mismatch?.max).toBeLessThan(1e-6);
    expect(sampledTokens).toBeGreaterThanOrEqual(trainedTokens);
  }
  const groupsOf = (task: string) => steps.reduce((sum, step) => sum + (step.tasks[task]?.groups ?? 0), 0);
  expect(groupsOf('copy') / (groupsOf('copy') + groupsOf('bandit'))).toBeCloseTo(0.75, 1);
});

test('asynchronous rollouts go on while training does, within the bound on staleness', async () => {
  const steps: RlStep[] = [];
  const client = table();
  // An engine that takes its time, in turns of the event loop.
  const slow = {
    ...client,
    optimStep: async (...args: Parameters<typeof client.optimStep>) => {
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      return client.optimStep(...args);
    },
  };
  Object.defineProperty(slow, 'version', { get: () => client.version });
  await trainRl(slow, {
    ...base,
    rollouts: 'asynchronous',
    tasks: [banditTask(5)],
    batch: { tokenBudget: 50, maxGroups: 6 },
    groupsInFlight: 12,
    maxStaleness: 1,
    budget: { steps: 40 },
    onStep: (step) => void steps.push(step),
  });
  const seen = steps.flatMap(({ staleness }) => Object.keys(staleness).map(Number));
  expect(Math.max(...seen)).toBe(1);
  expect(steps.reduce((sum, { groups }) => sum + groups.stale, 0)).toBeGreaterThan(0);
});

describe('the prompts', () => {
  /** Runs with kills in between; which ordinals the surviving steps counted. */
  async function countedWithKills(rollouts: RlOptions['rollouts'], killAt: readonly number[], steps: number) {
    const rows: { step: number; ordinals: number[] }[] = [];
    const checkpoints = openCheckpoints(folder, parseRlState);
    for (const stop of [...killAt, Number.POSITIVE_INFINITY]) {
      const controller = new AbortController();
      const start = (await checkpoints.load('latest'))?.state.steps ?? 0;
      rows.splice(0, rows.length, ...rows.filter(({ step }) => step <= start));
      const run = trainRl(createTabularClient({ vocabSize: 8, order: 2 }), {
        ...base,
        rollouts,
        tasks: [banditTask(5), copyTask([1, 2, 3], 1)],
        budget: { steps },
        checkpoints,
        saveEvery: 3,
        signal: controller.signal,
        onStep: ({ step }, groups) => {
          rows.push({ step, ordinals: groups.map(ordinalOf) });
          if (step >= stop) controller.abort(new Error('killed'));
        },
      });
      if (stop === Number.POSITIVE_INFINITY) return { rows, state: await run };
      await expect(run).rejects.toThrow('killed');
    }
    throw new Error('unreachable');
  }

  test.each(['synchronous', 'asynchronous'] as const)(
    'are counted once each, %s and killed in between',
    async (mode) => {
      const { rows, state } = await countedWithKills(mode, [2, 5, 6, 7, 13, 19], 24);
      expect(rows.map(({ step }) => step)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
      const counted = rows.flatMap(({ ordinals }) => ordinals);
      expect(new Set(counted).size).toBe(counted.length);
      const unfinished = state.prompts.unfinished.map(({ ordinal }) => ordinal);
      const all = [...counted, ...unfinished].sort((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: state.prompts.nextOrdinal }, (_, i) => i));
    },
  );

  test('a synchronous run that was killed ends like one that was not', async () => {
    const { rows } = await countedWithKills('synchronous', [4, 11], 15);
    await rm(folder, { recursive: true });
    const straight = await countedWithKills('synchronous', [], 15);
    expect(rows).toEqual(straight.rows);
  });
});

describe('infrastructure failures', () => {
  /** A task whose first attempts at every third ordinal fail. */
  function failing(task: RlTask, fails: (index: number, seed: string) => boolean): RlTask {
    return {
      ...task,
      attempt: async (index, seed, roll, progress) =>
        fails(index, seed)
          ? { kind: 'unscored', reason: 'sandbox: down' }
          : task.attempt(index, seed, roll, progress),
    };
  }
  const ordinalIn = (seed: string): number => Number(seed.split('/')[1]);
  const failuresIn = (seed: string): number => Number(seed.split('/')[2]);

  test('send the whole group back, and never become a reward', async () => {
    const steps: RlStep[] = [];
    const counted: CountedGroup[] = [];
    const task = failing(
      banditTask(5),
      (_, seed) => ordinalIn(seed) % 3 === 0 && failuresIn(seed) === 0 && seed.endsWith('/4'),
    );
    await trainRl(table(), {
      ...base,
      rollouts: 'synchronous',
      tasks: [task],
      budget: { steps: 5 },
      onStep: (step, groups) => {
        steps.push(step);
        counted.push(...groups);
      },
    });
    expect(steps[0]!.groups.unscored).toBeGreaterThan(0);
    expect(steps[0]!.failures['sandbox: down']).toBe(steps[0]!.groups.unscored);
    expect(counted.every((group) => group.kind !== 'abandoned' && group.group.rollouts.length === 8)).toBe(
      true,
    );
    expect(counted.map(ordinalOf)).toContain(0);
  });

  test('that follow a prompt make it abandoned, and counted as that', async () => {
    const counted: CountedGroup[] = [];
    const task = failing(banditTask(5), (_, seed) => ordinalIn(seed) === 2);
    const onStep = (_: RlStep, groups: readonly CountedGroup[]) => void counted.push(...groups);
    await trainRl(table(), {
      ...base,
      rollouts: 'asynchronous',
      tasks: [task],
      budget: { steps: 5 },
      onStep,
    });
    expect(counted.filter(({ kind }) => kind === 'abandoned').map(ordinalOf)).toEqual([2]);
  });

  test('everywhere end the run at once, with the reason, and no prompt is given up for it', async () => {
    const client = table();
    let attempts = 0;
    const task = failing(banditTask(5), () => ++attempts > 0);
    const run = trainRl(client, { ...base, rollouts: 'asynchronous', tasks: [task] });
    await expect(run).rejects.toThrow(InfrastructureError);
    await expect(run).rejects.toThrow('could not be scored. sandbox: down');
    expect(attempts).toBeLessThan(8 * 12 * 3);
    expect(client.openSamplers).toBe(0);
  });
});

test('a step in which everything is solved trains nothing and goes on', async () => {
  const client = table();
  const [only] = [banditTask(5)];
  const solved: RlTask = {
    ...only!,
    attempt: async (...args) =>
      ({ ...(await only!.attempt(...args)), reward: 1, rawReward: 1, ending: 'right' }) as never,
  };
  const steps: RlStep[] = [];
  const budget = { steps: 3 };
  const onStep = (step: RlStep) => void steps.push(step);
  await trainRl(client, { ...base, rollouts: 'synchronous', tasks: [solved], budget, onStep });
  expect(
    steps.map(({ groups, version, policy }) => [groups.trained, groups.uniform, version, policy]),
  ).toEqual([
    [0, 12, 0, undefined],
    [0, 12, 0, undefined],
    [0, 12, 0, undefined],
  ]);
});

test('a fault of a task ends the run as it is, with nothing left running', async () => {
  const client = table();
  let calls = 0;
  const task: RlTask = {
    ...banditTask(5),
    attempt: async (index, seed, roll, progress) => {
      if (++calls === 40) throw new TypeError('a bug');
      return banditTask(5).attempt(index, seed, roll, progress);
    },
  };
  for (const rollouts of ['synchronous', 'asynchronous'] as const) {
    calls = 0;
    await expect(trainRl(client, { ...base, rollouts, tasks: [task] })).rejects.toThrow('a bug');
    expect(client.openSamplers).toBe(0);
  }
});

test('replayed supervised examples are learned beside the rewards', async () => {
  const client = table();
  const source: SftSource = () => [{ promptTokens: [6], completionTokens: [7, 0] }];
  const replay = { source, batchTokens: 10, weight: 1 };
  const steps: RlStep[] = [];
  const onStep = (step: RlStep) => void steps.push(step);
  await trainRl(client, { ...base, rollouts: 'synchronous', tasks: [banditTask(5)], replay, onStep });
  expect(client.probabilities([6])[7]).toBeGreaterThan(0.5);
  expect(steps[0]!.replayLoss).toBeCloseTo(Math.log(8), 2);
});

test('rejected rollouts are counted and teach nothing, and the divergence from the start is measured', async () => {
  const steps: RlStep[] = [];
  await trainRl(table(), {
    ...base,
    rollouts: 'synchronous',
    tasks: [banditTask(5)],
    budget: { steps: 10 },
    reject: ({ turns }) => turns[0]?.tokens[0] === 7,
    reference: { client: table(), every: 5 },
    onStep: (step) => void steps.push(step),
  });
  expect(steps[0]!.rejected).toBeGreaterThan(0);
  const measured = steps.map(({ policy }) => policy?.divergenceFromStart);
  expect(measured[0]).toBeCloseTo(0, 6);
  expect(measured[5]).toBeGreaterThan(0.001);
  expect(measured[1]).toBeUndefined();
});

test('the best policy by validation is kept, and measured on the newest weights', async () => {
  const checkpoints = openCheckpoints(folder, parseRlState);
  const scores = [0.2, 0.7, 0.4];
  const versions: PolicyVersion[] = [];
  await trainRl(table(), {
    ...base,
    rollouts: 'synchronous',
    tasks: [banditTask(5)],
    budget: { steps: 10 },
    checkpoints,
    validate: {
      every: 4,
      run: async (sampler, step) => {
        expect(sampler.version).toBe(step.version);
        versions.push(sampler.version);
        return scores.shift()!;
      },
    },
  });
  expect(versions).toHaveLength(3);
  expect((await checkpoints.load('best'))?.state).toMatchObject({ steps: 8, best: 0.7 });
  expect((await checkpoints.load('latest'))?.state).toMatchObject({ steps: 10, best: 0.7, finished: true });
});

test('options that cannot be are refused before any work', async () => {
  const options: RlOptions = { ...base, rollouts: 'synchronous', tasks: [banditTask(5)] };
  const refused: Partial<RlOptions>[] = [
    { tasks: [] },
    { groupSize: 1 },
    { batch: { tokenBudget: 0, maxGroups: 1 } },
    { budget: {} },
  ];
  for (const change of refused) {
    await expect(trainRl(table(), { ...options, ...change })).rejects.toThrow(UsageError);
  }
});

function ordinalOf(counted: CountedGroup): number {
  return counted.kind === 'abandoned' ? counted.prompt.ordinal : counted.group.prompt.ordinal;
}
