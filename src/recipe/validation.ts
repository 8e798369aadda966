/**
 * A quick look at a model on the validation problems, which no report is made from: how often it simulates a reference
 * program rightly, and how often it solves a problem. One sample of each simulation and two of each program, at
 * temperature 1. What our machinery failed to score is left out; when that is everything, it is an error.
 */
import { InfrastructureError } from '../core/errors.js';
import { predictOutput } from '../episode/environments/predict-output.js';
import { solve } from '../episode/environments/solve.js';
import { play } from '../episode/play.js';
import { passesAll } from '../episode/rewards.js';
import type { ChatModel } from '../model/types.js';
import type { Problem } from '../problem/types.js';
import { MAX_TOKENS, type StageContext } from './context.js';

export interface ValidationResult {
  /** Shares in [0, 1]. */
  readonly simulate: number;
  readonly solve: number;
}

export async function validate(
  context: StageContext,
  model: ChatModel,
  problems: readonly Problem[],
): Promise<ValidationResult> {
  const { style, signal } = context;
  const options = { sampling: { temperature: 1 }, signal };
  const simulated = problems.flatMap((problem) =>
    problem.publicTests.map(async ({ input, output }) => {
      const played = await play(
        predictOutput({
          kind: 'predict-output',
          program: problem.programs![0]!,
          input: { kind: 'stdin', stdin: input },
          expected: output,
          style,
          maxTokens: MAX_TOKENS.simulate,
          seed: `validation/${problem.id}/${input}`,
        }),
        model,
        undefined,
        options,
      );
      if (played.kind === 'unscored') return played.reason;
      return played.outcome.kind === 'predicted' && played.outcome.matches === true;
    }),
  );
  const solved = problems.flatMap((problem) =>
    [0, 1].map(async (sample) => {
      const played = await play(
        solve({
          kind: 'solve',
          problem,
          style,
          includePublicTests: context.recipe.publicTestsInPrompt,
          maxTokens: MAX_TOKENS.solve,
          judge: 'all',
          seed: `validation/${problem.id}/${sample}`,
        }),
        model,
        context.sandbox(),
        options,
      );
      if (played.kind === 'unscored') return played.reason;
      return played.outcome.kind === 'program' && passesAll(played.outcome.verdicts);
    }),
  );
  return { simulate: shareOf(await Promise.all(simulated)), solve: shareOf(await Promise.all(solved)) };
}

/** `results` are right, wrong, or the reason why it is not known. */
function shareOf(results: readonly (boolean | string)[]): number {
  const scored = results.filter((result) => typeof result === 'boolean');
  const reason = results.find((result) => typeof result === 'string');
  if (scored.length === 0 && reason !== undefined) {
    throw new InfrastructureError(`no validation problem could be scored: ${reason}`, {
      code: 'nothing-can-be-scored',
      boundary: 'engine',
      retryable: true,
    });
  }
  return scored.filter(Boolean).length / Math.max(1, scored.length);
}
