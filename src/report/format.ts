/**
 * Numbers as people read them. Shares are in [0, 1] and shown in percent, differences of shares in points.
 */
import type { Difference, Estimate } from '../evaluation/estimates.js';
import type { Interval } from '../evaluation/statistics.js';
import type { RunFacts } from './types.js';

export const NO_VALUE = '–';

/** `61.3%` */
export function percent(value: number | null): string {
  return value === null ? NO_VALUE : `${(100 * value).toFixed(1)}%`;
}

/** `+14.2`, with a true minus sign. */
export function points(value: number | null): string {
  if (value === null) return NO_VALUE;
  const text = Math.abs(100 * value).toFixed(1);
  return text === '0.0' ? '0.0' : `${value < 0 ? '−' : '+'}${text}`;
}

/** `57.0–65.4` */
export function percentInterval(interval: Interval | null): string {
  return interval === null
    ? NO_VALUE
    : `${(100 * interval.low).toFixed(1)}–${(100 * interval.high).toFixed(1)}`;
}

/** `+10.1 to +18.0` */
export function pointsInterval(interval: Interval | null): string {
  return interval === null ? NO_VALUE : `${points(interval.low)} to ${points(interval.high)}`;
}

/** `61.3% (57.0–65.4)` */
export function estimateText({ value, interval }: Pick<Estimate, 'value' | 'interval'>): string {
  return interval === null ? percent(value) : `${percent(value)} (${percentInterval(interval)})`;
}

/** `+14.2 (+10.1 to +18.0)` */
export function differenceText({ value, interval }: Pick<Difference, 'value' | 'interval'>): string {
  return interval === null ? points(value) : `${points(value)} (${pointsInterval(interval)})`;
}

/** `12,400` */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `3 problems`, `1 problem` */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `1,204 calls, 30,000 prompt + 12,400 completion tokens, 0.42 in money` */
export function spendingText(spending: NonNullable<RunFacts['spending']>): string {
  const { calls, promptTokens, completionTokens, estimated, money } = spending;
  const tokens = `${count(promptTokens)} prompt + ${count(completionTokens)} completion tokens`;
  const price = money === undefined ? '' : `, ${money.toFixed(money < 1 ? 4 : 2)} in money`;
  return `${counted(calls, 'call')}, ${tokens}${estimated ? ' (estimated)' : ''}${price}`;
}

/** `8 min 20 s` */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${seconds < 9.95 ? seconds.toFixed(1) : whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `after SFT`, `after RL`; other stages by their own name. */
export function stageLabel(stage: string): string {
  if (stage === 'sft') return 'after SFT';
  if (stage === 'rl') return 'after RL';
  if (stage === 'base' || stage === 'pretrained') return 'before training';
  return stage;
}

/** What an interval of a difference allows to be said. */
export type Direction = 'higher' | 'lower' | 'undecided';

/** `undecided` whenever the interval, as it is shown (a tenth of a point), holds zero, or there is none. */
export function directionOf({ interval }: Pick<Difference, 'interval'>): Direction {
  if (interval === null) return 'undecided';
  if (Math.round(interval.low * 1000) > 0) return 'higher';
  return Math.round(interval.high * 1000) < 0 ? 'lower' : 'undecided';
}
