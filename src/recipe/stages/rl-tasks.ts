/**
 * The tasks of the RL stage: output prediction, solving, and Self-RLEF with at most one fix (paper §5, A.3). Self-RLEF is
 * trained on executed feedback, as in the paper, and on simulated feedback from a share of the budget on, where the recipe
 * says so.
 */
import { predictOutput } from '../../episode/environments/predict-output.js';
import { selfRlef } from '../../episode/environments/self-rlef.js';
import { solve } from '../../episode/environments/solve.js';
import type { PromptStyle } from '../../episode/prompt-style.js';
import { outputPredictionReward, selfRlefReward, solvingReward } from '../../episode/rewards.js';
import type { Problem } from '../../problem/types.js';
import { createRlTask, type RlTask } from '../../training/rl/tasks.js';
import { MAX_TOKENS } from '../context.js';
import type { Recipe } from '../schema.js';
import type { PredictionItem } from './predictions.js';

/** The tasks of the stage, those of no weight left out. */
export function createTasks(
  rl: Pick<
    Recipe['rl'],
    'outputPrediction' | 'outputPredictionScale' | 'selfRlef' | 'simulatedFeedbackFrom'
  > &
    Partial<Pick<Recipe, 'publicTestsInPrompt' | 'feedbackShows'>>,
  style: PromptStyle,
  problems: readonly Problem[],
  predictions: readonly PredictionItem[],
  maxTokens: Readonly<Record<keyof typeof MAX_TOKENS, number>> = MAX_TOKENS,
): RlTask[] {
  return [
    createRlTask({
      name: 'output-prediction',
      weight: rl.outputPrediction,
      size: predictions.length,
      rewardScale: rl.outputPredictionScale,
      reward: outputPredictionReward,
      episode: (index, seed) => {
        const { source, input, output } = predictions[index]!;
        return predictOutput({
          kind: 'predict-output',
          program: { source },
          input: { kind: 'stdin', stdin: input },
          expected: output,
          style,
          maxTokens: maxTokens.simulate,
          seed,
        });
      },
    }),
    createRlTask({
      name: 'solving',
      weight: 1 - rl.outputPrediction - rl.selfRlef,
      size: problems.length,
      reward: solvingReward,
      episode: (index, seed) =>
        solve({
          kind: 'solve',
          problem: problems[index]!,
          style,
          includePublicTests: rl.publicTestsInPrompt ?? true,
          maxTokens: maxTokens.solve,
          judge: 'all',
          seed,
        }),
    }),
    createRlTask({
      name: 'self-rlef',
      weight: rl.selfRlef,
      size: problems.length,
      reward: selfRlefReward,
      episode: (index, seed, progress) =>
        selfRlef({
          kind: 'self-rlef',
          problem: problems[index]!,
          style,
          includePublicTests: rl.publicTestsInPrompt ?? true,
          feedback: progress >= rl.simulatedFeedbackFrom ? 'simulated' : 'executed',
          feedbackShows: rl.feedbackShows ?? 'output',
          maxPrograms: 2,
          maxTokens,
          judge: 'last',
          seed,
        }),
    }),
  ].filter(({ weight }) => weight > 0);
}
