/**
 * Counts of a data set: plain numbers and histograms (label → number), added up over parts and shards.
 */
export type Counts = Readonly<Record<string, number | Readonly<Record<string, number>>>>;

export function addCounts(a: Counts, b: Counts): Counts {
  const out: Record<string, number | Record<string, number>> = {};
  for (const [name, value] of [...Object.entries(a), ...Object.entries(b)]) {
    const before = out[name];
    if (typeof value === 'number') out[name] = (typeof before === 'number' ? before : 0) + value;
    else {
      const sum = { ...(typeof before === 'object' ? before : {}) };
      for (const [label, count] of Object.entries(value)) sum[label] = (sum[label] ?? 0) + count;
      out[name] = sum;
    }
  }
  return out;
}

export function countOf(counts: Counts, name: string): number {
  const value = counts[name];
  return typeof value === 'number' ? value : 0;
}

export function histogramOf(counts: Counts, name: string): Readonly<Record<string, number>> {
  const value = counts[name];
  return typeof value === 'object' ? value : {};
}

/** A label for a histogram by powers of two: `64–127`. */
export function binOf(value: number): string {
  if (value < 1) return '0';
  const low = 2 ** Math.floor(Math.log2(value));
  return low === 1 ? '1' : `${low}–${2 * low - 1}`;
}
