/**
 * Running a `world: chats` recipe: SFT on conversations from files, with the validation loss at intervals, the best and the
 * last checkpoint, and going on in the middle after a kill.
 *
 * Leaves `checkpoints/last` and `checkpoints/best` in the run's folder, each with its tokenizer.
 */
import { cp, rm } from 'node:fs/promises';
import { type Clock, systemClock } from '../core/clock.js';
import { UsageError } from '../core/errors.js';
import { formatDuration, type Progress } from '../core/progress.js';
import { createRng } from '../core/rng.js';
import { type ChatTokenizer, openChatTokenizer, writeTokenizerFiles } from '../model/tokenizer.js';
import { encodeChat } from '../training/chat-examples.js';
import { openCheckpoints } from '../training/checkpoints.js';
import { parseSftState, type SftExample, type SftSource, trainSft } from '../training/sft.js';
import { type MixPart, mixedSource, sftDatum, shuffledSource } from '../training/sft-data.js';
import type { TrainingClient } from '../training/types.js';
import { validationLoss } from '../training/validation-loss.js';
import type { ChatRecipe } from './chat-schema.js';
import { ADAM, createTrainingEngine, engineNotices, openTrainingEngine } from './engine.js';
import { openMetrics } from './metrics.js';
import { type Conversation, readConversations } from './read-chats.js';
import { readChatRecipe } from './read-recipe.js';
import { openRunFolder, type RunFolder } from './run-folder.js';
import { createSessionNote } from './sessions.js';
import { createSftLog, thousands } from './sft-log.js';

/** A row of metrics every so many steps. */
const LOG_EVERY = 10;

export interface ChatSftOptions {
  /** Folder that holds the runs. */
  readonly root: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** By which time budgets and seconds are told; default: the machine's. */
  readonly clock?: Clock;
}

/** Trains, or goes on with what an earlier session left; returns the run's folder. */
export async function runChatSft(recipe: ChatRecipe, options: ChatSftOptions): Promise<string> {
  const { progress } = options;
  await using folder = await openRunFolder(recipe, options.root, readChatRecipe);
  if (folder.isDone('sft')) {
    progress.say(`SFT: done before, in ${formatDuration(folder.seconds['sft'] ?? 0)}`);
    return folder.path;
  }
  await createSessionNote(folder.path)();
  const stageClock = folder.startStage('sft', options.clock ?? systemClock);
  try {
    await trainOn(recipe, folder, options);
  } catch (error) {
    await stageClock.stop();
    throw error;
  }
  await stageClock.finish();
  return folder.path;
}

async function trainOn(recipe: ChatRecipe, folder: RunFolder, options: ChatSftOptions): Promise<void> {
  const { progress } = options;
  const tokenizer = await openChatTokenizer(recipe.model.base ?? recipe.model.tokenizer!);
  const data = await readData(recipe, tokenizer);
  for (const notice of engineNotices(recipe, recipe.sft.gradClipNorm)) progress.say(`  ${notice}`);
  await using engine = await openModel(recipe, tokenizer);
  const state = await train(recipe, folder, engine, data, options);
  await leaveCheckpoints(folder, tokenizer);
  progress.finish(
    `  ${state.steps} steps, ${thousands(state.tokens)} tokens in ${formatDuration(state.seconds)}` +
      (state.best === undefined ? '' : `; best validation loss ${(-state.best).toFixed(4)}`),
  );
}

interface Data {
  readonly source: SftSource;
  readonly validation: readonly SftExample[];
}

async function readData({ data, seed }: ChatRecipe, tokenizer: ChatTokenizer): Promise<Data> {
  const encode = (conversation: Conversation): SftExample[] => encodeChat(tokenizer, conversation);
  const validation: Conversation[] = [];
  for (const file of data.validation) validation.push(...(await readConversations(file)));
  const heldShare = data.validation.length > 0 ? 0 : data.validationShare;
  const parts: MixPart<Conversation>[] = [];
  for (const [index, { file, weight }] of data.train.entries()) {
    // By the file's place in the recipe and not its path, so that another folder gives the same order.
    const all = createRng(seed)
      .fork(`held-out/${index}`)
      .shuffle(await readConversations(file));
    const held = Math.min(all.length - 1, Math.round(heldShare * all.length));
    validation.push(...all.slice(0, held));
    parts.push({ items: all.slice(held), weight: weight ?? all.length });
  }
  const weighted = data.train.some(({ weight }) => weight !== undefined);
  const source = weighted
    ? mixedSource(parts, `${seed}/sft`, encode)
    : shuffledSource(
        parts.flatMap(({ items }) => items),
        `${seed}/sft`,
        encode,
      );
  return { source, validation: validation.flatMap(encode) };
}

