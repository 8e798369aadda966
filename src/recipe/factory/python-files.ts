/**
 * Python files from folders, archives (.tar, .tar.gz, .tgz) and single files, one after the other in a fixed order,
 * without holding more than one archive member at a time.
 */
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { UsageError } from '../../core/errors.js';
import type { PythonFile } from '../../nlex/functions/find-functions.js';

/** Larger files are generated data, not functions. */
const LARGEST_FILE = 500_000;

/** Told which share of all paths has been read. */
type OnRead = (fraction: number) => void;

/** Reads them all. Throws a UsageError for a path that is none of these. */
export async function* readPythonFiles(
  paths: readonly string[],
  onRead: OnRead = () => undefined,
): AsyncGenerator<PythonFile> {
  for (const [at, path] of paths.entries()) {
    const inPath: OnRead = (fraction) => onRead((at + fraction) / paths.length);
    const found = await stat(path).catch(() => undefined);
    if (!found)
      throw new UsageError(`${path} does not exist; name a folder, a .py file, or a .tar.gz archive`);
    if (found.isDirectory()) yield* readFolder(path, '', inPath);
    else if (/\.(tar|tgz|tar\.gz)$/.test(path)) yield* readTar(path, found.size, inPath);
    else if (path.endsWith('.py')) yield { path, text: await readFile(path, 'utf8') };
    else throw new UsageError(`${path} is neither a folder, a .py file, nor a .tar, .tar.gz or .tgz archive`);
  }
}

async function* readFolder(root: string, inside: string, onRead: OnRead): AsyncGenerator<PythonFile> {
  const entries = await readdir(join(root, inside), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const [at, entry] of entries.entries()) {
    onRead(at / entries.length);
    const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
    if (entry.isDirectory() && !/^(\.|node_modules$|__pycache__$)/.test(entry.name))
      yield* readFolder(root, path, (fraction) => onRead((at + fraction) / entries.length));
    else if (entry.isFile() && entry.name.endsWith('.py')) {
      const { size } = await stat(join(root, path));
      if (size <= LARGEST_FILE) yield { path, text: await readFile(join(root, path), 'utf8') };
    }
  }
}

/** Larger archives are not read a first time only to count. */
const LARGEST_COUNTED = 200_000_000;

/** How many files there are, where that is soon told. */
export async function countPythonFiles(paths: readonly string[]): Promise<number | undefined> {
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  if (sizes.reduce((sum, size) => sum + size, 0) > LARGEST_COUNTED) return undefined;
  let count = 0;
  for await (const _ of readPythonFiles(paths)) count++;
  return count;
}

/** The .py members of a tar archive (ustar, GNU and pax names). */
async function* readTar(path: string, bytes: number, onRead: OnRead): AsyncGenerator<PythonFile> {
  const file = createReadStream(path);
  const stream: AsyncIterable<Buffer> = path.endsWith('.tar') ? file : file.pipe(createGunzip());
  let buffer: Buffer = Buffer.alloc(0);
  let longName: string | undefined;
  let member: { readonly name: string; readonly type: string; readonly size: number } | undefined;
  try {
    for await (const chunk of stream) {
      onRead(file.bytesRead / bytes);
      buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
      for (;;) {
        if (!member) {
          if (buffer.length < 512) break;
          member = readHeader(buffer.subarray(0, 512));
          buffer = buffer.subarray(512);
        }
        const padded = Math.ceil(member.size / 512) * 512;
        if (buffer.length < padded) break;
        const content = buffer.subarray(0, member.size);
        buffer = buffer.subarray(padded);
        const { name, type, size } = member;
        member = undefined;
        if (type === 'L') longName = content.toString('utf8').replace(/\0.*$/s, '');
        else if (type === 'x') longName = /\d+ path=([^\n]*)\n/.exec(content.toString('utf8'))?.[1];
        else {
          const path = longName ?? name;
          longName = undefined;
          if ((type === '0' || type === '\0') && path.endsWith('.py') && size <= LARGEST_FILE)
            yield { path, text: content.toString('utf8') };
        }
      }
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code?.startsWith('Z_'))
      throw new UsageError(`${path} is damaged (${code}); unpack it by hand to see`, { cause });
    throw cause;
  }
}

function readHeader(block: Buffer): { readonly name: string; readonly type: string; readonly size: number } {
  const field = (from: number, to: number): string => block.toString('utf8', from, to).replace(/\0.*$/s, '');
  const prefix = field(257, 262) === 'ustar' ? field(345, 500) : '';
  const name = field(0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    size: Number.parseInt(field(124, 136).trim() || '0', 8),
  };
}
