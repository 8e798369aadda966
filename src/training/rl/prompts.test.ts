import { describe, expect, test } from 'vitest';
import { makeGroup, makeRollout, makeTurn } from '../../../test/support/rollouts.js';
import { UsageError } from '../../core/errors.js';
import type { PolicyVersion } from '../../model/types.js';
import { createPromptQueue } from './prompt-queue.js';
import { isStale, stalenessHistogram, stalenessOf } from './staleness.js';
import { taskAt } from './task-mix.js';

const v = (version: number): PolicyVersion => version as PolicyVersion;

describe('staleness', () => {
  test('is counted from the oldest token of all rollouts and turns', () => {
    const rollouts = [
      makeRollout(1, makeTurn(2, { versions: [v(9), v(10)] })),
      makeRollout(
        1,
        makeTurn(1, { versions: [v(10)] }),
        makeTurn(2, { versions: [v(10), v(7)], trained: false }),
      ),
    ];
    expect(stalenessOf({ rollouts }, v(10))).toBe(3);
    expect(isStale({ rollouts }, v(15), 8)).toBe(false);
    expect(isStale({ rollouts }, v(16), 8)).toBe(true);
    expect(stalenessHistogram([{ rollouts }, makeGroup([[1, 1]]), { rollouts }], v(10))).toEqual({
      3: 2,
      10: 1,
    });
    expect(stalenessOf(makeGroup([]), v(4))).toBe(0);
  });
});

describe('the task mix', () => {
  test('keeps every stretch of prompts close to the wanted shares', () => {
    const weights = [0.15, 0.6, 0.25];
    for (const start of [0, 137, 99_000]) {
      const tasks = Array.from({ length: 200 }, (_, i) => taskAt(start + i, weights, 'seed'));
      for (const [task, weight] of weights.entries()) {
        const count = tasks.filter((t) => t === task).length;
        expect(Math.abs(count - 200 * weight)).toBeLessThan(4);
      }
    }
  });

  test('takes weights as relative, and never chooses a task of weight 0', () => {
    const chosen = new Set(Array.from({ length: 500 }, (_, i) => taskAt(i, [0, 3, 0, 1, 0], 1)));
    expect([...chosen].sort()).toEqual([1, 3]);
    expect(taskAt(17, [3, 1], 5)).toBe(taskAt(17, [0.75, 0.25], 5));
    expect(() => taskAt(0, [0, 0], 1)).toThrow(UsageError);
    expect(() => taskAt(0, [1, -1], 1)).toThrow(UsageError);
  });
});

describe('the prompt queue', () => {
  const tasks = [
    { name: 'predict', weight: 1, size: 3 },
    { name: 'solve', weight: 3, size: Infinity },
  ];

  test('goes through each task in a new random order every epoch', () => {
    const queue = createPromptQueue(tasks, 1);
    const prompts = Array.from({ length: 80 }, () => queue.take());
    const predict = prompts.filter(({ task }) => task === 'predict').map(({ index }) => index);
    const epochs = [0, 3, 6, 9, 12].map((start) => predict.slice(start, start + 3));
    for (const epoch of epochs) expect([...epoch].sort()).toEqual([0, 1, 2]);
    expect(new Set(epochs.map(String)).size).toBeGreaterThan(1);
    const solve = prompts.filter(({ task }) => task === 'solve').map(({ index }) => index);
    expect(solve).toEqual(solve.map((_, i) => i));
    expect(prompts.map(({ ordinal }) => ordinal)).toEqual(prompts.map((_, i) => i));
  });

  test('gives a prompt that was put back again before any new one', () => {
    const queue = createPromptQueue(tasks, 1);
    const [first, second] = [queue.take(), queue.take()];
    queue.putBack({ ...second, failures: 1 });
    queue.finish(first);
    expect(queue.take()).toEqual({ ...second, failures: 1 });
    expect(queue.take().ordinal).toBe(2);
  });

  test('counts a prompt once', () => {
    const queue = createPromptQueue(tasks, 1);
    const prompt = queue.take();
    queue.finish(prompt);
    expect(() => queue.finish(prompt)).toThrow('prompt 0 is not out');
    expect(() => queue.putBack(prompt)).toThrow(RangeError);
  });

  test('loses none and repeats none when it goes on from its state, wherever it was stopped', () => {
    for (let stop = 0; stop < 25; stop++) {
      const counted: string[] = [];
      const before = createPromptQueue(tasks, 1);
      const out = [before.take(), before.take(), before.take()];
      for (let i = 0; i < stop; i++) {
        // Finish them out of order; now and then put one back.
        const prompt = out.splice(i % 3, 1)[0]!;
        if (i % 5 === 4) before.putBack(prompt);
        else {
          before.finish(prompt);
          counted.push(`${prompt.ordinal} ${prompt.task} ${prompt.index}`);
        }
        out.push(before.take());
      }
      const state = JSON.parse(JSON.stringify(before.state()));
      const after = createPromptQueue(tasks, 1, state);
      while (counted.length < 40) {
        const prompt = after.take();
        after.finish(prompt);
        counted.push(`${prompt.ordinal} ${prompt.task} ${prompt.index}`);
      }
      const whole = createPromptQueue(tasks, 1);
      const straight = Array.from({ length: 40 }, () => whole.take());
      expect(counted.sort()).toEqual(straight.map((p) => `${p.ordinal} ${p.task} ${p.index}`).sort());
    }
  });

  test('refuses tasks without prompts, equal names, and a state with another task', () => {
    expect(() => createPromptQueue([{ name: 'a', weight: 1, size: 0 }], 1)).toThrow(
      'the RL task a has no prompts',
    );
    expect(() => createPromptQueue([tasks[0]!, tasks[0]!], 1)).toThrow('different names');
    const unfinished = [{ ordinal: 0, task: 'gone', index: 0, failures: 0 }];
    expect(() => createPromptQueue(tasks, 1, { nextOrdinal: 1, issued: {}, unfinished })).toThrow(
      'the run was started with an RL task gone',
    );
  });
});