function openModel(recipe: ChatRecipe, tokenizer: ChatTokenizer): Promise<TrainingClient> {
  const { base } = recipe.model;
  return base === undefined
    ? createTrainingEngine(recipe, tokenizer.vocabularySize)
    : openTrainingEngine(recipe, base, tokenizer.vocabularySize);
}

async function train(
  recipe: ChatRecipe,
  folder: RunFolder,
  engine: TrainingClient,
  { source, validation }: Data,
  { progress, signal, clock = systemClock }: ChatSftOptions,
) {
  const { sft } = recipe;
  const tokens = sft.tokens ?? (await tokensOf(source, sft.epochs!, engine.maxLength, progress));
  const checkpoints = openCheckpoints(folder.file('checkpoints', 'steps'), parseSftState);
  const stepsDone = (await checkpoints.load('latest'))?.state.steps ?? 0;
  await using metrics = await openMetrics(folder, 'sft', stepsDone);
  const log = createSftLog(metrics, progress, LOG_EVERY);
  return await trainSft(engine, {
    source,
    batchTokens: sft.batchTokens,
    wholeEpochs: sft.epochs !== undefined,
    budget: { tokens, ...(sft.maxMinutes !== undefined && { seconds: sft.maxMinutes * 60 }) },
    schedule: { peak: sft.learningRate, warmupShare: sft.warmup, decayShare: sft.decay },
    adam: { ...ADAM, weightDecay: sft.weightDecay, gradClipNorm: sft.gradClipNorm },
    checkpoints,
    ...(validation.length > 0 && {
      validate: {
        every: sft.validateEvery,
        run: async (client, step) => {
          const loss = await validationLoss(client, validation, sft.batchTokens);
          progress.say(`  ${thousands(step.tokens)} tokens: validation loss ${loss.toFixed(4)}`);
          await log.write(step, { validationLoss: loss });
          return -loss;
        },
      },
    }),
    onStep: log.onStep,
    signal,
    clock,
  });
}

/** Tokens of so many epochs; says what they hold. Throws a UsageError when no conversation fits the model. */
async function tokensOf(
  source: SftSource,
  epochs: number,
  maxLength: number,
  progress: Progress,
): Promise<number> {
  let total = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    let [used, tokens, trained, tooLong] = [0, 0, 0, 0];
    for await (const example of source(epoch)) {
      const datum = sftDatum(example);
      if (datum.tokens.length > maxLength) {
        tooLong += 1;
        continue;
      }
      used += 1;
      tokens += datum.tokens.length;
      trained += datum.lossInputs.weights!.filter((weight) => weight > 0).length;
    }
    if (used === 0) throw new UsageError(`no conversation fits into the model's ${maxLength} tokens`);
    if (epoch === 0) {
      const left = tooLong === 0 ? '' : `; ${tooLong} longer than ${maxLength} tokens are left out`;
      progress.say(
        `  an epoch: ${used} sequences, ${thousands(tokens)} tokens, the assistant's ${thousands(trained)}${left}`,
      );
    }
    total += tokens;
  }
  return total;
}

async function leaveCheckpoints(folder: RunFolder, tokenizer: ChatTokenizer): Promise<void> {
  const checkpoints = openCheckpoints(folder.file('checkpoints', 'steps'), parseSftState);
  for (const [tag, name] of [
    ['latest', 'last'],
    ['best', 'best'],
  ] as const) {
    const saved = await checkpoints.load(tag);
    if (!saved) continue;
    const target = folder.file('checkpoints', name);
    await rm(target, { recursive: true, force: true });
    await cp(saved.folder, target, { recursive: true });
    await writeTokenizerFiles(target, tokenizer.files);
  }
}
