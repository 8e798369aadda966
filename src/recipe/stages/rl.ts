/**
 * The RL stage: output prediction, solving and Self-RLEF together, on the training problems, from the SFT checkpoint
 * (paper §5).
 */
import { predictOutput } from '../../episode/environments/predict-output.js';
import { selfRlef } from '../../episode/environments/self-rlef.js';
import { solve } from '../../episode/environments/solve.js';
import type { PromptStyle } from '../../episode/prompt-style.js';
import { outputPredictionReward, selfRlefReward, solvingReward } from '../../episode/rewards.js';
import { createSamplerChatModel } from '../../model/renderer.js';
import { writeTokenizerFiles } from '../../model/tokenizer.js';
import type { Problem } from '../../problem/types.js';
import { openCheckpoints } from '../../training/checkpoints.js';
import { parseRlState, type RlStep } from '../../training/rl/options.js';
import { createRunawayWatch } from '../../training/rl/runaway.js';
import { createRlTask, type RlTask } from '../../training/rl/tasks.js';
import { trainRl } from '../../training/rl/train-rl.js';
import { MAX_TOKENS, type Stage } from '../context.js';
import { engineNotices, hasRoomForReference, openTrainingEngine } from '../engine.js';
import { openMetrics } from '../metrics.js';
import { openRolloutLog, rolloutRow } from '../rollout-log.js';
import type { Recipe } from '../schema.js';
import { type ValidationResult, validate } from '../validation.js';
import { readProblems } from './data.js';
import { createPredictions, type PredictionItem } from './predictions.js';

const ADAM = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0 } as const;
/** Steps between two looks at the validation problems. */
const VALIDATE_EVERY = 10;

export const rlStage: Stage = {
  name: 'rl',
  title: 'Reinforcement learning on predicting, solving and repairing',
  run: async (context) => {
    const { recipe, folder, progress, tokenizer, clock, signal } = context;
    const { rl } = recipe;
    const problems = await readProblems(context, 'train');
    const validationProblems = await readProblems(context, 'validation');
    const predictions = await createPredictions(context.sandbox(), problems, `${recipe.seed}/predictions`);
    const start = folder.file('checkpoints', 'sft');
    for (const notice of engineNotices(recipe, rl.gradClipNorm)) progress.say(`  ${notice}`);
    const engine = await openTrainingEngine(recipe, start, tokenizer.vocabularySize);
    const reference =
      rl.referenceEvery > 0 && hasRoomForReference(recipe)
        ? await openTrainingEngine(recipe, start, tokenizer.vocabularySize)
        : undefined;
    const checkpoints = openCheckpoints(folder.file('checkpoints', 'rl-steps'), parseRlState);
    const stepsDone = (await checkpoints.load('latest'))?.state.steps ?? 0;
    const log = await openMetrics(folder, 'rl', stepsDone);
    const rollouts = await openRolloutLog(folder.file('rollouts.jsonl'), stepsDone);
    const runaway = createRunawayWatch();
    let validation: ValidationResult | undefined;
    try {
      if (rl.maxSteps > 0) {
        await trainRl(engine, {
          tasks: createTasks(rl, context.style, problems, predictions),
          renderer: tokenizer,
          sandbox: context.sandbox(),
          seed: `${recipe.seed}/rl`,
          groupSize: rl.groupSize,
          batch: { tokenBudget: rl.batchTokens, maxGroups: rl.maxGroups },
          rollouts: rl.rollouts,
          maxStaleness: rl.maxStaleness,
          updatesPerBatch: rl.updatesPerBatch,
          adam: { ...ADAM, gradClipNorm: rl.gradClipNorm },
          schedule: { peak: rl.learningRate, warmupShare: 0.05, decayShare: rl.decay },
          budget: { steps: rl.maxSteps, seconds: rl.maxMinutes * 60 },
          checkpoints,
          saveEvery: 5,
          ...(reference && { reference: { client: reference, every: rl.referenceEvery } }),
          validate: {
            every: VALIDATE_EVERY,
            run: async (sampler, step) => {
              const model = createSamplerChatModel('validation', sampler, tokenizer);
              validation = await validate(context, model, validationProblems);
              const { simulate, solve: solved } = validation;
              progress.say(
                `  step ${step.step}: validation: simulated rightly ${percent(simulate)}, solved ${percent(solved)}`,
              );
              await log.write([{ ...metricOf(step), validation }]);
              return solved;
            },
          },
          onStep: async (step, groups) => {
            await rollouts.write(groups.map((group) => rolloutRow(group, step.step, tokenizer)));
            for (const warning of runaway(step)) progress.say(`  warning: ${warning}`);
            const rewards = Object.entries(step.tasks).map(
              ([name, { reward }]) => `${name} ${reward.toFixed(2)}`,
            );
            progress.update(
              step.progress,
              `step ${step.step}: reward ${rewards.join(', ')}; ${Math.round(step.tokensPerSecond / 100) / 10}k tokens/s`,
            );
            await log.write([metricOf(step)]);
          },
          signal,
          clock,
        });
      }
      const target = folder.file('checkpoints', 'rl');
      await engine.saveState(target);
      await writeTokenizerFiles(target, tokenizer.files);
    } finally {
      await log[Symbol.asyncDispose]();
      await rollouts[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      await reference?.[Symbol.asyncDispose]();
    }
  },
};

/** The tasks of the stage, those of no weight left out. */
export function createTasks(
  rl: Pick<Recipe['rl'], 'outputPrediction' | 'outputPredictionScale' | 'selfRlef'>,
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
          includePublicTests: true,
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
      episode: (index, seed) =>
        selfRlef({
          kind: 'self-rlef',
          problem: problems[index]!,
          style,
          includePublicTests: true,
          feedback: 'executed',
          maxPrograms: 2,
          maxTokens,
          judge: 'last',
          seed,
        }),
    }),
  ].filter(({ weight }) => weight > 0);
}

/** A row of metrics.jsonl; the nested numbers of the step are kept as they are. */
function metricOf(step: RlStep): Record<string, unknown> {
  const { seconds, tasks, stepSeconds, ...rest } = step;
  const rewards = Object.entries(tasks).map(([name, { reward }]) => [name, reward] as const);
  return {
    stage: 'rl',
    elapsedSeconds: seconds,
    reward: Object.fromEntries(rewards),
    tasks,
    ...rest,
    stepSeconds,
  };
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
