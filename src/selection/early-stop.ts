/**
 * Stopping simulation once the choice is settled: cheaper selection of equal quality (ours, beyond the paper).
 *
 * A race among programs, round by round: each round, every program that can still win makes its next prediction. From
 * what was predicted follow a program's least and greatest possible score. A program is out when its greatest is below
 * another's least (one that can only tie stays in, so that ties are broken as they would be), and the race ends when
 * nobody has anything left to show, or one program is left. Pure: who predicts is the caller's business.
 */
import type { Prediction } from './types.js';

/**
 * How several predictions of one test are counted. `share`: each that matches is a point (the mean of the paper's draws).
 * `majority`: a point when the output predicted most often, by more draws than any other, is the expected one (our extra).
 */
export type Vote = 'share' | 'majority';

export interface Score {
  readonly least: number;
  readonly most: number;
}

/** The bounds of one test's points when `draws` predictions will have been made; equal once they are settled. */
export function testScore(predictions: readonly Prediction[], draws: number, vote: Vote): Score {
  const left = Math.max(0, draws - predictions.length);
  const matching = predictions.filter((prediction) => prediction.kind === 'predicted' && prediction.matches);
  if (vote === 'share') return { least: matching.length, most: matching.length + left };
  const others = new Map<string, number>();
  for (const prediction of predictions) {
    if (prediction.kind !== 'predicted' || prediction.matches) continue;
    const output = prediction.output.trim();
    others.set(output, (others.get(output) ?? 0) + 1);
  }
  const strongest = Math.max(0, ...others.values());
  return {
    least: matching.length > strongest + left ? 1 : 0,
    most: matching.length + left > strongest ? 1 : 0,
  };
}

/** Over all tests of a program: [test][draw] predictions, of which some may be missing. Integers, so that ties are exact. */
export function programScore(
  predictions: readonly (readonly Prediction[])[],
  draws: number,
  vote: Vote = 'share',
): Score {
  const scores = predictions.map((test) => testScore(test, draws, vote));
  return {
    least: scores.reduce((sum, { least }) => sum + least, 0),
    most: scores.reduce((sum, { most }) => sum + most, 0),
  };
}

interface Race {
  /** What to predict now, side by side; empty when the choice is settled. */
  next(): readonly { readonly program: number; readonly test: number; readonly draw: number }[];
  note(program: number, test: number, prediction: Prediction): void;
  /** [program][test][draw] */
  readonly predictions: readonly (readonly (readonly Prediction[])[])[];
  readonly made: () => number;
  /** Predictions of a full simulation. */
  readonly total: number;
}

export function createRace(programs: number, tests: number, draws: number, vote: Vote): Race {
  const predictions: Prediction[][][] = Array.from({ length: programs }, () =>
    Array.from({ length: tests }, () => []),
  );
  let racing = predictions.map((_, program) => program);
  return {
    predictions,
    total: programs * tests * draws,
    made: () => predictions.flat(2).length,
    note: (program, test, prediction) => {
      predictions[program]![test]!.push(prediction);
    },
    next: () => {
      const scores = new Map(
        racing.map((program) => [program, programScore(predictions[program]!, draws, vote)]),
      );
      const best = Math.max(0, ...[...scores.values()].map(({ least }) => least));
      racing = racing.filter((program) => scores.get(program)!.most >= best);
      if (racing.length <= 1) return [];
      return racing.flatMap((program) => {
        // Draw by draw within a test; a test whose points are settled needs no more draws.
        const test = predictions[program]!.findIndex((made) => {
          const { least, most } = testScore(made, draws, vote);
          return made.length < draws && least < most;
        });
        return test < 0 ? [] : [{ program, test, draw: predictions[program]![test]!.length }];
      });
    },
  };
}

/** Which of the predictions of a full simulation a race would have made: what early stopping would have saved. */
export function replayRace(
  predictions: readonly (readonly (readonly Prediction[])[])[],
  draws: number,
  vote: Vote = 'share',
): { readonly made: number; readonly total: number; readonly predictions: Race['predictions'] } {
  const race = createRace(predictions.length, predictions[0]?.length ?? 0, draws, vote);
  for (let round = race.next(); round.length > 0; round = race.next()) {
    for (const { program, test, draw } of round) {
      race.note(program, test, predictions[program]![test]![draw] ?? { kind: 'unparsed' });
    }
  }
  return { made: race.made(), total: race.total, predictions: race.predictions };
}
