/**
 * Running a recipe: its stages in order, each once, going on where an earlier session was stopped.
 */
import { join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.js';
import { formatDuration, type Progress } from '../core/progress.js';
import { terseStyle } from '../episode/prompts/terse.js';
import { createCachingSandbox } from '../execution/caching-sandbox.js';
import { createSandbox } from '../execution/create-sandbox.js';
import type { Sandbox } from '../execution/types.js';
import type { Isolation } from '../execution/wasm/wasm-sandbox.js';
import { createChatTokenizer } from '../model/tokenizer.js';
import { worldTokenizerFiles } from '../world/vocabulary.js';
import type { Stage, StageContext } from './context.js';
import { findCheckpoint } from './open-model.js';
import { openRunFolder } from './run-folder.js';
import type { Recipe } from './schema.js';
import { createSessionNote } from './sessions.js';
import { dataStage } from './stages/data.js';
import { evaluateStage } from './stages/evaluate.js';
import { reportStage } from './stages/report.js';
import { rlStage } from './stages/rl.js';
import { sftStage } from './stages/sft.js';

/** What a recipe does, in order: the stages of which it uses another run's result are left out, and RL without steps. */
export function stagesOf({ reuse, rl }: Pick<Recipe, 'reuse' | 'rl'>): Stage[] {
  const trainsRl = rl.maxSteps > 0;
  const begins = reuse.checkpoint === undefined;
  return [
    ...(reuse.data === undefined ? [dataStage] : []),
    ...(begins ? [sftStage] : []),
    // A start that RL goes on from was evaluated where it was made.
    ...(begins || !trainsRl ? [evaluateStage('sft')] : []),
    ...(trainsRl ? [rlStage, evaluateStage('rl')] : []),
    reportStage,
  ];
}

export interface RunOptions {
  /** Folder that holds the runs. */
  readonly root: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** The last stage to run; by default all are. */
  readonly until?: string;
  /** Called once the folder is ours, unless every stage is done: another process may have finished it this moment. */
  readonly onStart?: () => void;
  /** By which time budgets and seconds are told; default: the machine's. */
  readonly clock?: Clock;
}

/** Runs every stage that is not done yet; returns the run's folder. */
export async function runRecipe(
  recipe: Recipe,
  { root, progress, signal, until, onStart, clock = systemClock }: RunOptions,
): Promise<string> {
  const stages = stagesOf(recipe);
  const last = until ?? stages.at(-1)!.name;
  const { data, checkpoint, verifier } = recipe.reuse;
  const start = checkpoint === undefined ? undefined : await findCheckpoint(join(root, checkpoint));
  const simulating = verifier === undefined ? undefined : await findCheckpoint(join(root, verifier));
  await using folder = await openRunFolder(recipe, root);
  const sandboxes: Sandbox[] = [];
  const lazily = (isolation: Isolation): (() => Sandbox) => {
    let sandbox: Sandbox | undefined;
    return () => {
      if (sandbox) return sandbox;
      const started = createSandbox(recipe.sandbox, { processes: 2, isolation });
      sandboxes.push(started);
      sandbox = createCachingSandbox(started);
      return sandbox;
    };
  };
  const context: StageContext = {
    recipe,
    folder,
    dataFolder: data === undefined ? folder.file('data') : join(root, data, 'data'),
    start: start ?? folder.file('checkpoints', 'sft'),
    ...(simulating !== undefined && { verifier: simulating }),
    progress,
    clock,
    style: terseStyle,
    tokenizer: createChatTokenizer(worldTokenizerFiles()),
    sandbox: lazily('program'),
    trustedSandbox: lazily('none'),
    signal,
  };
  if (!folder.isDone(last)) onStart?.();
  const noteSession = createSessionNote(folder.path);
  try {
    for (const [index, stage] of stages.entries()) {
      await runStage(stage, `[${index + 1}/${stages.length}] ${stage.title}`, context, noteSession);
      if (stage.name === last) break;
    }
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox[Symbol.asyncDispose]()));
  }
  return folder.path;
}

async function runStage(
  stage: Stage,
  heading: string,
  context: StageContext,
  noteSession: () => Promise<void>,
): Promise<void> {
  const { folder, progress, clock } = context;
  if (folder.isDone(stage.name)) {
    progress.say(`${heading}: done before, in ${formatDuration(folder.seconds[stage.name] ?? 0)}`);
    return;
  }
  progress.say(heading);
  // A report built later and elsewhere is no part of how the run was made.
  if (stage !== reportStage) await noteSession();
  const stageClock = folder.startStage(stage.name, clock);
  try {
    await stage.run(context);
  } catch (error) {
    await stageClock.stop();
    throw error;
  }
  const seconds = await stageClock.finish();
  progress.finish(`  ${stage.name} done in ${formatDuration(seconds)}`);
}
