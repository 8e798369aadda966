/**
 * The recipe's words for where a model is trained: `engine: embedded`, or `engine: tinker` with a server. The API key is no part
 * of a recipe; it is read from TINKER_API_KEY.
 */
import { z } from 'zod';
import { SERVER_KINDS } from '../training/engines/tinker/index.js';

export const engineName = z.enum(['embedded', 'tinker']);

export const tinkerSettings = z.strictObject({
  /** `hosted`; `skyrl-jax`: SkyRL with its JAX backend; `skyrl`: SkyRL with FSDP or Megatron. */
  server: z.enum(SERVER_KINDS),
  baseUrl: z.url().default('http://localhost:8000'),
  /** A model that the server serves, as it names it. */
  baseModel: z.string().min(1),
  /** 0 trains all weights (`skyrl` only). */
  loraRank: z.number().int().min(0).default(32),
  /** Most sample requests in flight. */
  samplesInFlight: z.number().int().positive().default(256),
});

export type TinkerSettings = Readonly<z.output<typeof tinkerSettings>>;

interface EngineChoice {
  readonly engine: z.output<typeof engineName>;
  readonly tinker?: TinkerSettings | undefined;
  readonly rl?: { readonly rollouts: 'synchronous' | 'asynchronous' };
}

/** What is wrong with a choice of engine; empty when nothing is. */
export function faultsOfEngine({ engine, tinker, rl }: EngineChoice): { path: string[]; message: string }[] {
  if (engine === 'tinker' && tinker === undefined) {
    return [{ path: ['tinker'], message: 'engine "tinker" needs a server and a baseModel' }];
  }
  if (engine !== 'tinker' || tinker === undefined) return [];
  const faults: { path: string[]; message: string }[] = [];
  if (tinker.loraRank === 0 && tinker.server !== 'skyrl') {
    faults.push({ path: ['tinker', 'loraRank'], message: `${tinker.server} trains LoRA only: at least 1` });
  }
  if (tinker.server === 'skyrl-jax' && rl?.rollouts === 'asynchronous') {
    const message = 'skyrl-jax has no snapshots of its own for sampling: synchronous rollouts only';
    faults.push({ path: ['rl', 'rollouts'], message });
  }
  return faults;
}
