/**
 * The journal of prompts: every prompt that is given out has an ordinal, and is either counted once or still
 * unfinished. What is unfinished when a run is killed is given out again, first; so none is lost, and none is counted
 * twice (NVIDIA-NeMo/RL#3599 is what happens otherwise).
 */
import { UsageError } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import { taskAt } from './task-mix.js';
import type { Prompt } from './types.js';

export interface PromptTask {
  readonly name: string;
  /** Relative share of the prompts. */
  readonly weight: number;
  /** Number of prompts; `Infinity` where they are made up without end. */
  readonly size: number;
}

/** Plain data, for the checkpoint. */
export interface PromptQueueState {
  readonly nextOrdinal: number;
  /** New prompts given out, by task. */
  readonly issued: Readonly<Record<string, number>>;
  /** Given out and not counted, in the order of their ordinals. */
  readonly unfinished: readonly Prompt[];
}

export interface PromptQueue {
  /** The next prompt: one that was put back, else a new one. A task's prompts come in a new random order each epoch. */
  take(): Prompt;
  /** Puts a prompt back, to be sampled again. Throws a RangeError for one that is not out. */
  putBack(prompt: Prompt): void;
  /** Notes that a prompt has been counted. Throws a RangeError for one that is not out. */
  finish(prompt: Prompt): void;
  state(): PromptQueueState;
}

/** Creates a queue, or goes on from a state. Throws a UsageError for a task without prompts. */
export function createPromptQueue(
  tasks: readonly PromptTask[],
  seed: number | string,
  start: PromptQueueState = { nextOrdinal: 0, issued: {}, unfinished: [] },
): PromptQueue {
  for (const { name, size } of tasks) {
    if (!(size >= 1)) throw new UsageError(`the RL task ${name} has no prompts`);
  }
  if (new Set(tasks.map(({ name }) => name)).size < tasks.length) {
    throw new UsageError(
      `the RL tasks need different names; they are ${tasks.map(({ name }) => name).join(', ')}`,
    );
  }
  const unknown = start.unfinished.find(({ task }) => !tasks.some(({ name }) => name === task));
  if (unknown) {
    throw new UsageError(
      `the run was started with an RL task ${unknown.task}; name it again, or start a new run`,
    );
  }
  const weights = tasks.map(({ weight }) => weight);
  const issued: Record<string, number> = { ...start.issued };
  const waiting: Prompt[] = [...start.unfinished];
  const out = new Map<number, Prompt>();
  const orders = tasks.map((task) => createOrder(task, seed));
  let nextOrdinal = start.nextOrdinal;

  const issue = (): Prompt => {
    const ordinal = nextOrdinal++;
    const task = taskAt(ordinal, weights, seed);
    const { name } = tasks[task]!;
    const count = issued[name] ?? 0;
    issued[name] = count + 1;
    return { ordinal, task: name, index: orders[task]!(count), failures: 0 };
  };
  const settle = (prompt: Prompt): void => {
    if (!out.delete(prompt.ordinal)) throw new RangeError(`prompt ${prompt.ordinal} is not out`);
  };
  return {
    take: () => {
      const prompt = waiting.shift() ?? issue();
      out.set(prompt.ordinal, prompt);
      return prompt;
    },
    putBack: (prompt) => {
      settle(prompt);
      waiting.push(prompt);
    },
    finish: settle,
    state: () => ({
      nextOrdinal,
      issued: { ...issued },
      unfinished: [...out.values(), ...waiting].sort((a, b) => a.ordinal - b.ordinal),
    }),
  };
}

/** Maps how many prompts a task has given out to the index of its next. */
function createOrder({ name, size }: PromptTask, seed: number | string): (count: number) => number {
  if (size === Infinity) return (count) => count;
  const rng = createRng(seed).fork(`prompts/${name}`);
  let epoch = -1;
  let order: readonly number[] = [];
  return (count) => {
    const wanted = Math.floor(count / size);
    if (wanted !== epoch) {
      epoch = wanted;
      order = rng.fork(epoch).shuffle(Array.from({ length: size }, (_, i) => i));
    }
    return order[count % size]!;
  };
}
