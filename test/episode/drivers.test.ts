/**
 * What is locked here: an episode behaves alike under `play` and `rollout`; it resumes from every prefix of its
 * journal with the same outcome; infrastructure failures are retried and never become an outcome; cancellation.
 */
import { describe, expect, test } from 'vitest';
import { createInstantClock } from '../../src/core/clock.js';
import { InfrastructureError, UsageError } from '../../src/core/errors.js';
import { DEFAULT_RETRY, type DriveOptions } from '../../src/episode/drive.js';
import { predictOutput } from '../../src/episode/environments/predict-output.js';
import { selfRlef } from '../../src/episode/environments/self-rlef.js';
import { solve } from '../../src/episode/environments/solve.js';
import { play } from '../../src/episode/play.js';
import { rollout } from '../../src/episode/rollout.js';
import type { Episode, JournalEntry, Played } from '../../src/episode/types.js';
import { doubleProblem, doublePrograms } from '../support/double-problem.js';
import { createFakeSandbox } from '../support/fake-sandbox.js';
import { plainStyle } from '../support/plain-style.js';
import {
  charRenderer,
  createScriptedModel,
  createScriptedSampler,
  type ScriptLine,
} from '../support/scripted-model.js';

interface Case {
  readonly title: string;
  readonly episode: () => Episode<unknown>;
  readonly script: readonly ScriptLine[];
}

const rlef = {
  kind: 'self-rlef',
  problem: doubleProblem,
  style: plainStyle,
  includePublicTests: true,
  feedback: 'simulated',
  maxPrograms: 3,
  maxTokens: { solve: 20, simulate: 30, review: 40 },
  judge: 'every',
  seed: 7,
} as const;

const cases: readonly Case[] = [
  {
    title: 'predictOutput',
    episode: () =>
      predictOutput({
        kind: 'predict-output',
        program: { source: 'twice' },
        input: { kind: 'stdin', stdin: '2' },
        expected: '4\n',
        style: plainStyle,
        maxTokens: 10,
        seed: 1,
      }),
    script: ['out 4'],
  },
  {
    title: 'solve',
    episode: () =>
      solve({
        kind: 'solve',
        problem: doubleProblem,
        style: plainStyle,
        includePublicTests: true,
        maxTokens: 10,
        judge: 'all',
        seed: 1,
      }),
    script: ['code almost'],
  },
  {
    title: 'selfRlef with simulated feedback',
    episode: () => selfRlef(rlef),
    script: ['code square', 'out 4', 'out 9', 'code twice', 'out 4', 'out 6', 'submit'],
  },
  {
    title: 'selfRlef with executed feedback',
    episode: () => selfRlef({ ...rlef, feedback: 'executed' }),
    script: ['code crash', 'code square', 'code twice'],
  },
  {
    title: 'selfRlef that ends in a truncated review',
    episode: () => selfRlef(rlef),
    script: [
      'code square',
      { text: 'ou', stopReason: 'length' },
      'nonsense',
      { text: 'code', stopReason: 'length' },
    ],
  },
];

const drivers = {
  play: (episode: Episode<unknown>, script: readonly ScriptLine[], options?: DriveOptions) =>
    play(episode, createScriptedModel(script), createFakeSandbox(doublePrograms), options),
  rollout: (episode: Episode<unknown>, script: readonly ScriptLine[], options?: DriveOptions) =>
    rollout(episode, createScriptedSampler(script), charRenderer, createFakeSandbox(doublePrograms), options),
};

