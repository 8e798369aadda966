/**
 * What the machine has for the `native` sandbox: a Python and bubblewrap, each tried for real.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PythonInfo {
  /** The real path of the interpreter. */
  readonly path: string;
  readonly version: string;
  /** Folders it reads its library from. */
  readonly folders: readonly string[];
}

export type Probe<Found> =
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'missing'; readonly reason: string; readonly remedy: string };

const OLDEST = [3, 10] as const;
const ASK = [
  'import json, os, sys',
  'print(json.dumps([sys.version_info[:3], sys.executable, sorted({sys.base_prefix, sys.base_exec_prefix,',
  '    os.path.dirname(os.path.realpath(os.__file__)), os.path.realpath(sys.base_prefix)})]))',
].join('\n');

/** Where our Python files lie; the same from `src` and from `dist`. */
export const pythonFolder = fileURLToPath(new URL('../../../python/', import.meta.url));

/** Looks for an interpreter of 3.10 or newer: `named`, or `python3` on the PATH. */
export function probePython(named?: string): Probe<PythonInfo> {
  const remedy =
    named === undefined
      ? 'install Python 3.10 or newer (Debian: apt install python3)'
      : 'name an interpreter of Python 3.10 or newer';
  const file = named === undefined ? onPath('python3') : onPath(named);
  if (file === undefined) {
    return { kind: 'missing', reason: `${named ?? 'python3'} was not found`, remedy };
  }
  const asked = spawnSync(file, ['-I', '-S', '-c', ASK], { encoding: 'utf8', timeout: 20_000, env: {} });
  try {
    const [version, path, folders] = JSON.parse(asked.stdout) as [number[], string, string[]];
    const [major = 0, minor = 0] = version;
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
      return { kind: 'missing', reason: `${file} is Python ${version.join('.')}, older than 3.10`, remedy };
    }
    return { kind: 'found', found: { path: realpathSync(path), version: version.join('.'), folders } };
  } catch {
    const said = asked.error?.message ?? asked.stderr.trim().split('\n').at(-1) ?? '';
    return { kind: 'missing', reason: `${file} does not run (${said})`, remedy };
  }
}

/** The arguments of bubblewrap around one server; the command follows them. */
export function bubblewrapArguments(python: PythonInfo): string[] {
  const seen = new Set<string>();
  const bind = (path: string): string[] => {
    const inside = [...seen].some((parent) => path === parent || path.startsWith(`${parent}/`));
    if (inside || !existsSync(path)) return [];
    seen.add(path);
    return ['--ro-bind', path, path];
  };
  const system = [
    '/usr',
    '/lib',
    '/lib64',
    '/bin',
    '/etc/ld.so.cache',
    '/etc/alternatives',
    '/etc/localtime',
  ];
  return [
    ...[
      '--unshare-user',
      '--unshare-all',
      '--uid',
      '65534',
      '--gid',
      '65534',
      '--die-with-parent',
      '--new-session',
    ],
    // For the server alone: PID namespaces, and removing what programs leave. Each program gives up everything.
    ...['--cap-drop', 'ALL', '--cap-add', 'CAP_SYS_ADMIN', '--cap-add', 'CAP_DAC_OVERRIDE'],
    ...[
      '--clearenv',
      '--setenv',
      'PATH',
      '/usr/bin:/bin',
      '--setenv',
      'LANG',
      'C.UTF-8',
      '--setenv',
      'HOME',
      '/tmp',
    ],
    // Symbols bound once, at the start, are not looked up again in every fork.
    ...['--setenv', 'PYTHONHASHSEED', '0', '--setenv', 'LD_BIND_NOW', '1', '--hostname', 'deskcheck'],
    ...system.flatMap(bind),
    ...[dirname(python.path), ...python.folders].flatMap(bind),
    // Not bubblewrap's own --dev: it would put a second user namespace between the server and its PID namespace.
    ...['null', 'zero', 'full', 'random', 'urandom'].flatMap((name) => [
      '--dev-bind',
      `/dev/${name}`,
      `/dev/${name}`,
    ]),
    ...['--symlink', '/proc/self/fd', '/dev/fd', '--symlink', '/proc/self/fd/0', '/dev/stdin'],
    ...['--symlink', '/proc/self/fd/1', '/dev/stdout', '--symlink', '/proc/self/fd/2', '/dev/stderr'],
    ...['--proc', '/proc', '--size', String(64 * 1024 * 1024), '--tmpfs', '/tmp'],
    ...['--ro-bind', resolve(pythonFolder), '/deskcheck', '--remount-ro', '/', '--chdir', '/tmp'],
  ];
}

/** Whether bubblewrap is there and can build the namespaces that we need. */
export function probeBubblewrap(python: PythonInfo): Probe<string> {
  if (process.platform !== 'linux') {
    return { kind: 'missing', reason: 'bubblewrap needs Linux', remedy: 'use the wasm sandbox' };
  }
  const file = onPath('bwrap');
  if (file === undefined) {
    return {
      kind: 'missing',
      reason: 'bwrap was not found',
      remedy: 'install bubblewrap (Debian: apt install bubblewrap)',
    };
  }
  const tried = spawnSync(file, [...bubblewrapArguments(python), python.path, '-I', '-c', 'print(6 * 7)'], {
    encoding: 'utf8',
    timeout: 20_000,
    env: {},
  });
  if (tried.stdout === '42\n') return { kind: 'found', found: file };
  const said = tried.error?.message ?? tried.stderr.trim().split('\n').at(-1) ?? '';
  return {
    kind: 'missing',
    reason: `bubblewrap cannot build its namespaces here (${said})`,
    remedy:
      'allow unprivileged user namespaces (in a container: its security profile), or use the wasm sandbox',
  };
}

function onPath(name: string): string | undefined {
  if (name.includes('/')) return existsSync(name) ? resolve(name) : undefined;
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, name);
    if (folder !== '' && existsSync(file)) return file;
  }
  return undefined;
}
