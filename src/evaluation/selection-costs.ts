/**
 * What choosing among k programs costs in completion tokens, so that arms can be compared at equal cost: the responses,
 * their simulations (equal programs are simulated once, one prediction per test), and the simulations that would have
 * been made had simulating stopped once the choice was settled (src/selection/early-stop.ts).
 *
 * A problem's samples are exchangeable, so its first k programs stand for any k, without bias. Prompts are not counted.
 */
import { replayRace } from '../selection/early-stop.js';
import type { Prediction } from '../selection/types.js';
import type { CandidateRecord } from './records.js';
import { completeDraws } from './selection-curves.js';

/** Means per problem. */
export interface SelectionCost {
  readonly k: number;
  readonly responses: number;
  /** `null` unless simulations and their tokens were recorded. */
  readonly simulations: number | null;
  readonly settled: number | null;
  /** Predictions behind the two. */
  readonly predictions: { readonly all: number; readonly settled: number };
}

export function selectionCosts(
  problems: readonly (readonly CandidateRecord[])[],
  ks: readonly number[],
): SelectionCost[] {
  if (problems.length === 0) return [];
  const prepared = problems.map(prepare);
  const isKnown =
    prepared.every(({ draws }) => draws.length > 0) &&
    prepared.some(({ draws }) => draws.some((draw) => draw.length > 0));
  return ks.map((k) => {
    const sums = { responses: 0, simulations: 0, settled: 0, all: 0, made: 0 };
    for (const { responses, draws } of prepared) {
      sums.responses += responses.slice(0, k).reduce((a, b) => a + b, 0);
      for (const draw of draws) {
        const first = new Map(
          draw.filter(({ place }) => place < k).map((entry) => [entry.source, entry.tests]),
        );
        const cost = costOf([...first.values()]);
        sums.simulations += cost.simulations / draws.length;
        sums.settled += cost.settled / draws.length;
        sums.all += cost.all / draws.length;
        sums.made += cost.made / draws.length;
      }
    }
    const mean = (sum: number): number => sum / problems.length;
    return {
      k,
      responses: mean(sums.responses),
      simulations: isKnown && sums.simulations > 0 ? mean(sums.simulations) : null,
      settled: isKnown && sums.simulations > 0 ? mean(sums.settled) : null,
      predictions: { all: mean(sums.all), settled: mean(sums.made) },
    };
  });
}

interface Prepared {
  readonly responses: readonly number[];
  /** [draw] the programs that were simulated, each with a prediction per test. */
  readonly draws: readonly (readonly {
    readonly place: number;
    readonly source: string;
    readonly tests: readonly (readonly Prediction[])[];
  }[])[];
}

function prepare(programs: readonly CandidateRecord[]): Prepared {
  const draws = completeDraws(programs).map((draw) =>
    programs.flatMap(({ source, simulations }, place) =>
      source === null
        ? []
        : [{ place, source, tests: simulations.map((simulation) => [predictionOf(simulation, draw)]) }],
    ),
  );
  return { responses: programs.map(({ responseTokens }) => responseTokens), draws };
}

function predictionOf(
  { predictions, passed, tokens }: CandidateRecord['simulations'][number],
  draw: number,
): Prediction {
  const output = predictions[draw];
  const spent = { tokens: tokens?.[draw] ?? 0 };
  return output == null
    ? { kind: 'unparsed', ...spent }
    : { kind: 'predicted', output, matches: passed[draw] === true, ...spent };
}

function costOf(predictions: readonly (readonly (readonly Prediction[])[])[]) {
  const sum = (made: readonly (readonly (readonly Prediction[])[])[]): number =>
    made.flat(2).reduce((total, { tokens = 0 }) => total + tokens, 0);
  const race = replayRace(predictions, 1);
  return {
    simulations: sum(predictions),
    settled: sum(race.predictions),
    all: race.total,
    made: race.made,
  };
}
