/**
 * `deskcheck report`: rebuilds a run's tables and figures from what it recorded.
 */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { reportModelRun } from '../recipe/model-run.js';
import { readRecipe } from '../recipe/schema.js';
import { buildRunReport } from '../recipe/stages/report.js';

export function addReportCommand(program: Command): void {
  program
    .command('report')
    .description('rebuild the report of a run from its records')
    .argument('<run>', 'a run folder, such as runs/tiny')
    .action(async (path: string) => {
      if (await exists(join(path, 'settings.json'))) {
        const { terminalSummary, page } = await reportModelRun(path);
        process.stdout.write(`${terminalSummary}\n\n${page}\n`);
        return;
      }
      const recipe = await readRecipe(join(path, 'recipe.yaml'));
      const seconds = await readFile(join(path, 'stages.json'), 'utf8').then(
        (text) => JSON.parse(text) as Record<string, number>,
        () => ({}),
      );
      const folder = { seconds, file: (...parts: string[]) => join(path, ...parts) };
      const { report, page } = await buildRunReport(recipe, folder);
      process.stdout.write(`${report.terminalSummary}\n\n${page}\n`);
    });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
