/**
 * Progress of long work, as a person wants it: what is being done, how far it is, how long it will still take.
 * On a terminal one line that is rewritten; elsewhere a line now and then.
 */
import { type Clock, systemClock } from './clock.js';

export interface Progress {
  /** A line that stays. */
  say(text: string): void;
  /** The state of the current work: `fraction` in [0, 1] done, and a short text. */
  update(fraction: number, text: string): void;
  /** Ends the current line; the next `update` begins new work with its own time left. */
  finish(text?: string): void;
}

/** Writes to a stream, such as stderr. */
export function createTerminalProgress(
  stream: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number },
  clock: Pick<Clock, 'now'> = systemClock,
): Progress {
  const live = stream.isTTY === true;
  const everyMs = live ? 200 : 15_000;
  let started: number | undefined;
  let startFraction = 0;
  let shownAt = 0;
  let shown = false;
  const clear = (): void => {
    if (live && shown) stream.write('\r\u001b[K');
    shown = false;
  };
  return {
    say: (text) => {
      clear();
      stream.write(`${text}\n`);
    },
    update: (fraction, text) => {
      const now = clock.now();
      if (started === undefined) [started, startFraction, shownAt] = [now, fraction, live ? 0 : now];
      if (now - shownAt < everyMs) return;
      shownAt = now;
      const done = fraction - startFraction;
      const left = done > 0.01 ? ((now - started) * (1 - fraction)) / done : undefined;
      const start = `  ${bar(fraction)} `;
      const end = left === undefined ? '' : `  ${formatDuration(left / 1000)} left`;
      clear();
      // Where a terminal is too narrow for all, the time left stays.
      const room = Math.max(0, (stream.columns ?? 100) - 1 - start.length - end.length);
      stream.write(live ? `${start}${text.slice(0, room)}${end}` : `${start}${text}${end}\n`);
      shown = live;
    },
    finish: (text) => {
      clear();
      if (text !== undefined) stream.write(`${text}\n`);
      started = undefined;
    },
  };
}

/** Progress that nobody watches. */
export const SILENT: Progress = { say: () => undefined, update: () => undefined, finish: () => undefined };

/** `75` → `1m15s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`;
}

function bar(fraction: number): string {
  const width = 16;
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${String(Math.round(fraction * 100)).padStart(3)}%`;
}
