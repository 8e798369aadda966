/**
 * Output prediction of a model's own programs in their natural mix (paper, table 2): every sample on every public test, as
 * often as it was written, read off the simulations made for choosing. It costs no call.
 *
 * The `own` records of an evaluation (evaluate-predictions.ts) are another reading: one right and one wrong program per
 * problem. Programs that fail on a test have no output to predict there. A selection record does not tell an answer that was
 * cut off from one that could not be read; neither counts as right.
 */
import { outputsMatch } from '../execution/comparators.js';
import { compareStages, type Estimate, estimate, groupBy, type SummaryContext } from './estimates.js';
import type { SelectionRecord } from './records.js';
import type { Cluster } from './statistics.js';

export interface OwnMixSummary {
  readonly stage: string;
  /** Who wrote the programs, and who predicted them. */
  readonly model: string;
  readonly verifier: string;
  readonly accuracy: Estimate;
  /** Where the program prints what the test expects, and where it prints something else. */
  readonly asExpected: Estimate;
  readonly differs: Estimate;
  /** Share of `differs` answered with the output that the test expects. */
  readonly wishful: Estimate;
}

/** Only of selections that were simulated and run. Groups by model, verifier, prompt and stage. */
export function summariseOwnMixes(
  records: readonly SelectionRecord[],
  context: SummaryContext,
): OwnMixSummary[] {
  // Where simulating stopped early, the predictions made are about the programs that could still win, and no fair mix.
  const inFull = records.filter(({ choice }) => !choice?.stoppedEarly);
  const groups = groupBy(inFull, ({ model, verifier = model, stage, publicTestsInPrompt = true }) =>
    JSON.stringify([model, verifier, stage, publicTestsInPrompt]),
  );
  return [...groups.values()]
    .sort((a, b) => compareStages(a[0]!.stage, b[0]!.stage))
    .flatMap((group) => {
      const counted = group.map(countMix);
      if (counted.every(({ right, differs }) => right.count + differs.count === 0)) return [];
      const { stage, model, verifier = model } = group[0]!;
      const of = (pick: (mix: Mix) => Cluster): Estimate => estimate(counted.map(pick), context);
      return [
        {
          ...{ stage, model, verifier },
          accuracy: of(({ right, differs }) => ({
            sum: right.sum + differs.sum,
            count: right.count + differs.count,
          })),
          asExpected: of(({ right }) => right),
          differs: of(({ differs }) => differs),
          wishful: of(({ wishful, differs }) => ({ sum: wishful, count: differs.count })),
        },
      ];
    });
}

interface Mix {
  readonly right: Cluster;
  readonly differs: Cluster;
  readonly wishful: number;
}

function countMix({ programs, tests = [] }: SelectionRecord): Mix {
  const same = (expected: string, candidate: string): boolean => outputsMatch('output', candidate, expected);
  // Equal programs have equal predictions: judged once, counted as often as written.
  const copies = groupBy(
    programs.filter(({ source }) => source !== null),
    ({ source }) => source!,
  );
  const right = { sum: 0, count: 0 };
  const differs = { sum: 0, count: 0 };
  let wishful = 0;
  for (const [program, ...others] of copies.values()) {
    const weight = 1 + others.length;
    for (const { test, predictions, passed } of program!.simulations) {
      const actual = program!.outputs?.[test];
      const expected = tests[test]?.output;
      if (actual == null || expected === undefined) continue;
      const into = same(expected, actual) ? right : differs;
      for (const [draw, output] of predictions.entries()) {
        if (passed[draw] === null) continue;
        into.count += weight;
        if (output === null) continue;
        if (same(actual, output)) into.sum += weight;
        else if (into === differs && same(expected, output)) wishful += weight;
      }
    }
  }
  return { right, differs, wishful };
}
