/**
 * Entries packed into the page: a list as JSON, and details in gzipped parts that are unpacked when one is opened. Where all
 * details would make the page too large, those of some problems are left out, and the page says so: first to stay are
 * problems with right and wrong programs, since there something was to be chosen.
 */
import { gzipSync } from 'node:zlib';
import type { Entry } from './entries.js';

/** Characters of packed details that a page may hold. */
const DETAIL_BUDGET = 24_000_000;
/** Details unpacked at once. */
const PART = 20;

/** A line of the list: arm, problem, title, outcome, right, total, and where its detail is (part, place), −1 if left out. */
export type Line = readonly [number, string, string, string, number, number, number, number];

export interface Packed {
  readonly arms: readonly string[];
  readonly lines: readonly Line[];
  /** Base64 of gzipped JSON: the details of a part. */
  readonly parts: readonly string[];
  readonly leftOut: number;
}

export function packEntries(
  { arms, entries }: { readonly arms: readonly string[]; readonly entries: readonly Entry[] },
  budget = DETAIL_BUDGET,
): Packed {
  const parts: string[] = [];
  const places = new Map<Entry, readonly [number, number]>();
  let spent = 0;
  const atStake = ({ right, total }: Entry): boolean => right > 0 && right < total;
  const inOrder = [...entries.filter(atStake), ...entries.filter((entry) => !atStake(entry))];
  for (let start = 0; start < inOrder.length; start += PART) {
    const some = inOrder.slice(start, start + PART);
    const packed = gzipSync(JSON.stringify(some.map(({ detail }) => detail))).toString('base64');
    if (spent + packed.length > budget) break;
    spent += packed.length;
    some.forEach((entry, place) => {
      places.set(entry, [parts.length, place]);
    });
    parts.push(packed);
  }
  return {
    arms,
    lines: entries.map((entry): Line => {
      const { arm, problem, title, outcome, right, total } = entry;
      const [part, place] = places.get(entry) ?? [-1, -1];
      return [arm, problem, title, outcome, right, total, part, place];
    }),
    parts,
    leftOut: entries.length - places.size,
  };
}
