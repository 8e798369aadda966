/**
 * The `wasm` sandbox: CPython compiled to WebAssembly (Pyodide), in child processes of ours.
 *
 * Four walls, from the inside out: the WebAssembly memory; a gate at the module's imports that is closed before the
 * first program (gate.mjs); a process with no environment and no way to make code from strings; Node's permission
 * model, with read access to Pyodide and our own scripts only. Differences from native CPython: threads run to their
 * end at `start`, no processes, sockets or pipes, `random` starts from the same state in every run.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { UsageError } from '../../core/errors.js';
import { SandboxPool } from '../pool.js';
import type { Sandbox } from '../types.js';
import type { WorkerCommand } from '../worker.js';

export type Isolation = 'input' | 'program' | 'none';

export interface WasmSandboxOptions {
  /** Child processes, at least 1; by default one per core, at most 4. */
  readonly processes?: number;
  /**
   * After what the interpreter's memory is put back as it was (1 to 2 ms).
   * - `input` (the default): after every run.
   * - `program`: after the last input of a program; its own runs share an interpreter, in fresh namespaces. For many
   *   short programs written by a model.
   * - `none`: hardly ever. Only for programs that we generated ourselves, never for a model's.
   */
  readonly isolation?: Isolation;
}

const GUEST_FILES = [
  'trace_values.py',
  'trace_plans.py',
  'trace_variables.py',
  'trace_frames.py',
  'trace_comprehensions.py',
  'recorder.py',
  'harness.py',
  'wasm_guest.py',
];
const CHILD_SCRIPTS = ['child.mjs', 'interpreter.mjs', 'gate.mjs', 'files.mjs'];

/** Creates the sandbox; processes start when there is work. Throws a UsageError for a bad `processes`. */
export function createWasmSandbox(options: WasmSandboxOptions = {}): Sandbox {
  const processes = options.processes ?? Math.min(4, availableParallelism());
  if (!Number.isInteger(processes) || processes < 1) {
    throw new UsageError(`createWasmSandbox: processes must be a whole number from 1, got ${processes}`);
  }
  return new SandboxPool({
    kind: 'wasm',
    concurrency: processes,
    command: () => wasmCommand(options.isolation ?? 'input'),
    onReady: (body) => {
      if (body.length > 0) snapshot = body;
    },
  });
}

/**
 * The memory of an interpreter that had just started, before it ran any program. The first process makes it, later
 * ones start from it, in a sixth of the time. The same for all sandboxes of this process.
 */
let snapshot: Buffer | undefined;

function wasmCommand(isolation: Isolation): WorkerCommand {
  const pyodide = dirname(createRequire(import.meta.url).resolve('pyodide/package.json'));
  const here = fileURLToPath(new URL('.', import.meta.url));
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const readable = [join(pyodide, sep), ...CHILD_SCRIPTS.map((name) => join(here, name))];
  return {
    file: process.execPath,
    args: [
      permission,
      ...readable.map((path) => `--allow-fs-read=${path}`),
      '--disallow-code-generation-from-strings',
      '--no-warnings',
      join(here, 'child.mjs'),
    ],
    env: {},
    setup: {
      pyodideUrl: pathToFileURL(join(pyodide, 'pyodide.mjs')).href,
      indexUrl: join(pyodide, sep),
      files: Object.fromEntries(GUEST_FILES.map((name) => [name, readFileSync(pythonFile(name), 'utf8')])),
      isolation,
      makeSnapshot: snapshot === undefined,
      hasSnapshot: snapshot !== undefined,
    },
    ...(snapshot === undefined ? {} : { attachment: snapshot }),
  };
}

/** Where a file of python/ lies; the same from `src` and from `dist`. */
function pythonFile(name: string): URL {
  return new URL(`../../../python/${name}`, import.meta.url);
}
