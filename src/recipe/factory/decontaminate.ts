/**
 * Keeping evaluation data out of training data: exact and near duplicates of the texts of named files, by the share of
 * a text's runs of eight words or symbols that also occur in one of theirs.
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { messageOf, UsageError } from '../../core/errors.js';

const RUN = 8;
/** Shorter texts are compared whole: their few runs say little. */
const FEWEST_RUNS = 4;
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
  let count = 0;
  for (const text of texts) {
    const words = wordsOf(text);
    if (words.length < RUN) continue;
    count++;
    whole.add(words.join(' '));
    for (const run of new Set(runsOf(words))) {
      const holders = runs.get(run);
      if (holders) holders.push(count);
      else runs.set(run, [count]);
    }
  }
  return {
    texts: count,
    check: (text) => {
      const words = wordsOf(text);
      if (whole.has(words.join(' '))) return 'exact';
      const own = [...new Set(runsOf(words))];
      if (own.length < FEWEST_RUNS) return undefined;
      const shared = new Map<number, number>();
      for (const run of own)
        for (const holder of runs.get(run) ?? []) shared.set(holder, (shared.get(holder) ?? 0) + 1);
      const most = Math.max(0, ...shared.values());
      return most / own.length >= NEAR ? 'near' : undefined;
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

function* runsOf(words: readonly string[]): Generator<string> {
  for (let at = 0; at + RUN <= words.length; at++) yield words.slice(at, at + RUN).join(' ');
}
