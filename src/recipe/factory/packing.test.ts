import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.js';
import { packingOf } from './packing.js';

/** One row at a time, the way it is defined. */
function bestFit(lengths: readonly number[], size: number): number {
  const rooms: number[] = [];
  for (const length of [...lengths].sort((a, b) => b - a)) {
    const fitting = rooms.filter((room) => room >= length);
    const best = fitting.length === 0 ? undefined : rooms.indexOf(Math.min(...fitting));
    if (best === undefined) rooms.push(size - length);
    else rooms[best]! -= length;
  }
  return rooms.length;
}

function counted(lengths: readonly number[]): Map<number, number> {
  const out = new Map<number, number>();
  for (const length of lengths) out.set(length, (out.get(length) ?? 0) + 1);
  return out;
}

test('rows of 6, 4, 4 and 3 tokens take two sequences of 10; one of 12 does not fit', () => {
  // 6 + 4 fill the first; 4 + 3 leave 3 of the second empty.
  expect(packingOf(counted([4, 6, 3, 4, 12]), 10)).toMatchObject({
    ...{ rows: 4, tooLong: 1, tokens: 17, sequences: 2, fill: 0.85 },
  });
});

test('placing equal rows together comes to what placing one at a time does', () => {
  const rng = createRng('packing');
  for (let round = 0; round < 60; round++) {
    const size = rng.int(5, 60);
    const lengths = Array.from({ length: rng.int(1, 80) }, () => rng.int(1, size));
    expect(packingOf(counted(lengths), size).sequences).toBe(bestFit(lengths, size));
  }
});

test('padded, rows of one length waste nothing, and the share is that of a drawn batch otherwise', () => {
  expect(packingOf(counted([8, 8, 8]), 10).paddedFill).toBe(1);
  const rng = createRng('padded');
  const lengths = Array.from({ length: 500 }, () => rng.int(1, 100));
  let longest = 0;
  for (let draw = 0; draw < 4_000; draw++)
    longest += Math.max(...Array.from({ length: 16 }, () => rng.pick(lengths))) / 4_000;
  const mean = lengths.reduce((a, b) => a + b, 0) / lengths.length;
  expect(packingOf(counted(lengths), 100).paddedFill).toBeCloseTo(mean / longest, 2);
});
