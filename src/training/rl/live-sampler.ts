/**
 * The sampler that rollouts use while the weights behind it change: each turn is sampled with the weights that are
 * current when it begins, and old weights are let go when the last turn on them has ended.
 */
import type { Sample, SampleRequest, Sampler } from '../../model/types.js';

export interface LiveSampler extends Pick<Sampler, 'sample' | 'version'>, AsyncDisposable {
  /** Takes ownership of newer weights. Turns under way end on the old ones. */
  swap(next: Sampler): void;
}

interface Lease {
  readonly sampler: Sampler;
  users: number;
}

/** Takes ownership of `first`. Disposing of it waits for the turns under way. */
export function createLiveSampler(first: Sampler): LiveSampler {
  let current: Lease = { sampler: first, users: 0 };
  const closing = new Set<Promise<void>>();
  let closed = false;
  let idle: (() => void) | undefined;
  let leases = 1;

  const close = ({ sampler }: Lease): void => {
    const done = sampler[Symbol.asyncDispose]().finally(() => {
      closing.delete(done);
      leases -= 1;
      if (leases === 0) idle?.();
    });
    closing.add(done);
    // Whoever disposes of the live sampler meets the failure; it must not end the process before.
    done.catch(() => undefined);
  };
  const isRetired = (lease: Lease): boolean => closed || lease !== current;

  const sample = async (request: SampleRequest): Promise<Sample> => {
    const lease = current;
    lease.users += 1;
    try {
      return await lease.sampler.sample(request);
    } finally {
      lease.users -= 1;
      if (lease.users === 0 && isRetired(lease)) close(lease);
    }
  };
  return {
    sample,
    get version() {
      return current.sampler.version;
    },
    swap: (next) => {
      const old = current;
      current = { sampler: next, users: 0 };
      leases += 1;
      if (old.users === 0) close(old);
    },
    [Symbol.asyncDispose]: async () => {
      if (closed) return;
      closed = true;
      if (current.users === 0) close(current);
      if (leases > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve;
        });
      }
    },
  };
}
