/**
 * One Python interpreter (Pyodide) that runs untrusted programs one after another.
 *
 * Owns: starting it, closing the gate, the memory image that every program starts from, one run. After start-up
 * nothing of Pyodide's JavaScript is used: runs go through CPython's C API, and what comes back are bytes.
 *
 * Isolation between programs: the WebAssembly memory holds all of the interpreter's state, so copying it back as it
 * was after start-up (1 to 2 ms) undoes whatever a program did to builtins, modules, caches or the heap.
 */
import { createFiles } from './files.mjs';
import { createGate, ProgramEnd } from './gate.mjs';

/**
 * A memory that has grown beyond this (it starts with 30 MiB, and never shrinks) is not cleaned but replaced, with its process:
 * a fifth of a second once, where cleaning it would cost milliseconds after every run.
 */
const MAX_KEPT_MEMORY_BYTES = 48 * 1024 * 1024;
/** Runs that share an interpreter without isolation before its memory is restored anyway. */
const TRUSTED_RUNS = 200;

const encoder = new TextEncoder();

/**
 * @typedef {object} Job
 * @property {string} source
 * @property {'stdin' | 'call'} kind
 * @property {string} stdin
 * @property {string} expression
 * @property {[number, number] | null} caps
 * @property {boolean} last whether another program follows
 * @property {{ cpuTimeMs: number, memoryLimitBytes: number, outputLimitBytes: number }} limits
 */

/**
 * @typedef {object} Ended
 * @property {string} outcome an ExecutionOutcome, or `broken` when the interpreter could not say
 * @property {string} stdout
 * @property {number} cpuTimeMs
 * @property {number} wallTimeMs
 * @property {number} memoryBytes
 * @property {string} detail
 * @property {boolean} spoiled whether this process must be replaced
 * @property {Buffer} reply what the harness returned, in the form of `marshal`; empty when it did not return
 */

/**
 * @typedef {object} StartOptions
 * @property {string} pyodideUrl
 * @property {string} indexUrl
 * @property {Record<string, string>} files the guest modules, by file name
 * @property {'input' | 'program' | 'none'} isolation how often the memory is restored
 * @property {boolean} makeSnapshot whether to hand over a snapshot that later processes can start from
 */

/**
 * @param {StartOptions} options
 * @param {Uint8Array | null} snapshot of another process that started with the same options (6 times faster)
 */
export async function createInterpreter(options, snapshot) {
  const gate = createGate();
  const { instance, module, serve, made } = await start(options, snapshot, gate);
  const exports = /** @type {any} */ (instance.exports);
  /** @type {WebAssembly.Memory} */
  const memory = exports.memory;
  const files = createFiles(module, gate.takeOutput);
  gate.lock();

  const stackPointer = exports.__stack_pointer;
  const initialStack = stackPointer.value;
  const image = takeImage(memory);
  let dirty = 0;

  const restore = () => {
    putImage(memory, image);
    stackPointer.value = initialStack;
    dirty = 0;
  };

  /** @param {Buffer} request @returns {Buffer} */
  const call = (request) => {
    const buffer = exports.malloc(request.length + 1);
    new Uint8Array(memory.buffer).set(request, buffer);
    const argument = exports.PyBytes_FromStringAndSize(buffer, request.length);
    exports.free(buffer);
    const result = exports.PyObject_CallOneArg(serve, argument);
    exports._Py_DecRef(argument);
    if (result === 0) {
      exports.PyErr_Clear();
      return Buffer.alloc(0);
    }
    const start = exports.PyBytes_AsString(result);
    const size = exports.PyBytes_Size(result);
    const reply =
      start === 0 || size < 0 ? Buffer.alloc(0) : Buffer.from(memory.buffer.slice(start, start + size));
    exports._Py_DecRef(result);
    return reply;
  };

  return {
    snapshot: made,
    /** @param {Job} job @returns {Ended} */
    run(job) {
      files.reset(encoder.encode(job.stdin));
      const request = Buffer.from(
        JSON.stringify([job.source, job.kind, job.expression, job.caps, options.isolation !== 'input']),
      );
      gate.begin({ ...job.limits, soft: job.caps !== null });
      /** @type {Buffer} */
      let reply = Buffer.alloc(0);
      /** @type {unknown} */
      let failure;
      try {
        reply = call(request);
      } catch (error) {
        failure = error ?? new Error('unknown');
      }
      const used = gate.finish();
      const memoryBytes = memory.buffer.byteLength;
      const verdict = judgeEnd(reply, failure, used);
      const spoiled = verdict.spoiled || memoryBytes > MAX_KEPT_MEMORY_BYTES;
      dirty++;
      const ended = failure !== undefined || used.interrupted;
      const isDue =
        options.isolation === 'input' ||
        (options.isolation === 'program' && job.last) ||
        (options.isolation === 'none' && dirty >= TRUSTED_RUNS);
      if (!spoiled && (ended || isDue)) restore();
      return {
        outcome: verdict.outcome,
        detail: verdict.detail,
        spoiled,
        stdout: used.stdout,
        cpuTimeMs: used.cpuTimeMs,
        wallTimeMs: used.wallTimeMs,
        memoryBytes,
        reply: verdict.outcome === 'broken' ? Buffer.alloc(0) : reply,
      };
    },
  };
}

