import { expect, test } from 'vitest';
import { createInstantClock } from './clock.js';
import { createTerminalProgress, formatDuration } from './progress.js';

function recording(isTTY: boolean) {
  const parts: string[] = [];
  return { isTTY, columns: 80, write: (part: string) => parts.push(part), text: () => parts.join('') };
}

test('the time left follows from the pace since the work began', () => {
  const stream = recording(true);
  const clock = createInstantClock();
  const progress = createTerminalProgress(stream, clock);
  progress.update(0.2, 'work');
  clock.advance(10_000);
  progress.update(0.4, 'work');
  // A fifth took 10 s; three fifths are left.
  expect(stream.text()).toContain('40% work  30s left');
});

test('where the terminal is narrow, the text is cut and the time left stays', () => {
  const stream = recording(true);
  const clock = createInstantClock();
  const progress = createTerminalProgress(stream, clock);
  progress.update(0, 'x'.repeat(100));
  clock.advance(10_000);
  progress.update(0.5, 'x'.repeat(100));
  const line = stream.text().slice(stream.text().lastIndexOf('  █'));
  expect(line).toMatch(/50% x+ {2}10s left$/);
  expect(line).toHaveLength(79);
});

test('away from a terminal there is a line now and then, without control codes', () => {
  const stream = recording(false);
  const clock = createInstantClock();
  const progress = createTerminalProgress(stream, clock);
  for (let i = 1; i <= 100; i++) {
    clock.advance(1_000);
    progress.update(i / 100, 'work');
  }
  const lines = stream.text().trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.length).toBeLessThan(10);
  expect(stream.text()).not.toContain('\u001b');
});

test.each([
  [5, '5s'],
  [75, '1m15s'],
  [3_720, '1h02m'],
])('%d seconds read %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
