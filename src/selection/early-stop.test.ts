import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRace, programScore, replayRace, testScore, type Vote } from './early-stop.js';
import { selectCandidate } from './rank.js';
import type { Prediction } from './types.js';

const yes: Prediction = { kind: 'predicted', output: 'right', matches: true };
const no: Prediction = { kind: 'predicted', output: 'wrong', matches: false };
const odd: Prediction = { kind: 'predicted', output: 'odd', matches: false };
const unread: Prediction = { kind: 'unparsed' };

test('a share counts each matching prediction, and leaves the rest open', () => {
  expect(testScore([yes, no, yes], 5, 'share')).toEqual({ least: 2, most: 4 });
});

test('a majority is settled once the others cannot catch up', () => {
  expect(testScore([yes, yes, no], 5, 'majority')).toEqual({ least: 0, most: 1 });
  expect(testScore([yes, yes, yes], 5, 'majority')).toEqual({ least: 1, most: 1 });
  expect(testScore([no, no, no], 5, 'majority')).toEqual({ least: 0, most: 0 });
  // Unreadable answers have no vote, and different wrong outputs do not add up.
  expect(testScore([yes, yes, no, odd, unread], 5, 'majority')).toEqual({ least: 1, most: 1 });
  expect(testScore([yes, no], 2, 'majority')).toEqual({ least: 0, most: 0 });
});

test('a program that cannot win any more is not simulated further', () => {
  // One draw, three tests: the first program passes all, the second fails the first two.
  const race = createRace(2, 3, 1, 'share');
  const script: Prediction[][] = [
    [yes, yes, yes],
    [no, no, yes],
  ];
  const rounds: number[] = [];
  for (let round = race.next(); round.length > 0; round = race.next()) {
    rounds.push(round.length);
    for (const { program, test: at } of round) race.note(program, at, script[program]![at]!);
  }
  // After two tests the second can reach 1 at most, and the first has 2; one program left settles it.
  expect(rounds).toEqual([2, 2]);
});

test('one distinct program needs no simulation at all', () => {
  expect(replayRace([[[yes], [no]]], 1)).toMatchObject({ made: 0, total: 2, predictions: [[[], []]] });
});

test('the choice is the one that full simulation makes, ties included', () => {
  const prediction = fc.constantFrom(yes, yes, no, odd, unread);
  const shape = fc.record({
    programs: fc.integer({ min: 1, max: 6 }),
    tests: fc.integer({ min: 0, max: 4 }),
    draws: fc.integer({ min: 1, max: 5 }),
  });
  const all = shape.chain(({ programs, tests, draws }) => {
    const list = <T>(item: fc.Arbitrary<T>, n: number): fc.Arbitrary<T[]> =>
      fc.array(item, { minLength: n, maxLength: n });
    return fc.record({
      draws: fc.constant(draws),
      predictions: list(list(list(prediction, draws), tests), programs),
      vote: fc.constantFrom<Vote>('share', 'majority'),
      seed: fc.nat(),
    });
  });
  fc.assert(
    fc.property(all, ({ draws, predictions, vote, seed }) => {
      const race = createRace(predictions.length, predictions[0]!.length, draws, vote);
      for (let round = race.next(); round.length > 0; round = race.next()) {
        for (const { program, test: at, draw } of round)
          race.note(program, at, predictions[program]![at]![draw]!);
      }
      const choose = (of: readonly (readonly (readonly Prediction[])[])[]): number | undefined =>
        selectCandidate(
          of.map((program) => programScore(program, draws, vote).least),
          seed,
        );
      expect(choose(race.predictions)).toBe(choose(predictions));
      expect(race.made()).toBeLessThanOrEqual(race.total);
    }),
    { numRuns: 500 },
  );
});
