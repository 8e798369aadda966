import { describe, expect, it } from 'vitest';
import { createRng } from '../core/rng.js';
import { type Cluster, clusterMean, createBootstrap, quantile, wilsonInterval } from './statistics.js';

const single = (score: number): Cluster => ({ sum: score, count: 1 });

describe('wilsonInterval', () => {
  it('equals the hand-worked value for 8 of 10', () => {
    // z² = 3.8415; centre (0.8 + 0.19207) / 1.38415 = 0.71674; half 1.41601 · √(0.016 + 0.0096037) = 0.22658
    const { low, high } = wilsonInterval(8, 10);
    expect(low).toBeCloseTo(0.49016, 4);
    expect(high).toBeCloseTo(0.94332, 4);
  });

  it('does not leave [0, 1], and touches its ends only at none and all', () => {
    expect(wilsonInterval(0, 5).low).toBe(0);
    expect(wilsonInterval(0, 5).high).toBeCloseTo(0.4345, 3);
    expect(wilsonInterval(5, 5).high).toBe(1);
  });

  it('refuses what is no proportion', () => {
    expect(() => wilsonInterval(1, 0)).toThrow(RangeError);
    expect(() => wilsonInterval(3, 2)).toThrow(RangeError);
  });
});

describe('quantile', () => {
  it('interpolates between order statistics', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3, 4], 0)).toBe(1);
    expect(quantile([1, 2, 3, 4], 1)).toBe(4);
    expect(quantile([7], 0.3)).toBe(7);
  });
});

describe('createBootstrap', () => {
  it('gives the same interval for the same seed', () => {
    const clusters = Array.from({ length: 40 }, (_, i) => single(Math.sqrt(i) / 7));
    const of = (seed: string) => createBootstrap(40, { rng: createRng(seed) }).mean(clusters);
    expect(of('a')).toEqual(of('a'));
    expect(of('a')).not.toEqual(of('b'));
  });

  it('comes near the normal interval of a mean: 0.5 ± 1.96·0.5/√400', () => {
    const clusters = Array.from({ length: 400 }, (_, i) => single(i % 2));
    const { low, high } = createBootstrap(400, { rng: createRng(1) }).mean(clusters)!;
    expect(Math.abs(low - 0.451)).toBeLessThan(0.006);
    expect(Math.abs(high - 0.549)).toBeLessThan(0.006);
  });

  it('covers the true mean about 95 times in 100', () => {
    const rng = createRng('coverage');
    let covered = 0;
    for (let trial = 0; trial < 300; trial++) {
      const clusters = Array.from({ length: 60 }, () => single(rng.chance(0.3) ? 1 : 0));
      const { low, high } = createBootstrap(60, { rng: rng.fork(trial), resamples: 400 }).mean(clusters)!;
      if (low <= 0.3 && 0.3 <= high) covered++;
    }
    expect(covered / 300).toBeGreaterThan(0.9);
    expect(covered / 300).toBeLessThan(0.99);
  });

  it('resamples problems, not their items, so equal items in a problem do not narrow it', () => {
    const one = Array.from({ length: 50 }, (_, i) => single(i % 2));
    const ten = Array.from({ length: 50 }, (_, i) => ({ sum: 10 * (i % 2), count: 10 }));
    const bootstrap = createBootstrap(50, { rng: createRng(3) });
    expect(bootstrap.mean(ten)).toEqual(bootstrap.mean(one));
  });

  it('compares arms problem by problem: a constant lead has an interval of no width', () => {
    const a = Array.from({ length: 30 }, (_, i) => single(0.1 + (i % 7) / 10));
    const b = a.map((cluster) => single(cluster.sum - 0.1));
    const { low, high } = createBootstrap(30, { rng: createRng(4) }).difference(a, b)!;
    expect(low).toBeCloseTo(0.1, 12);
    expect(high).toBeCloseTo(0.1, 12);
  });

  it('does not claim certainty when every problem scored alike', () => {
    const bootstrap = createBootstrap(20, { rng: createRng(5) });
    const none = bootstrap.mean(Array.from({ length: 20 }, () => single(0)))!;
    expect(none).toEqual(wilsonInterval(0, 20));
  });

  it('gives no interval for fewer than two problems', () => {
    const bootstrap = createBootstrap(2, { rng: createRng(6) });
    expect(bootstrap.mean([single(1), { sum: 0, count: 0 }])).toBeNull();
    expect(bootstrap.difference([single(1), single(0)], [single(1), { sum: 0, count: 0 }])).toBeNull();
    expect(createBootstrap(0, { rng: createRng(6) }).mean([])).toBeNull();
  });
});

describe('clusterMean', () => {
  it('pools items, and is null for nothing', () => {
    expect(
      clusterMean([
        { sum: 1, count: 4 },
        { sum: 2, count: 2 },
      ]),
    ).toBe(0.5);
    expect(clusterMean([{ sum: 0, count: 0 }])).toBeNull();
  });
});
