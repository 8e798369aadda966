/**
 * A pickle that holds one string, read without unpickling: LiveCodeBench publishes private tests so. Unpickling runs
 * whatever the file's author wrote; here the few opcodes that build a single string are walked through, and any other
 * is refused before anything is made of it.
 *
 * Opcodes: PROTO, FRAME, the three counted unicode strings, the memo's (which store, and never act), STOP. The text form of
 * protocol 0 is refused too: nobody publishes it.
 */
import { UsageError } from '../../core/errors.js';

const PROTO = 0x80;
const FRAME = 0x95;
const SHORT_BINUNICODE = 0x8c;
const BINUNICODE = 0x58;
const BINUNICODE8 = 0x8d;
const MEMOIZE = 0x94;
const BINPUT = 0x71;
const LONG_BINPUT = 0x72;
const STOP = 0x2e;

/** The string. Throws a UsageError for anything that is not exactly one pickled string. */
export function readPickledString(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let text: string | undefined;
  const take = (size: number): number => {
    if (at + size > bytes.length) throw new UsageError('the pickle is cut off');
    at += size;
    return at - size;
  };
  const takeString = (size: number): string => {
    if (text !== undefined) throw new UsageError('the pickle holds more than one string');
    const start = take(size);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        bytes.subarray(start, start + size),
      );
    } catch (cause) {
      throw new UsageError('the string of the pickle is not UTF-8', { cause });
    }
  };
  const length8 = (): number => {
    const length = view.getBigUint64(take(8), true);
    // More than there is; `take` says so.
    return length > BigInt(bytes.length) ? bytes.length + 1 : Number(length);
  };
  for (;;) {
    const opcode = view.getUint8(take(1));
    switch (opcode) {
      case PROTO:
        take(1);
        break;
      case FRAME:
        length8();
        break;
      case SHORT_BINUNICODE:
        text = takeString(view.getUint8(take(1)));
        break;
      case BINUNICODE:
        text = takeString(view.getUint32(take(4), true));
        break;
      case BINUNICODE8:
        text = takeString(length8());
        break;
      case MEMOIZE:
        break;
      case BINPUT:
        take(1);
        break;
      case LONG_BINPUT:
        take(4);
        break;
      case STOP:
        if (text === undefined) throw new UsageError('the pickle holds no string');
        if (at !== bytes.length) throw new UsageError('something follows the end of the pickle');
        return text;
      default:
        throw new UsageError(
          `the pickle does more than hold a string (opcode 0x${opcode.toString(16)} at byte ${at - 1}); it is refused, not run`,
        );
    }
  }
}
