/**
 * `npm run bench -- <name> [arguments]`: runs bench/<name>.mjs in a process of its own; without a name it lists what there
 * is. A benchmark asserts that its answers are right, so a failing one exits with its own code.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = import.meta.dirname;
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.mjs') && file !== 'main.mjs')
  .map((file) => file.slice(0, -'.mjs'.length))
  .sort();
const [name, ...rest] = process.argv.slice(2);

if (name === undefined) {
  process.stdout.write('npm run bench -- <name>\n');
  for (const known of names) process.stdout.write(`  ${known.padEnd(12)} ${purpose(known)}\n`);
} else if (names.includes(name)) {
  const { status, error } = spawnSync(process.execPath, [join(folder, `${name}.mjs`), ...rest], {
    stdio: 'inherit',
  });
  if (error) throw error;
  process.exitCode = status ?? 1;
} else {
  process.stderr.write(`bench: there is no "${name}"; there are ${names.join(', ')}\n`);
  process.exitCode = 2;
}

/** The first sentence of a benchmark's header. */
function purpose(known) {
  const text = readFileSync(join(folder, `${known}.mjs`), 'utf8');
  const header = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1]?.replace(/^\s*\* ?/gm, '') ?? '';
  return header.replace(/\s+/g, ' ').trim().split(/[.:] /)[0] ?? '';
}
