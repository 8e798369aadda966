/**
 * Simulations made for choosing, read once more as output prediction on the model's own programs (paper, table 2): what was
 * simulated beside what is really printed. Costs no call.
 *
 * Programs that fail on a test have no output to predict there and are left out, as everywhere. An answer that was cut off is
 * counted as unparsed, since a selection record does not tell the two apart.
 */
import { outputsMatch } from '../execution/comparators.js';
import { judgePrediction, type OutputPredictionRecord, type SelectionRecord } from './records.js';

/** One record per distinct program and public test; none for a selection that nothing was run for. */
export function ownPredictions(selection: SelectionRecord): OutputPredictionRecord[] {
  const { problem, stage, model, verifier, tests = [] } = selection;
  const distinct = new Map(selection.programs.map((program, place) => [program.source, { program, place }]));
  const same = (expected: string, candidate: string): boolean => outputsMatch('output', candidate, expected);
  return [...distinct.values()].flatMap(({ program, place }) =>
    program.simulations.flatMap((simulation): OutputPredictionRecord[] => {
      const test = tests[simulation.test];
      const actual = program.outputs?.[simulation.test];
      if (program.source === null || test === undefined || actual == null) return [];
      return [
        {
          schema: 'output-prediction/1',
          problem,
          stage,
          model: verifier ?? model,
          programId: `own-${place}-test-${simulation.test}`,
          programSource: program.source,
          programCorrect: program.verdictAll === 'accepted',
          origin: 'own',
          input: test.input,
          expected: test.output,
          actual,
          asExpected: same(test.output, actual),
          comparator: 'output',
          predictions: simulation.predictions.map((output, draw) => {
            const stop = 'stop' as const;
            const verdict =
              simulation.passed[draw] === null
                ? 'unscored'
                : judgePrediction({ output, stop }, { expected: test.output, actual }, same);
            return { output, stop, tokens: simulation.tokens?.[draw] ?? 0, verdict };
          }),
        },
      ];
    }),
  );
}
