/**
 * Output prediction on programs of a problem: the reference, a mutant that prints something else, and one of the model's
 * own programs each, right and wrong (paper, tables 1 and 2).
 */
import { createRng, type Rng } from '../core/rng.js';
import { predictOutput } from '../episode/environments/predict-output.js';
import { outputsMatch } from '../execution/comparators.js';
import type { Program, TestCase } from '../problem/types.js';
import { completionTokens } from '../selection/simulate.js';
import type { Solution } from './evaluate-selection.js';
import { type EvaluationContext, executePublic, playEpisode, verifierOf } from './evaluation-context.js';
import { judgePrediction, type OutputPredictionRecord, type PredictionRecord } from './records.js';

/** The reference, a mutant that prints something else, and one of the model's own programs, right or wrong. */
export async function recordPredictions(
  context: EvaluationContext,
  solutions: readonly Solution[],
): Promise<OutputPredictionRecord[]> {
  const { problem, options } = context;
  const test = problem.publicTests[0];
  if (!test || !context.sandbox) return [];
  const { model: verifier } = verifierOf(context);
  const rng = createRng(`${context.seed}/programs`);
  const reference = problem.programs?.find(({ correct }) => correct)?.source;
  const chosen: { id: string; source: string; origin: OutputPredictionRecord['origin'] }[] = [];
  if (reference !== undefined) {
    chosen.push({ id: 'reference', source: reference, origin: 'reference' });
    const mutant = await findMutant(context, reference, test, rng);
    if (mutant !== undefined) chosen.push({ id: 'mutant', source: mutant, origin: 'mutant' });
  }
  for (const right of [true, false]) {
    const own = solutions.find(
      ({ verdictAll }) => (verdictAll === 'accepted') === right && verdictAll !== 'unparsed',
    );
    if (own?.source != null)
      chosen.push({ id: right ? 'own-right' : 'own-wrong', source: own.source, origin: 'own' });
  }
  const records = await Promise.all(
    chosen.map(async ({ id, source, origin }): Promise<OutputPredictionRecord | undefined> => {
      const [actual] = (await executePublic(context, source)) ?? [];
      if (actual == null) return undefined;
      const draws = await drawPredictions(context, { source }, test, `predict/${id}`);
      const solution = solutions.find((candidate) => candidate.source === source);
      const same = (expected: string, candidate: string): boolean =>
        outputsMatch('output', candidate, expected);
      return {
        schema: 'output-prediction/1',
        problem: problem.id,
        stage: options.stage,
        model: verifier.id,
        programId: id,
        programSource: source,
        programCorrect: origin === 'reference' || solution?.verdictAll === 'accepted',
        origin,
        input: test.input,
        expected: test.output,
        actual,
        asExpected: same(test.output, actual),
        comparator: 'output',
        predictions: draws.map(
          ({ output, stop, tokens, unscored }): PredictionRecord => ({
            output,
            stop,
            tokens,
            verdict: unscored
              ? 'unscored'
              : judgePrediction({ output, stop }, { expected: test.output, actual }, same),
          }),
        ),
      };
    }),
  );
  return records.filter((record) => record !== undefined);
}

/** A mutant that ends normally and prints something else on the test; `undefined` when a few tries find none. */
async function findMutant(
  context: EvaluationContext,
  reference: string,
  test: TestCase,
  rng: Rng,
): Promise<string | undefined> {
  for (let tries = 0; tries < 12; tries++) {
    const source = context.options.mutate?.(reference, rng);
    if (source === undefined) continue;
    const [actual] = (await executePublic(context, source)) ?? [];
    if (actual != null && actual.length <= 60 && !outputsMatch('output', actual, test.output)) return source;
  }
  return undefined;
}

interface Draw {
  readonly output: string | null;
  readonly stop: PredictionRecord['stop'];
  readonly tokens: number;
  readonly unscored: boolean;
}

function drawPredictions(
  context: EvaluationContext,
  program: Program,
  test: TestCase,
  label: string,
): Promise<Draw[]> {
  const { options, seed } = context;
  const { model, style } = verifierOf(context);
  return Promise.all(
    Array.from({ length: options.predictions }, async (_, draw) => {
      const played = await playEpisode(
        context,
        predictOutput({
          kind: 'predict-output',
          program,
          input: { kind: 'stdin', stdin: test.input },
          style,
          maxTokens: options.maxTokens.simulate,
          seed: `${seed}/${label}/${draw}/${program.source}`,
        }),
        model,
      );
      const tokens = completionTokens(played);
      if (played.kind === 'unscored') return { output: null, stop: 'other', tokens, unscored: true } as const;
      const { outcome } = played;
      const output = outcome.kind === 'predicted' ? outcome.output : null;
      return {
        output,
        stop: outcome.kind === 'truncated' ? 'length' : 'stop',
        tokens,
        unscored: false,
      } as const;
    }),
  );
}
