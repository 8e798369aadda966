/**
 * The RL stage: output prediction, solving and Self-RLEF together, on the training problems, from the SFT checkpoint
 * (paper §5).
 */
import { cp, rm } from 'node:fs/promises';
import { readJsonLines } from '../../core/json-lines.js';
import { createSamplerChatModel } from '../../model/renderer.js';
import { writeTokenizerFiles } from '../../model/tokenizer.js';
import type { Problem } from '../../problem/types.js';
import { type Checkpoints, openCheckpoints } from '../../training/checkpoints.js';
import { parseRlState, type RlOptions, type RlState, type RlStep } from '../../training/rl/options.js';
import { createRunawayWatch } from '../../training/rl/runaway.js';
import { promptsByDifficulty } from '../../training/rl/shaping.js';
import { trainRl } from '../../training/rl/train-rl.js';
import { shuffledSource } from '../../training/sft-data.js';
import type { TrainingClient } from '../../training/types.js';
import type { Stage, StageContext } from '../context.js';
import { ADAM, engineNotices, hasRoomForReference, openTrainingEngine } from '../engine.js';
import { metricsFile, openMetrics } from '../metrics.js';
import { openRolloutLog, rolloutRow } from '../rollout-log.js';
import { type ValidationResult, validate } from '../validation.js';
import { readExamples, readProblems } from './data.js';
import { type OwnPrograms, ownProgramsOf } from './own-programs.js';
import { createPredictions, type PredictionItem } from './predictions.js';
import { createTasks } from './rl-tasks.js';
import { metricOf, stepLine } from './rl-view.js';
import { encodeExample, examplesFor } from './sft.js';

/** Steps between two looks at the validation problems. */
const VALIDATE_EVERY = 10;

export const rlStage: Stage = {
  name: 'rl',
  title: 'Reinforcement learning on predicting, solving and repairing',
  run: async (context) => {
    const { recipe, folder, progress, tokenizer } = context;
    const { rl, publicTestsInPrompt, feedbackShows } = recipe;
    const { start } = context;
    const { problems, predictions } = await promptsOf(context, start);
    for (const notice of engineNotices(recipe, rl.gradClipNorm)) progress.say(`  ${notice}`);
    const engine = await openTrainingEngine(recipe, start, tokenizer.vocabularySize);
    const reference =
      rl.referenceEvery > 0 && hasRoomForReference(recipe)
        ? await openTrainingEngine(recipe, start, tokenizer.vocabularySize)
        : undefined;
    const checkpoints = openCheckpoints(folder.file('checkpoints', 'rl-steps'), parseRlState);
    try {
      if (rl.maxSteps > 0) {
        await train(context, engine, {
          tasks: createTasks(
            { ...rl, publicTestsInPrompt, feedbackShows },
            context.style,
            problems,
            predictions,
          ),
          checkpoints,
          ...(reference && { reference: { client: reference, every: rl.referenceEvery } }),
        });
      }
      await leaveCheckpoint(context, engine, checkpoints);
    } finally {
      await engine[Symbol.asyncDispose]();
      await reference?.[Symbol.asyncDispose]();
    }
  },
};

/** What the tasks are about: the training problems, and programs whose output is to be predicted. */
async function promptsOf(
  context: StageContext,
  start: string,
): Promise<{ readonly problems: readonly Problem[]; readonly predictions: readonly PredictionItem[] }> {
  const { recipe, progress } = context;
  const { predictionsFrom, promptFilter, ownSamples, maxSteps } = recipe.rl;
  const all = await readProblems(context, 'train');
  const wantsOwn = promptFilter !== undefined || predictionsFrom.some((origin) => origin.startsWith('own'));
  let own: readonly OwnPrograms[] | undefined;
  if (wantsOwn && maxSteps > 0) own = await ownProgramsOf(context, start, all, ownSamples);
  const predictions = await createPredictions(
    context.sandbox(),
    all,
    `${recipe.seed}/predictions`,
    { from: predictionsFrom, ...(own && { own }) },
    (done) => progress.update(done / all.length, `programs to predict, of ${done} problems`),
  );
  progress.finish();
  if (!promptFilter || !own) return { problems: all, predictions };
  const kept = promptsByDifficulty(
    own.map(({ solveRate }) => solveRate),
    promptFilter,
  );
  const problems = kept.map((index) => all[index]!);
  progress.say(`  ${problems.length} of ${all.length} problems are solved as often as the filter asks`);
  return { problems, predictions };
}

