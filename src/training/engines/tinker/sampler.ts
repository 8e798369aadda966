/**
 * The tinker Sampler: one `asample` per request, by the sampling session that `save_weights_for_sampler` opened.
 *
 * Deviation: a request that is cancelled is let go here; the server finishes it, since the API has no call to stop it.
 */
import { UsageError } from '../../../core/errors.js';
import type { PolicyVersion, Sample, SampleRequest, Sampler, StopReason } from '../../../model/types.js';
import { awaitFuture } from './futures.js';
import type { Session } from './session.js';
import { acceptedAnswer, sampleAnswer, textInput } from './wire.js';

export interface SamplerTarget {
  readonly version: PolicyVersion;
  readonly maxLength: number;
  readonly vocabSize: number;
  /** Most requests in flight. */
  readonly concurrency: number;
  /** How the server is told which weights. */
  readonly reference: Readonly<Record<string, string>>;
  /** Throws when these weights can no longer be sampled. */
  throwIfRetired(): void;
  onDispose(): Promise<void>;
}

const NO_ROOM: Sample = { tokens: [], logprobs: [], versions: [], stopReason: 'length' };

export class TinkerSampler implements Sampler {
  readonly version: PolicyVersion;
  private readonly session: Session;
  private readonly target: SamplerTarget;
  private readonly inFlight = new Set<Promise<unknown>>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private requests = 0;
  private disposed = false;

  constructor(session: Session, target: SamplerTarget) {
    this.session = session;
    this.target = target;
    this.version = target.version;
  }

  async sample(request: SampleRequest): Promise<Sample> {
    if (this.disposed) throw new UsageError('sampler: it has been disposed of; ask for a new one');
    checkRequest(request, this.target.vocabSize);
    request.signal?.throwIfAborted();
    if (request.prompt.length >= this.target.maxLength) return { ...NO_ROOM };
    const work = this.limited(() => this.run(request));
    const settled: Promise<unknown> = work
      .catch(() => undefined)
      .finally(() => this.inFlight.delete(settled));
    this.inFlight.add(settled);
    return work;
  }

  /** Waits for the requests in flight. */
  async drain(): Promise<void> {
    while (this.inFlight.size > 0) await Promise.all(this.inFlight);
  }

  /** Requests in flight are awaited: the server would finish them in any case. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.drain();
    await this.target.onDispose();
  }

  private async run(request: SampleRequest): Promise<Sample> {
    this.target.throwIfRetired();
    this.session.throwIfLost();
    const { transport } = this.session;
    const { prompt, signal, stopSequences = [] } = request;
    if (stopSequences.length > 0) {
      throw new UsageError('tinker: stop sequences are not supported; name single stop tokens');
    }
    const body = {
      ...this.target.reference,
      seq_id: this.requests++,
      num_samples: 1,
      prompt: textInput(prompt),
      sampling_params: {
        max_tokens: Math.min(request.maxTokens, this.target.maxLength - prompt.length),
        temperature: request.temperature,
        top_p: request.topP ?? 1,
        top_k: request.topK === undefined || request.topK === 0 ? -1 : request.topK,
        ...(request.seed !== undefined && { seed: request.seed }),
        ...(request.stopTokens.length > 0 && { stop: request.stopTokens }),
      },
      type: 'sample',
    };
    const submit = async (): Promise<string> =>
      (await transport.send('asample', body, acceptedAnswer, { signal })).request_id;
    const answer = await awaitFuture(transport, 'asample', await submit(), submit, sampleAnswer, signal);
    const { tokens, logprobs, stop_reason: reason } = answer.sequences[0]!;
    const versions = new Array<PolicyVersion>(tokens.length).fill(this.version);
    return { tokens, logprobs, versions, stopReason: toStopReason(reason) };
  }

  private async limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.target.concurrency)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running += 1;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }
}

function toStopReason(reason: string): StopReason {
  return reason === 'stop' || reason === 'length' ? reason : 'other';
}

function checkRequest(
  { prompt, maxTokens, temperature, topP, topK }: SampleRequest,
  vocabSize: number,
): void {
  const fail = (message: string): never => {
    throw new UsageError(`sample: ${message}`);
  };
  if (prompt.length === 0) fail('the prompt is empty; it needs at least one token');
  for (const id of prompt) if (!(id >= 0 && id < vocabSize)) fail(`token ${id} is not in 0…${vocabSize - 1}`);
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    fail(`maxTokens must be at least 1, got ${maxTokens}`);
  if (!(temperature >= 0)) fail(`temperature must be 0 or more, got ${temperature}`);
  if (topP !== undefined && !(topP > 0 && topP <= 1)) fail(`topP must be in (0, 1], got ${topP}`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 0))
    fail(`topK must be 0 or more, got ${topK}`);
}
