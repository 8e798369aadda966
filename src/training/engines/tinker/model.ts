/**
 * One model on the server: created in a session, its calls numbered from 1 and submitted one after another, their results
 * awaited side by side. The number (model_id, seq_id) is what keeps a call that is sent twice from being done twice.
 *
 * A call that fails leaves the server's gradients or weights other than the caller believes. So the first failure closes
 * the model: what follows rejects with it, until a checkpoint is loaded into a new model.
 */
import type { z } from 'zod';
import { InfrastructureError, messageOf } from '../../../core/errors.js';
import { awaitFuture } from './futures.js';
import type { Session } from './session.js';
import { acceptedAnswer, anyAnswer, createModelAnswer } from './wire.js';

export interface CallOptions {
  /** It changes the gradients or the weights: sent again only where numbers make that safe. */
  readonly changes?: boolean;
  /** Waited for when the call's turn has come, before it is sent. */
  readonly before?: () => Promise<void>;
  /** Another body after a 409: the name was taken, perhaps by this very call, whose answer was lost. */
  readonly rename?: () => Readonly<Record<string, unknown>>;
}

const MOST_RENAMINGS = 3;

export class RemoteModel {
  readonly id: string;
  private readonly session: Session;
  private seq = 0;
  private submitted: Promise<unknown> = Promise.resolve();
  private readonly pending = new Set<Promise<unknown>>();
  private failure: unknown;

  private constructor(session: Session, id: string) {
    this.session = session;
    this.id = id;
  }

  static async create(
    session: Session,
    options: { readonly baseModel: string; readonly loraRank: number; readonly seed?: number },
  ): Promise<RemoteModel> {
    const { transport } = session;
    const body = {
      session_id: session.id,
      model_seq_id: session.nextModel(),
      base_model: options.baseModel,
      lora_config: { rank: options.loraRank, ...(options.seed !== undefined && { seed: options.seed }) },
      type: 'create_model',
    };
    const submit = async (): Promise<string> =>
      (await transport.send('create_model', body, acceptedAnswer)).request_id;
    const answer = await awaitFuture(transport, 'create_model', await submit(), submit, createModelAnswer);
    return new RemoteModel(session, answer.model_id);
  }

  /** Submits a call after those before it; resolves with its result. */
  call<T>(
    name: string,
    fields: Readonly<Record<string, unknown>>,
    schema: z.ZodType<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const seq = ++this.seq;
    const accepted = this.submitted.then(() => this.submit(name, seq, fields, options));
    this.submitted = accepted.catch(() => undefined);
    const result = accepted
      .then(({ requestId, resubmit }) =>
        awaitFuture(this.session.transport, name, requestId, resubmit, schema),
      )
      .catch((error: unknown) => {
        this.failure ??= error;
        throw error;
      });
    const settled: Promise<unknown> = result
      .catch(() => undefined)
      .finally(() => this.pending.delete(settled));
    this.pending.add(settled);
    return result;
  }

  /** Waits for every call so far, failed ones included. */
  async settle(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }

  /** Frees the server's memory, as far as that can be done; a model that failed or a lost session is left to its timeout. */
  async unload(): Promise<void> {
    await this.settle();
    if (this.failure !== undefined) return;
    await this.call('unload_model', { type: 'unload_model' }, anyAnswer).catch(() => undefined);
  }

  private async submit(
    name: string,
    seq: number,
    fields: Readonly<Record<string, unknown>>,
    { changes = false, before, rename }: CallOptions,
  ): Promise<{ readonly requestId: string; readonly resubmit: () => Promise<string> }> {
    await before?.();
    if (this.failure !== undefined) throw outOfStep(name, this.failure);
    this.session.throwIfLost();
    const { transport, numbered } = this.session;
    const once = changes && !numbered;
    let body = { model_id: this.id, seq_id: seq, ...fields };
    const submit = async (): Promise<string> => {
      for (let renamings = 0; ; renamings++) {
        try {
          return (await transport.send(name, body, acceptedAnswer, { once })).request_id;
        } catch (error) {
          const taken = error instanceof InfrastructureError && error.code === 'conflict';
          if (!taken || rename === undefined || renamings === MOST_RENAMINGS) throw error;
          body = { ...body, ...rename() };
        }
      }
    };
    const resubmit = (): Promise<string> => {
      if (!once) return submit();
      throw outOfStep(name, new Error('its result is gone, and this server does not number its calls'));
    };
    return { requestId: await submit(), resubmit };
  }
}

function outOfStep(name: string, cause: unknown): InfrastructureError {
  return new InfrastructureError(
    `${name}: an earlier call failed (${messageOf(cause)}), so the server's weights are unknown; load a checkpoint`,
    { code: 'out-of-step', boundary: 'engine', retryable: false, cause },
  );
}
