/**
 * A set of ids (hexadecimal digits, 12 at least) in about 16 bytes each: what a shard remembers of its rows to leave
 * out duplicates. Ids are taken to be hashes; 48 bits of them are compared, so that among ten million rows one in about six
 * loses a row for nothing.
 */
export interface IdSet {
  /** Whether it was new. */
  add(id: string): boolean;
  readonly size: number;
}

const FIRST_SLOTS = 1 << 12;
const FULL = 0.6;

export function createIdSet(): IdSet {
  // Open addressing; 0 marks a free slot.
  let slots = new Float64Array(FIRST_SLOTS);
  let size = 0;
  const place = (table: Float64Array, key: number): number => {
    let at = key % table.length;
    while (table[at] !== 0 && table[at] !== key) at = (at + 1) % table.length;
    return at;
  };
  return {
    get size() {
      return size;
    },
    add: (id) => {
      const key = Number.parseInt(id.slice(0, 12), 16) + 1;
      if (!(key > 0) || id.length < 12) throw new RangeError(`"${id}" is no hash`);
      const at = place(slots, key);
      if (slots[at] === key) return false;
      slots[at] = key;
      if (++size > FULL * slots.length) {
        const larger = new Float64Array(2 * slots.length);
        for (const old of slots) if (old !== 0) larger[place(larger, old)] = old;
        slots = larger;
      }
      return true;
    },
  };
}
