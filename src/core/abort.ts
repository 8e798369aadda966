/**
 * Cancelling many pieces of work by one signal: children that end with their parent, or on their own.
 *
 * However many children a signal has, it carries one listener, so that neither Node's listener warning nor the leak of
 * `AbortSignal.any` under long-lived signals (nodejs/node#54614) is met with thousands of episodes in flight.
 */

/** Calls `then` with the reason once the signal is aborted, at once if it is already. The result ends the listening. */
export function onAbort(signal: AbortSignal | undefined, then: (reason: unknown) => void): () => void {
  if (!signal) return () => undefined;
  if (signal.aborted) {
    then(signal.reason);
    return () => undefined;
  }
  const listeners = listenersOf(signal);
  listeners.add(then);
  return () => {
    listeners.delete(then);
  };
}

/** A controller that is aborted with its parent, for the parent's reason. `release` it when its work has ended. */
export function childController(parent: AbortSignal | undefined): {
  readonly controller: AbortController;
  release(): void;
} {
  const controller = new AbortController();
  const release = onAbort(parent, (reason) => controller.abort(reason));
  return { controller, release };
}

const registry = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();

function listenersOf(signal: AbortSignal): Set<(reason: unknown) => void> {
  const known = registry.get(signal);
  if (known) return known;
  const listeners = new Set<(reason: unknown) => void>();
  registry.set(signal, listeners);
  signal.addEventListener(
    'abort',
    () => {
      for (const then of [...listeners]) then(signal.reason);
      listeners.clear();
    },
    { once: true },
  );
  return listeners;
}
