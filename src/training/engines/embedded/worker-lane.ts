/**
 * A lane in a worker thread: calls go over as messages and are answered by worker.ts; weights and gradients go
 * through shared memory. A thread keeps the process alive only while a call is open.
 */
import { type TransferListItem, Worker } from 'node:worker_threads';
import { type Boundary, InfrastructureError, messageOf, UsageError } from '../../../core/errors.js';
import type { Loss } from '../../types.js';
import { layOut } from './architecture.js';
import type { FilledBatch, Lane, LaneOptions, LaneRunResult, Sequence, SequenceRequest } from './lane.js';
import { createNativeGate, forgetGate, type NativeGate, watchGate } from './native-gate.js';

/** What a thread is started with. */
export interface WorkerStart {
  readonly options: LaneOptions;
  /** Over shared memory, laid out as the parameters; each side touches them only within a call. */
  readonly shared: { readonly parameters: Float32Array; readonly gradients: Float32Array };
  readonly gate: NativeGate;
}

export interface Call {
  readonly id: number;
  readonly method: keyof Lane;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ErrorDescription };

/** An error as it travels between threads. */
interface ErrorDescription {
  readonly usage: boolean;
  readonly message: string;
  readonly code: string;
  readonly boundary: Boundary;
  readonly retryable: boolean;
}

interface OpenCall {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Worker threads need compiled code: from TypeScript sources (a test runner) there are none. */
export const WORKERS_AVAILABLE = import.meta.url.endsWith('.js');

export class WorkerLane implements Lane {
  private readonly worker: Worker;
  private readonly shared: WorkerStart['shared'];
  private readonly gate = createNativeGate();
  private readonly open = new Map<number, OpenCall>();
  private calls = 0;
  private failure: Error | undefined;

  constructor(options: LaneOptions) {
    const bytes = layOut(options.config).size * Float32Array.BYTES_PER_ELEMENT;
    const sharedArray = (): Float32Array => new Float32Array(new SharedArrayBuffer(bytes));
    this.shared = { parameters: sharedArray(), gradients: sharedArray() };
    const workerData: WorkerStart = { options, shared: this.shared, gate: this.gate };
    watchGate(this.gate);
    this.worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, execArgv: [] });
    this.worker.unref();
    this.worker.on('message', (answer: Answer) => this.settle(answer));
    this.worker.on('error', (error) => this.fail(messageOf(error)));
    this.worker.on('exit', (code) => {
      forgetGate(this.gate);
      this.fail(`its thread ended with code ${code}`);
    });
  }

  setParameters(parameters: Float32Array): Promise<void> {
    this.shared.parameters.set(parameters);
    return this.call('setParameters', []);
  }

  run(batches: readonly FilledBatch[], loss: Loss | undefined): Promise<LaneRunResult> {
    const transfer = batches.flatMap(({ arrays }) =>
      Object.values(arrays).map((array: Int32Array | Float32Array) => array.buffer as ArrayBuffer),
    );
    return this.call('run', [batches, loss], transfer);
  }

  async takeGradients(): Promise<Float32Array | undefined> {
    return (await this.call<boolean>('takeGradients', [])) ? this.shared.gradients : undefined;
  }

  openSampler(sampler: number, slots: number): Promise<void> {
    return this.call('openSampler', [sampler, slots]);
  }

  sample(sampler: number, id: number, request: SequenceRequest): Promise<Sequence> {
    return this.call('sample', [sampler, id, request]);
  }

  cancel(sampler: number, id: number): Promise<void> {
    return this.call('cancel', [sampler, id]);
  }

  interrupt(sampler: number, id: number): Promise<void> {
    return this.call('interrupt', [sampler, id]);
  }

  closeSampler(sampler: number): Promise<void> {
    return this.call('closeSampler', [sampler]);
  }

  async close(): Promise<void> {
    await this.call('close', []);
    this.failure = new UsageError('engine: it has been disposed of');
    await this.worker.terminate();
  }

  private call<T>(
    method: keyof Lane,
    args: readonly unknown[],
    transfer: TransferListItem[] = [],
  ): Promise<T> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const id = this.calls++;
    if (this.open.size === 0) this.worker.ref();
    return new Promise<T>((resolve, reject) => {
      this.open.set(id, { resolve: (value) => resolve(value as T), reject });
      this.worker.postMessage({ id, method, args } satisfies Call, transfer);
    });
  }

  private settle(answer: Answer): void {
    const call = this.open.get(answer.id);
    this.open.delete(answer.id);
    if (this.open.size === 0) this.worker.unref();
    if ('error' in answer) call?.reject(restoreError(answer.error));
    else call?.resolve(answer.result);
  }

  private fail(reason: string): void {
    this.failure ??= new InfrastructureError(`a compute thread of the embedded engine failed: ${reason}`, {
      code: 'compute-thread',
      boundary: 'engine',
      retryable: false,
    });
    for (const call of this.open.values()) call.reject(this.failure);
    this.open.clear();
  }
}

export function describeError(error: unknown): ErrorDescription {
  const known = error instanceof InfrastructureError ? error : undefined;
  return {
    usage: error instanceof UsageError,
    message: messageOf(error),
    code: known?.code ?? 'compute-thread',
    boundary: known?.boundary ?? 'engine',
    retryable: known?.retryable ?? false,
  };
}

function restoreError({ usage, message, ...details }: ErrorDescription): Error {
  return usage ? new UsageError(message) : new InfrastructureError(message, details);
}
