/**
 * Keeping evaluation data out of training data: exact and near duplicates of the texts of named files, by their runs of
 * eight words or symbols. A text is near when half of its runs are in one evaluation text, or half of an evaluation
 * text's runs are in it (a prompt around a problem does not hide the problem).
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { messageOf, UsageError } from '../../core/errors.js';

const RUN = 8;
/** Shorter texts are compared whole: their few runs say little. */
const FEWEST_RUNS = 4;
/** Texts with fewer are inside another only when all of their runs are. */
const FEWEST_INSIDE = 8;
const FEWEST_WORDS = 3;
const NEAR = 0.5;

export interface Decontaminator {
  /** `exact` or `near` when the text, or most of it, is in an evaluation text. */
  check(text: string): 'exact' | 'near' | undefined;
  readonly texts: number;
}

/** Over texts that must not be trained on. */
export function createDecontaminator(texts: Iterable<string>): Decontaminator {
  const whole = new Set<string>();
  const runs = new Map<string, number[]>();
  /** Of each text, how many different runs it has. */
  const sizes: number[] = [];
  for (const text of texts) {
    const words = wordsOf(text);
    const key = words.join(' ');
    if (words.length < RUN || whole.has(key)) continue;
    whole.add(key);
    const own = new Set(runsOf(words));
    for (const run of own) {
      const holders = runs.get(run);
      if (holders) holders.push(sizes.length);
      else runs.set(run, [sizes.length]);
    }
    sizes.push(own.size);
  }
  return {
    texts: sizes.length,
    check: (text) => {
      const words = wordsOf(text);
      if (whole.has(words.join(' '))) return 'exact';
      const own = new Set(runsOf(words));
      if (own.size < FEWEST_RUNS) return undefined;
      const shared = new Map<number, number>();
      for (const run of own)
        for (const holder of runs.get(run) ?? []) shared.set(holder, (shared.get(holder) ?? 0) + 1);
      for (const [holder, count] of shared) {
        const size = sizes[holder]!;
        const isInside = size >= FEWEST_INSIDE ? count >= NEAR * size : size > 1 && count === size;
        if (count >= NEAR * own.size || isInside) return 'near';
      }
      return undefined;
    },
  };
}

/** Every longer string in the rows of JSON lines files (also .gz). Throws a UsageError for files that are none. */
export async function readEvaluationTexts(paths: readonly string[]): Promise<string[]> {
  const out: string[] = [];
  for (const path of paths) {
    try {
      const bytes = await readFile(path);
      const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
      for (const line of text.split('\n')) if (line.trim() !== '') collectStrings(JSON.parse(line), out);
    } catch (cause) {
      throw new UsageError(`cannot read ${path} as JSON lines of evaluation data: ${messageOf(cause)}`, {
        cause,
      });
    }
  }
  return out;
}

function collectStrings(value: unknown, out: string[]): void {
  if (typeof value === 'string') {
    if (value.length >= 20) out.push(value);
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) collectStrings(inner, out);
  }
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\w+|[^\w\s]/g) ?? [];
}

/** Runs that say something: a row of numbers and brackets is in many texts. */
function* runsOf(words: readonly string[]): Generator<string> {
  for (let at = 0; at + RUN <= words.length; at++) {
    const run = words.slice(at, at + RUN);
    if (run.filter((word) => /[a-z]/.test(word)).length >= FEWEST_WORDS) yield run.join(' ');
  }
}
