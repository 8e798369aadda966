/**
 * The interpreter's in-memory file system, as one program may use it.
 *
 * Only /tmp and the home folder can be written, up to a quota; everything else is read-only at the level of nodes, so
 * no path trick matters. Standard input is a regular file. `reset` brings everything back for the next program.
 */

const QUOTA_BYTES = 32 * 1024 * 1024;
const MAX_FILES = 1000;
const READ_ONLY = 69;
const NO_SPACE = 51;
const HOME = '/home/pyodide';

/**
 * Takes over the file system of a started interpreter.
 * @param {any} module Emscripten's module object
 * @param {(bytes: Uint8Array) => number} takeOutput
 */
export function createFiles(module, takeOutput) {
  const FS = module.FS;
  const MEMFS = FS.filesystems.MEMFS;

  // The terminal devices read and write Node's own descriptors.
  for (const path of ['/dev/tty', '/dev/tty1']) FS.unlink(path);
  for (const major of [5, 6]) delete FS.devices[FS.makedev(major, 0)];

  FS.mkdirTree(HOME);
  FS.writeFile('/stdin', new Uint8Array(0));
  const stdinNode = FS.lookupPath('/stdin').node;

  const device = FS.makedev(64, 1);
  const write = (
    /** @type {unknown} */ _stream,
    /** @type {Int8Array} */ buffer,
    /** @type {number} */ offset,
    /** @type {number} */ length,
  ) => takeOutput(new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length));
  const discard = (
    /** @type {unknown} */ _stream,
    /** @type {unknown} */ _buffer,
    /** @type {unknown} */ _offset,
    /** @type {number} */ length,
  ) => length;
  const ops = {
    read: () => 0,
    llseek: () => {
      throw new FS.ErrnoError(70);
    },
  };
  FS.registerDevice(device, { ...ops, write });
  const errorDevice = FS.makedev(64, 2);
  FS.registerDevice(errorDevice, { ...ops, write: discard });
  for (const [path, dev] of [
    ['/dev/stdout', device],
    ['/dev/stderr', errorDevice],
  ]) {
    FS.unlink(path);
    FS.mkdev(path, 0o666, dev);
  }
  FS.unlink('/dev/stdin');
  FS.symlink('/stdin', '/dev/stdin');
  for (const fd of [0, 1, 2]) FS.closeStream(fd);
  FS.open('/stdin', 0);
  FS.open('/dev/stdout', 1);
  FS.open('/dev/stderr', 1);
  FS.chdir(HOME);

  const pristine = FS.streams
    .slice(0, 3)
    .map((/** @type {any} */ stream) => ({ stream, flags: stream.flags }));
  const writable = new Set([FS.lookupPath('/tmp').node, FS.lookupPath(HOME).node]);
  const times = [...writable].map((folder) => ({ folder, at: { ...timesOf(folder) } }));
  /** @type {Set<unknown>} */
  const system = new Set();
  collect(FS.root);
  const firstInode = FS.nextInode;
  let files = 0;
  let used = 0;
  let touched = false;

  /** @param {any} node */
  function collect(node) {
    system.add(node);
    if (!FS.isDir(node.mode) || node.contents === undefined) return;
    for (const child of Object.values(node.contents)) collect(child);
  }

  /** @param {any} node */
  const protect = (node) => {
    touched = true;
    if (system.has(node)) throw new FS.ErrnoError(READ_ONLY);
  };
  /** @param {any} parent */
  const protectFolder = (parent) => {
    touched = true;
    if (system.has(parent) && !writable.has(parent)) throw new FS.ErrnoError(READ_ONLY);
  };
  /** @param {number} bytes */
  const charge = (bytes) => {
    used += bytes;
    if (used > QUOTA_BYTES) throw new FS.ErrnoError(NO_SPACE);
  };
  /** @param {any} table @param {string} name @param {(...args: any[]) => void} before */
  const guard = (table, name, before) => {
    const original = table[name];
    table[name] = (/** @type {any[]} */ ...args) => {
      before(...args);
      return original(...args);
    };
  };

  const { dir, file, link, chrdev } = MEMFS.ops_table;
  guard(dir.node, 'mknod', (parent) => {
    protectFolder(parent);
    if (++files > MAX_FILES) throw new FS.ErrnoError(NO_SPACE);
  });
  guard(dir.node, 'symlink', protectFolder);
  guard(dir.node, 'unlink', protectFolder);
  guard(dir.node, 'rmdir', (parent, name) => {
    protectFolder(parent);
    protect(FS.lookupNode(parent, name));
  });
  guard(dir.node, 'rename', (node, target) => {
    protect(node);
    protectFolder(node.parent);
    protectFolder(target);
  });
  for (const table of [dir, file, link, chrdev]) guard(table.node, 'setattr', protect);
  guard(file.stream, 'write', (stream, _buffer, _offset, length) => {
    protect(stream.node);
    charge(length);
  });
  guard(file.stream, 'msync', (stream) => protect(stream.node));
  guard(MEMFS, 'expandFileStorage', (node, size) => charge(Math.max(0, size - node.contents.length)));
  guard(MEMFS, 'resizeFileStorage', (node, size) => charge(Math.max(0, size - node.usedBytes)));

  /** @param {any} folder */
  const clear = (folder) => {
    for (const [name, node] of Object.entries(folder.contents)) {
      if (system.has(node)) continue;
      if (FS.isDir(/** @type {any} */ (node).mode)) clear(node);
      FS.hashRemoveNode(node);
      delete folder.contents[name];
    }
  };

  return {
    /** Gives the next program its standard input and everything else as it was at the start. @param {Uint8Array} stdin */
    reset(stdin) {
      stdinNode.contents = stdin;
      stdinNode.usedBytes = stdin.length;
      if (touched) {
        for (const folder of writable) clear(folder);
        for (const { folder, at } of times) Object.assign(folder, at);
        FS.nextInode = firstInode;
        touched = false;
        files = 0;
        used = 0;
      }
      if (FS.currentPath !== HOME) FS.currentPath = HOME;
      FS.streams.length = 3;
      for (const fd of [0, 1, 2]) {
        const { stream, flags } = pristine[fd];
        stream.fd = fd;
        stream.shared = { ...stream.shared, flags, position: 0 };
        FS.streams[fd] = stream;
      }
    },
  };
}

/** @param {any} node */
function timesOf({ atime, mtime, ctime }) {
  return { atime, mtime, ctime };
}
