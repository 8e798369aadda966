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
  const masses = new Float64Array(probabilities.length);
  for (let id = 0; id < masses.length; id++) {
    const relative = (probabilities[id] as number) / highest;
    masses[id] = temperature === 1 ? relative : relative ** (1 / temperature);
  }
  const { total, least, ties } = keep(masses, topK > 0 ? topK : masses.length, topP);
  let rest = point * total;
  let tied = ties;
  let last = 0;
  for (let id = 0; id < masses.length; id++) {
    const mass = masses[id] as number;
    if (mass < least || (mass === least && --tied < 0)) continue;
    last = id;
    rest -= mass;
    if (rest < 0) return id;
  }
  return last;
}

/**
 * The heaviest `count`, cut to the smallest number that reaches the share `topP` of their mass: their total, the least
 * mass among them, and how many of that mass are in. Sorted as plain numbers, which is ten times as fast as sorting ids.
 */
function keep(
  masses: Float64Array,
  count: number,
  topP: number,
): { readonly total: number; readonly least: number; readonly ties: number } {
  let all = 0;
  for (let id = 0; id < masses.length; id++) all += masses[id] as number;
  const whole = count >= masses.length;
  if (whole && topP >= 1) return { total: all, least: 0, ties: masses.length };
  // What weighs less than this weighs, all together, less than what may be left out.
  const negligible = whole ? ((1 - topP) * all) / masses.length : 0;
  const weighty = new Float64Array(masses.length);
  let size = 0;
  for (let id = 0; id < masses.length; id++) {
    if ((masses[id] as number) >= negligible) weighty[size++] = masses[id] as number;
  }
  const sorted = weighty.subarray(0, size).sort();
  const most = Math.min(count, sorted.length);
  const at = (rank: number): number => sorted[sorted.length - 1 - rank] as number;
  if (!whole) {
    all = 0;
    for (let rank = 0; rank < most; rank++) all += at(rank);
  }
  let total = 0;
  let kept = 0;
  while (kept < most && (kept === 0 || topP >= 1 || total < topP * all)) total += at(kept++);
  const least = at(kept - 1);
  let ties = 0;
  while (ties < kept && at(kept - 1 - ties) === least) ties += 1;
  return { total, least, ties };
}
