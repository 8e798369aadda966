/**
 * Reading and writing safetensors files of float32 tensors.
 * Source: the safetensors format (8 bytes of header length, JSON header, raw little-endian data).
 * Left out: other element types, sharded files.
 */
import { open, readFile } from 'node:fs/promises';
import { UsageError } from '../../../core/errors.js';

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Writes and flushes one file; `metadata` becomes `__metadata__`. */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = await open(path, 'w');
  try {
    await file.writeFile(length);
    await file.writeFile(json);
    for (const { data } of tensors) {
      await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads a file whole. Throws UsageError when it is missing, damaged, or holds something other than float32. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new UsageError(`${path}: cannot be read; expected a safetensors file`, { cause });
  });
  const damaged = (reason: string): never => {
    throw new UsageError(`${path}: damaged or not a safetensors file (${reason}); restore it or train anew`);
  };
  if (bytes.length < 8) damaged('too short');
  const headerLength = Number(bytes.readBigUInt64LE(0));
  if (headerLength > bytes.length - 8) damaged('the header reaches beyond the end');
  let header: Record<string, HeaderEntry | Record<string, string>> = {};
  try {
    header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  } catch {
    damaged('its header is not JSON');
  }
  const start = 8 + headerLength;
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { dtype, shape, data_offsets: offsets } = entry as HeaderEntry;
    if (dtype !== 'F32') damaged(`${name} is ${dtype}, only F32 is supported`);
    const [from, to] = offsets;
    const size = shape.reduce((a, b) => a * b, 1);
    if (to - from !== size * 4 || start + to > bytes.length) damaged(`${name} is cut off`);
    // A copy: the data need not lie at a multiple of four bytes.
    const data = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + start + from, bytes.byteOffset + start + to),
    );
    tensors.set(name, { name, shape, data });
  }
  return { tensors, metadata: (header['__metadata__'] ?? {}) as Record<string, string> };
}