async function train(
  context: StageContext,
  engine: TrainingClient,
  parts: Pick<RlOptions, 'tasks' | 'reference'> & { readonly checkpoints: Checkpoints<RlState> },
): Promise<void> {
  const { recipe, folder, progress, tokenizer, clock, signal } = context;
  const { rl } = recipe;
  const validationProblems = await readProblems(context, 'validation');
  const stepsDone = (await parts.checkpoints.load('latest'))?.state.steps ?? 0;
  await using log = await openMetrics(folder, 'rl', stepsDone);
  await using rollouts = await openRolloutLog(folder.file('rollouts.jsonl'), stepsDone);
  const runaway = await watchFrom(context);
  await trainRl(engine, {
    ...parts,
    renderer: tokenizer,
    sandbox: context.sandbox(),
    seed: `${recipe.seed}/rl`,
    groupSize: rl.groupSize,
    batch: { tokenBudget: rl.batchTokens, maxGroups: rl.maxGroups },
    rollouts: rl.rollouts,
    maxStaleness: rl.maxStaleness,
    weightRefresh: rl.weightRefresh,
    ...(rl.groupsInFlight !== undefined && { groupsInFlight: rl.groupsInFlight }),
    ...(rl.stragglerPatience !== undefined && { stragglerPatience: rl.stragglerPatience }),
    updatesPerBatch: rl.updatesPerBatch,
    adam: { ...ADAM, weightDecay: 0, gradClipNorm: rl.gradClipNorm },
    schedule: { peak: rl.learningRate, warmupShare: 0.05, decayShare: rl.decay },
    budget: { steps: rl.maxSteps, seconds: rl.maxMinutes * 60 },
    ...(rl.replayTokens > 0 && { replay: await replayOf(context) }),
    saveEvery: 5,
    validate: {
      every: VALIDATE_EVERY,
      run: async (sampler, step) => {
        const model = createSamplerChatModel('validation', sampler, tokenizer);
        const validation = await validate(context, model, validationProblems);
        progress.say(`  ${describeValidation(step, validation)}`);
        await log.write([{ ...metricOf(step), validation }]);
        return validation.solve;
      },
    },
    onStep: async (step, groups) => {
      await rollouts.write(groups.map((group) => rolloutRow(group, step.step, tokenizer)));
      for (const warning of runaway(step)) progress.say(`  warning: ${warning}`);
      progress.update(step.progress, stepLine(step));
      await log.write([metricOf(step)]);
    },
    signal,
    clock,
  });
}

/** Supervised examples beside the rollouts, in another order than SFT had them. */
async function replayOf(context: StageContext): Promise<NonNullable<RlOptions['replay']>> {
  const { recipe, tokenizer } = context;
  const examples = examplesFor(recipe, await readExamples(context));
  return {
    source: shuffledSource(examples, `${recipe.seed}/replay`, (example) => [
      encodeExample(tokenizer, example),
    ]),
    batchTokens: recipe.rl.replayTokens,
    weight: recipe.rl.replayWeight,
  };
}

/** A watch that knows the steps of earlier sessions, so that a run that goes on is held against its own start. */
async function watchFrom({ folder }: StageContext): Promise<ReturnType<typeof createRunawayWatch>> {
  const watch = createRunawayWatch();
  const rows = (await readJsonLines(metricsFile(folder))) as (RlStep & {
    stage: string;
    validation?: object;
  })[];
  for (const row of rows) if (row.stage === 'rl' && !row.validation) watch(row);
  return watch;
}

/** Leaves the stage's weights, the best by validation or the last, as a folder that opens elsewhere too. */
async function leaveCheckpoint(
  { recipe, folder, tokenizer, progress }: StageContext,
  engine: TrainingClient,
  checkpoints: Checkpoints<RlState>,
): Promise<void> {
  const target = folder.file('checkpoints', 'rl');
  const best = recipe.rl.checkpoint === 'best' ? await checkpoints.load('best') : undefined;
  await rm(target, { recursive: true, force: true });
  if (best) {
    await cp(best.folder, target, { recursive: true });
    progress.say(`  the policy after step ${best.state.steps} is kept: the best on validation`);
  } else {
    await engine.saveState(target);
  }
  await writeTokenizerFiles(target, tokenizer.files);
}

function describeValidation({ step }: RlStep, { simulate, solve }: ValidationResult): string {
  const percent = (share: number): string => `${Math.round(share * 100)}%`;
  return `step ${step}: validation: simulated rightly ${percent(simulate)}, solved ${percent(solve)}`;
}
