/**
 * The small steps that episodes are made of: ask one turn, ask several side by side, run a program; and reading a
 * completion for its answer.
 */
import { hash32 } from '../core/rng.js';
import type { Execution } from '../execution/types.js';
import type { Parsed } from './prompt-style.js';
import type { Request, Response, Run, Turn, TurnResponse } from './types.js';

/** A part of an episode, to be delegated to with `yield*`. */
export type Step<Result> = Generator<readonly Request[], Result, readonly Response[]>;

/** Gives the turns of one episode their seeds, in the order in which they are made. */
export type TurnMaker = (fields: Omit<Turn, 'kind' | 'seed'>) => Turn;

/** Equal seeds give equal turns; each turn has a seed of its own, a non-negative 31-bit integer. */
export function createTurnMaker(seed: number | string): TurnMaker {
  let ordinal = 0;
  return (fields) => ({ kind: 'turn', ...fields, seed: hash32(`${seed}/turn/${ordinal++}`) >>> 1 });
}

/** Asks one turn. */
export function* ask(turn: Turn): Step<TurnResponse> {
  const [response] = yield* askAll([turn]);
  return response as TurnResponse;
}

/** Asks several turns in parallel; the responses come in the order of the turns. */
export function* askAll(turns: readonly Turn[]): Step<readonly TurnResponse[]> {
  const responses = yield turns;
  return turns.map((_, i) => {
    const response = responses[i];
    if (response?.kind !== 'turn')
      throw new TypeError(`the driver answered turn ${i} with ${response?.kind}`);
    return response;
  });
}

/** Runs a program; one execution per input, in order. */
export function* execute(run: Omit<Run, 'kind'>): Step<readonly Execution[]> {
  const [response] = yield [{ kind: 'run', ...run }];
  if (response?.kind !== 'run') throw new TypeError(`the driver answered a run with ${response?.kind}`);
  if (response.executions.length !== run.inputs.length) {
    throw new TypeError(
      `the driver gave ${response.executions.length} executions for ${run.inputs.length} inputs`,
    );
  }
  return response.executions;
}

/**
 * An answer counts wherever it can be read, also when the token limit cut off what came after it (parsers insist on
 * their closing marker). Without one, a completion that met the limit is truncated, any other unparsed.
 */
export function readAnswer<T>(response: TurnResponse, parse: (text: string) => T | undefined): Parsed<T> {
  const value = parse(response.text);
  if (value !== undefined) return { kind: 'answer', value };
  return { kind: response.stopReason === 'length' ? 'truncated' : 'unparsed' };
}

/**
 * The same for an answer that has to be the last thing said: a completion that was cut off holds none, since what it happens
 * to end with may be quoted, such as a program's own text, rather than answered.
 */
export function readLastAnswer<T>(response: TurnResponse, parse: (text: string) => T | undefined): Parsed<T> {
  return response.stopReason === 'length' ? { kind: 'truncated' } : readAnswer(response, parse);
}
