/**
 * SkyRL's Tinker server with its JAX backend (skyrl/backends/jax.py@a956457, skyrl/tinker/loss_fns.py).
 *
 * Its loss over the D data of a step is (1/D) · Σ_i (Σ_t w_it·ℓ_it) / (Σ_t w_it): a mean over data of weighted means. The
 * seam wants Σ_i Σ_t w_it·ℓ_it. With m_it = 1 where the seam's factor a_it (weight, or weight × advantage) is not 0, and
 * S_i = Σ_t m_it, we send weights m_it and advantages a_it · S_i · D; the server's division undoes S_i and D.
 *
 * Cross entropy has no advantages to carry that factor, and its weights cancel. But CISPO with both thresholds at 1 is
 * −1·A·log p, whose gradient is cross entropy's with weight A; so it is sent as that.
 *
 * Further: LoRA only; grad_clip_norm is not in its schema and is dropped; a snapshot is loaded over the weights in training.
 */
import { clipped, policyDatum, weightedAdvantages, weightsOf, wireAdam, wireLoss } from './encode.js';
import type { ServerAdapter } from './types.js';

export const skyrlJaxAdapter: ServerAdapter = {
  kind: 'skyrl-jax',
  fullTraining: false,
  clipsGradients: false,
  takesAdam: true,
  snapshots: 'live',
  deletesSnapshots: true,
  reduction: 'mean',
  encode: (data, loss, stepData) => ({
    loss: loss.kind === 'cross_entropy' ? clipped('cispo', 1, 1) : wireLoss(loss),
    data: data.map((datum) => {
      const factors = loss.kind === 'cross_entropy' ? weightsOf(datum) : weightedAdvantages(datum);
      const mask = factors.map((factor) => (factor === 0 ? 0 : 1));
      const count = mask.reduce<number>((sum, m) => sum + m, 0);
      return policyDatum(
        datum,
        factors.map((factor) => factor * count * stepData),
        mask,
      );
    }),
  }),
  encodeAdam: wireAdam,
};
