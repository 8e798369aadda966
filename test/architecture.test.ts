/**
 * Imports between rooms point down one list (DESIGN, "The rooms"); nothing reaches up, and there is no other room.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect, test } from 'vitest';

const ROOMS = [
  'cli',
  'recipe',
  'report',
  'evaluation',
  'training',
  'selection',
  'episode',
  'nlex',
  'model',
  'world',
  'execution',
  'problem',
  'core',
];
const SRC = resolve(import.meta.dirname, '../src');

const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name));

function roomOf(file: string): string {
  return relative(SRC, file).split(sep)[0]!;
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) => path!);
  return found.map((path) => resolve(dirname(file), path)).filter((path) => path.startsWith(SRC + sep));
}

test('every source file is in a known room, or is the public surface', () => {
  const strays = files.filter((file) => !ROOMS.includes(roomOf(file)) && relative(SRC, file) !== 'index.ts');
  expect(strays.map((file) => relative(SRC, file))).toEqual([]);
});

test('imports point down the list of rooms only', () => {
  const wrong = files
    .filter((file) => relative(SRC, file) !== 'index.ts' && !file.endsWith('.test.ts'))
    .flatMap((file) =>
      importsOf(file)
        .filter((target) => ROOMS.indexOf(roomOf(target)) < ROOMS.indexOf(roomOf(file)))
        .map((target) => `${relative(SRC, file)} -> ${relative(SRC, target)}`),
    );
  expect(wrong).toEqual([]);
});

test('the check sees imports at all', () => {
  expect(files.flatMap(importsOf).length).toBeGreaterThan(100);
});
