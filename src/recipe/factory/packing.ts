/**
 * How rows of given lengths pack into sequences of a fixed length: what a trainer will do with them, worked out from the
 * counts of lengths alone, so that memory does not grow with the data.
 *
 * `packed` is best-fit decreasing (TRL's `bfd`): each row, longest first, goes into the fullest sequence with room for it.
 * `padded` is no packing: one row per sequence, padded to the longest of a batch taken at random; the share there is that
 * of a batch of `BATCH` rows in expectation.
 */
export interface Packing {
  readonly sequenceLength: number;
  /** Rows that fit; longer ones are counted apart. */
  readonly rows: number;
  readonly tooLong: number;
  readonly tokens: number;
  readonly sequences: number;
  /** Share of the packed sequences' positions that hold tokens, in [0, 1]. */
  readonly fill: number;
  /** The same when rows are padded instead. */
  readonly paddedFill: number;
}

export const BATCH = 16;

/** `lengths`: tokens → rows. */
export function packingOf(lengths: ReadonlyMap<number, number>, sequenceLength: number): Packing {
  const fitting = [...lengths].filter(([length]) => length <= sequenceLength).sort((a, b) => b[0] - a[0]);
  const rows = fitting.reduce((sum, [, count]) => sum + count, 0);
  const tokens = fitting.reduce((sum, [length, count]) => sum + length * count, 0);
  const sequences = bestFitDecreasing(fitting, sequenceLength);
  const all = [...lengths.values()].reduce((sum, count) => sum + count, 0);
  return {
    ...{ sequenceLength, rows, tokens, sequences, tooLong: all - rows },
    fill: sequences === 0 ? 0 : tokens / (sequences * sequenceLength),
    paddedFill: rows === 0 ? 0 : tokens / rows / expectedLongest(fitting, rows),
  };
}

/** Equal rows are placed together: so many into each sequence of equal room as have room there. */
function bestFitDecreasing(fitting: readonly (readonly [number, number])[], sequenceLength: number): number {
  // Room left → sequences; `rooms` holds the rooms above 0 in ascending order.
  const counts = new Map<number, number>();
  const rooms: number[] = [];
  const put = (room: number, count: number): void => {
    if (room === 0 || count === 0) return;
    if (!counts.has(room)) rooms.splice(firstFrom(rooms, room), 0, room);
    counts.set(room, (counts.get(room) ?? 0) + count);
  };
  const take = (room: number, count: number): void => {
    const left = counts.get(room)! - count;
    if (left > 0) counts.set(room, left);
    else {
      counts.delete(room);
      rooms.splice(firstFrom(rooms, room), 1);
    }
  };
  let sequences = 0;
  for (const [length, count] of fitting) {
    let left = count;
    while (left > 0) {
      const room = rooms[firstFrom(rooms, length)];
      if (room === undefined) {
        const each = Math.floor(sequenceLength / length);
        const full = Math.floor(left / each);
        sequences += Math.ceil(left / each);
        put(sequenceLength - each * length, full);
        const rest = left - full * each;
        if (rest > 0) put(sequenceLength - rest * length, 1);
        break;
      }
      const each = Math.floor(room / length);
      const used = Math.min(counts.get(room)!, Math.floor(left / each));
      if (used > 0) {
        take(room, used);
        put(room - each * length, used);
        left -= used * each;
      } else {
        take(room, 1);
        put(room - left * length, 1);
        left = 0;
      }
    }
  }
  return sequences;
}

/** Where the first of ascending values that is at least `least` stands. */
function firstFrom(values: readonly number[], least: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of the longest among `BATCH` rows drawn at random. */
function expectedLongest(descending: readonly (readonly [number, number])[], rows: number): number {
  let expected = 0;
  let longer = 0;
  for (const [length, count] of descending) {
    const atMost = (rows - longer) / rows;
    const below = (rows - longer - count) / rows;
    expected += length * (atMost ** BATCH - below ** BATCH);
    longer += count;
  }
  return expected;
}
