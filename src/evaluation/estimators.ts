/**
 * Unbiased estimators of "what would k samples have given", from n samples per problem (paper §3, §6).
 *
 * Each is the exact mean, over all C(n, k) subsets of the n samples, of the correctness of what would be submitted.
 * Sources: pass@k, Chen et al. 2021 (arXiv 2107.03374, eq. 1); rank-score@k, the paper §3 and CWM
 * (`rank_score_at_k`); short-1@k, the paper §6.
 * Deviation: the published rank-score@k assumes a strict order. The paper breaks ties at random, so each block of
 * tied samples is replaced by its mean, which is the expectation over random tie-breaking.
 *
 * Everything is computed by products of ratios in [0, 1], never by large binomials, so n may be in the thousands.
 */

/** One sample of a problem. */
export interface RankedSample {
  /** What the chooser sees: the highest is submitted, ties at random. */
  readonly rank: number;
  /** What it is worth, usually 0 or 1. */
  readonly score: number;
}

/**
 * pass@k: the probability that k of n samples, drawn without replacement, hold at least one of the c correct ones.
 * Throws RangeError unless 1 ≤ k ≤ n and 0 ≤ c ≤ n.
 */
export function passAtK(n: number, c: number, k: number): number {
  requireSubset(n, k);
  if (!Number.isInteger(c) || c < 0 || c > n) throw new RangeError(`passAtK: c=${c} is not in 0…${n}`);
  let allWrong = 1;
  for (let i = 0; i < k; i++) allWrong *= Math.max(0, n - c - i) / (n - i);
  return 1 - allWrong;
}

/**
 * The probability, for each place i of a strict order of n samples, that the i-th best is the best of a random
 * k-subset: w[i−1] = C(n−i, k−1) / C(n, k). Length n; the last k−1 entries are 0; the sum is 1.
 */
export function rankWeights(n: number, k: number): Float64Array {
  requireSubset(n, k);
  const weights = new Float64Array(n);
  let weight = k / n;
  for (let i = 1; i <= n - k + 1; i++) {
    weights[i - 1] = weight;
    weight *= (n - i - k + 1) / Math.max(1, n - i);
  }
  return weights;
}

/** rank-score@k: the expected score of the highest-ranked sample of a random k-subset, ties broken at random. */
export function rankScoreAtK(samples: readonly RankedSample[], k: number): number {
  return rankScoreCurve(samples, [k])[0]!;
}

/** rank-score@k for several k at once (sorts once). Returns one value per entry of `ks`. */
export function rankScoreCurve(samples: readonly RankedSample[], ks: readonly number[]): number[] {
  const scores = scoresInOrder(samples);
  return ks.map((k) => {
    const weights = rankWeights(scores.length, k);
    let total = 0;
    for (let i = 0; i < scores.length; i++) total += weights[i]! * scores[i]!;
    return total;
  });
}

/** short-1@k: the expected score of the shortest response of a random k-subset, ties broken at random. */
export function shortAtK(
  samples: readonly { readonly length: number; readonly score: number }[],
  k: number,
): number {
  return rankScoreAtK(
    samples.map(({ length, score }) => ({ rank: -length, score })),
    k,
  );
}

/** One sample whose answer has a vote. */
export interface VotingSample {
  /** `null` where none could be read: it takes up a draw, but cannot be chosen. */
  readonly answer: string | null;
  /** What it is worth, usually 0 or 1. */
  readonly score: number;
}

/**
 * majority@k: the expected score of a sample that gives the most frequent answer of a random k-subset; ties between
 * answers, and between samples of the same answer, are broken at random. A subset without any answer is worth 0.
 * Samples of one answer are exchangeable, so the answer is worth the mean of its samples.
 */
export function majorityAtK(samples: readonly VotingSample[], k: number): number {
  return majorityCurve(samples, [k])[0]!;
}