/**
 * @param {Buffer} reply
 * @param {unknown} failure
 * @param {{ interrupted: boolean, memoryRefused: boolean, outputOverflow: boolean }} used
 * @returns {{ outcome: string, detail: string, spoiled: boolean }}
 */
function judgeEnd(reply, failure, used) {
  if (failure === undefined) {
    if (used.interrupted) return { outcome: 'time-limit', detail: '', spoiled: false };
    if (used.outputOverflow) return { outcome: 'output-limit', detail: '', spoiled: false };
    if (reply.length === 0)
      return { outcome: used.memoryRefused ? 'memory-limit' : 'broken', detail: 'no reply', spoiled: true };
    return { outcome: 'returned', detail: '', spoiled: false };
  }
  if (failure instanceof ProgramEnd) {
    switch (failure.reason) {
      case 'time-limit':
      case 'output-limit':
        return { outcome: failure.reason, detail: '', spoiled: false };
      case 'exit':
        return { outcome: 'exit', detail: failure.detail, spoiled: false };
      case 'violation':
        return { outcome: 'violation', detail: failure.detail, spoiled: true };
      default:
        return {
          outcome: used.memoryRefused ? 'memory-limit' : 'broken',
          detail: failure.detail,
          spoiled: true,
        };
    }
  }
  if (failure instanceof RangeError && /call stack/i.test(failure.message)) {
    return { outcome: 'stack-overflow', detail: '', spoiled: true };
  }
  if (used.memoryRefused) return { outcome: 'memory-limit', detail: '', spoiled: true };
  return {
    outcome: 'broken',
    detail: failure instanceof Error ? failure.message : String(failure),
    spoiled: true,
  };
}

/**
 * Loads Pyodide behind the gate and the guest modules into it.
 * @param {StartOptions} options
 * @param {Uint8Array | null} snapshot
 * @param {ReturnType<typeof createGate>} gate
 */
async function start(options, snapshot, gate) {
  /** @type {WebAssembly.Instance | undefined} */
  let instance;
  const instantiate = WebAssembly.instantiate;
  // @ts-expect-error the loader calls only the form with bytes and imports
  WebAssembly.instantiate = async (/** @type {BufferSource} */ bytes, /** @type {any} */ imports) => {
    if (imports?.env === undefined) return instantiate(bytes, imports);
    const result = await instantiate(bytes, gate.wrap(imports));
    instance = result.instance;
    gate.setMemory(/** @type {WebAssembly.Memory} */ (result.instance.exports.memory));
    return result;
  };
  const { loadPyodide } = await import(options.pyodideUrl);
  const pyodide = await loadPyodide({
    indexURL: options.indexUrl,
    env: { PYTHONHASHSEED: '0', HOME: '/home/pyodide', LANG: 'C.UTF-8' },
    jsglobals: Object.create(null),
    stdin: () => null,
    stdout: () => {},
    stderr: () => {},
    ...(snapshot === null ? { _makeSnapshot: options.makeSnapshot } : { _loadSnapshot: snapshot }),
  });
  WebAssembly.instantiate = instantiate;
  if (instance === undefined) throw new Error('the WebAssembly module was not instantiated through the gate');
  /** @type {Uint8Array | null} */
  let made = null;
  if (snapshot === null) {
    loadGuest(pyodide, options.files);
    if (options.makeSnapshot) made = pyodide.makeMemorySnapshot();
  }
  // Arms the periodic look at signals, which the gate answers.
  pyodide.setInterruptBuffer(new Uint8Array(1));
  const serve = Number(pyodide.runPython('import wasm_guest\nwasm_guest.install()'));
  return { instance, module: pyodide._module, serve, made };
}

/** @param {any} pyodide @param {Record<string, string>} files */
function loadGuest(pyodide, files) {
  const folder = '/deskcheck';
  pyodide.FS.mkdir(folder);
  for (const [name, text] of Object.entries(files)) pyodide.FS.writeFile(`${folder}/${name}`, text);
  pyodide.runPython(
    `import sys\nsys.path.insert(0, '${folder}')\nimport wasm_guest\nsys.path.remove('${folder}')`,
  );
  for (const name of Object.keys(files)) pyodide.FS.unlink(`${folder}/${name}`);
  pyodide.FS.rmdir(folder);
}

/** A copy of the memory: the parts that hold anything. @param {WebAssembly.Memory} memory */
function takeImage(memory) {
  const page = 65536;
  const bytes = new Uint8Array(memory.buffer);
  const zeros = Buffer.alloc(page);
  /** @type {{ offset: number, bytes: Uint8Array }[]} */
  const parts = [];
  let from = -1;
  for (let offset = 0; offset <= bytes.length; offset += page) {
    const filled =
      offset < bytes.length && Buffer.compare(bytes.subarray(offset, offset + page), zeros) !== 0;
    if (filled && from < 0) from = offset;
    if (!filled && from >= 0) {
      parts.push({ offset: from, bytes: bytes.slice(from, offset) });
      from = -1;
    }
  }
  return parts;
}

/** @param {WebAssembly.Memory} memory @param {{ offset: number, bytes: Uint8Array }[]} image */
function putImage(memory, image) {
  const bytes = new Uint8Array(memory.buffer);
  let end = 0;
  for (const part of image) {
    if (part.offset > end) bytes.fill(0, end, part.offset);
    bytes.set(part.bytes, part.offset);
    end = part.offset + part.bytes.length;
  }
  bytes.fill(0, end);
}
