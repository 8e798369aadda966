/**
 * The embedded Sampler: concurrent `sample` calls share slots of one batch; a sequence that ends leaves its
 * slot to the next that waits (continuous batching). Equal prompts in flight are prefilled once.
 * What a sequence draws depends on its own seed only, not on its neighbours.
 */
import { InfrastructureError, UsageError } from '../../../core/errors.js';
import { createRng, type Rng } from '../../../core/rng.js';
import type { PolicyVersion, Sample, SampleRequest, Sampler, StopReason } from '../../../model/types.js';
import type { ModelConfig } from './architecture.js';
import { chooseToken } from './choose-token.js';
import { type DecodePrograms, Decoder, type Prefilled } from './decoder.js';
import type { TensorMap } from './runtime.js';

export interface SamplerOptions {
  /** Most sequences decoded at once; default 64. */
  readonly slots?: number;
  /** Seed for requests that bring none. */
  readonly seed?: string | number;
}

interface Sequence {
  readonly request: SampleRequest;
  readonly rng: Rng;
  readonly key: string;
  readonly tokens: number[];
  readonly logprobs: number[];
  /** Tokens in the cache. */
  cached: number;
  resolve(sample: Sample): void;
  reject(reason: unknown): void;
}

const DEFAULT_SLOTS = 64;
/** Prompt tokens, padding included, of one prefill run. */
const PREFILL_TOKENS = 2048;
/** New sequences are let in when this share of the slots is free (or all that wait fit). */
const ADMIT_SHARE = 8;
/** Prefilled prompts kept for further requests with the same prompt. */
const PREFIXES_KEPT = 32;

export class EmbeddedSampler implements Sampler {
  readonly version: PolicyVersion;
  private readonly config: ModelConfig;
  private readonly decoder: Decoder;
  private readonly slots: number;
  private readonly seed: string;
  private readonly onDispose: () => Promise<void>;
  private readonly waiting: Sequence[] = [];
  private readonly active: Sequence[] = [];
  private readonly prefixes = new Map<string, Prefilled>();
  private pumping: Promise<void> | undefined;
  private requests = 0;
  private disposed = false;

  /** `weights` as `prepareDecodeWeights` gives them. */
  constructor(
    config: ModelConfig,
    programs: DecodePrograms,
    weights: TensorMap,
    version: PolicyVersion,
    options: SamplerOptions,
    onDispose: () => Promise<void>,
  ) {
    this.config = config;
    this.version = version;
    this.slots = options.slots ?? DEFAULT_SLOTS;
    if (!Number.isInteger(this.slots) || this.slots < 1) {
      throw new UsageError(`sampler: slots must be a positive integer, got ${this.slots}`);
    }
    this.seed = String(options.seed ?? 0);
    this.decoder = new Decoder(config, programs, weights, this.slots);
    this.onDispose = onDispose;
  }

