/**
 * Choosing a sandbox by name, and saying what works on this machine.
 */
import { InfrastructureError, messageOf, UsageError } from '../core/errors.js';
import { createNativeSandbox, createUnsafeProcessSandbox } from './native/native-sandbox.js';
import { probeBubblewrap, probePython } from './native/probe.js';
import type { Sandbox } from './types.js';
import { createWasmSandbox, type Isolation } from './wasm/wasm-sandbox.js';

/** `auto` is `native` where it works, else `wasm`; never `unsafe-process`. */
export type SandboxKind = 'auto' | Sandbox['kind'];

export const SANDBOX_KINDS: readonly SandboxKind[] = ['auto', 'native', 'wasm', 'unsafe-process'];

export interface SandboxOptions {
  /** How many programs run at once; by default as many as there are cores. */
  readonly processes?: number;
  /** The interpreter of `native` and `unsafe-process`. */
  readonly python?: string;
  /** The hash seed of `native` and `unsafe-process`: programs that depend on it show under another. */
  readonly hashSeed?: number;
  /** How often `wasm` puts its memory back; the others always have a process of its own for every run. */
  readonly isolation?: Isolation;
}

/** Creates a sandbox. Throws an InfrastructureError where the one that was named cannot work. */
export function createSandbox(kind: SandboxKind = 'auto', options: SandboxOptions = {}): Sandbox {
  const { processes, isolation } = options;
  const wasm = (): Sandbox =>
    createWasmSandbox({
      ...(processes !== undefined && { processes }),
      ...(isolation !== undefined && { isolation }),
    });
  switch (kind) {
    case 'native':
      return createNativeSandbox(options);
    case 'wasm':
      return wasm();
    case 'unsafe-process':
      return createUnsafeProcessSandbox(options);
    case 'auto':
      try {
        return createNativeSandbox(options);
      } catch (error) {
        // An interpreter that was named is not silently replaced by another.
        if (!(error instanceof InfrastructureError) || options.python !== undefined) throw error;
        return wasm();
      }
    default:
      throw new UsageError(
        `unknown sandbox ${JSON.stringify(kind satisfies never)}; there are ${SANDBOX_KINDS.join(', ')}`,
      );
  }
}

/** What one sandbox is good for on this machine. */
interface SandboxReport {
  readonly kind: Sandbox['kind'];
  readonly works: boolean;
  /** The interpreter, or why it does not work. */
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** What it does not protect from. */
  readonly caveats: readonly string[];
}

interface ExecutionReport {
  readonly auto: 'native' | 'wasm' | 'none';
  readonly sandboxes: readonly SandboxReport[];
}

/** Tries every sandbox, by running a program in it. `python` as for `createSandbox`. */
export async function diagnoseExecution(python?: string): Promise<ExecutionReport> {
  const sandboxes = [await diagnoseNative(python), await diagnoseWasm(), diagnoseUnsafe(python)];
  const works = (kind: Sandbox['kind']): boolean =>
    sandboxes.some((report) => report.kind === kind && report.works);
  return { auto: works('native') ? 'native' : works('wasm') ? 'wasm' : 'none', sandboxes };
}

async function diagnoseNative(named: string | undefined): Promise<SandboxReport> {
  const base = { kind: 'native', caveats: ['a bug in the kernel would open it'] } as const;
  const python = probePython(named);
  if (python.kind === 'missing')
    return { ...base, works: false, detail: python.reason, remedy: python.remedy };
  const bubblewrap = probeBubblewrap(python.found);
  if (bubblewrap.kind === 'missing') {
    return { ...base, works: false, detail: bubblewrap.reason, remedy: bubblewrap.remedy };
  }
  const failure = await tryOut(() => createNativeSandbox({ processes: 1, python: python.found.path }));
  if (failure !== undefined) return { ...base, works: false, detail: failure };
  return { ...base, works: true, detail: `Python ${python.found.version} in ${bubblewrap.found}` };
}

async function diagnoseWasm(): Promise<SandboxReport> {
  const caveats = [
    'threads run to their end when they are started (asyncio works, but for threads); there are no processes, sockets or pipes',
    // Node's permission model covers files and processes; it does not cover the network before Node 25.
    'should WebAssembly itself be broken out of, Node 20 to 24 would leave the network open',
  ];
  const failure = await tryOut(() => createWasmSandbox({ processes: 1 }));
  if (failure !== undefined) {
    return { kind: 'wasm', works: false, detail: failure, remedy: 'run npm ci again', caveats };
  }
  return { kind: 'wasm', works: true, detail: 'Pyodide, from npm', caveats };
}

function diagnoseUnsafe(named: string | undefined): SandboxReport {
  const caveats = ['programs can read your files; only ever for programs that you trust'];
  const python = probePython(named);
  if (python.kind === 'missing') {
    return { kind: 'unsafe-process', works: false, detail: python.reason, remedy: python.remedy, caveats };
  }
  const works = process.platform !== 'win32';
  const detail = works ? `Python ${python.found.version}` : 'needs Linux or macOS';
  return { kind: 'unsafe-process', works, detail, caveats };
}

/** undefined when a program ran as it should, else why not. */
async function tryOut(create: () => Sandbox): Promise<string | undefined> {
  try {
    await using sandbox = create();
    const [execution] = await sandbox.run({ source: 'print(input()[::-1])' }, [
      { kind: 'stdin', stdin: 'abc' },
    ]);
    return execution?.stdout === 'cba\n' ? undefined : `a first program ended with ${execution?.outcome}`;
  } catch (error) {
    return messageOf(error);
  }
}
