/**
 * Continuous batching on one lane: concurrent `sample` calls share the slots of one batch; a sequence that ends
 * leaves its slot to the next that waits. Equal prompts in flight are prefilled once. What a sequence draws
 * depends on its own seed only, not on its neighbours.
 */
import { InfrastructureError } from '../../../core/errors.js';
import { createRng, type Rng } from '../../../core/rng.js';
import type { StopReason } from '../../../model/types.js';
import type { ModelConfig } from './architecture.js';
import { chooseToken } from './choose-token.js';
import { type DecodePrograms, Decoder, type Prefilled } from './decoder.js';
import type { Sequence, SequenceRequest } from './lane.js';
import type { TensorMap } from './runtime.js';

interface Running {
  readonly id: number;
  readonly request: SequenceRequest;
  readonly rng: Rng;
  readonly key: string;
  readonly tokens: number[];
  readonly logprobs: number[];
  /** Tokens in the cache. */
  cached: number;
  cancelled: boolean;
  interrupted: boolean;
  resolve(sequence: Sequence): void;
  reject(reason: Error): void;
}

/** Prompt tokens, padding included, of one prefill run. */
const PREFILL_TOKENS = 2048;
/** New sequences are let in when this share of the slots is free (or all that wait fit). */
const ADMIT_SHARE = 8;
/** Prefilled prompts kept for further requests with the same prompt. */
const PREFIXES_KEPT = 32;

export class SequenceBatcher {
  private readonly config: ModelConfig;
  private readonly decoder: Decoder;
  private readonly slots: number;
  private readonly waiting: Running[] = [];
  private readonly active: Running[] = [];
  private readonly prefixes = new Map<string, Prefilled>();
  private pumping: Promise<void> | undefined;

  /** `weights` as `prepareDecodeWeights` gives them; `programs` stay the caller's. */
  constructor(config: ModelConfig, programs: DecodePrograms, weights: TensorMap, slots: number) {
    this.config = config;
    this.slots = slots;
    this.decoder = new Decoder(config, programs, weights, slots);
  }

  sample(id: number, request: SequenceRequest): Promise<Sequence> {
    return new Promise((resolve, reject) => {
      this.waiting.push({
        id,
        request,
        rng: createRng(request.seed),
        key: request.prompt.join(','),
        tokens: [],
        logprobs: [],
        cached: 0,
        cancelled: false,
        interrupted: false,
        resolve,
        reject,
      });
      this.pumping ??= this.pump();
    });
  }

  /** Makes a request reject before its next token. */
  cancel(id: number): void {
    for (const sequence of [...this.waiting, ...this.active])
      if (sequence.id === id) sequence.cancelled = true;
  }

  /** Makes a request resolve, before its next token, with the tokens it has. */
  interrupt(id: number): void {
    for (const sequence of [...this.waiting, ...this.active])
      if (sequence.id === id) sequence.interrupted = true;
  }

  /** Rejects what is in flight and waits until nothing runs. */
  async close(): Promise<void> {
    for (const sequence of [...this.waiting, ...this.active]) sequence.cancelled = true;
    await this.pumping;
  }

  /** Runs until nothing is left to do; starts after the caller's turn, so that calls made together run together. */
  private async pump(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    try {
      while (this.waiting.length + this.active.length > 0) {
        this.dropEnded();
        await this.admit();
        if (this.active.length > 0) await this.step();
      }
    } catch (error) {
      for (const sequence of [...this.active, ...this.waiting]) sequence.reject(error as Error);
      this.active.length = 0;
      this.waiting.length = 0;
    } finally {
      this.prefixes.clear();
      this.pumping = undefined;
    }
  }

  private dropEnded(): void {
    for (let slot = this.active.length - 1; slot >= 0; slot--) {
      if (endEarly(this.active[slot] as Running)) this.vacate(slot);
    }
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      if (endEarly(this.waiting[i] as Running)) this.waiting.splice(i, 1);
    }
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
  private async prefillMissing(admitted: readonly Running[]): Promise<void> {
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
      const sequence = active[slot] as Running;
      sequence.cached += 1;
      this.take(sequence, decoder.probabilities, slot * this.config.vocabSize);
      if (this.finishIfDone(sequence)) this.vacate(slot);
    }
  }

  /** Draws the next token of a sequence from a row of probabilities. */
  private take(sequence: Running, probabilities: Float32Array, offset: number): void {
    const token = chooseToken(probabilities, offset, this.config.vocabSize, sequence.request, sequence.rng);
    sequence.tokens.push(token);
    sequence.logprobs.push(Math.log(probabilities[offset + token] as number));
  }

  private finishIfDone(sequence: Running): boolean {
    const { request, tokens, logprobs } = sequence;
    let stopReason: StopReason;
    if (isStopped(request, tokens)) stopReason = 'stop';
    else if (tokens.length >= request.maxTokens) stopReason = 'length';
    else if (request.prompt.length + tokens.length >= this.config.maxLength) stopReason = 'length';
    else return false;
    sequence.resolve({ tokens, logprobs, stopReason });
    return true;
  }

  /** Frees a slot; the last one in use moves there. */
  private vacate(slot: number): void {
    const last = this.active.pop() as Running;
    if (slot === this.active.length) return;
    this.active[slot] = last;
    this.decoder.move(this.active.length, slot, last.cached);
  }
}

/** Settles a sequence that was cancelled or interrupted; whether it was. */
function endEarly(sequence: Running): boolean {
  const { cancelled, interrupted, tokens, logprobs } = sequence;
  if (cancelled) sequence.reject(cancellation());
  else if (interrupted) sequence.resolve({ tokens, logprobs, stopReason: 'other' });
  return cancelled || interrupted;
}

/** Whether the tokens end in a stop token or a stop sequence. */
function isStopped({ stopTokens, stopSequences }: SequenceRequest, tokens: readonly number[]): boolean {
  if (stopTokens.includes(tokens.at(-1) as number)) return true;
  return stopSequences.some((sequence) =>
    sequence.every((token, i) => token === tokens[tokens.length - sequence.length + i]),
  );
}

function cancellation(): InfrastructureError {
  return new InfrastructureError('sampling was cancelled, or its sampler disposed of', {
    code: 'sampling-cancelled',
    boundary: 'engine',
    retryable: true,
  });
}
