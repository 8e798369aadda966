/**
 * The Sandbox seam: running an untrusted program for real, and recording what it did.
 */
import type { Limits, Program, ProgramInput } from '../problem/types.js';

/** How one execution ended. Whether its output is *right* is the judge's business, not the sandbox's. */
export type ExecutionOutcome = 'completed' | 'runtime-error' | 'time-limit' | 'memory-limit' | 'output-limit';

export interface Execution {
  readonly outcome: ExecutionOutcome;
  /** What was printed, up to the limit; invalid UTF-8 replaced. */
  readonly stdout: string;
  /** For a call: the result as a Python literal (`repr`), or absent when the call did not return. */
  readonly result?: string;
  /** The uncaught exception. */
  readonly error?: { readonly type: string; readonly message: string; readonly line?: number };
  readonly cpuTimeMs: number;
  readonly wallTimeMs: number;
  readonly peakMemoryBytes?: number;
}

/**
 * One event of a trace. `frame` numbers the calls in order of entry, from 0 (the module, or the traced call).
 * `line` counts from 1 in the program's source. An event is recorded *before* its line runs; `changes` holds the
 * variables of the frame that differ from the frame's previous event, rendered as Python literals
 * (values that are no literals as `<Type ...>`), `removed` those that are gone.
 */
export type TraceEvent =
  | {
      readonly kind: 'call' | 'line';
      readonly frame: number;
      readonly function: string;
      readonly line: number;
      readonly changes: Readonly<Record<string, string>>;
      readonly removed?: readonly string[];
    }
  | {
      readonly kind: 'return' | 'exception';
      readonly frame: number;
      readonly function: string;
      readonly line: number;
      readonly changes: Readonly<Record<string, string>>;
      readonly removed?: readonly string[];
      /** The returned value, or `Type: message`. */
      readonly value: string;
    };

export interface Trace {
  readonly events: readonly TraceEvent[];
  readonly execution: Execution;
  /**
   * Set when the trace passed a cap (paper §2.1: 10,000 events or 1 MB; the events are then cut there), or when the program
   * ended the interpreter before it could hand anything over (`os._exit`, a signal, a limit).
   */
  readonly excluded?: 'too-many-events' | 'too-large' | 'not-handed-over';
}

export interface TraceCaps {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export const DEFAULT_TRACE_CAPS: TraceCaps = { maxEvents: 10_000, maxBytes: 1_000_000 };

/**
 * Runs programs. Failing programs are data; a sandbox that cannot do its work throws `InfrastructureError`
 * (boundary `sandbox`). Calls may be made concurrently; the sandbox queues them.
 */
export interface Sandbox {
  readonly kind: 'wasm' | 'native' | 'unsafe-process';
  /** How many executions can go on at once. */
  readonly concurrency: number;
  /** Runs `program` on each input, independently; as many results as inputs, in order. */
  run(
    program: Program,
    inputs: readonly ProgramInput[],
    options?: { readonly limits?: Limits; readonly signal?: AbortSignal },
  ): Promise<Execution[]>;
  /** The same with every step recorded. */
  trace(
    program: Program,
    inputs: readonly ProgramInput[],
    options?: { readonly limits?: Limits; readonly caps?: TraceCaps; readonly signal?: AbortSignal },
  ): Promise<Trace[]>;
  [Symbol.asyncDispose](): Promise<void>;
}
