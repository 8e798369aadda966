/**
 * A session with a Tinker server: opened once, kept alive by heartbeats, ended by no longer sending them. Models belong to a
 * session; SkyRL unloads those of a session that has been silent for 300 s, so a killed client leaves nothing behind.
 */
import { z } from 'zod';
import { InfrastructureError, UsageError } from '../../../core/errors.js';
import type { ServerAdapter } from './adapters/index.js';
import type { Transport } from './transport.js';
import { parseAnswer } from './transport.js';
import { anyAnswer, capabilitiesAnswer, sessionAnswer } from './wire.js';

const HEARTBEAT_MS = 10_000;

export interface Session {
  readonly id: string;
  readonly transport: Transport;
  readonly adapter: ServerAdapter;
  /** Whether a call with the same (model_id, seq_id) is done once however often it is sent. */
  readonly numbered: boolean;
  nextModel(): number;
  nextSampler(): number;
  /** Throws once the server has forgotten the session. */
  throwIfLost(): void;
  /** Ends the heartbeats. */
  close(): Promise<void>;
}

export interface SessionOptions {
  /** A model that the server serves, as it names it. */
  readonly baseModel: string;
  /** Pause between heartbeats; 0 sends none. */
  readonly heartbeatMs?: number;
}

/** Throws a UsageError when the server does not serve the model. */
export async function openSession(
  transport: Transport,
  adapter: ServerAdapter,
  options: SessionOptions,
): Promise<Session> {
  const { baseModel, heartbeatMs = HEARTBEAT_MS } = options;
  const { session_id: id } = await transport.send(
    'create_session',
    { tags: ['deskcheck'], user_metadata: null, sdk_version: 'deskcheck', type: 'create_session' },
    sessionAnswer,
  );
  await checkModel(transport, baseModel);
  const numbered = adapter.kind === 'hosted' || (await takesNumbers(transport));
  const stop = new AbortController();
  let lost: InfrastructureError | undefined;
  const beating = heartbeatMs > 0 ? beat() : Promise.resolve();
  let models = 0;
  let samplers = 0;
  return {
    id,
    transport,
    adapter,
    numbered,
    nextModel: () => models++,
    nextSampler: () => samplers++,
    throwIfLost: () => {
      if (lost) throw lost;
    },
    close: async () => {
      stop.abort();
      await beating;
    },
  };

  async function beat(): Promise<void> {
    try {
      for (;;) {
        await transport.clock.sleep(heartbeatMs, stop.signal);
        const body = { session_id: id, type: 'session_heartbeat' };
        await transport.send('session_heartbeat', body, anyAnswer, { signal: stop.signal });
      }
    } catch (error) {
      if (!stop.signal.aborted) lost = sessionLost(error);
    }
  }
}

async function checkModel(transport: Transport, baseModel: string): Promise<void> {
  const reply = await transport.request('GET', 'get_server_capabilities');
  if (reply.kind !== 'answer') return;
  const { supported_models: models } = parseAnswer(capabilitiesAnswer, reply.body, 'get_server_capabilities');
  const names = models.flatMap(({ model_name: name }) => (name == null ? [] : [name]));
  if (names.length > 0 && !names.includes(baseModel)) {
    throw new UsageError(
      `the Tinker server does not serve "${baseModel}"; it has ${names.slice(0, 8).join(', ')}`,
    );
  }
}

/**
 * SkyRL numbers calls since a956457; its release 0.3.0 takes no seq_id and would do a repeated call twice. Its OpenAPI page
 * tells the two apart.
 */
async function takesNumbers(transport: Transport): Promise<boolean> {
  const reply = await transport.request('GET', '../../openapi.json');
  if (reply.kind !== 'answer') return false;
  const page = z.object({
    components: z.object({
      schemas: z.object({ OptimStepRequest: z.object({ properties: z.object({ seq_id: z.unknown() }) }) }),
    }),
  });
  const parsed = page.safeParse(reply.body);
  return parsed.success && parsed.data.components.schemas.OptimStepRequest.properties.seq_id !== undefined;
}

function sessionLost(cause: unknown): InfrastructureError {
  return new InfrastructureError(
    'the Tinker server no longer knows this session; go on from the last checkpoint',
    { code: 'session-lost', boundary: 'engine', retryable: true, cause },
  );
}
