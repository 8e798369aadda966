/**
 * A sandbox that remembers: the same program on the same inputs is run once. For sampling, where many completions of
 * one prompt are the same program. What it remembers is bounded: the runs asked for longest ago are forgotten.
 */
import { createHash } from 'node:crypto';
import { onAbort } from '../core/abort.js';
import { canonicalJson } from '../core/canonical-json.js';
import type { Execution, Sandbox } from './types.js';

/** Does not own `sandbox`; traces are passed through. `capacity`: how many (program, inputs) pairs are kept. */
export function createCachingSandbox(sandbox: Sandbox, capacity = 2_000): Sandbox {
  const known = new Map<string, Promise<Execution[]>>();
  return {
    kind: sandbox.kind,
    concurrency: sandbox.concurrency,
    run: (program, inputs, { signal, ...options } = {}) => {
      const key = createHash('sha256')
        .update(canonicalJson([program.source, inputs, options.limits ?? null]))
        .digest('base64');
      const before = known.get(key);
      if (before) return unlessAborted(before, signal);
      // Whoever else waits for this run must not be stopped with the caller who asked first.
      const running = sandbox.run(program, inputs, options);
      known.set(key, running);
      // A run that failed for our own reasons is tried anew next time.
      running.catch(() => known.delete(key));
      if (known.size > capacity) known.delete(known.keys().next().value!);
      return unlessAborted(running, signal);
    },
    trace: (program, inputs, options) => sandbox.trace(program, inputs, options),
    [Symbol.asyncDispose]: async () => known.clear(),
  };
}

/** Rejects with the signal's reason as soon as it is aborted; the work itself goes on. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  if (!signal) return work;
  let release = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    release = onAbort(signal, reject);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    release();
  }
}
