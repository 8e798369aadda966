/**
 * What a report says about where its numbers were made: versions, commit, machine.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RunFacts } from '../report/types.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export async function machineFacts(): Promise<Pick<RunFacts, 'versions' | 'commit' | 'machine'>> {
  const commit = await currentCommit();
  return {
    versions: { deskcheck: versionOf(ROOT), node: process.version.slice(1) },
    ...(commit === undefined ? {} : { commit }),
    machine: `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}

function versionOf(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** Of a checkout; an installed package has none. */
async function currentCommit(): Promise<string | undefined> {
  try {
    // An installed package may lie in a checkout of something else.
    await access(join(ROOT, '.git'));
    const { stdout } = await promisify(execFile)('git', ['-C', ROOT, 'rev-parse', '--short', 'HEAD']);
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}
