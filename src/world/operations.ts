/**
 * The operations of the small world: what a problem is composed of.
 *
 * A problem reads one input, passes its items through up to three *stages* (filters and maps), folds what is left
 * with one *accumulator*, may change the result in one *finish*, and prints it. Every operation has two phrasings in
 * English and one rendering as Python lines. There is no second, TypeScript meaning of them: what a program
 * computes is found out by running it.
 */
import type { Rng } from '../core/rng.js';

/** Items are whole numbers (loop variable `v`) or letters (loop variable `c`). */
export type ItemType = 'number' | 'letter';
export type ResultType = 'number' | 'list' | 'text';

/** Parameters drawn for one use of an operation, such as a factor. */
export type Params = readonly (number | string)[];

/** The body of the loop from this operation on: `inner` are the lines of what follows. */
type Wrap = (params: Params, inner: readonly string[]) => string[];

export interface Stage {
  readonly name: string;
  readonly items: ItemType;
  /** Imperative phrases, such as "keep the even ones". `{0}` stands for the first parameter. */
  readonly phrases: readonly [string, string];
  readonly draw: (rng: Rng) => Params;
  readonly wrap: Wrap;
}

export interface Accumulator {
  readonly name: string;
  readonly items: ItemType;
  readonly result: ResultType;
  /** Noun phrases, such as "their sum". */
  readonly phrases: readonly [string, string];
  readonly init: readonly string[];
  readonly step: readonly string[];
}

export interface Finish {
  readonly name: string;
  readonly result: readonly ResultType[];
  readonly phrases: readonly [string, string];
  readonly draw: (rng: Rng) => Params;
  readonly line: (params: Params) => string;
}

const INDENT = '    ';
const none = (): Params => [];
const between =
  (low: number, high: number) =>
  (rng: Rng): Params => [rng.int(low, high)];

function filter(test: (params: Params) => string): Wrap {
  return (params, inner) => [`if ${test(params)}:`, ...inner.map((line) => INDENT + line)];
}

function map(line: (params: Params) => string): Wrap {
  return (params, inner) => [line(params), ...inner];
}

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];

