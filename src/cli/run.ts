/**
 * `deskcheck run`: a whole recipe.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { UsageError } from '../core/errors.js';
import { createTerminalProgress } from '../core/progress.js';
import { formatPlan, planOf } from '../recipe/plan.js';
import { type AnyRecipe, readAnyRecipe } from '../recipe/read-recipe.js';
import { runRecipe } from '../recipe/run-recipe.js';
import type { Recipe } from '../recipe/schema.js';
import { untilStopped } from './model-options.js';

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
      const found = await findRecipe(path);
      if (options.dryRun) {
        process.stdout.write(
          found.kind === 'scale' ? formatPlan(planOf(found.recipe)) : stringify(found.recipe),
        );
        return;
      }
      if (found.kind === 'scale') throw notRunnable(path);
      if (found.kind === 'chats') {
        throw new UsageError(`${path} is about SFT alone: deskcheck train sft ${path}`);
      }
      const folder = await runStages(found.recipe, options.runs);
      process.stdout.write(`${join(folder, 'report', 'index.html')}\n`);
    });
}

/** The recipe of a file, or of a run's folder. */
export async function findRecipe(path: string): Promise<AnyRecipe> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return readAnyRecipe(isFolder ? join(path, 'recipe.yaml') : path);
}

export function notRunnable(path: string): UsageError {
  return new UsageError(
    `${path} is of the paper's scale, and is planned, not run, by one command: see --dry-run and docs/scaling.md`,
  );
}

/** Stops cleanly on SIGINT and SIGTERM; the same command then goes on. */
export function runStages(recipe: Recipe, root: string, until?: string): Promise<string> {
  const progress = createTerminalProgress(process.stderr);
  return untilStopped((signal) =>
    runRecipe(recipe, { root, progress, signal, ...(until !== undefined && { until }) }),
  );
}
