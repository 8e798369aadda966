/**
 * onnxruntime behind three calls: open a graph, run it, close it. Owns session options and the turning of
 * typed arrays into tensors without a copy.
 * onnxruntime-node computes on the calling thread: a run blocks the event loop while it lasts.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { InfrastructureError, messageOf } from '../../../core/errors.js';
import { passGate } from './native-gate.js';

export type TensorMap = Record<string, Tensor>;

/** An opened graph. */
export interface Program {
  /** Computes the outputs into the tensors given for them. */
  run(inputs: TensorMap, outputs: TensorMap): Promise<void>;
  release(): Promise<void>;
}

/** A tensor over `data`, which stays the caller's: what is written there later, later runs see. */
export function tensorOver(data: Float32Array | Int32Array, shape: readonly number[]): Tensor {
  return data instanceof Int32Array ? new Tensor('int32', data, shape) : new Tensor('float32', data, shape);
}

/** Opens an encoded graph on `threads` threads. */
export async function openProgram(graph: Uint8Array, threads: number): Promise<Program> {
  const session = await guard('open', () =>
    InferenceSession.create(graph, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // A pattern is kept for every combination of sizes ever seen, which never ends here; it brings no speed.
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: {
        session: {
          // Threads that spin while they wait starve whatever else runs on a small machine.
          intra_op: { allow_spinning: '0' },
          set_denormal_as_zero: '1',
        },
      },
    }),
  );
  return {
    run: async (inputs, outputs) => {
      await guard('run', () => session.run(inputs, outputs));
    },
    release: () => passGate(() => session.release()),
  };
}

async function guard<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await passGate(action);
  } catch (cause) {
    throw new InfrastructureError(`onnxruntime could not ${what} a graph: ${messageOf(cause)}`, {
      code: `onnxruntime-${what}`,
      boundary: 'engine',
      retryable: false,
      cause,
    });
  }
}
