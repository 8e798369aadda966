import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from './frames.js';

/** As a sandbox process writes it. */
function frameOf(header: string, body: Uint8Array): Buffer {
  const text = Buffer.from(header);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(4 + text.length + body.length, 0);
  head.writeUInt32LE(text.length, 4);
  return Buffer.concat([head, text, body]);
}

describe('FrameReader', () => {
  it('finds the same frames however the stream is cut', () => {
    const messages = fc.array(fc.tuple(fc.string(), fc.uint8Array()), { maxLength: 6 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 40 })), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(([header, body]) => frameOf(header, body)));
        const reader = new FrameReader();
        const received: [string, number[]][] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % Math.max(1, cuts.length)] ?? 7;
          for (const { header, body } of reader.push(bytes.subarray(at, at + size))) {
            received.push([header.toString(), [...body]]);
          }
          at += size;
        }
        expect(received).toEqual(sent.map(([header, body]) => [Buffer.from(header).toString(), [...body]]));
      }),
    );
  });

  it('says that a stream is none of ours by a RangeError, and never otherwise', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const reader = new FrameReader();
        try {
          for (const chunk of chunks) reader.push(Buffer.from(chunk));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  it('refuses a length that no report has', () => {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(0x7fffffff, 0);
    expect(() => new FrameReader().push(head)).toThrow(/frame of 2147483647 bytes/);
    head.writeUInt32LE(20, 0);
    head.writeUInt32LE(100, 4);
    expect(() => new FrameReader().push(Buffer.concat([head, Buffer.alloc(20)]))).toThrow(/header length/);
  });
});
