/**
 * A pool of sandbox processes: queues runs, keeps the processes fed, kills what overruns, retries what broke.
 *
 * Owns: scheduling, the wall-clock backstop, replacement of processes, the rule that a program which brings its
 * sandbox down twice while a canary passes has earned `runtime-error`. Leaves out: what the process is (worker.ts,
 * and each sandbox's own files).
 */
import { InfrastructureError } from '../core/errors.js';
import { DEFAULT_LIMITS, type Limits, type Program, type ProgramInput } from '../problem/types.js';
import { DEFAULT_TRACE_CAPS, type Execution, type Sandbox, type Trace } from './types.js';
import { type RunReport, toExecution, toTrace } from './wire.js';
import { cpuTimeOf, type Job, Worker, type WorkerCommand } from './worker.js';

/** About how much work is sent ahead to one process, so that it never waits for us. */
const AHEAD_MS = 40;
const MAX_AHEAD_RUNS = 64;
const TICK_MS = 50;
/** Ticks further apart than this mean that we were stopped ourselves; that time is no program's. */
const STOPPED_MS = 1_000;
/** A process that passed its own limit by this much CPU time will not stop by itself. */
const CPU_GRACE_MS = 1_200;

interface PoolOptions {
  readonly kind: Sandbox['kind'];
  readonly concurrency: number;
  /** How the next process is started. */
  readonly command: () => WorkerCommand;
  /** Told what a process sent along when it was ready. */
  readonly onReady?: (body: Buffer) => void;
  /** Called when the pool is closed and its processes have ended. */
  readonly onClose?: () => void;
}

/** One run of one program on one input, wherever it is in its life. */
interface Run {
  readonly program: Program;
  readonly input: ProgramInput;
  readonly caps: Job['caps'];
  readonly limits: Limits;
  readonly settle: (result: Execution | Trace) => void;
  readonly fail: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  crashes: number;
}

interface Seat {
  readonly worker: Worker;
  /** Sent and not yet reported, in the order the process takes them. */
  readonly sent: Run[];
  startedAt: number;
  startedCpuMs: number | undefined;
  averageMs: number;
  killed: 'time-limit' | 'closed' | undefined;
}

const CANARY: Program = { source: 'print(6 * 7)' };

/** A `Sandbox` made of processes that all start the same way. */
export class SandboxPool implements Sandbox {
  readonly kind: Sandbox['kind'];
  readonly concurrency: number;
  readonly #options: PoolOptions;
  readonly #queue: Run[] = [];
  readonly #seats = new Set<Seat>();
  #spare: Seat | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  #closed = false;
  #failedStarts = 0;

  constructor(options: PoolOptions) {
    this.kind = options.kind;
    this.concurrency = options.concurrency;
    this.#options = options;
  }

  run(
    program: Program,
    inputs: readonly ProgramInput[],
    options: { readonly limits?: Limits; readonly signal?: AbortSignal } = {},
  ): Promise<Execution[]> {
    return this.#submit<Execution>(program, inputs, null, options.limits, options.signal);
  }

  trace(
    program: Program,
    inputs: readonly ProgramInput[],
    options: Parameters<Sandbox['trace']>[2] = {},
  ): Promise<Trace[]> {
    const caps = options.caps ?? DEFAULT_TRACE_CAPS;
    return this.#submit<Trace>(
      program,
      inputs,
      [caps.maxEvents, caps.maxBytes],
      options.limits,
      options.signal,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const seats = [...this.#seats, ...(this.#spare === undefined ? [] : [this.#spare])];
    for (const seat of seats) {
      seat.killed = 'closed';
      seat.worker.setBusy(true); // its end is waited for
      seat.worker.kill();
    }
    const waiting = [...this.#queue.splice(0), ...seats.flatMap((seat) => seat.sent.splice(0))];
    for (const run of waiting) run.fail(closedError());
    await Promise.all(seats.map((seat) => seat.worker.exited));
    this.#options.onClose?.();
  }

  #submit<Result extends Execution | Trace>(
    program: Program,
    inputs: readonly ProgramInput[],
    caps: Job['caps'],
    limits: Limits = DEFAULT_LIMITS,
    signal?: AbortSignal,
  ): Promise<Result[]> {
    if (this.#closed) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const results: Result[] = new Array(inputs.length);
      let left = inputs.length;
      if (left === 0) return resolve(results);
      const abort = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      const fail = (error: unknown): void => {
        signal?.removeEventListener('abort', abort);
        reject(error);
      };
      inputs.forEach((input, index) => {
        const settle = (result: Execution | Trace): void => {
          results[index] = result as Result;
          if (--left > 0) return;
          signal?.removeEventListener('abort', abort);
          resolve(results);
        };
        this.#queue.push({ program, input, caps, limits, settle, fail, signal, crashes: 0 });
      });
      this.#feed();
    });
  }

