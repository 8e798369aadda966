import { describe, expect, it } from 'vitest';
import { createRng } from '../../../core/rng.js';
import { type ChoiceParams, chooseToken } from './choose-token.js';

const probabilities = Float32Array.of(9, 0.1, 0.5, 0.25, 0.15, 9);

/** Shares of each id over many draws from the four probabilities in the middle. */
function shares(params: ChoiceParams): number[] {
  const rng = createRng('shares');
  const counts = [0, 0, 0, 0];
  const draws = 20_000;
  for (let i = 0; i < draws; i++) {
    const id = chooseToken(probabilities, 1, 4, params, rng);
    counts[id] = (counts[id] as number) + 1;
  }
  return counts.map((count) => count / draws);
}

function expectShares(params: ChoiceParams, expected: readonly number[]): void {
  for (const [id, share] of shares(params).entries()) {
    expect(Math.abs(share - (expected[id] as number))).toBeLessThan(expected[id] === 0 ? 1e-9 : 0.015);
  }
}

describe('choosing a token', () => {
  it('takes the likeliest at temperature 0', () => expectShares({ temperature: 0 }, [0, 1, 0, 0]));
  it('follows the probabilities at temperature 1', () =>
    expectShares({ temperature: 1 }, [0.1, 0.5, 0.25, 0.15]));
  it('sharpens at temperature 0.5: probabilities squared, normalised', () =>
    expectShares(
      { temperature: 0.5 },
      [0.01, 0.25, 0.0625, 0.0225].map((p) => p / 0.345),
    ));
  it('keeps the top k', () => expectShares({ temperature: 1, topK: 2 }, [0, 2 / 3, 1 / 3, 0]));
  it('keeps the smallest nucleus that reaches p', () =>
    expectShares({ temperature: 1, topP: 0.8 }, [0, 0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9]));
  it('applies p to what top-k has left', () =>
    expectShares({ temperature: 1, topK: 2, topP: 0.6 }, [0, 1, 0, 0]));
  it('keeps the lower ids of equally likely ones', () => {
    const even = Float32Array.of(0.1, 0.3, 0.3, 0.3);
    const rng = createRng('ties');
    const drawn = Array.from({ length: 200 }, () =>
      chooseToken(even, 0, 4, { temperature: 1, topK: 2 }, rng),
    );
    expect([...new Set(drawn)].sort()).toEqual([1, 2]);
  });
  it('keeps what a sort of the ids keeps, for many distributions', () => {
    const rng = createRng('sorts');
    for (let trial = 0; trial < 300; trial++) {
      const raw = Float32Array.from({ length: 40 }, () => Math.exp(rng.int(0, 12)) * rng.int(0, 3));
      const sum = raw.reduce((a, b) => a + b, 0);
      if (sum === 0) continue;
      const p = raw.map((value) => value / sum);
      const [topK, topP] = [rng.int(0, 12), rng.int(1, 10) / 10.001];
      const order = [...p.keys()].sort((a, b) => (p[b] as number) - (p[a] as number) || a - b);
      const top = topK > 0 ? order.slice(0, topK) : order;
      const mass = (ids: readonly number[]): number => ids.reduce((all, id) => all + (p[id] as number), 0);
      const count = top.findIndex((_, i) => mass(top.slice(0, i + 1)) >= topP * mass(top)) + 1;
      const allowed = new Set(top.slice(0, count));
      for (const point of [0, rng.next(), 1 - 2 ** -32]) {
        const picked = chooseToken(p, 0, 40, { temperature: 1, topK, topP }, { ...rng, next: () => point });
        expect(allowed.has(picked), `top-k ${topK}, top-p ${topP}`).toBe(true);
      }
    }
  });
  it('never picks what has no mass', () => {
    const rng = { ...createRng(1), next: () => 0.999999999 };
    expect(chooseToken(Float32Array.of(0.5, 0.4999999, 0), 0, 3, { temperature: 1 }, rng)).toBe(1);
  });
});
