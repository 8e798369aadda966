/**
 * The tinker TrainingClient. Calls are submitted in the order they come and answered side by side, so the next can be sent
 * before the last has answered. The model is created on first use, because a server loads a checkpoint only as a model's
 * first call: `loadState` drops the model and starts another.
 *
 * A server whose gradient is a mean over a step's data (adapter `mean`) has to be told shares of a number that is known only
 * when the step ends. So forwardBackward calls are held back until the optimStep that follows them in the same turn of the
 * event loop, and sent with the true number. Where none follows, they are sent as shares of a step with room for
 * `OPEN_STEP_ROOM` times as many data, and optimStep fills the room with data of weight 0.
 */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { UsageError } from '../../../core/errors.js';
import type { PolicyVersion } from '../../../model/types.js';
import { checkData } from '../../check-data.js';
import type {
  AdamParams,
  Datum,
  ForwardBackwardResult,
  ForwardResult,
  Loss,
  OptimStepResult,
  TrainingClient,
} from '../../types.js';
import { crossEntropyDatum } from './adapters/encode.js';
import { chunksOf, gradNormOf, readLogprobs } from './batches.js';
import { readPointer, writePointer } from './checkpoint.js';
import { lossOf } from './loss-value.js';
import { type CallOptions, RemoteModel } from './model.js';
import { TinkerSampler } from './sampler.js';
import type { Session } from './session.js';
import { anyAnswer, forwardAnswer, optimAnswer, pathAnswer, samplerAnswer } from './wire.js';

export interface EngineSettings {
  readonly baseModel: string;
  /** 0 trains all weights, where the server can. */
  readonly loraRank: number;
  readonly seed?: number;
  readonly maxLength: number;
  readonly vocabSize: number;
  readonly samplesInFlight: number;
}

interface Held {
  readonly data: readonly Datum[];
  readonly loss: Loss;
  resolve(result: Promise<ForwardBackwardResult>): void;
}

type Call<T> = readonly [
  name: string,
  fields: Readonly<Record<string, unknown>>,
  schema: z.ZodType<T>,
  options?: CallOptions,
];

const OPEN_STEP_ROOM = 4;

export class TinkerEngine implements TrainingClient {
  private readonly session: Session;
  private readonly settings: EngineSettings;
  private model: Promise<RemoteModel> | undefined;
  private readonly samplers = new Set<TinkerSampler>();
  private readonly run = randomUUID().slice(0, 8);
  private saves = 0;
  private done: number;
  /** The version once all calls so far are done. */
  private queued: number;
  /** Raised whenever the weights change. */
  private generation = 0;
  private held: Held[] = [];
  /** Data of this step so far, and the number that the server's mean is told. */
  private stepData = 0;
  private stepRoom: number | undefined;
  private disposed = false;

  private constructor(session: Session, settings: EngineSettings, version: number) {
    this.session = session;
    this.settings = settings;
    this.done = version;
    this.queued = version;
  }

  /** Takes ownership of the session. `from`: a checkpoint folder to start with; `fresh`: of it the weights only. */
  static async open(
    session: Session,
    settings: EngineSettings,
    from?: { readonly folder: string; readonly fresh: boolean },
  ): Promise<TinkerEngine> {
    const engine = new TinkerEngine(session, settings, 0);
    if (from) await engine.load(from.folder, from.fresh);
    return engine;
  }

  get maxLength(): number {
    return this.settings.maxLength;
  }

  get version(): PolicyVersion {
    return this.done as PolicyVersion;
  }

  async forwardBackward(data: readonly Datum[], loss: Loss): Promise<ForwardBackwardResult> {
    this.throwIfDisposed();
    checkData(data, this.settings.maxLength, this.settings.vocabSize, loss);
    if (data.length === 0) return { logprobs: [], lossSum: 0 };
    this.stepData += data.length;
    if (this.session.adapter.reduction === 'sum') return this.sendBackward(data, loss, 1);
    if (this.stepRoom !== undefined) {
      this.throwIfCrowded();
      return this.sendBackward(data, loss, this.stepRoom);
    }
    return new Promise((resolve) => {
      if (this.held.length === 0) setImmediate(() => this.openStep());
      this.held.push({ data, loss, resolve });
    });
  }

