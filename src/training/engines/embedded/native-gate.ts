/**
 * Lets a process exit while worker threads compute. A thread that is stopped in the middle of native code takes the
 * whole process down with an abort, so before exiting the main thread waits until each is out of it.
 *
 * The gate is two words of shared memory: the thread raises BUSY before native code and lowers it after; the main
 * thread raises STOP and then waits for BUSY to fall. A thread that finds STOP raised does not go in.
 */

const BUSY = 0;
const STOP = 1;
/** Longer than any run of a graph; after that we exit anyway. */
const PATIENCE_MS = 5000;

export type NativeGate = Int32Array;

/** The gate of this thread; none in the main thread, which cannot exit in the middle of its own call. */
let own: NativeGate | undefined;
const watched = new Set<NativeGate>();
let listening = false;

export function createNativeGate(): NativeGate {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
}

/** Worker side: from now on `passGate` uses this gate. */
export function installGate(gate: NativeGate): void {
  own = gate;
}

/** Worker side: runs native code. Never settles once the process is exiting. */
export async function passGate<T>(native: () => Promise<T>): Promise<T> {
  const gate = own;
  if (gate === undefined) return native();
  Atomics.add(gate, BUSY, 1);
  try {
    if (Atomics.load(gate, STOP) === 0) return await native();
  } finally {
    Atomics.sub(gate, BUSY, 1);
    Atomics.notify(gate, BUSY);
  }
  return new Promise<T>(() => undefined);
}

/** Main side: waits for this gate before the process exits. */
export function watchGate(gate: NativeGate): void {
  watched.add(gate);
  if (listening) return;
  listening = true;
  process.on('exit', () => {
    for (const each of watched) Atomics.store(each, STOP, 1);
    for (const each of watched) {
      for (let busy = Atomics.load(each, BUSY); busy > 0; busy = Atomics.load(each, BUSY)) {
        if (Atomics.wait(each, BUSY, busy, PATIENCE_MS) === 'timed-out') break;
      }
    }
  });
}

/** Main side: the thread is gone. */
export function forgetGate(gate: NativeGate): void {
  watched.delete(gate);
}