export const STAGES: readonly Stage[] = [
  {
    name: 'even',
    items: 'number',
    phrases: ['keep the even ones', 'drop the odd ones'],
    draw: none,
    wrap: filter(() => 'v % 2 == 0'),
  },
  {
    name: 'odd',
    items: 'number',
    phrases: ['keep the odd ones', 'drop the even ones'],
    draw: none,
    wrap: filter(() => 'v % 2 == 1'),
  },
  {
    name: 'above',
    items: 'number',
    phrases: ['keep those above {0}', 'keep the ones greater than {0}'],
    draw: between(2, 9),
    wrap: filter(([k]) => `v > ${k}`),
  },
  {
    name: 'below',
    items: 'number',
    phrases: ['keep those below {0}', 'keep the ones less than {0}'],
    draw: between(5, 14),
    wrap: filter(([k]) => `v < ${k}`),
  },
  {
    name: 'multiple',
    items: 'number',
    phrases: ['keep the multiples of {0}', 'keep those divisible by {0}'],
    draw: between(3, 5),
    wrap: filter(([k]) => `v % ${k} == 0`),
  },
  {
    name: 'not-multiple',
    items: 'number',
    phrases: ['drop the multiples of {0}', 'drop those divisible by {0}'],
    draw: between(3, 5),
    wrap: filter(([k]) => `v % ${k} != 0`),
  },
  {
    name: 'add',
    items: 'number',
    phrases: ['add {0} to each', 'increase each by {0}'],
    draw: between(1, 9),
    wrap: map(([k]) => `v = v + ${k}`),
  },
  {
    name: 'times',
    items: 'number',
    phrases: ['multiply each by {0}', 'take {0} times each'],
    draw: between(2, 4),
    wrap: map(([k]) => `v = v * ${k}`),
  },
  {
    name: 'square',
    items: 'number',
    phrases: ['square each', 'multiply each by itself'],
    draw: none,
    wrap: map(() => 'v = v * v'),
  },
  {
    name: 'distance',
    items: 'number',
    phrases: ['replace each by its distance from {0}', 'take how far each is from {0}'],
    draw: between(3, 12),
    wrap: map(([k]) => `v = abs(v - ${k})`),
  },
  {
    name: 'mod',
    items: 'number',
    phrases: ['replace each by its remainder by {0}', 'take each modulo {0}'],
    draw: between(3, 7),
    wrap: map(([k]) => `v = v % ${k}`),
  },
  {
    name: 'halve',
    items: 'number',
    phrases: [
      'halve the even ones and add {0} to the others',
      'halve each even one, add {0} to each odd one',
    ],
    draw: between(1, 5),
    wrap: ([k], inner) => [
      'if v % 2 == 0:',
      `${INDENT}v = v // 2`,
      'else:',
      `${INDENT}v = v + ${k}`,
      ...inner,
    ],
  },
  {
    name: 'cap',
    items: 'number',
    phrases: ['replace those above {0} by {0}', 'cap each at {0}'],
    draw: between(5, 12),
    wrap: ([k], inner) => [`if v > ${k}:`, `${INDENT}v = ${k}`, ...inner],
  },
  {
    name: 'vowels',
    items: 'letter',
    phrases: ['keep the vowels', 'drop the consonants'],
    draw: none,
    wrap: filter(() => "c in 'aeiou'"),
  },
  {
    name: 'consonants',
    items: 'letter',
    phrases: ['keep the consonants', 'drop the vowels'],
    draw: none,
    wrap: filter(() => "c not in 'aeiou'"),
  },
  {
    name: 'drop',
    items: 'letter',
    phrases: ["drop every '{0}'", "leave out each '{0}'"],
    draw: (rng) => [rng.pick(LETTERS)],
    wrap: filter(([x]) => `c != '${x}'`),
  },
  {
    name: 'before',
    items: 'letter',
    phrases: ["keep the letters before '{0}'", "keep those that come before '{0}'"],
    draw: (rng) => [rng.pick([...'fhkmpsu'])],
    wrap: filter(([x]) => `c < '${x}'`),
  },
  {
    name: 'after',
    items: 'letter',
    phrases: ["keep the letters after '{0}'", "keep those that come after '{0}'"],
    draw: (rng) => [rng.pick([...'dfhkmps'])],
    wrap: filter(([x]) => `c > '${x}'`),
  },
  {
    name: 'replace',
    items: 'letter',
    phrases: ["replace '{0}' by '{1}'", "change each '{0}' to '{1}'"],
    draw: (rng) => {
      const from = rng.pick(LETTERS);
      return [from, rng.pick(LETTERS.filter((letter) => letter !== from))];
    },
    wrap: ([x, y], inner) => [`if c == '${x}':`, `${INDENT}c = '${y}'`, ...inner],
  },
  {
    name: 'double',
    items: 'letter',
    phrases: ['double each letter', 'write each letter twice'],
    draw: none,
    wrap: map(() => 'c = c + c'),
  },
];

export const ACCUMULATORS: readonly Accumulator[] = [
  {
    name: 'sum',
    items: 'number',
    result: 'number',
    phrases: ['the sum', 'the total'],
    init: ['r = 0'],
    step: ['r = r + v'],
  },
  {
    name: 'count',
    items: 'number',
    result: 'number',
    phrases: ['how many there are', 'the count'],
    init: ['r = 0'],
    step: ['r = r + 1'],
  },
  {
    name: 'largest',
    items: 'number',
    result: 'number',
    phrases: ['the largest, or 0', 'the maximum, or 0'],
    init: ['r = 0'],
    step: ['if v > r:', `${INDENT}r = v`],
  },
  {
    name: 'smallest',
    items: 'number',
    result: 'number',
    phrases: ['the smallest, or 99', 'the minimum, or 99'],
    init: ['r = 99'],
    step: ['if v < r:', `${INDENT}r = v`],
  },
  {
    name: 'alternating',
    items: 'number',
    result: 'number',
    phrases: [
      'each minus the result so far, from 0',
      'the result of taking each minus the result before it, from 0',
    ],
    init: ['r = 0'],
    step: ['r = v - r'],
  },
  {
    name: 'last',
    items: 'number',
    result: 'number',
    phrases: ['the last one, or 0', 'the final one, or 0'],
    init: ['r = 0'],
    step: ['r = v'],
  },
  {
    name: 'list',
    items: 'number',
    result: 'list',
    phrases: ['all of them', 'them in order'],
    init: ['r = []'],
    step: ['r.append(v)'],
  },
  {
    name: 'running',
    items: 'number',
    result: 'list',
    phrases: ['the running sums', 'every running total'],
    init: ['t = 0', 'r = []'],
    step: ['t = t + v', 'r.append(t)'],
  },
  {
    name: 'reversed',
    items: 'number',
    result: 'list',
    phrases: ['them in reverse', 'all of them, last first'],
    init: ['r = []'],
    step: ['r = [v] + r'],
  },
  {
    name: 'letter-count',
    items: 'letter',
    result: 'number',
    phrases: ['how many there are', 'the count'],
    init: ['r = 0'],
    step: ['r = r + 1'],
  },
  {
    name: 'text',
    items: 'letter',
    result: 'text',
    phrases: ['the text', 'what is left'],
    init: ["r = ''"],
    step: ['r = r + c'],
  },
  {
    name: 'backwards',
    items: 'letter',
    result: 'text',
    phrases: ['the text backwards', 'what is left in reverse'],
    init: ["r = ''"],
    step: ['r = c + r'],
  },
  {
    name: 'last-letter',
    items: 'letter',
    result: 'text',
    phrases: ['the last one, or -', 'the final one, or -'],
    init: ["r = '-'"],
    step: ['r = c'],
  },
];

