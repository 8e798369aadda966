/**
 * The embedded Sampler: checks requests, gives them seeds and deals them out to the lanes. Equal prompts go to the
 * same lane, where they are prefilled once, unless that lane has much more to do than another.
 */
import { onAbort } from '../../../core/abort.js';
import { UsageError } from '../../../core/errors.js';
import type { PolicyVersion, Sample, SampleRequest, Sampler } from '../../../model/types.js';
import type { ModelConfig } from './architecture.js';
import type { Lane, Sequence, SequenceRequest } from './lane.js';

export interface SamplerOptions {
  /** Most sequences decoded at once on each core; default 64. */
  readonly slots?: number;
  /** Seed for requests that bring none. */
  readonly seed?: string | number;
}

interface LaneLoad {
  readonly lane: Lane;
  /** Requests that have not ended. */
  open: number;
}

const DEFAULT_SLOTS = 64;
/** A prompt stays with its lane while that has at most so many requests more than the idlest. */
const AFFINITY_LIMIT = 16;

/** Opens a sampler on the lanes' current weights. `id` is unique among the samplers of these lanes. */
export async function openSampler(
  config: ModelConfig,
  lanes: readonly Lane[],
  id: number,
  version: PolicyVersion,
  options: SamplerOptions,
  onDispose: () => Promise<void>,
): Promise<EmbeddedSampler> {
  const slots = options.slots ?? DEFAULT_SLOTS;
  if (!Number.isInteger(slots) || slots < 1) {
    throw new UsageError(`sampler: slots must be a positive integer, got ${slots}`);
  }
  await Promise.all(lanes.map((lane) => lane.openSampler(id, slots)));
  return new EmbeddedSampler(config, lanes, id, version, String(options.seed ?? 0), onDispose);
}

export class EmbeddedSampler implements Sampler {
  readonly version: PolicyVersion;
  private readonly config: ModelConfig;
  private readonly loads: readonly LaneLoad[];
  private readonly id: number;
  private readonly seed: string;
  private readonly onDispose: () => Promise<void>;
  /** The lane of each prompt in flight, and how many requests share it. */
  private readonly homes = new Map<string, { readonly load: LaneLoad; count: number }>();
  private requests = 0;
  private disposed = false;

  constructor(
    config: ModelConfig,
    lanes: readonly Lane[],
    id: number,
    version: PolicyVersion,
    seed: string,
    onDispose: () => Promise<void>,
  ) {
    this.config = config;
    this.loads = lanes.map((lane) => ({ lane, open: 0 }));
    this.id = id;
    this.version = version;
    this.seed = seed;
    this.onDispose = onDispose;
  }

  async sample(request: SampleRequest): Promise<Sample> {
    if (this.disposed) throw new UsageError('sampler: it has been disposed of; ask for a new one');
    checkRequest(request, this.config);
    const { signal } = request;
    signal?.throwIfAborted();
    if (request.prompt.length >= this.config.maxLength) return { ...NO_ROOM };
    const number = this.requests++;
    const key = request.prompt.join(',');
    const load = this.enter(key);
    const seed = request.seed === undefined ? `${this.seed}/request/${number}` : `seed/${request.seed}`;
    const cancel = (): void => void load.lane.cancel(this.id, number).catch(() => undefined);
    signal?.addEventListener('abort', cancel, { once: true });
    const release = onAbort(
      request.interrupt,
      () => void load.lane.interrupt(this.id, number).catch(() => undefined),
    );
    try {
      const sequence = await load.lane.sample(this.id, number, toSequenceRequest(request, seed));
      signal?.throwIfAborted();
      return toSample(sequence, this.version);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
      release();
      this.leave(key, load);
    }
  }

  /** Requests in flight are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await Promise.all(this.loads.map(({ lane }) => lane.closeSampler(this.id)));
    await this.onDispose();
  }

  private enter(key: string): LaneLoad {
    const idlest = this.loads.reduce((best, load) => (load.open < best.open ? load : best));
    const home = this.homes.get(key);
    const load = home !== undefined && home.load.open - idlest.open < AFFINITY_LIMIT ? home.load : idlest;
    if (home === undefined) this.homes.set(key, { load, count: 1 });
    else home.count += 1;
    load.open += 1;
    return load;
  }

  private leave(key: string, load: LaneLoad): void {
    load.open -= 1;
    const home = this.homes.get(key);
    if (home === undefined) return;
    home.count -= 1;
    if (home.count === 0) this.homes.delete(key);
  }
}

function toSequenceRequest(request: SampleRequest, seed: string): SequenceRequest {
  const { prompt, maxTokens, temperature, topP = 1, topK = 0, stopTokens, stopSequences = [] } = request;
  return { prompt, maxTokens, temperature, topP, topK, stopTokens, stopSequences, seed };
}

/** A prompt that fills the context: nothing can follow it. */
const NO_ROOM: Sample = { tokens: [], logprobs: [], versions: [], stopReason: 'length' };

function toSample({ tokens, logprobs, stopReason }: Sequence, version: PolicyVersion): Sample {
  return { tokens, logprobs, stopReason, versions: new Array<PolicyVersion>(tokens.length).fill(version) };
}

function checkRequest(request: SampleRequest, config: ModelConfig): void {
  const fail = (message: string): never => {
    throw new UsageError(`sample: ${message}`);
  };
  const { prompt, maxTokens, temperature, topP, topK, stopSequences = [] } = request;
  if (prompt.length === 0) fail('the prompt is empty; it needs at least one token');
  for (const id of prompt) {
    if (!(id >= 0 && id < config.vocabSize)) fail(`token ${id} is not in 0…${config.vocabSize - 1}`);
  }
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    fail(`maxTokens must be at least 1, got ${maxTokens}`);
  if (!(temperature >= 0)) fail(`temperature must be 0 or more, got ${temperature}`);
  if (topP !== undefined && !(topP > 0 && topP <= 1)) fail(`topP must be in (0, 1], got ${topP}`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 0))
    fail(`topK must be 0 or more, got ${topK}`);
  if (stopSequences.some(({ length }) => length === 0)) fail('a stop sequence is empty; leave it out');
}
