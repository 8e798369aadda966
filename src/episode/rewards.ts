/**
 * Rewards: pure functions of an outcome, each with a declared range (paper §2.2). A reward never sees an
 * infrastructure failure: an episode that met one is unscored and has no outcome.
 */
import { UsageError } from '../core/errors.js';
import type { PredictOutputOutcome } from './environments/predict-output.js';
import type { SelfRlefOutcome } from './environments/self-rlef.js';
import type { SolveOutcome } from './environments/solve.js';
import type { ProgramVerdicts } from './judging.js';

export interface Reward<Outcome> {
  readonly name: string;
  /** Least and greatest value. */
  readonly range: readonly [number, number];
  /** Throws a UsageError for an outcome whose spec asked for no comparison or judging. */
  score(outcome: Outcome): number;
}

/** +1 for the true output, −1 for any other, for an unreadable and for a truncated answer. */
export const outputPredictionReward: Reward<PredictOutputOutcome> = {
  name: 'output-prediction',
  range: [-1, 1],
  score: (outcome) => {
    if (outcome.kind !== 'predicted') return -1;
    if (outcome.matches === undefined) {
      throw new UsageError('output prediction can be rewarded only when its spec holds the expected output');
    }
    return sign(outcome.matches);
  },
};

/** +1 when the program passes all public and private tests, else −1. */
export const solvingReward: Reward<SolveOutcome> = {
  name: 'solving',
  range: [-1, 1],
  score: (outcome) => (outcome.kind === 'program' ? sign(passesAll(outcome.verdicts)) : -1),
};

/** The result of the program that was submitted; −1 when a completion without an answer ended the episode. */
export const selfRlefReward: Reward<SelfRlefOutcome> = {
  name: 'self-rlef',
  range: [-1, 1],
  score: (outcome) => {
    if (outcome.kind === 'unparsed' || outcome.kind === 'truncated') return -1;
    return sign(passesAll(outcome.programs.at(-1)?.verdicts));
  },
};

/** Whether every test, public and private, was accepted. Throws a UsageError when nothing was judged. */
export function passesAll(verdicts: ProgramVerdicts | undefined): boolean {
  if (!verdicts)
    throw new UsageError("a program can be rewarded only when its spec says judge: 'all' or 'last'");
  const all = [...verdicts.public, ...verdicts.private];
  if (all.length === 0) throw new UsageError('a program for a problem without any test cannot be rewarded');
  if (all.some(({ verdict }) => verdict === 'unscored')) {
    throw new UsageError('an unscored verdict cannot be rewarded; run its test again');
  }
  return all.every(({ verdict }) => verdict === 'accepted');
}

function sign(good: boolean): number {
  return good ? 1 : -1;
}
