/** Entry of a lane's thread: receives calls, lets `Compute` do them, answers. See worker-lane.ts. */
import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import { Compute } from './compute.js';
import type { LaneOptions, LaneRunResult } from './lane.js';
import { type Answer, type Call, describeError } from './worker-lane.js';

const port = parentPort;
if (port === null) throw new Error('worker.js is the entry of a worker thread');
const compute = new Compute(workerData as LaneOptions);

port.on('message', ({ id, method, args }: Call) => {
  const begun = (compute[method] as (...args: unknown[]) => Promise<unknown>).apply(compute, [...args]);
  begun.then(
    (result) => {
      // The lane goes on using its gradients: the other side gets a copy.
      const value = method === 'takeGradients' ? (result as Float32Array | undefined)?.slice() : result;
      post({ id, result: value }, transferable(method, value));
    },
    (error: unknown) => post({ id, error: describeError(error) }, []),
  );
});

function post(answer: Answer, transfer: readonly TransferListItem[]): void {
  port?.postMessage(answer, transfer);
}

function transferable(method: Call['method'], value: unknown): TransferListItem[] {
  if (method === 'takeGradients' && value instanceof Float32Array) return [value.buffer as ArrayBuffer];
  if (method !== 'run') return [];
  return (value as LaneRunResult).logprobs.map((logprobs) => logprobs.buffer as ArrayBuffer);
}
