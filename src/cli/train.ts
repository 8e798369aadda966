/**
 * `deskcheck train sft|rl`: a recipe up to that stage; or SFT on conversations from files.
 */
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { UsageError } from '../core/errors.js';
import { createTerminalProgress } from '../core/progress.js';
import { runChatSft } from '../recipe/chat-sft.js';
import { untilStopped } from './model-options.js';
import { findRecipe, notRunnable, runStages } from './run.js';

export function addTrainCommand(program: Command): void {
  program
    .command('train')
    .description('train only: a recipe up to that stage, or SFT on conversations of your own (world: chats)')
    .addArgument(new Argument('<stage>', 'sft, or rl (which starts from sft)').choices(['sft', 'rl']))
    .argument('<recipe>', 'a recipe file, or the folder of an earlier run')
    .option('--runs <folder>', 'where run folders are', 'runs')
    .action(async (stage: 'sft' | 'rl', path: string, { runs }: { readonly runs: string }) => {
      const found = await findRecipe(path);
      switch (found.kind) {
        case 'small': {
          const folder = await runStages(found.recipe, runs, stage);
          process.stdout.write(`${join(folder, 'checkpoints', stage)}\n`);
          return;
        }
        case 'chats': {
          if (stage === 'rl') {
            throw new UsageError(`${path} holds conversations, which have no rewards: deskcheck train sft`);
          }
          const progress = createTerminalProgress(process.stderr);
          const folder = await untilStopped((signal) =>
            runChatSft(found.recipe, { root: runs, progress, signal }),
          );
          process.stdout.write(`${join(folder, 'checkpoints', 'last')}\n`);
          return;
        }
        case 'findings':
          throw new UsageError(`${path} is a findings set: deskcheck run ${path}`);
        case 'scale':
          throw notRunnable(path);
        default:
          found satisfies never;
      }
    });
}
