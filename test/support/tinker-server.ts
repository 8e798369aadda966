/**
 * A Tinker server on loopback that computes with the embedded engine: real HTTP, the protocol as recorded from the SDK and
 * from SkyRL's source (src/training/engines/tinker/wire.ts), the numerics of each kind of server, and faults on demand.
 *
 * It counts what it has really done, so that a test can tell a call that was sent twice from one that was done twice.
 */
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Sampler } from '../../src/model/types.js';
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/training/engines/embedded/index.js';
import type { ServerKind } from '../../src/training/engines/tinker/index.js';
import type { Datum, Loss } from '../../src/training/types.js';

/** `status`: refused with it, nothing done. `lose`: done, but no answer. `drop`: not done, no answer. `hang`: held open. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Record<string, string> }
  | { readonly kind: 'lose' | 'drop' | 'hang' };

export interface ServerOptions {
  readonly kind: ServerKind;
  readonly model: { vocabSize: number; hiddenSize: number; layers: number; heads: number; maxLength: number };
  /** Where checkpoints are kept; a server started again on it finds them. */
  readonly folder: string;
  /** Whether seq_id makes a call idempotent; default true. */
  readonly numbered?: boolean;
  readonly port?: number;
  /** Asked for every request; `nth` counts the requests of each call from 1. */
  readonly fault?: (call: string, nth: number) => Fault | undefined;
}

export interface TinkerServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What was done, by call. */
  readonly done: Readonly<Record<string, number>>;
  /** What arrived, by call. */
  readonly arrived: Readonly<Record<string, number>>;
  readonly bodies: readonly { readonly call: string; readonly body: Body }[];
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of every call; the client under test is what is typed.
type Body = any;

