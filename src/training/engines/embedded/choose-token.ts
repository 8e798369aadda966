/** Choosing a token from a distribution: temperature, top-k, top-p. */
import type { Rng } from '../../../core/rng.js';

export interface ChoiceParams {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
}

/**
 * Picks from `probabilities[offset … offset + size)`, which are at temperature 1. Order as in Hugging Face:
 * temperature, then top-k, then top-p on what is left. Ties go to the lower id. Draws one number from `rng`
 * unless greedy.
 */
export function chooseToken(
  probabilities: Float32Array,
  offset: number,
  size: number,
  params: ChoiceParams,
  rng: Rng,
): number {
  if (params.temperature === 0) return likeliest(probabilities, offset, size);
  const topK = params.topK ?? 0;
  const topP = params.topP ?? 1;
  const point = rng.next();
  if (params.temperature === 1 && topP >= 1 && (topK <= 0 || topK >= size)) {
    return walk(probabilities, offset, size, point);
  }
  return chooseFiltered(probabilities.subarray(offset, offset + size), params.temperature, topK, topP, point);
}

function likeliest(probabilities: Float32Array, offset: number, size: number): number {
  let best = 0;
  let highest = -1;
  for (let i = 0; i < size; i++) {
    const p = probabilities[offset + i] as number;
    if (p > highest) {
      highest = p;
      best = i;
    }
  }
  return best;
}

/** The first id at which the cumulative mass exceeds `point`; rounding at the end falls to the last possible id. */
function walk(probabilities: Float32Array, offset: number, size: number, point: number): number {
  let rest = point;
  let last = 0;
  for (let i = 0; i < size; i++) {
    const p = probabilities[offset + i] as number;
    if (p > 0) last = i;
    rest -= p;
    if (rest < 0) return last;
  }
  return last;
}

function chooseFiltered(
  probabilities: Float32Array,
  temperature: number,
  topK: number,
  topP: number,
  point: number,
): number {
  const highest = probabilities[likeliest(probabilities, 0, probabilities.length)] as number;
  const masses = Float64Array.from(probabilities, (p) => (p / highest) ** (1 / temperature));
  let order = Array.from(masses.keys()).sort(
    (a, b) => (masses[b] as number) - (masses[a] as number) || a - b,
  );
  if (topK > 0) order = order.slice(0, topK);
  const sum = (ids: readonly number[]): number =>
    ids.reduce((total, id) => total + (masses[id] as number), 0);
  if (topP < 1) {
    const wanted = topP * sum(order);
    let reached = 0;
    order = order.slice(
      0,
      1 +
        order.findIndex((id) => {
          reached += masses[id] as number;
          return reached >= wanted;
        }) || order.length,
    );
  }
  let rest = point * sum(order);
  for (const id of order) {
    rest -= masses[id] as number;
    if (rest < 0) return id;
  }
  return order.at(-1) as number;
}
