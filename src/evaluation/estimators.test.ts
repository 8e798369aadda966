/**
 * Meaning locked here: every estimator equals the plain average over all k-subsets (and, for ties, over all orders
 * of a tied block), for n ≤ 8, ties included.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  majorityAtK,
  majorityCurve,
  passAtK,
  rankScoreAtK,
  rankScoreCurve,
  rankWeights,
  shortAtK,
} from './estimators.js';

/** All k-subsets of 0…n−1, by brute force. */
function subsets(n: number, k: number): number[][] {
  const out: number[][] = [];
  for (let mask = 0; mask < 1 << n; mask++) {
    const subset = [];
    for (let i = 0; i < n; i++) if (mask & (1 << i)) subset.push(i);
    if (subset.length === k) out.push(subset);
  }
  return out;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The definition: the mean, over subsets, of the mean score of those that share the subset's highest rank. */
function bruteRankScore(samples: readonly { rank: number; score: number }[], k: number): number {
  return mean(
    subsets(samples.length, k).map((subset) => {
      const best = Math.max(...subset.map((i) => samples[i]!.rank));
      return mean(subset.filter((i) => samples[i]!.rank === best).map((i) => samples[i]!.score));
    }),
  );
}

function bruteMajority(samples: readonly { answer: string | null; score: number }[], k: number): number {
  return mean(
    subsets(samples.length, k).map((subset) => {
      const votes = new Map<string, number[]>();
      for (const i of subset) {
        const { answer, score } = samples[i]!;
        if (answer !== null) votes.set(answer, [...(votes.get(answer) ?? []), score]);
      }
      const most = Math.max(0, ...[...votes.values()].map((scores) => scores.length));
      const winners = [...votes.values()].filter((scores) => scores.length === most);
      return winners.length === 0 ? 0 : mean(winners.map(mean));
    }),
  );
}

const sizes = fc
  .integer({ min: 1, max: 8 })
  .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 1, max: n })));

describe('passAtK', () => {
  it('equals the hand-worked value: 2 correct of 5, k = 3 → 1 − C(3,3)/C(5,3) = 0.9', () => {
    expect(passAtK(5, 2, 3)).toBeCloseTo(0.9, 12);
  });

  it('equals the share of subsets that hold a correct sample', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), ([n, k], seed) => {
        const c = seed % (n + 1);
        const brute = mean(subsets(n, k).map((subset) => Number(subset.some((i) => i < c))));
        expect(passAtK(n, c, k)).toBeCloseTo(brute, 12);
      }),
    );
  });

  it('is c/n at k = 1, and 0 or 1 at the ends', () => {
    expect(passAtK(20, 7, 1)).toBeCloseTo(0.35, 12);
    expect(passAtK(20, 0, 10)).toBe(0);
    expect(passAtK(20, 11, 10)).toBe(1);
  });

  it('stays finite for thousands of samples', () => {
    // One correct of n: exactly k/n.
    expect(passAtK(5000, 1, 2500)).toBeCloseTo(0.5, 9);
  });

  it('refuses counts that make no sense', () => {
    expect(() => passAtK(5, 6, 1)).toThrow(RangeError);
    expect(() => passAtK(5, 1, 6)).toThrow(RangeError);
    expect(() => passAtK(5, 1, 0)).toThrow(RangeError);
    expect(() => passAtK(5, 1.5, 1)).toThrow(RangeError);
  });
});

describe('rankScoreAtK', () => {
  it('equals the hand-worked formula: s = 1,0,1,0 in order, k = 2 → (3·1 + 2·0 + 1·1)/6', () => {
    const samples = [
      { rank: 4, score: 1 },
      { rank: 3, score: 0 },
      { rank: 2, score: 1 },
      { rank: 1, score: 0 },
    ];
    expect(rankScoreAtK(samples, 2)).toBeCloseTo(4 / 6, 12);
  });

  it('equals the average over all subsets, ties included', () => {
    const samples = fc.array(
      fc.record({ rank: fc.integer({ min: 0, max: 3 }), score: fc.integer({ min: 0, max: 1 }) }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(samples, fc.nat(), (list, seed) => {
        const k = 1 + (seed % list.length);
        expect(rankScoreAtK(list, k)).toBeCloseTo(bruteRankScore(list, k), 12);
      }),
    );
  });

  it('is the mean score when everything is tied, whatever k', () => {
    const list = [1, 0, 0, 1, 1].map((score) => ({ rank: 7, score }));
    for (const k of [1, 2, 3, 4, 5]) expect(rankScoreAtK(list, k)).toBeCloseTo(0.6, 12);
  });

  it('equals pass@k when the ranking is the truth', () => {
    const list = [1, 0, 0, 1, 0, 0, 0].map((score) => ({ rank: score, score }));
    for (const k of [1, 3, 5, 7]) expect(rankScoreAtK(list, k)).toBeCloseTo(passAtK(7, 2, k), 12);
  });

  it('gives the same for a curve as one k at a time', () => {
    const list = [3, 1, 4, 1, 5].map((rank, i) => ({ rank, score: i % 2 }));
    expect(rankScoreCurve(list, [1, 2, 5])).toEqual([1, 2, 5].map((k) => rankScoreAtK(list, k)));
  });

  it('weighs the places so that they sum to one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.nat(), (n, seed) => {
        const weights = rankWeights(n, 1 + (seed % n));
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
      }),
      { numRuns: 30 },
    );
  });
});

describe('shortAtK', () => {
  it('chooses the shortest, and means over equal lengths', () => {
    const list = [
      { length: 10, score: 1 },
      { length: 10, score: 0 },
      { length: 99, score: 1 },
    ];
    // Subsets of two: {a,b} → ½, {a,c} → 1, {b,c} → 0.
    expect(shortAtK(list, 2)).toBeCloseTo(0.5, 12);
    expect(shortAtK(list, 3)).toBeCloseTo(0.5, 12);
  });
});

describe('majorityAtK', () => {
  it('equals the average over all subsets, ties, missing answers and answers of mixed worth included', () => {
    const samples = fc.array(
      fc.record({
        answer: fc.constantFrom('a', 'b', 'c', 'd', null),
        score: fc.integer({ min: 0, max: 1 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(samples, fc.nat(), (list, seed) => {
        const k = 1 + (seed % list.length);
        expect(majorityAtK(list, k)).toBeCloseTo(bruteMajority(list, k), 9);
      }),
      { numRuns: 300 },
    );
  });

  it('equals the hand-worked value: answers a, a, b of which a is right, k = 2 → (1 + ½ + ½)/3', () => {
    const list = [
      { answer: 'a', score: 1 },
      { answer: 'a', score: 1 },
      { answer: 'b', score: 0 },
    ];
    expect(majorityAtK(list, 2)).toBeCloseTo(2 / 3, 12);
  });

  it('gives the same for a curve as one k at a time', () => {
    const list = ['a', 'b', 'a', null, 'c'].map((answer, i) => ({ answer, score: i % 2 }));
    expect(majorityCurve(list, [1, 3, 5])).toEqual([1, 3, 5].map((k) => majorityAtK(list, k)));
  });

  it('stays finite for a thousand samples', () => {
    const list = Array.from({ length: 1000 }, (_, i) => ({
      answer: String(i % 3),
      score: Number(i % 3 === 0),
    }));
    const value = majorityAtK(list, 100);
    expect(value).toBeGreaterThan(0.3);
    expect(value).toBeLessThan(0.4);
  });
});