interface Model {
  readonly id: string;
  readonly engine: EmbeddedEngine;
  readonly numbers: Map<number, { readonly text: string; readonly requestId: string }>;
  queue: Promise<unknown>;
  calls: number;
  /** `mean` servers: what the next step will be of. */
  data: { readonly datum: Datum; readonly loss: Loss }[];
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

const BASE_MODEL = 'tiny';

export async function startTinkerServer(options: ServerOptions): Promise<TinkerServer> {
  const { kind, numbered = true } = options;
  const done: Record<string, number> = {};
  const arrived: Record<string, number> = {};
  const bodies: { call: string; body: Body }[] = [];
  const models = new Map<string, Model>();
  const samplers = new Map<string, { readonly sampler: Sampler; readonly model: Model }>();
  const futures = new Map<string, Promise<unknown>>();
  const sessions = new Set<string>();
  const run = Math.random().toString(36).slice(2, 8);
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}-${run}-${++ids}`;

  /** SkyRL numbers what changes gradients and weights; the hosted service every call of a model. */
  const isNumbered = (call: string): boolean =>
    numbered && (kind === 'hosted' || !call.startsWith('save_weights'));
  const begin = (call: string, model: Model | undefined, body: Body, work: () => Promise<unknown>): Body => {
    const text = JSON.stringify(body);
    const known = isNumbered(call) && body.seq_id !== undefined ? model?.numbers.get(body.seq_id) : undefined;
    if (known) {
      if (known.text !== text) throw new Refused(409, 'Training request sequence number was reused');
      return { request_id: known.requestId };
    }
    const requestId = newId('future');
    const counted = async (): Promise<unknown> => {
      const result = await work();
      done[call] = (done[call] ?? 0) + 1;
      return result;
    };
    const result = model ? model.queue.then(counted) : counted();
    if (model) {
      model.queue = result.catch(() => undefined);
      if (call !== 'asample') {
        model.calls += 1;
        if (isNumbered(call) && body.seq_id !== undefined)
          model.numbers.set(body.seq_id, { text, requestId });
      }
    }
    result.catch(() => undefined);
    futures.set(requestId, result);
    return { request_id: requestId };
  };
  const modelOf = (body: Body): Model => {
    const model = models.get(body.model_id);
    if (!model) throw new Refused(404, 'Model not found');
    return model;
  };

  const handlers: Record<string, (body: Body) => Body | Promise<Body>> = {
    get_server_capabilities: () => ({ supported_models: [{ model_name: BASE_MODEL }] }),
    create_session: () => {
      const id = newId('session');
      sessions.add(id);
      return { session_id: id, type: 'create_session' };
    },
    session_heartbeat: (body) => {
      if (!sessions.has(body.session_id)) throw new Refused(404, 'Session not found');
      return { type: 'session_heartbeat' };
    },
    create_model: (body) =>
      begin('create_model', undefined, body, async () => {
        const { rank } = body.lora_config;
        if (kind === 'skyrl-jax' && !(rank > 0)) throw new Error('LoRA rank 0 must be between 1 and 32');
        const engine = await createEmbeddedEngine({ model: options.model, seed: 1, threads: 1 });
        const id = newId('model');
        models.set(id, { id, engine, numbers: new Map(), queue: Promise.resolve(), calls: 0, data: [] });
        return { model_id: id };
      }),
    unload_model: (body) => {
      const model = modelOf(body);
      return begin('unload_model', model, body, async () => {
        models.delete(model.id);
        await model.engine[Symbol.asyncDispose]();
        return { model_id: model.id, status: 'unloaded' };
      });
    },
    forward: (body) => {
      const model = modelOf(body);
      const data = body.forward_input.data.map((datum: Body) => readDatum(datum).datum);
      return begin('forward', model, body, async () =>
        outputsOf((await model.engine.forward(data)).logprobs),
      );
    },
    forward_backward: (body) => {
      const model = modelOf(body);
      const { data, loss_fn: name, loss_fn_config: config } = body.forward_backward_input;
      const read = data.map((wire: Body) => readDatum(wire)) as ReturnType<typeof readDatum>[];
      return begin('forward_backward', model, body, async () => {
        if (kind === 'skyrl-jax') return meanBackward(model, read, name, config);
        const loss = readLoss(name, config);
        const result = await model.engine.forwardBackward(
          read.map(({ datum }) => datum),
          loss,
        );
        return outputsOf(result.logprobs);
      });
    },
    optim_step: (body) => {
      const model = modelOf(body);
      return begin('optim_step', model, body, async () => {
        if (kind === 'skyrl-jax') await meanStep(model);
        const adam = body.adam_params;
        const { gradNorm } = await model.engine.optimStep({
          learningRate: adam.learning_rate,
          ...(kind === 'skyrl'
            ? { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradClipNorm: 1 }
            : { beta1: adam.beta1, beta2: adam.beta2, eps: adam.eps, weightDecay: adam.weight_decay }),
          gradClipNorm: kind === 'hosted' ? adam.grad_clip_norm : kind === 'skyrl' ? 1 : 0,
        });
        return { metrics: { [kind === 'hosted' ? 'grad_norm' : 'skyrl.ai/grad_norm']: gradNorm } };
      });
    },
    save_weights: (body) => {
      const model = modelOf(body);
      const folder = join(options.folder, model.id, body.path);
      const isRetry = isNumbered('save_weights') && model.numbers.has(body.seq_id);
      if (existsSync(folder) && !isRetry) throw new Refused(409, `Checkpoint '${body.path}' already exists`);
      return begin('save_weights', model, body, async () => {
        await model.engine.saveState(folder);
        return { path: `tinker://${model.id}/weights/${body.path}`, type: 'save_weights' };
      });
    },
    load_weights: (body) => {
      const model = modelOf(body);
      const [, source, name] = /^tinker:\/\/([^/]+)\/weights\/(.+)$/.exec(body.path) ?? [];
      if (source === undefined)
        throw new Refused(400, 'request.path must be tinker://model/weights/checkpoint');
      const isRetry = numbered && model.numbers.has(body.seq_id);
      if (model.calls > 0 && !isRetry) throw new Refused(400, 'LoadWeights is not permitted');
      if (!existsSync(join(options.folder, source, name!))) throw new Refused(404, 'Checkpoint not found');
      return begin('load_weights', model, body, async () => {
        await model.engine.loadState(join(options.folder, source, name!));
        return { type: 'load_weights' };
      });
    },
    save_weights_for_sampler: (body) => {
      const model = modelOf(body);
      return begin('save_weights_for_sampler', model, body, async () => {
        const id = newId('sampling');
        samplers.set(id, { sampler: await model.engine.saveWeightsForSampler(), model });
        return { sampling_session_id: id, path: `tinker://${model.id}/sampler_weights/${id}` };
      });
    },
    asample: (body) => {
      const held = samplers.get(body.sampling_session_id);
      if (!held) throw new Refused(404, 'Sampling session not found');
      const { sampling_params: params } = body;
      return begin('asample', undefined, body, async () => {
        const { tokens, logprobs, stopReason } = await held.sampler.sample({
          prompt: tokensOf(body.prompt),
          maxTokens: params.max_tokens,
          temperature: params.temperature,
          topP: params.top_p,
          topK: Math.max(params.top_k, 0),
          stopTokens: params.stop ?? [],
          ...(params.seed !== undefined && { seed: params.seed }),
        });
        return { sequences: [{ tokens, logprobs, stop_reason: stopReason }], prompt_logprobs: null };
      });
    },
    retrieve_future: async (body) => {
      const future = futures.get(body.request_id);
      if (!future) throw new Refused(404, 'Future not found');
      try {
        return await future;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (kind === 'hosted') return { error: message, category: 'user' };
        throw new Refused(400, message);
      }
    },
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === '/openapi.json') {
      const properties = numbered ? { seq_id: {} } : {};
      return reply(response, 200, { components: { schemas: { OptimStepRequest: { properties } } } });
    }
    const call = request.method === 'DELETE' ? 'delete' : request.url!.replace('/api/v1/', '');
    const body = await readBody(request);
    arrived[call] = (arrived[call] ?? 0) + 1;
    bodies.push({ call, body });
    const fault = options.fault?.(call, arrived[call]);
    if (fault?.kind === 'status') return reply(response, fault.status, { detail: 'injected' }, fault.headers);
    if (fault?.kind === 'drop') return void request.socket.destroy();
    if (fault?.kind === 'hang') return;
    if (call === 'delete') return reply(response, 204, undefined);
    try {
      const handler = handlers[call];
      if (!handler) throw new Refused(404, `no call ${call}`);
      const result = await handler(body);
      if (fault?.kind === 'lose') return void request.socket.destroy();
      reply(response, 200, result);
    } catch (error) {
      if (error instanceof Refused) return reply(response, error.status, { detail: error.message });
      reply(response, 500, { detail: String(error) });
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  await listen(server, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    done,
    arrived,
    bodies,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([...samplers.values()].map(({ sampler }) => sampler[Symbol.asyncDispose]()));
      await Promise.all([...models.values()].map(({ engine }) => engine[Symbol.asyncDispose]()));
    },
  };
}

