/**
 * `deskcheck run`: a whole recipe; `deskcheck train sft|rl`: a recipe up to that stage.
 */
import { setMaxListeners } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { stringify } from 'yaml';
import { UsageError } from '../core/errors.js';
import { createTerminalProgress } from '../core/progress.js';
import { formatPlan, planOf } from '../recipe/plan.js';
import { readAnyRecipe } from '../recipe/read-recipe.js';
import { runRecipe } from '../recipe/run-recipe.js';
import type { Recipe } from '../recipe/schema.js';

interface RunCommandOptions {
  readonly dryRun?: boolean;
  readonly runs: string;
}

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('run a recipe: data, SFT, RL, evaluation, report; or go on with one that was stopped')
    .argument('<recipe>', 'a recipe file, or the folder of an earlier run')
    .option('--dry-run', 'check the recipe and print it with its defaults, or what it would take')
    .option('--runs <folder>', 'where run folders are', 'runs')
    .action(async (path: string, options: RunCommandOptions) => {
      const recipe = await findRecipe(path, options.dryRun);
      if (recipe === undefined) return;
      const folder = await runStages(recipe, options.runs);
      process.stdout.write(`${join(folder, 'report', 'index.html')}\n`);
    });
}

export function addTrainCommand(program: Command): void {
  program
    .command('train')
    .description('run a recipe up to and including one kind of training')
    .addArgument(new Argument('<stage>', 'sft, or rl (which starts from sft)').choices(['sft', 'rl']))
    .argument('<recipe>', 'a recipe file, or the folder of an earlier run')
    .option('--runs <folder>', 'where run folders are', 'runs')
    .action(async (stage: 'sft' | 'rl', path: string, options: RunCommandOptions) => {
      const folder = await runStages(await findRecipe(path), options.runs, stage);
      process.stdout.write(`${join(folder, 'checkpoints', stage)}\n`);
    });
}

/** The recipe to run; with `dryRun`, what it says is printed instead and nothing is returned. */
async function findRecipe(path: string, dryRun: boolean | undefined): Promise<Recipe | undefined>;
async function findRecipe(path: string): Promise<Recipe>;
async function findRecipe(path: string, dryRun = false): Promise<Recipe | undefined> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const found = await readAnyRecipe(isFolder ? join(path, 'recipe.yaml') : path);
  if (dryRun) {
    process.stdout.write(found.kind === 'scale' ? formatPlan(planOf(found.recipe)) : stringify(found.recipe));
    return undefined;
  }
  if (found.kind === 'small') return found.recipe;
  throw new UsageError(
    `${path} is of the paper's scale, and is planned, not run, by one command: see --dry-run and docs/scaling.md`,
  );
}

/** Stops cleanly on SIGINT and SIGTERM; the same command then goes on. */
async function runStages(recipe: Recipe, root: string, until?: string): Promise<string> {
  const stop = new AbortController();
  // Every request in flight listens; there is no leak to warn of.
  setMaxListeners(0, stop.signal);
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    const progress = createTerminalProgress(process.stderr);
    return await runRecipe(recipe, {
      root,
      progress,
      signal: stop.signal,
      ...(until !== undefined && { until }),
    });
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