  /** Gives every process enough to do, and starts processes while there is more work than they can take. */
  #feed(): void {
    if (this.#closed) return;
    for (const seat of this.#seats) if (seat.worker.ready) this.#fill(seat);
    const starting = [...this.#seats].filter((seat) => !seat.worker.ready).length;
    const wanted = Math.min(this.concurrency - this.#seats.size, this.#queue.length - starting);
    for (let i = 0; i < wanted; i++) {
      const seat = this.#spare ?? this.#open();
      this.#spare = undefined;
      this.#seats.add(seat);
      if (seat.worker.ready) this.#fill(seat);
    }
    for (const seat of this.#seats) seat.worker.setBusy(seat.sent.length > 0 || !seat.worker.ready);
    this.#watch();
  }

  #fill(seat: Seat): void {
    if (seat.killed !== undefined) return;
    const target = Math.max(1, Math.min(MAX_AHEAD_RUNS, Math.ceil(AHEAD_MS / Math.max(seat.averageMs, 0.1))));
    if (seat.sent.length > target / 2) return;
    const fair = Math.max(1, Math.ceil(this.#queue.length / this.concurrency));
    const runs: Run[] = [];
    while (runs.length < Math.min(target - seat.sent.length, fair)) {
      const run = this.#queue.shift();
      if (run === undefined) break;
      if (run.signal?.aborted !== true) runs.push(run);
    }
    if (runs.length === 0) return;
    if (seat.sent.length === 0) startClock(seat);
    seat.sent.push(...runs);
    seat.worker.send(toJobs(runs));
  }

  #open(): Seat {
    const seat: Seat = {
      worker: new Worker(this.#options.command(), {
        ready: (body) => {
          this.#failedStarts = 0;
          this.#options.onReady?.(body);
          this.#feed();
        },
        report: (report) => this.#take(seat, report),
        exit: (error) => this.#lose(seat, error),
      }),
      sent: [],
      startedAt: 0,
      startedCpuMs: undefined,
      averageMs: 5,
      killed: undefined,
    };
    return seat;
  }

  #take(seat: Seat, report: RunReport | undefined): void {
    const run = seat.sent.shift();
    if (run === undefined || seat.killed !== undefined) {
      // A report nobody asked for, or one that crossed our kill: the run is settled by `#lose`.
      if (run !== undefined) seat.sent.unshift(run);
      return;
    }
    startClock(seat);
    if (report !== undefined) seat.averageMs += (report.wallTimeMs + 0.2 - seat.averageMs) * 0.1;
    if (report === undefined || !settleRun(run, report))
      this.#crashed(run, report?.detail ?? 'an ill-formed report');
    if (report === undefined || report.spoiled) {
      this.#retire(seat);
      return;
    }
    this.#fill(seat);
    if (seat.sent.length === 0) this.#feed();
  }

  /** The process is going away by itself; what it has not begun goes to another. */
  #retire(seat: Seat): void {
    seat.killed = 'closed';
    this.#seats.delete(seat);
    this.#queue.unshift(...seat.sent.splice(0));
    this.#feed();
  }

  #lose(seat: Seat, error: InfrastructureError): void {
    if (this.#spare === seat) this.#spare = undefined;
    this.#seats.delete(seat);
    const [current, ...rest] = seat.sent.splice(0);
    this.#queue.unshift(...rest);
    if (current !== undefined) {
      if (seat.killed === 'time-limit') settleTimeLimit(current, performance.now() - seat.startedAt);
      else this.#crashed(current, error.message);
    }
    if (this.#closed) return;
    if (!seat.worker.ready && seat.killed === undefined && ++this.#failedStarts >= 2) {
      for (const run of this.#queue.splice(0)) run.fail(error);
      return;
    }
    this.#feed();
  }

  #crashed(run: Run, detail: string): void {
    run.crashes++;
    if (run.crashes < 2) {
      this.#queue.unshift(run);
      return;
    }
    const broken = new InfrastructureError(`the sandbox failed twice on one program (${detail})`, {
      code: 'sandbox-broken',
      boundary: 'sandbox',
      retryable: true,
    });
    this.run(CANARY, [{ kind: 'stdin', stdin: '' }]).then(
      ([canary]) => {
        if (canary?.outcome !== 'completed' || canary.stdout !== '42\n') return run.fail(broken);
        settle(run, {
          outcome: 'runtime-error',
          stdout: '',
          error: { type: 'SandboxCrash', message: detail },
          cpuTimeMs: 0,
          wallTimeMs: 0,
        });
      },
      () => run.fail(broken),
    );
  }

  #watch(): void {
    const busy = [...this.#seats].some((seat) => seat.sent.length > 0);
    if (!busy) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      this.#tickedAt = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
    }
  }

  /** Looks for runs that do not end. */
  #tick(): void {
    const now = performance.now();
    const stoppedMs = now - this.#tickedAt > STOPPED_MS ? now - this.#tickedAt : 0;
    this.#tickedAt = now;
    for (const seat of this.#seats) seat.startedAt += stoppedMs;
    for (const seat of this.#seats) {
      const run = seat.sent[0];
      if (run === undefined || seat.killed !== undefined) continue;
      const wallMs = now - seat.startedAt;
      const { cpuTimeMs } = run.limits;
      if (wallMs < Math.min(cpuTimeMs, 1000)) continue;
      const pid = seat.worker.pid;
      const usedMs = pid === undefined ? undefined : cpuTimeOf(pid);
      seat.startedCpuMs ??= usedMs;
      const cpuMs = usedMs === undefined || seat.startedCpuMs === undefined ? 0 : usedMs - seat.startedCpuMs;
      if (cpuMs > cpuTimeMs + CPU_GRACE_MS || wallMs > wallLimitMs(run.limits)) {
        seat.killed = 'time-limit';
        seat.worker.kill();
      } else if (this.#spare === undefined && wallMs > cpuTimeMs * 0.75) this.#spare = this.#open();
    }
    this.#watch();
  }
}

/** The wall-clock backstop of a CPU limit: generous, since the machine may be busy with other things. */
function wallLimitMs(limits: Limits): number {
  return 3 * limits.cpuTimeMs + 2_000;
}

function startClock(seat: Seat): void {
  seat.startedAt = performance.now();
  seat.startedCpuMs = undefined;
}

/** Runs of one program that follow each other become one job. */
function toJobs(runs: readonly Run[]): Job[] {
  const jobs: { -readonly [K in keyof Job]: Job[K] extends readonly (infer I)[] ? I[] : Job[K] }[] = [];
  let last: Run | undefined;
  for (const { program, input, caps, limits } of runs) {
    const wire = {
      kind: input.kind,
      stdin: input.kind === 'stdin' ? withFinalNewline(input.stdin) : '',
      expression: input.kind === 'call' ? input.expression : '',
    };
    const job = jobs.at(-1);
    if (job !== undefined && last?.program === program && last.caps === caps && last.limits === limits) {
      job.inputs.push(wire);
    } else {
      jobs.push({ id: jobs.length, source: program.source, caps, limits, inputs: [wire] });
      last = { program, input, caps, limits } as Run;
    }
  }
  return jobs as Job[];
}

/** Standard input is a text file, and those end in a newline (data sets often strip it). */
function withFinalNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** False when the report does not tell what became of the run. */
function settleRun(run: Run, report: RunReport): boolean {
  if (report.outcome === 'broken') return false;
  const result =
    run.caps === null
      ? toExecution(report)
      : toTrace(report, { maxEvents: run.caps[0], maxBytes: run.caps[1] });
  if (result === undefined) return false;
  run.settle(result);
  return true;
}

function settle(run: Run, execution: Execution): void {
  run.settle(run.caps === null ? execution : { events: [], execution, excluded: 'not-handed-over' });
}

function settleTimeLimit(run: Run, wallTimeMs: number): void {
  settle(run, { outcome: 'time-limit', stdout: '', cpuTimeMs: run.limits.cpuTimeMs, wallTimeMs });
}

function closedError(): InfrastructureError {
  return new InfrastructureError('the sandbox has been closed', {
    code: 'sandbox-closed',
    boundary: 'sandbox',
    retryable: false,
  });
}
