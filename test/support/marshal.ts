/** Writes what `readMarshal` reads: the replies that tests pretend a sandbox process to have sent. */

/** A 32-bit integer, null, true, false, text, bytes, a tuple, or a dictionary. */
export type Writable =
  | null
  | boolean
  | number
  | string
  | Buffer
  | readonly Writable[]
  | { readonly [key: string]: Writable | undefined };

/** The bytes of a value, as `marshal.dumps(value, 2)` makes them. Other numbers are floats. */
export function marshal(value: Writable): Buffer {
  if (value === null) return Buffer.from('N');
  if (typeof value === 'boolean') return Buffer.from(value ? 'T' : 'F');
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return Buffer.concat([Buffer.from('i'), int32(value)]);
    const bytes = Buffer.alloc(9, 'g');
    bytes.writeDoubleLE(value, 1);
    return bytes;
  }
  if (typeof value === 'string') return counted('u', Buffer.from(value));
  if (Buffer.isBuffer(value)) return counted('s', value);
  if (Array.isArray(value)) {
    const items = value as readonly Writable[];
    return Buffer.concat([Buffer.from('('), int32(items.length), ...items.map(marshal)]);
  }
  const pairs = Object.entries(value as Record<string, Writable | undefined>);
  const written = pairs.flatMap(([key, item]) => (item === undefined ? [] : [marshal(key), marshal(item)]));
  return Buffer.concat([Buffer.from('{'), ...written, Buffer.from('0')]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}

function counted(code: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(code), int32(bytes.length), bytes]);
}