/** SkyRL's JAX backend: what a step is of is known only when it comes, so the data wait for it. */
async function meanBackward(
  model: Model,
  read: readonly ReturnType<typeof readDatum>[],
  name: string,
  config: Body,
): Promise<Body> {
  if (name === 'cispo' && !(config.clip_low_threshold === 1 && config.clip_high_threshold === 1)) {
    throw new Error('this server computes CISPO with both thresholds at 1 only');
  }
  for (const { datum, mask } of read) {
    const { advantages } = datum.lossInputs;
    const total = Math.max(
      mask.reduce((sum, m) => sum + m, 0),
      1e-9,
    );
    const weights = mask.map((m, t) => (name === 'cispo' ? m * advantages![t]! : m) / total);
    const loss: Loss = name === 'cispo' ? { kind: 'cross_entropy' } : readLoss(name, config);
    model.data.push({ loss, datum: { tokens: datum.tokens, lossInputs: { ...datum.lossInputs, weights } } });
  }
  return outputsOf((await model.engine.forward(read.map(({ datum }) => datum))).logprobs);
}

async function meanStep(model: Model): Promise<void> {
  const count = model.data.length;
  for (const { datum, loss } of model.data) {
    const weights = datum.lossInputs.weights!.map((weight) => weight / count);
    await model.engine.forwardBackward([{ ...datum, lossInputs: { ...datum.lossInputs, weights } }], loss);
  }
  model.data = [];
}

function readDatum({ model_input: input, loss_fn_inputs: inputs }: Body): { datum: Datum; mask: number[] } {
  const targetTokens: number[] = inputs.target_tokens.data;
  // As in SkyRL: a weight that is missing is 1, the prompt's too.
  const mask: number[] = inputs.weights?.data ?? targetTokens.map(() => 1);
  const lossInputs = {
    targetTokens,
    weights: mask,
    ...(inputs.logprobs && { logprobs: inputs.logprobs.data as number[] }),
    ...(inputs.advantages && { advantages: inputs.advantages.data as number[] }),
  };
  return { datum: { tokens: tokensOf(input), lossInputs }, mask };
}

function readLoss(name: string, config: Body): Loss {
  if (name === 'cross_entropy' || name === 'importance_sampling') return { kind: name };
  if (name !== 'ppo') throw new Error(`unknown loss ${name}`);
  return {
    kind: 'ppo',
    clipLow: config?.clip_low_threshold ?? 0.8,
    clipHigh: config?.clip_high_threshold ?? 1.2,
  };
}

function tokensOf({ chunks }: Body): number[] {
  return chunks.flatMap(({ tokens }: Body) => tokens);
}

function outputsOf(logprobs: readonly Float32Array[]): Body {
  return {
    loss_fn_output_type: 'scalar',
    metrics: {},
    loss_fn_outputs: logprobs.map((list) => ({
      logprobs: { data: [...list], dtype: 'float32', shape: [list.length] },
    })),
  };
}

async function readBody(request: IncomingMessage): Promise<Body> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString('utf8');
  return text === '' ? {} : JSON.parse(text);
}

function reply(
  response: ServerResponse,
  status: number,
  body: Body,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