  async forward(data: readonly Datum[]): Promise<ForwardResult> {
    this.throwIfDisposed();
    checkData(data, this.settings.maxLength, this.settings.vocabSize);
    const parts = await Promise.all(
      chunksOf(data).map(async (part) => {
        const unweighted = part.map(({ tokens, lossInputs: { targetTokens } }) =>
          crossEntropyDatum({ tokens, lossInputs: { targetTokens } }),
        );
        const fields = { forward_input: { data: unweighted, loss_fn: 'cross_entropy' } };
        return readLogprobs(await this.call('forward', fields, forwardAnswer), part);
      }),
    );
    return { logprobs: parts.flat() };
  }

  async optimStep(adam: AdamParams): Promise<OptimStepResult> {
    this.throwIfDisposed();
    if (this.stepData === 0) throw new UsageError('optimStep: no gradients; call forwardBackward before it');
    this.closeStep();
    this.queued += 1;
    const version = this.queued;
    const { adapter } = this.session;
    this.generation += 1;
    const fields = { adam_params: adapter.encodeAdam(adam), type: 'optim_step' };
    const { metrics } = await this.call('optim_step', fields, optimAnswer, {
      changes: true,
      ...(adapter.snapshots === 'live' && { before: () => this.drainSamplers() }),
    });
    this.done = Math.max(this.done, version);
    return { gradNorm: gradNormOf(metrics ?? {}), version: version as PolicyVersion };
  }

  async saveWeightsForSampler(): Promise<TinkerSampler> {
    this.throwIfDisposed();
    const version = this.queued as PolicyVersion;
    const name = (): Record<string, unknown> => ({ sampling_session_seq_id: this.session.nextSampler() });
    const fields = { ...name(), type: 'save_weights_for_sampler' };
    const { model, result } = this.start('save_weights_for_sampler', fields, samplerAnswer, { rename: name });
    const { path, sampling_session_id: id } = await result;
    if (id == null && path == null)
      throw new UsageError('the Tinker server named neither a path nor a session to sample');
    const { generation } = this;
    const sampler: TinkerSampler = new TinkerSampler(this.session, {
      version,
      maxLength: this.settings.maxLength,
      vocabSize: this.settings.vocabSize,
      concurrency: this.settings.samplesInFlight,
      reference: id != null ? { sampling_session_id: id } : { model_path: path as string },
      throwIfRetired: () => {
        if (this.session.adapter.snapshots !== 'live' || this.generation === generation) return;
        throw new UsageError(
          `${this.session.adapter.kind}: these weights cannot be sampled any more, training has gone on; ` +
            'use synchronous rollouts',
        );
      },
      onDispose: async () => {
        this.samplers.delete(sampler);
        if (path != null) await this.deleteSnapshot(path);
        await this.closeIfUnused(await model);
      },
    });
    this.samplers.add(sampler);
    return sampler;
  }

  async saveState(folder: string): Promise<void> {
    this.throwIfDisposed();
    const version = this.queued;
    const name = (): { path: string } => ({ path: `deskcheck-${this.run}-${++this.saves}-v${version}` });
    const fields = { ...name(), type: 'save_weights' };
    const { path } = await this.call('save_weights', fields, pathAnswer, { rename: name });
    const { baseModel, loraRank } = this.settings;
    await writePointer(folder, { path, baseModel, loraRank, version });
  }

  /** Discards accumulated gradients. Samplers opened before stay usable where the server keeps snapshots apart. */
  async loadState(folder: string): Promise<void> {
    this.throwIfDisposed();
    await this.load(folder, false);
  }