describe.each(cases)('$title', ({ episode, script }) => {
  test('has the same outcome and the same requests under play and rollout', async () => {
    const played = await drivers.play(episode(), script);
    const rolled = await drivers.rollout(episode(), script);
    expect(rolled.kind).toBe('finished');
    expect(outcomeOf(rolled)).toEqual(outcomeOf(played));
    expect(rolled.journal.map(({ request }) => request)).toEqual(
      played.journal.map(({ request }) => request),
    );
    expect(rolled.journal.map(({ response }) => textOf(response))).toEqual(
      played.journal.map(({ response }) => textOf(response)),
    );
  });

  test.each(Object.entries(drivers))(
    'under %s, resumes from every prefix of its journal',
    async (_, driver) => {
      const whole = await driver(episode(), script);
      for (let length = 0; length <= whole.journal.length; length++) {
        const prefix = whole.journal.slice(0, length);
        const turnsDone = prefix.filter(({ response }) => response.kind === 'turn').length;
        const resumed = await driver(episode(), script.slice(turnsDone), { journal: prefix });
        expect(resumed).toEqual(whole);
      }
    },
  );

  test.each(Object.entries(drivers))(
    'under %s, survives its journal being written to disk',
    async (_, driver) => {
      const written: string[] = [];
      const whole = await driver(episode(), script, {
        onEntry: (entry) => void written.push(JSON.stringify(entry)),
      });
      const journal = written.map((line) => JSON.parse(line) as JournalEntry);
      expect(await driver(episode(), [], { journal })).toEqual(whole);
    },
  );
});

test('parallel answers may stand in the journal in the order of their arrival', async () => {
  const script = ['code twice', 'out 4', 'out 5', 'submit'];
  const whole = await drivers.play(selfRlef(rlef), script);
  const [solved, first, second, ...rest] = whole.journal as [JournalEntry, JournalEntry, JournalEntry];
  expect(await drivers.play(selfRlef(rlef), [], { journal: [solved, second, first, ...rest] })).toEqual(
    whole,
  );
  const resumed = await drivers.play(selfRlef(rlef), ['out 4', 'submit'], { journal: [solved, second] });
  expect(resumed).toEqual(whole);
});

test('a journal of another spec is refused', async () => {
  const whole = await drivers.play(selfRlef(rlef), ['code twice', 'out 4', 'out 6', 'submit']);
  const other = selfRlef({ ...rlef, seed: 8 });
  await expect(drivers.play(other, [], { journal: whole.journal })).rejects.toThrow(
    'the journal does not belong to this episode: its entry 0 answers a request that the episode does not make there',
  );
  const long = [...whole.journal, whole.journal[0]!];
  await expect(drivers.play(selfRlef(rlef), [], { journal: long })).rejects.toThrow(UsageError);
});

test('rollout keeps the sampled ids with their log-probabilities and versions, stop token included', async () => {
  const trajectory = await rollout(
    selfRlef({ ...rlef, judge: 'none' }),
    createScriptedSampler(['code twice', 'out 4', { text: 'out', stopReason: 'length' }, 'submit'], 3),
    charRenderer,
    undefined,
  );
  expect(trajectory.turns.map(({ purpose, trained, stopReason }) => [purpose, trained, stopReason])).toEqual([
    ['solve', true, 'stop'],
    ['simulate', false, 'stop'],
    ['simulate', false, 'length'],
    ['review', true, 'stop'],
  ]);
  const [first] = trajectory.turns;
  expect(String.fromCharCode(...first!.promptTokens)).toBe('user:solve double it 2>4 3>6\n');
  expect(first!.tokens).toEqual([...'code twice'].map((c) => c.charCodeAt(0)).concat(0));
  expect(first!.logprobs).toEqual(first!.tokens.map(() => -0.5));
  expect(first!.versions).toEqual(first!.tokens.map(() => 3));
});

test('a prompt that leaves no room for an answer is a truncated turn, not a failure of the machinery', async () => {
  const sampler = {
    sample: async () => ({ tokens: [], logprobs: [], versions: [], stopReason: 'length' }) as const,
  };
  const trajectory = await rollout(selfRlef(rlef), sampler, charRenderer, undefined);
  expect(outcomeOf(trajectory)).toMatchObject({ kind: 'truncated', programs: [] });
  expect(trajectory.turns).toMatchObject([{ tokens: [], stopReason: 'length' }]);
});

test('every turn of an episode has a seed of its own, fixed by the seed of the spec', async () => {
  const seedsOf = async (seed: number): Promise<readonly (number | undefined)[]> => {
    const model = createScriptedModel(['code twice', 'out 4', 'out 6', 'submit']);
    await play(selfRlef({ ...rlef, judge: 'none', seed }), model, undefined);
    return model.asked.map((asked) => asked.seed);
  };
  const seeds = await seedsOf(7);
  expect(new Set(seeds).size).toBe(4);
  expect(seeds.every((seed) => Number.isInteger(seed) && seed! >= 0 && seed! < 2 ** 31)).toBe(true);
  expect(await seedsOf(7)).toEqual(seeds);
  expect(await seedsOf(8)).not.toEqual(seeds);
});

