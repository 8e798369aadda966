import { expect, test } from 'vitest';
import { createSeedStatistics, type SeededClusters } from './over-seeds.js';
import type { Cluster } from './statistics.js';

const statistics = createSeedStatistics();

/** One item per problem. */
function seeded(values: Readonly<Record<number, readonly number[]>>): SeededClusters {
  return new Map(
    Object.entries(values).map(([seed, list]) => [
      Number(seed),
      new Map(list.map((sum, i): [string, Cluster] => [`p${i}`, { sum, count: 1 }])),
    ]),
  );
}

test('the mean pools the items of all seeds, and each seed has its own', () => {
  const found = statistics.estimate(seeded({ 1: [1, 0], 2: [1, 1] }))!;
  expect(found.value).toBe(0.75);
  expect([...found.perSeed]).toEqual([
    [1, 0.5],
    [2, 1],
  ]);
  expect(found.problems).toBe(4);
});

test('seeds that differ widen the interval beyond what their problems do', () => {
  const alike = statistics.estimate(seeded({ 1: fill(0.5), 2: fill(0.5), 3: fill(0.5) }))!;
  const apart = statistics.estimate(seeded({ 1: fill(0.3), 2: fill(0.5), 3: fill(0.7) }))!;
  const width = ({ interval }: typeof alike): number => interval!.high - interval!.low;
  expect(apart.value).toBeCloseTo(0.5, 10);
  expect(width(alike)).toBeGreaterThan(0.05);
  expect(width(apart)).toBeGreaterThan(2 * width(alike));
});

test('a difference is paired: what both sides share leaves no spread', () => {
  const base = { 1: fill(0.2), 2: fill(0.6) };
  const more = Object.fromEntries(
    Object.entries(base).map(([seed, list]) => [seed, list.map((v) => v + 0.1)]),
  );
  const found = statistics.difference(seeded(more), seeded(base))!;
  expect(found.value).toBeCloseTo(0.1, 10);
  expect(found.interval!.low).toBeCloseTo(0.1, 10);
  expect(found.interval!.high).toBeCloseTo(0.1, 10);
});

test('only seeds and problems that both sides have are compared', () => {
  const found = statistics.difference(seeded({ 1: [1, 1, 1], 2: [1] }), seeded({ 1: [0, 1] }))!;
  expect(found.problems).toBe(2);
  expect(found.value).toBe(0.5);
  expect(statistics.difference(seeded({ 1: [1] }), seeded({ 2: [1] }))).toBeUndefined();
});

/** 100 problems of which this share is solved. */
function fill(share: number): number[] {
  return Array.from({ length: 100 }, (_, i) => (i < share * 100 ? 1 : 0));
}