export const FINISHES: readonly Finish[] = [
  {
    name: 'as-it-is',
    result: ['number', 'list', 'text'],
    phrases: ['', ''],
    draw: none,
    line: () => '',
  },
  {
    name: 'twice',
    result: ['number'],
    phrases: ['doubled', 'times 2'],
    draw: none,
    line: () => 'r = r * 2',
  },
  {
    name: 'last-digit',
    result: ['number'],
    phrases: ['modulo 10', 'as its remainder by 10'],
    draw: none,
    line: () => 'r = r % 10',
  },
  {
    name: 'plus',
    result: ['number'],
    phrases: ['plus {0}', 'increased by {0}'],
    draw: between(1, 9),
    line: ([k]) => `r = r + ${k}`,
  },
  {
    name: 'from',
    result: ['number'],
    phrases: ['as its distance from {0}', 'as how far it is from {0}'],
    draw: between(5, 20),
    line: ([k]) => `r = abs(r - ${k})`,
  },
  {
    name: 'length',
    result: ['list', 'text'],
    phrases: ['as its length', 'as how long it is'],
    draw: none,
    line: () => 'r = len(r)',
  },
];

/** Where the items come from. */
export interface InputKind {
  readonly name: string;
  readonly items: ItemType;
  readonly phrase: string;
  /** Lines before the loop, and the loop's header. */
  readonly read: readonly string[];
  readonly header: string;
  /** The parameter of the function form. */
  readonly parameter: string;
  /** A line of input; `short` ones are for public tests and training, where executions are written out. */
  readonly draw: (rng: Rng, short: boolean) => string;
  /** The argument as a Python literal, from the stdin line. */
  readonly literal: (line: string) => string;
}

export const INPUT_KINDS: readonly InputKind[] = [
  {
    name: 'numbers',
    items: 'number',
    phrase: 'Read some numbers',
    read: ['xs = list(map(int, input().split()))'],
    header: 'for v in xs:',
    parameter: 'xs',
    draw: (rng) => Array.from({ length: rng.int(2, 5) }, () => rng.int(0, 15)).join(' '),
    literal: (line) => `[${line.split(' ').join(', ')}]`,
  },
  {
    name: 'range',
    items: 'number',
    phrase: 'Read n and take the numbers 1 to n',
    read: ['n = int(input())'],
    header: 'for v in range(1, n + 1):',
    parameter: 'n',
    draw: (rng, short) => String(short ? rng.int(2, 6) : rng.int(1, 12)),
    literal: (line) => line,
  },
  {
    name: 'digits',
    items: 'number',
    phrase: 'Read a number and take its digits',
    read: ['s = input()'],
    header: 'for v in map(int, s):',
    parameter: 's',
    draw: (rng) =>
      String(rng.int(1, 9)) + Array.from({ length: rng.int(1, 4) }, () => rng.int(0, 9)).join(''),
    literal: (line) => `'${line}'`,
  },
  {
    name: 'word',
    items: 'letter',
    phrase: 'Read a word and take its letters',
    read: ['s = input()'],
    header: 'for c in s:',
    parameter: 's',
    draw: drawWord,
    literal: (line) => `'${line}'`,
  },
];

/** Three to six letters, most of them different, vowels common enough to matter. */
function drawWord(rng: Rng): string {
  const letters: string[] = [];
  const length = rng.int(3, 6);
  while (letters.length < length) {
    const letter = rng.chance(0.4) ? rng.pick([...'aeiou']) : rng.pick(LETTERS);
    if (letters.includes(letter) && rng.chance(0.6)) continue;
    letters.push(letter);
  }
  return letters.join('');
}
