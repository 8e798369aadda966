/**
 * The child process of the `wasm` sandbox: reads jobs on descriptor 0, writes results on descriptor 1.
 *
 * Plain JavaScript, so that the same file runs from `src` and from `dist`. It is one synchronous loop: no event loop
 * turns while untrusted programs run, so nothing they leave behind can run later.
 *
 * Frames: u32 little-endian length of the rest, u32 length of a JSON header, the header, a body of raw bytes.
 */
import { readSync, writeSync } from 'node:fs';

// Emscripten writes diagnostics to the console, and descriptor 1 is the protocol's.
for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace']) {
  Object.defineProperty(console, name, { value: () => {} });
}
// Pyodide asks for open(2) constants in a way that the permission model forbids.
Object.defineProperty(process, 'binding', { value: () => ({ fs: {} }) });

const { createInterpreter } = await import('./interpreter.mjs');

const setup = readFrame();
if (setup === null) process.exit(0);
const options = JSON.parse(setup.toString('utf8'));
const snapshot = options.hasSnapshot ? readFrame() : null;
const interpreter = await createInterpreter(options, snapshot);
writeFrame({ kind: 'ready' }, Buffer.from(interpreter.snapshot ?? []));

for (;;) {
  const frame = readFrame();
  if (frame === null) process.exit(0);
  const { jobs } = JSON.parse(frame.toString('utf8'));
  for (const { id, source, caps, limits, inputs } of jobs) {
    for (let index = 0; index < inputs.length; index++) {
      const { reply, ...ended } = interpreter.run({
        source,
        caps,
        limits,
        ...inputs[index],
        last: index === inputs.length - 1,
      });
      writeFrame({ kind: 'run', id, index, ...ended }, reply);
      if (ended.spoiled) process.exit(0);
    }
  }
}

/** @returns {Buffer | null} the body of the next frame, or null at the end of input */
function readFrame() {
  const head = readBytes(4);
  return head === null ? null : readBytes(head.readUInt32LE(0));
}

/** @param {number} size @returns {Buffer | null} */
function readBytes(size) {
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  while (offset < size) {
    let count = 0;
    try {
      count = readSync(0, bytes, offset, size - offset, null);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EAGAIN') continue;
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EOF') return null;
      throw error;
    }
    if (count === 0) return null;
    offset += count;
  }
  return bytes;
}

/** @param {object} header @param {Buffer} body */
function writeFrame(header, body) {
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.allocUnsafe(8);
  head.writeUInt32LE(4 + text.length + body.length, 0);
  head.writeUInt32LE(text.length, 4);
  const bytes = Buffer.concat([head, text, body]);
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(1, bytes, offset, bytes.length - offset);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EAGAIN') throw error;
    }
  }
}
