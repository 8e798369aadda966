/**
 * GSM8K (Cobbe et al. 2021): grade-school word problems with a whole-number answer. The comparator `number` compares the
 * last number of the final answer, exactly.
 *
 * Where the answer begins: after the last `####` (the data set's own solutions) or the last `A:` at the start of a line
 * (the published model solutions), else after the last `\boxed{`, else anywhere.
 */
import { z } from 'zod';
import { parseRows } from './rows.js';

export const GSM8K_SOURCE =
  'Download grade_school_math/data/test.jsonl from github.com/openai/grade-school-math (MIT).';

const row = z.object({
  question: z.string(),
  /** Worked solution, ending in `#### <number>`. */
  answer: z.string(),
});
type Gsm8kProblem = Readonly<z.infer<typeof row>>;

export function parseGsm8k(rows: readonly unknown[]): Gsm8kProblem[] {
  return parseRows(rows, row, 'GSM8K');
}

/** The last number of the final answer in canonical form (`1,200.50` → `1200.5`), or undefined when there is none. */
export function finalNumber(text: string): string | undefined {
  const markers = [...text.matchAll(/####|^A:|\\boxed\s*\{/gm)];
  const last = markers.at(-1);
  const answer = last === undefined ? text : text.slice(last.index + last[0].length);
  // `3-2` holds no negative number, `= -2` does.
  const number = [...answer.matchAll(/(?<![\d)])-?\$?(?:\d[\d,]*(?:\.\d+)?|\.\d+)|\d[\d,]*(?:\.\d+)?/g)].at(
    -1,
  )?.[0];
  if (number === undefined) return undefined;
  const [whole = '', fraction = ''] = number.replace(/[-$,]/g, '').split('.');
  const digits = whole.replace(/^0+(?=\d)/, '') || '0';
  const decimals = fraction.replace(/0+$/, '');
  const size = decimals === '' ? digits : `${digits}.${decimals}`;
  return number.startsWith('-') && size !== '0' ? `-${size}` : size;
}

/** Comparator `number`; an answer without a number equals nothing. */
export function finalNumbersEqual(a: string, b: string): boolean {
  const number = finalNumber(a);
  return number !== undefined && number === finalNumber(b);
}
