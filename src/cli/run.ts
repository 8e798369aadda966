/**
 * `deskcheck run`: a whole recipe.
 */
import { setMaxListeners } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { createTerminalProgress } from '../core/progress.js';
import { runRecipe } from '../recipe/run-recipe.js';
import { readRecipe } from '../recipe/schema.js';

interface RunCommandOptions {
  readonly dryRun?: boolean;
  readonly runs: string;
}

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('run a recipe: data, SFT, RL, evaluation, report; or go on with one that was stopped')
    .argument('<recipe>', 'a recipe file, or the folder of an earlier run')
    .option('--dry-run', 'check the recipe and print it with its defaults')
    .option('--runs <folder>', 'where run folders are', 'runs')
    .action(async (path: string, options: RunCommandOptions) => {
      const isFolder = await stat(path).then(
        (found) => found.isDirectory(),
        () => false,
      );
      const recipe = await readRecipe(isFolder ? join(path, 'recipe.yaml') : path);
      if (options.dryRun) {
        process.stdout.write(stringify(recipe));
        return;
      }
      const stop = new AbortController();
      // Every request in flight listens; there is no leak to warn of.
      setMaxListeners(0, stop.signal);
      const onSignal = (): void => stop.abort();
      process.once('SIGINT', onSignal);
      process.once('SIGTERM', onSignal);
      try {
        const progress = createTerminalProgress(process.stderr);
        const folder = await runRecipe(recipe, { root: options.runs, progress, signal: stop.signal });
        process.stdout.write(`${join(folder, 'report', 'index.html')}\n`);
      } finally {
        process.off('SIGINT', onSignal);
        process.off('SIGTERM', onSignal);
      }
    });
}
