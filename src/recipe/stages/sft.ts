/**
 * The SFT stage: a fresh model of the embedded engine on the narrated executions and the tasks made of them.
 */

import { withoutExecutions } from '../../episode/prompts/terse.js';
import { createSamplerChatModel } from '../../model/renderer.js';
import type { ChatTokenizer } from '../../model/tokenizer.js';
import { writeTokenizerFiles } from '../../model/tokenizer.js';
import type { ChatExample } from '../../nlex/examples.js';
import { retell } from '../../nlex/retell.js';
import { openCheckpoints } from '../../training/checkpoints.js';
import { parseSftState, type SftExample, type SftStep, trainSft } from '../../training/sft.js';
import { shuffledSource } from '../../training/sft-data.js';
import type { TrainingClient } from '../../training/types.js';
import { validationLoss } from '../../training/validation-loss.js';
import type { Stage, StageContext } from '../context.js';
import { ADAM, createTrainingEngine, engineNotices } from '../engine.js';
import { openMetrics } from '../metrics.js';
import type { Recipe } from '../schema.js';
import { createSftLog, thousands } from '../sft-log.js';
import { type ValidationResult, validate } from '../validation.js';
import { readExamples, readProblems } from './data.js';

/** A row of metrics every so many steps. */
const LOG_EVERY = 25;
/** Most examples that the validation loss is measured on. */
const HELD_OUT = 256;

export const sftStage: Stage = {
  name: 'sft',
  title: 'Supervised fine-tuning on narrated executions',
  run: async (context) => {
    const { recipe, folder, progress, tokenizer, clock, signal } = context;
    const { sft } = recipe;
    const { examples, heldOut } = holdOut(examplesFor(recipe, await readExamples(context)));
    const validationExamples = heldOut.map((example) => encodeExample(tokenizer, example));
    const problems = await readProblems(context, 'validation');
    for (const notice of engineNotices(recipe, sft.gradClipNorm)) progress.say(`  ${notice}`);
    const engine = await createTrainingEngine(recipe, tokenizer.vocabularySize);
    const checkpoints = openCheckpoints(folder.file('checkpoints', 'sft-steps'), parseSftState);
    const metrics = await openMetrics(folder, 'sft', (await checkpoints.load('latest'))?.state.steps ?? 0);
    const log = createSftLog(metrics, progress, LOG_EVERY);
    try {
      await trainSft(engine, {
        source: shuffledSource(examples, `${recipe.seed}/sft`, (example) => [
          encodeExample(tokenizer, example),
        ]),
        batchTokens: sft.batchTokens,
        budget: { tokens: sft.tokens, seconds: sft.maxMinutes * 60 },
        schedule: { peak: sft.learningRate, warmupShare: sft.warmup, decayShare: sft.decay },
        adam: { ...ADAM, weightDecay: sft.weightDecay, gradClipNorm: sft.gradClipNorm },
        checkpoints,
        validate: {
          every: sft.validateEvery,
          run: async (client, step) => {
            const validation = await tryModel(context, client, problems);
            const heldOutLoss = await validationLoss(client, validationExamples, sft.batchTokens);
            progress.say(`  ${describe(step, validation)}`);
            await log.write(step, { validation, validationLoss: heldOutLoss });
            return validation.simulate;
          },
        },
        onStep: log.onStep,
        signal,
        clock,
      });
      const target = folder.file('checkpoints', 'sft');
      await engine.saveState(target);
      await writeTokenizerFiles(target, tokenizer.files);
    } finally {
      await metrics[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
    }
  },
};

/** The last examples are of programs that the others are not about; they are not trained on. */
function holdOut(all: readonly ChatExample[]): {
  readonly examples: readonly ChatExample[];
  readonly heldOut: readonly ChatExample[];
} {
  const held = Math.min(HELD_OUT, Math.floor(all.length / 20));
  return { examples: all.slice(0, all.length - held), heldOut: all.slice(all.length - held) };
}

/** The examples as this recipe wants them learned: which tasks, how much narration, with or without public tests. */
export function examplesFor(
  { sft, publicTestsInPrompt, feedbackShows }: Pick<Recipe, 'sft' | 'publicTestsInPrompt' | 'feedbackShows'>,
  examples: readonly ChatExample[],
): ChatExample[] {
  return examples
    .filter(({ metadata }) => sft.tasks.includes(metadata.task))
    .map((example) => retell(example, sft.narration))
    .map((example) => (publicTestsInPrompt ? example : withoutPublicTests(example)))
    .map((example) => (feedbackShows === 'execution' ? example : withOutputsOnly(example)));
}

function withOutputsOnly(example: ChatExample): ChatExample {
  if (example.metadata.task !== 'review') return example;
  const [prompt, ...rest] = example.messages;
  return { ...example, messages: [{ ...prompt!, content: withoutExecutions(prompt!.content) }, ...rest] };
}

/** In the terse style a problem is one line, and its tests stand below. */
function withoutPublicTests(example: ChatExample): ChatExample {
  if (example.metadata.task !== 'solving') return example;
  const [prompt, ...rest] = example.messages;
  return { ...example, messages: [{ ...prompt!, content: prompt!.content.split('\n')[0]! }, ...rest] };
}

/** Token ids of an example, as prompt and completion. */
export function encodeExample(tokenizer: ChatTokenizer, { messages }: ChatExample): SftExample {
  return {
    promptTokens: tokenizer.renderPrompt(messages.slice(0, -1)),
    completionTokens: tokenizer.encodeCompletion(messages.at(-1)?.content ?? ''),
  };
}

async function tryModel(
  context: StageContext,
  client: TrainingClient,
  problems: Awaited<ReturnType<typeof readProblems>>,
): Promise<ValidationResult> {
  const sampler = await client.saveWeightsForSampler();
  try {
    return await validate(
      context,
      createSamplerChatModel('validation', sampler, context.tokenizer),
      problems,
    );
  } finally {
    await sampler[Symbol.asyncDispose]();
  }
}

function describe(step: SftStep, { simulate, solve }: ValidationResult): string {
  const percent = (share: number): string => `${Math.round(share * 100)}%`.padStart(4);
  return (
    `${thousands(step.tokens)} tokens: loss ${step.loss.toFixed(3)}; unseen compositions (validation): ` +
    `simulated rightly ${percent(simulate)}, solved ${percent(solve)}`
  );
}