  /** Waits for queued calls. Samplers stay usable until they are disposed of themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.openStep();
    this.disposed = true;
    const model = await this.model?.catch(() => undefined);
    await model?.settle();
    await this.closeIfUnused(model);
  }

  private async load(folder: string, fresh: boolean): Promise<void> {
    const { baseModel, loraRank } = this.settings;
    const checkpoint = await readPointer(folder, { baseModel, loraRank });
    this.openStep();
    const old = this.model;
    const version = fresh ? 0 : checkpoint.version;
    this.model = (async () => {
      const former = await old?.catch(() => undefined);
      await former?.settle();
      const { snapshots } = this.session.adapter;
      if (snapshots !== 'isolated') await this.drainSamplers();
      if (snapshots !== 'isolated' || this.samplers.size === 0) await former?.unload();
      return this.createModel();
    })();
    this.generation += 1;
    this.queued = version;
    this.stepData = 0;
    this.stepRoom = undefined;
    const fields = { path: checkpoint.path, optimizer: !fresh, type: 'load_weights' };
    await this.call('load_weights', fields, anyAnswer);
    this.done = version;
  }

  private async sendBackward(
    data: readonly Datum[],
    loss: Loss,
    stepData: number,
  ): Promise<ForwardBackwardResult> {
    const parts = await Promise.all(
      chunksOf(data).map(async (part) => {
        const { data: wire, loss: wireLoss } = this.session.adapter.encode(part, loss, stepData);
        const fields = { forward_backward_input: { data: wire, ...wireLoss } };
        const answer = await this.call('forward_backward', fields, forwardAnswer, { changes: true });
        return readLogprobs(answer, part);
      }),
    );
    const logprobs = parts.flat();
    const lossSum = data.reduce((sum, datum, i) => sum + lossOf(datum, loss, logprobs[i]!), 0);
    return { logprobs, lossSum };
  }

  /** Sends what is held back although the step has not ended. */
  private openStep(): void {
    if (this.held.length === 0) return;
    this.stepRoom ??= this.stepData * OPEN_STEP_ROOM;
    this.release(this.stepRoom);
  }

  private closeStep(): void {
    if (this.stepRoom === undefined) this.release(this.stepData);
    else {
      const empty = this.stepRoom - this.stepData;
      const filler: Datum = { tokens: [0], lossInputs: { targetTokens: [0], weights: [0] } };
      if (empty > 0) {
        const fill = this.sendBackward(new Array<Datum>(empty).fill(filler), { kind: 'cross_entropy' }, 1);
        // Its failure closes the model, and so is met by the step that follows.
        fill.catch(() => undefined);
      }
    }
    this.stepData = 0;
    this.stepRoom = undefined;
  }

  private release(stepData: number): void {
    const held = this.held;
    this.held = [];
    for (const { data, loss, resolve } of held) resolve(this.sendBackward(data, loss, stepData));
  }

  private throwIfCrowded(): void {
    if (this.stepData <= (this.stepRoom ?? Number.POSITIVE_INFINITY)) return;
    throw new UsageError(
      `${this.session.adapter.kind}: a step of ${this.stepData} data, sent piece by piece, outgrew its room of ${this.stepRoom}; ` +
        'send the forwardBackward calls of a step together with their optimStep, without waiting in between',
    );
  }

  private async drainSamplers(): Promise<void> {
    await Promise.all([...this.samplers].map((sampler) => sampler.drain()));
  }

  private call<T>(...call: Call<T>): Promise<T> {
    return this.start(...call).result;
  }

  /** Begins a call on the current model, after those begun before it. */
  private start<T>(...call: Call<T>): { readonly model: Promise<RemoteModel>; readonly result: Promise<T> } {
    this.model ??= this.createModel();
    const model = this.model;
    return { model, result: model.then((remote) => remote.call<T>(...call)) };
  }

  private createModel(): Promise<RemoteModel> {
    const { baseModel, loraRank, seed } = this.settings;
    return RemoteModel.create(this.session, { baseModel, loraRank, ...(seed !== undefined && { seed }) });
  }

  private async deleteSnapshot(path: string): Promise<void> {
    if (!this.session.adapter.deletesSnapshots) return;
    const [, id, name] = /^tinker:\/\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (id === undefined) return;
    // Best effort: a file too many harms nobody.
    await this.session.transport
      .request('DELETE', `training_runs/${id}/checkpoints/${name}`)
      .catch(() => undefined);
  }

  private async closeIfUnused(model: RemoteModel | undefined): Promise<void> {
    if (!this.disposed || this.samplers.size > 0) return;
    await model?.unload();
    await this.session.close();
  }

  private throwIfDisposed(): void {
    if (this.disposed) throw new UsageError('engine: it has been disposed of');
  }
}