describe('infrastructure failures', () => {
  const busy = new InfrastructureError('busy', { code: 'busy', boundary: 'model', retryable: true });
  const gone = new InfrastructureError('no such model', {
    code: 'gone',
    boundary: 'model',
    retryable: false,
  });

  test('are retried, waiting twice as long each time', async () => {
    const clock = createInstantClock();
    const script = [{ error: busy }, { error: busy }, 'code twice', 'submit'];
    const episode = selfRlef({ ...rlef, feedback: 'executed' });
    const played = await drivers.play(episode, script, { clock });
    expect(played.kind).toBe('finished');
    expect(clock.slept).toEqual([DEFAULT_RETRY.baseDelayMs, 2 * DEFAULT_RETRY.baseDelayMs]);
  });

  test('that persist leave the episode unscored, with the reason and the journal so far', async () => {
    const clock = createInstantClock();
    const script = ['code twice', ...Array.from({ length: 4 }, () => ({ error: busy }))];
    const episode = selfRlef({ ...rlef, feedback: 'executed' });
    const played = await drivers.rollout(episode, script, { clock });
    expect(played).toMatchObject({ kind: 'unscored', reason: 'model: busy (busy)' });
    expect(played.journal).toHaveLength(2);
    const resumed = await drivers.rollout(selfRlef({ ...rlef, feedback: 'executed' }), ['submit'], {
      journal: played.journal,
    });
    expect(outcomeOf(resumed)).toMatchObject({ kind: 'submitted' });
  });

  test('that cannot be mended are not retried', async () => {
    const clock = createInstantClock();
    const played = await drivers.play(selfRlef(rlef), [{ error: gone }], { clock });
    expect(played).toMatchObject({ kind: 'unscored', reason: 'model: no such model (gone)' });
    expect(clock.slept).toEqual([]);
  });

  test('of the sandbox are retried like those of the model', async () => {
    const down = new InfrastructureError('down', { code: 'down', boundary: 'sandbox', retryable: true });
    const sandbox = createFakeSandbox(doublePrograms, [down]);
    const clock = createInstantClock();
    const episode = selfRlef({ ...rlef, feedback: 'executed', maxPrograms: 1 });
    const played = await play(episode, createScriptedModel(['code twice']), sandbox, { clock });
    expect(outcomeOf(played)).toMatchObject({ kind: 'out-of-programs' });
    expect(clock.slept).toHaveLength(1);
  });

  test('of one parallel turn call off the others, whose answers are kept', async () => {
    const played = await drivers.play(selfRlef(rlef), ['code twice', 'out 4', { error: gone }]);
    expect(played.kind).toBe('unscored');
    expect(played.journal.map(({ response }) => textOf(response))).toEqual(['code twice', 'out 4']);
  });
});

test('a fault of the program is thrown, not turned into an outcome', async () => {
  await expect(drivers.play(selfRlef(rlef), ['code twice', 'out 4'])).rejects.toThrow(
    'the script has run out',
  );
  await expect(
    drivers.play(selfRlef(rlef), ['code unheard-of', 'submit', 'submit', 'submit']),
  ).rejects.toThrow('does not know the program');
});

test('an aborted episode rejects with the reason of the signal', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const episode = selfRlef(rlef);
  const played = drivers.play(episode, ['code twice', 'out 4', 'out 6', 'submit'], {
    signal: controller.signal,
    onEntry: () => controller.abort(reason),
  });
  await expect(played).rejects.toBe(reason);
  expect(episode.next([])).toEqual({ done: true, value: undefined });
});

function outcomeOf(played: Played<unknown>): unknown {
  if (played.kind !== 'finished') throw new Error(`unscored: ${played.reason}`);
  return played.outcome;
}

function textOf(response: JournalEntry['response']): unknown {
  return response.kind === 'turn' ? response.text : response.executions.map(({ stdout }) => stdout);
}
