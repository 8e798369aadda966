/**
 * The sampler that rollouts use while the weights behind it change. New weights reach a turn in one of two ways:
 * - `mid-turn` (CWM: weights refresh inside a trajectory): what is being sampled goes on, from the tokens it has, on the
 *   new weights. Its tokens then carry several versions, each with the log-probability under the weights that drew it.
 *   The prompt and those tokens are read again by the new weights, so nothing of the old ones is left in a cache.
 * - `between-turns`: a turn ends on the weights it began with.
 *
 * Old weights are let go when the last request on them has ended.
 */
import { hash32 } from '../../core/rng.js';
import type { PolicyVersion, Sample, SampleRequest, Sampler, StopReason } from '../../model/types.js';

export type WeightRefresh = 'mid-turn' | 'between-turns';

export interface LiveSampler extends Pick<Sampler, 'sample' | 'version'>, AsyncDisposable {
  /** Takes ownership of newer weights. */
  swap(next: Sampler): void;
}

interface Lease {
  readonly sampler: Sampler;
  /** Aborted when newer weights have come. */
  readonly outdated: AbortController;
  users: number;
}

/** Takes ownership of `first`. Disposing of it waits for the turns under way. */
export function createLiveSampler(first: Sampler, refresh: WeightRefresh = 'between-turns'): LiveSampler {
  const leaseOf = (sampler: Sampler): Lease => ({ sampler, outdated: new AbortController(), users: 0 });
  let current = leaseOf(first);
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

  const sampleOn = async (lease: Lease, request: SampleRequest): Promise<Sample> => {
    lease.users += 1;
    try {
      return await lease.sampler.sample(
        refresh === 'mid-turn' ? { ...request, interrupt: lease.outdated.signal } : request,
      );
    } finally {
      lease.users -= 1;
      if (lease.users === 0 && isRetired(lease)) close(lease);
    }
  };

  const sample = async (request: SampleRequest): Promise<Sample> => {
    const parts: Sample[] = [];
    for (let rest = request; ; ) {
      const lease = current;
      const part = await sampleOn(lease, rest);
      parts.push(part);
      const interrupted = part.stopReason === 'other' && lease.outdated.signal.aborted && !closed;
      if (!interrupted) return join(parts, part.stopReason);
      const tokens = parts.flatMap((each) => each.tokens);
      rest = {
        ...request,
        prompt: [...request.prompt, ...tokens],
        maxTokens: request.maxTokens - tokens.length,
        ...(request.seed !== undefined && { seed: seedOfPart(request.seed, tokens.length) }),
      };
    }
  };
  return {
    sample,
    get version() {
      return current.sampler.version;
    },
    swap: (next) => {
      const old = current;
      current = leaseOf(next);
      leases += 1;
      if (old.users === 0) close(old);
      else old.outdated.abort();
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

function join(parts: readonly Sample[], stopReason: StopReason): Sample {
  if (parts.length === 1) return parts[0]!;
  return {
    tokens: parts.flatMap(({ tokens }) => tokens),
    logprobs: parts.flatMap(({ logprobs }) => logprobs),
    versions: parts.flatMap(({ versions }): readonly PolicyVersion[] => versions),
    stopReason,
  };
}

/** The rest of a turn must not be drawn with the random numbers of its beginning. */
function seedOfPart(seed: number, drawn: number): number {
  return drawn === 0 ? seed : hash32(`${seed}/after/${drawn}`) >>> 1;
}
