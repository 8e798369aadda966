/**
 * One sandbox process as the pool sees it: takes batches of jobs, reports each run, can be killed.
 * `wasm` and `native` differ only in the process that is started.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { InfrastructureError, messageOf } from '../core/errors.js';
import type { Limits } from '../problem/types.js';
import { encodeRequest, FrameReader, lengthOf } from './frames.js';
import { parseRunReport, type RunReport } from './wire.js';

/** One program and the inputs it is run on, as the process reads it. */
export interface Job {
  readonly id: number;
  readonly source: string;
  readonly caps: readonly [maxEvents: number, maxBytes: number] | null;
  readonly limits: Limits;
  readonly inputs: readonly {
    readonly kind: 'stdin' | 'call';
    readonly stdin: string;
    readonly expression: string;
  }[];
}

/** How the process is started. */
export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The first message the process reads. */
  readonly setup: unknown;
  /** Bytes it reads as a second one. */
  readonly attachment?: Buffer;
}

interface WorkerEvents {
  /** The process is ready for jobs; with the bytes that it sent along. */
  ready(body: Buffer): void;
  /** undefined: the process said something that is not a report; it has been killed. */
  report(report: RunReport | undefined): void;
  /** The process has ended, for whatever reason; the last event. */
  exit(error: InfrastructureError): void;
}

/** How much of the process's diagnostics is kept for error messages. */
const MAX_DIAGNOSTICS = 4000;

export class Worker {
  readonly #child: ChildProcess;
  readonly #reader = new FrameReader();
  #diagnostics = '';
  #ready = false;
  #ended = false;
  #busy = true;
  readonly exited: Promise<void>;

  constructor(command: WorkerCommand, events: WorkerEvents) {
    this.#child = spawn(command.file, command.args, {
      env: command.env,
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const { stdin, stdout, stderr } = this.#child;
    let finish: () => void = () => {};
    this.exited = new Promise((resolve) => {
      finish = resolve;
    });
    const end = (reason: string, cause?: unknown): void => {
      if (this.#ended) return;
      this.#ended = true;
      finish();
      const diagnostics = this.#diagnostics.trim();
      events.exit(
        new InfrastructureError(
          `the sandbox process ${reason}${diagnostics === '' ? '' : `: ${diagnostics}`}`,
          {
            code: this.#ready ? 'sandbox-process-ended' : 'sandbox-start-failed',
            boundary: 'sandbox',
            retryable: this.#ready,
            ...(cause === undefined ? {} : { cause }),
          },
        ),
      );
    };
    this.#child.on('error', (error) => end(`could not be started (${messageOf(error)})`, error));
    this.#child.on('close', (code, signal) => end(`ended with ${signal ?? `code ${code}`}`));
    stdin?.on('error', () => {}); // the close event tells
    stderr?.on('data', (chunk: Buffer) => {
      this.#diagnostics = (this.#diagnostics + chunk.toString('utf8')).slice(-MAX_DIAGNOSTICS);
    });
    stdout?.on('data', (chunk: Buffer) => this.#receive(chunk, events));
    stdin?.write(encodeRequest(command.setup));
    if (command.attachment !== undefined) {
      stdin?.write(lengthOf(command.attachment));
      stdin?.write(command.attachment);
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ready(): boolean {
    return this.#ready;
  }

  send(jobs: readonly Job[]): void {
    this.#child.stdin?.write(encodeRequest({ jobs }));
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** While nothing is asked of it the process does not keep ours alive. */
  setBusy(busy: boolean): void {
    if (busy === this.#busy || this.#ended) return;
    this.#busy = busy;
    const handles = [this.#child, this.#child.stdin, this.#child.stdout, this.#child.stderr] as unknown[];
    for (const handle of handles as { destroyed?: boolean; ref?(): void; unref?(): void }[]) {
      if (handle.destroyed) continue; // a closed stream would keep a listener for every call
      if (busy) handle.ref?.();
      else handle.unref?.();
    }
  }

  #receive(chunk: Buffer, events: WorkerEvents): void {
    if (this.#ended) return;
    try {
      for (const frame of this.#reader.push(chunk)) {
        if (!this.#ready) {
          this.#ready = true;
          events.ready(frame.body);
          continue;
        }
        const report = parseRunReport(frame.header, frame.body);
        events.report(report);
        if (report === undefined) {
          this.kill();
          return;
        }
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      events.report(undefined);
      this.kill();
    }
  }
}

/** CPU time a process has used so far, in ms; undefined where the system does not tell cheaply (not Linux). */
export function cpuTimeOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isFinite(ticks) ? ticks * 10 : undefined;
  } catch {
    return undefined;
  }
}
