/**
 * The `native` sandbox: CPython, forked warm once per run, inside bubblewrap; and `unsafe-process`, the same without
 * bubblewrap.
 *
 * The walls of `native`, from the outside in: bubblewrap (namespaces for users, processes, network, IPC and mounts; a
 * read-only system without /etc and home folders; a private 64 MiB /tmp; an empty environment); per run a PID
 * namespace, resource limits, no capabilities, a system-call filter without new processes, sockets or debugging
 * (python/confine.py). `unsafe-process` has the resource limits and the filter only: programs can read the user's files.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InfrastructureError, UsageError } from '../../core/errors.js';
import { SandboxPool } from '../pool.js';
import type { Sandbox } from '../types.js';
import { bubblewrapArguments, type PythonInfo, probeBubblewrap, probePython, pythonFolder } from './probe.js';

export interface NativeSandboxOptions {
  /** Servers, each running one program at a time; at least 1, by default one per core. */
  readonly processes?: number;
  /** The interpreter: a path, or a name on the PATH. Default `python3`. */
  readonly python?: string;
  /** Python's hash seed, which orders sets of strings; 0 unless told otherwise. */
  readonly hashSeed?: number;
}

/** Creates the sandbox. Throws an InfrastructureError, with the remedy, where it cannot work. */
export function createNativeSandbox(options: NativeSandboxOptions = {}): Sandbox {
  const concurrency = processesOf(options);
  const python = pythonOf(options);
  const bubblewrap = probeBubblewrap(python);
  if (bubblewrap.kind === 'missing') throw unavailable(bubblewrap.reason, bubblewrap.remedy);
  const command = {
    file: bubblewrap.found,
    // Not -I: it would ignore the hash seed. The environment holds nothing but what bubblewrap sets.
    args: [
      ...bubblewrapArguments(python),
      ...['--setenv', 'PYTHONHASHSEED', String(options.hashSeed ?? 0)],
      ...[python.path, '-S', '-s', '-B', '/deskcheck/server.py'],
    ],
    env: {},
    setup: { isolate: true, folder: '/tmp' },
  };
  return new SandboxPool({ kind: 'native', concurrency, command: () => command });
}

/** Creates the sandbox that is none, for machines where nothing else works; only ever by name. */
export function createUnsafeProcessSandbox(options: NativeSandboxOptions = {}): Sandbox {
  const concurrency = processesOf(options);
  const python = pythonOf(options);
  const root = mkdtempSync(join(tmpdir(), 'deskcheck-'));
  const command = () => {
    const folder = mkdtempSync(join(root, 'run-'));
    return {
      file: python.path,
      args: ['-S', '-s', '-B', join(pythonFolder, 'server.py')],
      env: {
        ...{ PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: folder, TMPDIR: folder },
        PYTHONHASHSEED: String(options.hashSeed ?? 0),
      },
      cwd: folder,
      setup: { isolate: false, folder },
    };
  };
  // Node's own fails on folders nested deeper than a path can be long.
  const onClose = (): void => void spawnSync('rm', ['-rf', root]);
  return new SandboxPool({ kind: 'unsafe-process', concurrency, command, onClose });
}

function processesOf(options: NativeSandboxOptions): number {
  const processes = options.processes ?? availableParallelism();
  if (!Number.isInteger(processes) || processes < 1) {
    throw new UsageError(`processes must be a whole number from 1, got ${processes}`);
  }
  return processes;
}

function pythonOf(options: NativeSandboxOptions): PythonInfo {
  const python = probePython(options.python);
  if (python.kind === 'found') return python.found;
  throw unavailable(python.reason, python.remedy);
}

function unavailable(reason: string, remedy: string): InfrastructureError {
  return new InfrastructureError(`the sandbox cannot work here: ${reason}; ${remedy}`, {
    code: 'sandbox-unavailable',
    boundary: 'sandbox',
    retryable: false,
  });
}
