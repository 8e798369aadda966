import { expect, test } from 'vitest';
import { compareNarrations, isTerse, narrationOf, stepsOf } from './compare-narrations.js';

const REAL = 'r = 0\n#1 v = 8; 8 % 2 = 0 == 0 yes; r = 0 + 8 = 8\n#2 v = 3; 3 % 2 = 1 == 0 no';

test('equal narrations have the same steps', () => {
  expect(compareNarrations(REAL, REAL)).toEqual({ kind: 'same', steps: 6 });
});

test('the first step that differs is shown, with the steps before it', () => {
  const simulated = REAL.replace('r = 0 + 8 = 8', 'r = 0 + 8 = 9').replace('3 % 2 = 1', '3 % 2 = 0');
  expect(compareNarrations(simulated, REAL)).toEqual({
    kind: 'differs',
    step: 4,
    before: [
      { line: 2, text: '#1 v = 8' },
      { line: 2, text: '8 % 2 = 0 == 0 yes' },
    ],
    simulated: { line: 2, text: 'r = 0 + 8 = 9' },
    executed: { line: 2, text: 'r = 0 + 8 = 8' },
  });
});

test('a narration that ends early, or goes on, differs where the other has a step', () => {
  const short = stepsOf(REAL)
    .slice(0, 4)
    .map(({ text }) => text)
    .join('\n');
  expect(compareNarrations(short, REAL)).toMatchObject({ step: 5, executed: { text: '#2 v = 3' } });
  expect(compareNarrations(short, REAL)).not.toHaveProperty('simulated');
  expect(compareNarrations(`${REAL}\n#3 v = 1`, REAL)).toMatchObject({
    step: 7,
    simulated: { text: '#3 v = 1' },
  });
});

test('the narration is what stands before the answer', () => {
  expect(narrationOf(`${REAL}\n<output>8</output>`)).toBe(REAL);
  expect(narrationOf(`[THOUGHT]\n${REAL}\n[/THOUGHT]\n[ANSWER]assert f() == 8[/ANSWER]`)).toBe(REAL);
});

test('prose is told from the terse form', () => {
  expect(isTerse(REAL)).toBe(true);
  expect(isTerse('First we read n, which is 3. Then, since n is odd, r stays 0.')).toBe(false);
  expect(isTerse('')).toBe(false);
});
