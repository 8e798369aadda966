/**
 * Budgets and learning rates. A budget is in steps, tokens, seconds, or several of them; progress is the share of the
 * budget that is used, by whichever is nearest its end. A schedule is a function of progress alone.
 *
 * A budget of steps or tokens makes equal seeds give equal results; one of seconds does not, since the schedule then
 * follows the machine's speed. Of both, only the end of a run that is slower than planned follows the clock.
 */
import { UsageError } from '../core/errors.js';

/** At least one must be given; each positive. */
export interface Budget {
  readonly steps?: number;
  readonly tokens?: number;
  readonly seconds?: number;
}

/** What has been used so far, over all sessions of a run. */
export interface Spent {
  readonly steps: number;
  readonly tokens: number;
  readonly seconds: number;
}

/** Linear warm-up from 0, hold, linear decay to `floor`. The shares are of the budget. */
export interface Schedule {
  readonly peak: number;
  readonly warmupShare: number;
  readonly decayShare: number;
  /** Learning rate at the end, as a share of the peak; default 0. */
  readonly floor?: number;
}

/** The share of the budget that is used, in [0, 1]. Throws a UsageError for a budget without any limit. */
export function progressOf(spent: Spent, budget: Budget): number {
  const shares = sharesOf(['steps', 'tokens', 'seconds'], spent, budget);
  if (shares.length === 0) throw new UsageError('a budget needs a limit: steps, tokens or seconds');
  return Math.min(1, Math.max(...shares));
}

function sharesOf(units: readonly (keyof Budget)[], spent: Spent, budget: Budget): number[] {
  return units.flatMap((unit) => {
    const limit = budget[unit];
    return limit === undefined ? [] : [limit <= 0 ? 1 : spent[unit] / limit];
  });
}

/** Seconds until the budget is used up, at the pace so far; `undefined` before there is a pace. */
export function secondsLeft(spent: Spent, budget: Budget): number | undefined {
  const progress = progressOf(spent, budget);
  return progress > 0 && spent.seconds > 0 ? (spent.seconds * (1 - progress)) / progress : undefined;
}

/**
 * The learning rate with so much spent. Where warm-up and decay overlap the lower one counts. Warm-up counts steps and
 * tokens, whatever the first ones took; only where the clock ends the run long before those are used up, it ends
 * warm-up too, between `CLOCK_WARMUP`'s shares of the time.
 */
export function learningRateAt(
  spent: Spent,
  budget: Budget,
  { peak, warmupShare, decayShare, floor = 0 }: Schedule,
): number {
  const progress = progressOf(spent, budget);
  const left = decayShare > 0 ? Math.min(1, (1 - progress) / decayShare) : 1;
  return peak * Math.min(warmth(spent, budget, warmupShare), floor + (1 - floor) * left);
}

const CLOCK_WARMUP = { from: 0.05, to: 0.1 };

/** How far warm-up has come, in [0, 1]. */
function warmth(spent: Spent, budget: Budget, warmupShare: number): number {
  if (warmupShare <= 0) return 1;
  const counted = sharesOf(['steps', 'tokens'], spent, budget);
  if (counted.length === 0) return Math.min(1, progressOf(spent, budget) / warmupShare);
  const [clock = 0] = sharesOf(['seconds'], spent, budget);
  const { from, to } = CLOCK_WARMUP;
  return Math.min(1, Math.max(...counted.map((share) => share / warmupShare), (clock - from) / (to - from)));
}
