import { expect, test } from 'vitest';
import { createRng, type Rng } from '../core/rng.js';
import { createChatTokenizer } from '../model/tokenizer.js';
import {
  compositionKey,
  drawComposition,
  splitOf,
  writeFunction,
  writeProgram,
  writeStatement,
} from './compose.js';
import { mutateProgram } from './mutate.js';
import { ACCUMULATORS, FINISHES, STAGES } from './operations.js';
import { draftProblem, PRIVATE_TESTS, PUBLIC_TESTS } from './problems.js';
import { worldTokenizerFiles } from './vocabulary.js';

test('there are at least 20 operations', () => {
  expect(STAGES.length + ACCUMULATORS.length + FINISHES.length).toBeGreaterThanOrEqual(20);
});

test('there are more than a million distinct programs of three stages', () => {
  const rng = createRng('parameters');
  /** How many parameters an operation can be drawn with; each gives other Python lines. */
  const choices = (draw: (rng: Rng) => readonly unknown[]): number =>
    new Set(Array.from({ length: 2_000 }, () => JSON.stringify(draw(rng)))).size;
  const numberStages = STAGES.filter(({ items }) => items === 'number').map(({ draw }) => choices(draw));
  let ordered = 0;
  for (const [i, a] of numberStages.entries()) {
    for (const [j, b] of numberStages.entries()) {
      for (const [k, c] of numberStages.entries()) if (i !== j && j !== k && i !== k) ordered += a * b * c;
    }
  }
  const folds = ACCUMULATORS.filter(({ items }) => items === 'number')
    .map(({ result }) => FINISHES.filter((finish) => finish.result.includes(result)))
    .map((finishes) => finishes.reduce((sum, { draw }) => sum + choices(draw), 0))
    .reduce((sum, count) => sum + count, 0);
  expect(ordered * folds).toBeGreaterThan(1_000_000);
});

test('problems drawn by index hardly ever repeat', () => {
  const sources = Array.from({ length: 2_000 }, (_, index) => draftProblem(1, 'test', index, 2).source);
  expect(new Set(sources).size).toBeGreaterThan(1_800);
});

test('the same seed gives the same drafts, another seed others', () => {
  const draft = (seed: number) => draftProblem(seed, 'test', 7, PUBLIC_TESTS + PRIVATE_TESTS);
  expect(draft(1)).toEqual(draft(1));
  expect(draft(1).source).not.toBe(draft(2).source);
});

test('splits are disjoint by composition, and held-out problems have two or three stages', () => {
  const keys = { train: new Set<string>(), validation: new Set<string>(), test: new Set<string>() };
  for (const split of ['train', 'validation', 'test'] as const) {
    for (let i = 0; i < 300; i++) {
      const { composition } = draftProblem(3, split, i, 2);
      keys[split].add(compositionKey(composition));
      expect(splitOf(composition)).toBe(split);
      if (split !== 'train') expect(composition.stages.length).toBeGreaterThanOrEqual(2);
    }
  }
  for (const key of keys.test) expect(keys.train.has(key) || keys.validation.has(key)).toBe(false);
  for (const key of keys.validation) expect(keys.train.has(key)).toBe(false);
});

test('a mutant is found in a few tries, and differs from its program in one or two lines', () => {
  const rng = createRng('mutants');
  for (let i = 0; i < 100; i++) {
    const source = writeProgram(drawComposition(rng, [0, 0, 0.5, 0.5]));
    let mutant: string | undefined;
    for (let tries = 0; tries < 40 && mutant === undefined; tries++) mutant = mutateProgram(source, rng);
    expect(mutant).toBeDefined();
    expect(mutant).not.toBe(source);
    const [before, after] = [source.split('\n'), mutant!.split('\n')];
    expect(Math.abs(before.length - after.length)).toBeLessThanOrEqual(1);
    if (before.length === after.length) {
      expect(before.filter((line, at) => line !== after[at]).length).toBeLessThanOrEqual(2);
    }
  }
});

test('the tokenizer gives back every text of the world, and any ASCII text', () => {
  const tokenizer = createChatTokenizer(worldTokenizerFiles());
  const rng = createRng('round trip');
  for (let i = 0; i < 200; i++) {
    const composition = drawComposition(rng);
    for (const text of [
      writeStatement(composition, rng),
      writeProgram(composition),
      writeFunction(composition),
    ]) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  }
  const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('');
  expect(tokenizer.decode(tokenizer.encode(`${printable}\n  ${printable}`))).toBe(
    `${printable}\n  ${printable}`,
  );
});

test('an idiom of the world is one token, and every digit is its own', () => {
  const tokenizer = createChatTokenizer(worldTokenizerFiles());
  expect(tokenizer.encode('xs = list(map(int, input().split()))')).toHaveLength(1);
  expect(tokenizer.encode('; r = 12 + 24 = 36')).toHaveLength(9);
});
