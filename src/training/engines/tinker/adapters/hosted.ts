/**
 * Thinking Machines' hosted service: the API as it is meant. Losses are sums over tokens, gradients are clipped, snapshots
 * are files of their own; LoRA only. Not tried: we had no key. Unverified is whether it still takes forward_backward as
 * JSON, which the SDK stopped sending with 0.25.
 */
import { crossEntropyDatum, policyDatum, weightedAdvantages, wireAdam, wireLoss } from './encode.js';
import type { ServerAdapter } from './types.js';

export const hostedAdapter: ServerAdapter = {
  kind: 'hosted',
  fullTraining: false,
  clipsGradients: true,
  takesAdam: true,
  snapshots: 'isolated',
  deletesSnapshots: false,
  reduction: 'sum',
  encode: (data, loss) => ({
    loss: wireLoss(loss),
    data: data.map((datum) =>
      loss.kind === 'cross_entropy'
        ? crossEntropyDatum(datum)
        : policyDatum(datum, weightedAdvantages(datum)),
    ),
  }),
  encodeAdam: (adam) => ({ ...wireAdam(adam), grad_clip_norm: adam.gradClipNorm }),
};
