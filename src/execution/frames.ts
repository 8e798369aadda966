/**
 * Framed messages between us and a process that runs untrusted programs.
 *
 * To it: u32 length, then JSON. From it: u32 length of the rest, u32 length of a JSON header, the header, a body of
 * raw bytes. All integers little-endian. What arrives is data to be checked: a length out of bounds is an error.
 */

/** The largest frame we accept; outputs and traces are capped far below it. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;

/** A frame that arrived: both parts unparsed. */
interface Frame {
  readonly header: Buffer;
  readonly body: Buffer;
}

export function encodeRequest(message: unknown): Buffer {
  const bytes = Buffer.from(JSON.stringify(message));
  return Buffer.concat([lengthOf(bytes), bytes]);
}

/** What goes before raw bytes to make them a frame: those of a snapshot are many, and are sent without a copy. */
export function lengthOf(bytes: Buffer): Buffer {
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32LE(bytes.length, 0);
  return head;
}

/** Cuts a byte stream into frames. Throws a RangeError when the stream cannot be ours. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const frames: Frame[] = [];
    if (this.#length < 4) return frames;
    let bytes = this.#chunks.length === 1 ? chunk : undefined;
    let offset = 0;
    for (;;) {
      if (bytes === undefined) {
        const need = this.#peekLength();
        if (need !== undefined && this.#length < 4 + need) return frames;
        bytes = Buffer.concat(this.#chunks);
      }
      if (bytes.length - offset < 4) break;
      const size = bytes.readUInt32LE(offset);
      checkSize(size);
      if (bytes.length - offset < 4 + size) break;
      const headerSize = size < 4 ? -1 : bytes.readUInt32LE(offset + 4);
      if (headerSize < 0 || headerSize > size - 4)
        throw new RangeError(`bad frame header length ${headerSize}`);
      const start = offset + 8;
      frames.push({
        header: bytes.subarray(start, start + headerSize),
        body: bytes.subarray(start + headerSize, offset + 4 + size),
      });
      offset += 4 + size;
    }
    const rest = bytes.subarray(offset);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    return frames;
  }

  /** The length of the frame in progress, if its four bytes lie in the first chunk. */
  #peekLength(): number | undefined {
    const first = this.#chunks[0];
    if (first === undefined || first.length < 4) return undefined;
    const size = first.readUInt32LE(0);
    checkSize(size);
    return size;
  }
}

function checkSize(size: number): void {
  if (size > MAX_FRAME_BYTES) throw new RangeError(`frame of ${size} bytes`);
}
