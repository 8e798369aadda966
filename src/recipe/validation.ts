/**
 * A quick look at a model on the validation problems, which no report is made from: how often it simulates a reference
 * program rightly, and how often it solves a problem. One sample each at temperature 1.
 */
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
      return (
        played.kind === 'finished' && played.outcome.kind === 'predicted' && played.outcome.matches === true
      );
    }),
  );
  const solved = problems.flatMap((problem) =>
    [0, 1].map(async (sample) => {
      const played = await play(
        solve({
          kind: 'solve',
          problem,
          style,
          includePublicTests: true,
          maxTokens: MAX_TOKENS.solve,
          judge: 'all',
          seed: `validation/${problem.id}/${sample}`,
        }),
        model,
        context.sandbox(),
        options,
      );
      return (
        played.kind === 'finished' && played.outcome.kind === 'program' && passesAll(played.outcome.verdicts)
      );
    }),
  );
  return { simulate: shareOf(await Promise.all(simulated)), solve: shareOf(await Promise.all(solved)) };
}

function shareOf(results: readonly boolean[]): number {
  return results.filter(Boolean).length / Math.max(1, results.length);
}
