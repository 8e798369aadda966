/**
 * `deskcheck run`: a whole recipe, or a findings set of many.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { UsageError } from '../core/errors.js';
import { createTerminalProgress } from '../core/progress.js';
import { jobsOf } from '../recipe/findings/jobs.js';
import { runFindingsSet } from '../recipe/findings/run-set.js';
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
    .description(
      'run a recipe: data, SFT, RL, evaluation, report; or a findings set, many recipes and seeds; or go on with one',
    )
    .argument('<recipe>', 'a recipe or findings set, or the folder of an earlier run')
    .option('--dry-run', 'check the recipe and print it with its defaults, or what it would take')
    .option('--runs <folder>', 'where run folders are', 'runs')
    .action(async (path: string, options: RunCommandOptions) => {
      const found = await findRecipe(path);
      if (options.dryRun) {
        process.stdout.write(describe(found));
        return;
      }
      switch (found.kind) {
        case 'small': {
          const folder = await runStages(found.recipe, options.runs);
          process.stdout.write(`${join(folder, 'report', 'index.html')}\n`);
          return;
        }
        case 'findings': {
          const progress = createTerminalProgress(process.stderr);
          const folder = await untilStopped((signal) =>
            runFindingsSet(found.set, { root: options.runs, progress, signal }),
          );
          process.stdout.write(`${join(folder, 'report', 'report.md')}\n`);
          return;
        }
        case 'chats':
          throw new UsageError(`${path} is about SFT alone: deskcheck train sft ${path}`);
        case 'scale':
          throw notRunnable(path);
        default:
          found satisfies never;
      }
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

/** What would be done. */
function describe(found: AnyRecipe): string {
  switch (found.kind) {
    case 'small':
    case 'chats':
      return stringify(found.recipe);
    case 'scale':
      return formatPlan(planOf(found.recipe));
    case 'findings':
      return stringify(jobsOf(found.set).map(({ recipe, until }) => ({ until, ...recipe })));
    default:
      return found satisfies never;
  }
}
