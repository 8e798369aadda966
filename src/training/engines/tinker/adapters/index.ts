/** The adapters by name. */
import { hostedAdapter } from './hosted.js';
import { skyrlAdapter } from './skyrl.js';
import { skyrlJaxAdapter } from './skyrl-jax.js';
import type { ServerAdapter, ServerKind } from './types.js';

export { noticesOf, type ServerAdapter, type ServerKind } from './types.js';

export const SERVER_KINDS = ['hosted', 'skyrl-jax', 'skyrl'] as const satisfies readonly ServerKind[];

const ADAPTERS: Readonly<Record<ServerKind, ServerAdapter>> = {
  hosted: hostedAdapter,
  'skyrl-jax': skyrlJaxAdapter,
  skyrl: skyrlAdapter,
};

export function adapterFor(kind: ServerKind): ServerAdapter {
  return ADAPTERS[kind];
}
