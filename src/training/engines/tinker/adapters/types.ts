/**
 * What differs between servers that speak the Tinker API, in one object each. The engine asks; it knows no server by name.
 */
import type { AdamParams, Datum, Loss } from '../../../types.js';
import type { WireAdam, WireDatum, WireLoss } from '../wire.js';

export type ServerKind = 'hosted' | 'skyrl-jax' | 'skyrl';

export interface WireBatch {
  readonly data: readonly WireDatum[];
  readonly loss: WireLoss;
}

export interface ServerAdapter {
  readonly kind: ServerKind;
  /** Whether a model may be trained in full (LoRA rank 0). */
  readonly fullTraining: boolean;
  /** Whether `gradClipNorm`, and everything of Adam but the learning rate, is what the caller says. */
  readonly clipsGradients: boolean;
  readonly takesAdam: boolean;
  /**
   * What a sampler samples from once newer weights have been made: `isolated`, still its own; `latest`, the newest that were
   * saved for sampling; `live`, the weights in training, or worse, which is why it must not be used any more.
   */
  readonly snapshots: 'isolated' | 'latest' | 'live';
  /** Whether the weights behind a sampler should be deleted when it is closed, since the server would keep the file. */
  readonly deletesSnapshots: boolean;
  /** `sum`: a loss is a sum over tokens. `mean`: it is divided by how many data a step has, which must be known before. */
  readonly reduction: 'sum' | 'mean';
  /** The data as the server has to be given them so that its gradient is that of the seam's sum; `stepData` as above. */
  encode(data: readonly Datum[], loss: Loss, stepData: number): WireBatch;
  encodeAdam(adam: AdamParams): WireAdam;
}

/** What a user should know before training on this server with these settings. */
export function noticesOf(adapter: ServerAdapter, adam: Pick<AdamParams, 'gradClipNorm'>): string[] {
  const notices: string[] = [];
  if (!adapter.clipsGradients && adam.gradClipNorm > 0) {
    notices.push(
      `${adapter.kind}: the server does not take gradClipNorm (${adam.gradClipNorm}); its own setting counts, if it has one`,
    );
  }
  if (!adapter.takesAdam) {
    notices.push(
      `${adapter.kind}: beta1, beta2, eps and weightDecay are those that the server was started with`,
    );
  }
  if (adapter.snapshots === 'live') {
    notices.push(
      `${adapter.kind}: older weights cannot be sampled while training goes on: synchronous rollouts only`,
    );
  }
  return notices;
}