/** majority@k for several k at once. Returns one value per entry of `ks`. */
export function majorityCurve(samples: readonly VotingSample[], ks: readonly number[]): number[] {
  const classes = new Map<string, { size: number; sum: number }>();
  let silent = 0;
  for (const { answer, score } of samples) {
    if (answer === null) {
      silent++;
      continue;
    }
    const known = classes.get(answer);
    if (known === undefined) classes.set(answer, { size: 1, sum: score });
    else {
      known.size++;
      known.sum += score;
    }
  }
  const groups = [...classes.values()];
  return ks.map((k) => {
    requireSubset(samples.length, k);
    // Answers of one size, against the same others, win equally often.
    const bySize = new Map<number, number>();
    let total = 0;
    groups.forEach(({ size, sum }, index) => {
      if (sum === 0) return;
      let chance = bySize.get(size);
      if (chance === undefined) {
        const others = groups.filter((_, i) => i !== index).map((group) => group.size);
        chance = probabilityOfPlurality(size, others, silent, k);
        bySize.set(size, chance);
      }
      total += chance * (sum / size);
    });
    return Math.min(1, total);
  });
}

function requireSubset(n: number, k: number): void {
  if (!Number.isInteger(n) || !Number.isInteger(k) || k < 1 || k > n) {
    throw new RangeError(`a subset of k=${k} samples cannot be drawn from n=${n}`);
  }
}

/** Scores from the best rank to the worst, each tied block replaced by its mean. */
function scoresInOrder(samples: readonly RankedSample[]): Float64Array {
  const order = [...samples].sort((a, b) => b.rank - a.rank);
  const scores = new Float64Array(order.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    let sum = 0;
    while (end < order.length && order[end]!.rank === order[start]!.rank) sum += order[end++]!.score;
    scores.fill(sum / (end - start), start, end);
    start = end;
  }
  return scores;
}

/**
 * The chance that a class of `size` samples is chosen by plurality in a random k-subset.
 *
 * A random k-subset has independent binomial class counts conditioned on their sum being k. So, for each count m of
 * the class, a table over (samples drawn so far, classes tied at m) multiplies the binomial(a, k/n) probabilities of
 * the other classes, and the result is divided by the binomial(n, k/n) probability of k. That keeps every number in
 * [0, 1].
 */
function probabilityOfPlurality(size: number, others: readonly number[], silent: number, k: number): number {
  const n = size + silent + others.reduce((a, b) => a + b, 0);
  if (k === n) {
    const largest = Math.max(0, ...others);
    if (largest > size) return 0;
    return 1 / (1 + others.filter((other) => other === size).length);
  }
  const p = k / n;
  const normaliser = binomialMass(n, p)[k]!;
  const silentMass = binomialMass(silent, p);
  const own = binomialMass(size, p);
  const masses = others.map((other) => binomialMass(other, p));
  let total = 0;
  for (let m = 1; m <= Math.min(size, k); m++) {
    const ties = Math.floor(k / m);
    // table[drawn * (ties + 1) + tied]
    let table = new Float64Array((k + 1) * (ties + 1));
    for (let drawn = 0; drawn <= Math.min(silent, k - m); drawn++)
      table[(drawn + m) * (ties + 1)] = silentMass[drawn]! * own[m]!;
    for (const mass of masses) {
      const next = new Float64Array(table.length);
      for (let drawn = 0; drawn <= k; drawn++) {
        for (let tied = 0; tied <= ties; tied++) {
          const here = table[drawn * (ties + 1) + tied]!;
          if (here === 0) continue;
          for (let count = 0; count < mass.length && count <= m && drawn + count <= k; count++) {
            const after = count === m ? tied + 1 : tied;
            if (after <= ties) next[(drawn + count) * (ties + 1) + after]! += here * mass[count]!;
          }
        }
      }
      table = next;
    }
    for (let tied = 0; tied <= ties; tied++) total += table[k * (ties + 1) + tied]! / (1 + tied);
  }
  return total / normaliser;
}

/** [0…a]: binomial(a, p) probabilities, through logarithms; p in (0, 1). */
function binomialMass(a: number, p: number): Float64Array {
  const mass = new Float64Array(a + 1);
  let logMass = a * Math.log1p(-p);
  for (let i = 0; i <= a; i++) {
    mass[i] = Math.exp(logMass);
    logMass += Math.log((a - i) / (i + 1)) + Math.log(p) - Math.log1p(-p);
  }
  return mass;
}
