/** Entry of a lane's thread: receives calls, lets `Compute` do them, answers. See worker-lane.ts. */
import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import { Compute } from './compute.js';
import type { LaneRunResult } from './lane.js';
import { installGate } from './native-gate.js';
import { type Answer, type Call, describeError, type WorkerStart } from './worker-lane.js';

const port = parentPort;
if (port === null) throw new Error('worker.js is the entry of a worker thread');
const { options, shared, gate } = workerData as WorkerStart;
installGate(gate);
const compute = new Compute(options);

port.on('message', (call: Call) => {
  perform(call).then(
    (result) => post({ id: call.id, result }, transferable(call.method, result)),
    (error: unknown) => post({ id: call.id, error: describeError(error) }, []),
  );
});

async function perform({ method, args }: Call): Promise<unknown> {
  switch (method) {
    case 'setParameters':
      return compute.setParameters(shared.parameters);
    case 'takeGradients': {
      const gradients = await compute.takeGradients();
      if (gradients !== undefined) shared.gradients.set(gradients);
      return gradients !== undefined;
    }
    default:
      return (compute[method] as (...args: unknown[]) => Promise<unknown>).apply(compute, [...args]);
  }
}

function post(answer: Answer, transfer: readonly TransferListItem[]): void {
  port?.postMessage(answer, transfer);
}

function transferable(method: Call['method'], result: unknown): TransferListItem[] {
  if (method !== 'run') return [];
  return (result as LaneRunResult).logprobs.map((logprobs) => logprobs.buffer as ArrayBuffer);
}
