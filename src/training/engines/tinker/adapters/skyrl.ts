/**
 * SkyRL's Tinker server with its FSDP or Megatron backend (skyrl/backends/skyrl_train_backend.py@a956457): sums over tokens;
 * full training or LoRA. A weight that is missing counts as 1, the prompt's too, so a mask is always sent. Of Adam only the
 * learning rate is taken: betas, eps, weight decay and clipping are what the server was started with. vLLM holds the weights
 * that were saved last. By reading: we had no GPU server to try it on.
 */
import { crossEntropyDatum, policyDatum, weightedAdvantages, wireAdam, wireLoss } from './encode.js';
import type { ServerAdapter } from './types.js';

export const skyrlAdapter: ServerAdapter = {
  kind: 'skyrl',
  fullTraining: true,
  clipsGradients: false,
  takesAdam: false,
  snapshots: 'latest',
  deletesSnapshots: false,
  reduction: 'sum',
  encode: (data, loss) => ({
    loss: wireLoss(loss),
    data: data.map((datum) => {
      if (loss.kind === 'cross_entropy') return crossEntropyDatum(datum);
      const advantages = weightedAdvantages(datum);
      return policyDatum(
        datum,
        advantages,
        advantages.map((advantage) => (advantage === 0 ? 0 : 1)),
      );
    }),
  }),
  encodeAdam: wireAdam,
};