  async sample(request: SampleRequest): Promise<Sample> {
    if (this.disposed) throw new UsageError('sampler: it has been disposed of; ask for a new one');
    checkRequest(request, this.config);
    request.signal?.throwIfAborted();
    this.requests += 1;
    const seed =
      request.seed === undefined ? `${this.seed}/request/${this.requests}` : `seed/${request.seed}`;
    return new Promise<Sample>((resolve, reject) => {
      this.waiting.push({
        request,
        rng: createRng(seed),
        key: request.prompt.join(','),
        tokens: [],
        logprobs: [],
        cached: 0,
        resolve,
        reject,
      });
      this.pumping ??= this.pump();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.pumping;
    await this.onDispose();
  }

  /** Runs until nothing is left to do; starts after the caller's turn, so that calls made together run together. */
  private async pump(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    try {
      while (this.waiting.length + this.active.length > 0) {
        this.dropCancelled();
        await this.admit();
        if (this.active.length > 0) await this.step();
      }
    } catch (error) {
      for (const sequence of [...this.active, ...this.waiting]) sequence.reject(error);
      this.active.length = 0;
      this.waiting.length = 0;
    } finally {
      this.prefixes.clear();
      this.pumping = undefined;
    }
  }

  private dropCancelled(): void {
    for (let slot = this.active.length - 1; slot >= 0; slot--) {
      const sequence = this.active[slot] as Sequence;
      if (this.cancelled(sequence)) this.vacate(slot);
    }
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      if (this.cancelled(this.waiting[i] as Sequence)) this.waiting.splice(i, 1);
    }
  }

  private cancelled(sequence: Sequence): boolean {
    if (this.disposed) {
      sequence.reject(
        new InfrastructureError('the sampler was disposed of while it was sampling', {
          code: 'sampler-disposed',
          boundary: 'engine',
          retryable: true,
        }),
      );
      return true;
    }
    const signal = sequence.request.signal;
    if (signal?.aborted !== true) return false;
    sequence.reject(signal.reason);
    return true;
  }

  private async admit(): Promise<void> {
    const free = this.slots - this.active.length;
    if (
      this.waiting.length === 0 ||
      free < Math.min(this.waiting.length, Math.ceil(this.slots / ADMIT_SHARE))
    ) {
      return;
    }
    const admitted = this.waiting.splice(0, free);
    await this.prefillMissing(admitted);
    const longest = [...this.active, ...admitted].reduce(
      (most, { cached, request }) => Math.max(most, cached, request.prompt.length),
      1,
    );
    this.decoder.fit(longest, this.active.length);
    for (const sequence of admitted) {
      const { prefix, probabilities } = this.prefixes.get(sequence.key) as Prefilled;
      this.take(sequence, probabilities, 0);
      sequence.cached = prefix.length;
      if (this.finishIfDone(sequence)) continue;
      this.decoder.load(this.active.length, prefix);
      this.active.push(sequence);
    }
    const surplus = this.prefixes.size - PREFIXES_KEPT;
    for (const key of [...this.prefixes.keys()].slice(0, Math.max(0, surplus))) this.prefixes.delete(key);
  }

  /** Prompts of similar length go together, since a run is as long as its longest. */
  private async prefillMissing(admitted: readonly Sequence[]): Promise<void> {
    const missing = new Map<string, readonly number[]>();
    for (const { key, request } of admitted) {
      if (!this.prefixes.has(key)) missing.set(key, request.prompt);
    }
    const queue = [...missing].sort(([, a], [, b]) => b.length - a.length);
    while (queue.length > 0) {
      const longest = (queue[0] as (typeof queue)[number])[1].length;
      const batch = queue.splice(0, Math.max(1, Math.floor(PREFILL_TOKENS / longest)));
      const results = await this.decoder.prefill(batch.map(([, prompt]) => prompt));
      for (const [i, [key]] of batch.entries()) this.prefixes.set(key, results[i] as Prefilled);
    }
  }

  private async step(): Promise<void> {
    const { active, decoder } = this;
    let longest = 1;
    for (const [slot, sequence] of active.entries()) {
      decoder.feed(slot, sequence.tokens.at(-1) as number, sequence.cached);
      longest = Math.max(longest, sequence.cached + 1);
    }
    decoder.fit(longest, active.length);
    await decoder.step(active.length);
    for (let slot = active.length - 1; slot >= 0; slot--) {
      const sequence = active[slot] as Sequence;
      sequence.cached += 1;
      this.take(sequence, decoder.probabilities, slot * this.config.vocabSize);
      if (this.finishIfDone(sequence)) this.vacate(slot);
    }
  }

  /** Draws the next token of a sequence from a row of probabilities. */
  private take(sequence: Sequence, probabilities: Float32Array, offset: number): void {
    const token = chooseToken(probabilities, offset, this.config.vocabSize, sequence.request, sequence.rng);
    sequence.tokens.push(token);
    sequence.logprobs.push(Math.log(probabilities[offset + token] as number));
  }

  private finishIfDone(sequence: Sequence): boolean {
    const { request, tokens, logprobs } = sequence;
    let stopReason: StopReason;
    if (request.stopTokens.includes(tokens.at(-1) as number)) stopReason = 'stop';
    else if (tokens.length >= request.maxTokens) stopReason = 'length';
    else if (request.prompt.length + tokens.length >= this.config.maxLength) stopReason = 'length';
    else return false;
    const versions = new Array<PolicyVersion>(tokens.length).fill(this.version);
    sequence.resolve({ tokens, logprobs, versions, stopReason });
    return true;
  }

  /** Frees a slot; the last one in use moves there. */
  private vacate(slot: number): void {
    const last = this.active.pop() as Sequence;
    if (slot === this.active.length) return;
    this.active[slot] = last;
    this.decoder.move(this.active.length, slot, last.cached);
  }
}

function checkRequest(request: SampleRequest, config: ModelConfig): void {
  const fail = (message: string): never => {
    throw new UsageError(`sample: ${message}`);
  };
  const { prompt, maxTokens, temperature, topP, topK } = request;
  if (prompt.length === 0) fail('the prompt is empty; it needs at least one token');
  if (prompt.length >= config.maxLength) {
    fail(
      `the prompt has ${prompt.length} tokens; with maxLength ${config.maxLength} nothing could follow it`,
    );
  }
  for (const id of prompt) {
    if (!(id >= 0 && id < config.vocabSize)) fail(`token ${id} is not in 0…${config.vocabSize - 1}`);
  }
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    fail(`maxTokens must be at least 1, got ${maxTokens}`);
  if (!(temperature >= 0)) fail(`temperature must be 0 or more, got ${temperature}`);
  if (topP !== undefined && !(topP > 0 && topP <= 1)) fail(`topP must be in (0, 1], got ${topP}`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 0))
    fail(`topK must be 0 or more, got ${topK}`);
}
