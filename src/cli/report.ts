/**
 * `deskcheck report`: rebuilds the tables and figures of runs from what they recorded; with `--compare` several in one report.
 */

import { join } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../core/errors.js';
import { exists } from '../core/exists.js';
import { compareRunFolders, isEvalRun, reportEvalRun } from '../recipe/compare.js';
import { isSetFolder, reportFindingsSet } from '../recipe/findings/set-report.js';
import { reportModelRun } from '../recipe/model-run.js';
import { readStages } from '../recipe/run-folder.js';
import { readRecipe } from '../recipe/schema.js';
import { buildRunReport } from '../recipe/stages/report.js';

interface Built {
  readonly terminalSummary: string;
  readonly page: string;
}

interface ReportOptions {
  readonly compare?: boolean;
  readonly out: string;
}

export function addReportCommand(program: Command): void {
  program
    .command('report')
    .description('rebuild the report of a run from its records, or compare several')
    .argument('<run...>', 'run folders, such as runs/tiny')
    .option('--compare', 'one report of all runs, with paired differences from the first')
    .option('--out <folder>', 'where the report of several runs goes', 'runs/compare')
    .action(async (paths: readonly string[], { compare, out }: ReportOptions) => {
      if (paths.length > 1 && !compare) {
        throw new UsageError('several runs make one report with --compare; without it, name one run');
      }
      const { terminalSummary, page } = await (compare ? compareRunFolders(paths, out) : rebuild(paths[0]!));
      process.stdout.write(`${terminalSummary}\n\n${page}\n`);
    });
}

async function rebuild(path: string): Promise<Built> {
  if (await isSetFolder(path)) return reportFindingsSet(path);
  if (await isEvalRun(path)) return reportEvalRun(path);
  if (await exists(join(path, 'settings.json'))) return reportModelRun(path);
  const recipe = await readRecipe(join(path, 'recipe.yaml'));
  const seconds = await readStages(path);
  const folder = { seconds, file: (...parts: string[]) => join(path, ...parts) };
  const { report, page } = await buildRunReport(recipe, folder);
  return { terminalSummary: report.terminalSummary, page };
}
