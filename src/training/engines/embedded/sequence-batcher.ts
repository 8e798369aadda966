/**
 * Continuous batching on one lane: concurrent `sample` calls share the slots of one batch; a sequence that ends
 * leaves its slot to the next that waits. A prompt that another sequence in flight has as well is copied from it, not
 * prefilled again. What a sequence draws depends on its own seed only, not on its neighbours.
 */
import { InfrastructureError } from '../../../core/errors.js';
import { createRng, type Rng } from '../../../core/rng.js';
import type { StopReason } from '../../../model/types.js';
import type { ModelConfig } from './architecture.js';
import { chooseToken } from './choose-token.js';
import type { Decoder } from './decoder.js';
import type { Sequence, SequenceRequest } from './lane.js';

interface Running {
  readonly id: number;
  readonly request: SequenceRequest;
  readonly rng: Rng;
  readonly key: string;
  readonly tokens: number[];
  readonly logprobs: number[];
  /** Tokens in the cache. */
  cached: number;
  /** The distribution of the token after the prompt, once that is prefilled. */
  first: Float32Array | undefined;
  cancelled: boolean;
  interrupted: boolean;
  resolve(sequence: Sequence): void;
  reject(reason: Error): void;
}

/** Prompt tokens, padding included, of one prefill run. */
const PREFILL_TOKENS = 2048;
/** New sequences are let in when this share of the slots is free (or all that wait fit). */
const ADMIT_SHARE = 8;

export class SequenceBatcher {
  private readonly config: ModelConfig;
  private readonly decoder: Decoder;
  private readonly waiting: Running[] = [];
  /** Taken out of `waiting`, their prompts being prefilled. */
  private entering: readonly Running[] = [];
  private readonly active: Running[] = [];
  private pumping: Promise<void> | undefined;

  /** On a decoder that is open. */
  constructor(config: ModelConfig, decoder: Decoder) {
    this.config = config;
    this.decoder = decoder;
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
        first: undefined,
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
    for (const sequence of this.inFlight()) if (sequence.id === id) sequence.cancelled = true;
  }

  /** Makes a request resolve, before its next token, with the tokens it has. */
  interrupt(id: number): void {
    for (const sequence of this.inFlight()) if (sequence.id === id) sequence.interrupted = true;
  }

  /** Rejects what is in flight, waits until nothing runs, and gives back the decoder, closed. */
  async close(): Promise<Decoder> {
    for (const sequence of this.inFlight()) sequence.cancelled = true;
    await this.pumping;
    await this.decoder.close();
    return this.decoder;
  }

  /** A sequence may be in twice, while it enters. */
  private inFlight(): Running[] {
    return [...this.waiting, ...this.entering, ...this.active];
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
      for (const sequence of this.inFlight()) sequence.reject(error as Error);
      this.active.length = 0;
      this.waiting.length = 0;
    } finally {
      this.entering = [];
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
    const { decoder, active, waiting } = this;
    const free = decoder.slots - active.length;
    if (waiting.length === 0 || free < Math.min(waiting.length, Math.ceil(decoder.slots / ADMIT_SHARE))) {
      return;
    }
    const admitted = waiting.splice(0, free);
    this.entering = admitted;
    const longest = [...active, ...admitted].reduce(
      (most, { cached, request }) => Math.max(most, cached, request.prompt.length),
      1,
    );
    decoder.fit(longest, active.length);
    const inSlot = new Map(active.map(({ key, first }, slot) => [key, { slot, first }]));
    const missing = new Map<string, Running[]>();
    for (const sequence of admitted) {
      const twin = inSlot.get(sequence.key);
      if (twin === undefined) missing.set(sequence.key, [...(missing.get(sequence.key) ?? []), sequence]);
      else
        this.begin(sequence, twin.first as Float32Array, (slot, length) =>
          decoder.copy(twin.slot, slot, length),
        );
    }
    await this.prefill([...missing.values()]);
    this.entering = [];
  }

  /** Sequences by prompt. Prompts of similar length go together, since a run is as long as its longest. */
  private async prefill(groups: Running[][]): Promise<void> {
    const promptOf = (group: readonly Running[]): readonly number[] => (group[0] as Running).request.prompt;
    const queue = groups.sort((a, b) => promptOf(b).length - promptOf(a).length);
    while (queue.length > 0) {
      const longest = promptOf(queue[0] as Running[]).length;
      const batch = queue.splice(0, Math.max(1, Math.floor(PREFILL_TOKENS / longest)));
      const firsts = await this.decoder.prefill(batch.map(promptOf));
      for (const [row, group] of batch.entries()) {
        for (const sequence of group) {
          this.begin(sequence, firsts[row] as Float32Array, (slot, length) =>
            this.decoder.load(slot, row, length),
          );
        }
      }
    }
  }

  /** Draws the first token and gives the sequence a slot, if it goes on. */
  private begin(sequence: Running, first: Float32Array, fill: (slot: number, length: number) => void): void {
    this.take(sequence, first, 0);
    sequence.first = first;
    sequence.cached = sequence.request.prompt.length;
    if (this.finishIfDone(sequence)) return;
    fill(this.active.length, sequence.cached);
    this.active.push(sequence);
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
    this.decoder.copy(this.active.length, slot, last.cached);
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
