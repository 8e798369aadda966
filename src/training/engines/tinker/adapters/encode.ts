/** Building blocks of the adapters: data and Adam in the API's words. */
import type { AdamParams, Datum, Loss } from '../../../types.js';
import { floats, integers, textInput, type WireAdam, type WireDatum, type WireLoss } from '../wire.js';

export function weightsOf({ tokens, lossInputs }: Datum): readonly number[] {
  return lossInputs.weights ?? tokens.map(() => 1);
}

/** Each token's factor of the policy loss: advantage × weight. */
export function weightedAdvantages(datum: Datum): number[] {
  const { advantages = [] } = datum.lossInputs;
  return weightsOf(datum).map((weight, t) => weight * (advantages[t] ?? 0));
}

export function crossEntropyDatum(datum: Datum): WireDatum {
  return {
    model_input: textInput(datum.tokens),
    loss_fn_inputs: {
      target_tokens: integers(datum.lossInputs.targetTokens),
      weights: floats(weightsOf(datum)),
    },
  };
}

/** `mask` is left out for a server that does not know it. */
export function policyDatum(
  datum: Datum,
  advantages: readonly number[],
  mask?: readonly number[],
): WireDatum {
  return {
    model_input: textInput(datum.tokens),
    loss_fn_inputs: {
      target_tokens: integers(datum.lossInputs.targetTokens),
      logprobs: floats(datum.lossInputs.logprobs ?? datum.tokens.map(() => 0)),
      advantages: floats(advantages),
      ...(mask && { weights: floats(mask) }),
    },
  };
}

export function wireLoss(loss: Loss): WireLoss {
  return loss.kind === 'ppo' ? clipped('ppo', loss.clipLow, loss.clipHigh) : { loss_fn: loss.kind };
}

export function clipped(name: 'ppo' | 'cispo', low: number, high: number): WireLoss {
  return { loss_fn: name, loss_fn_config: { clip_low_threshold: low, clip_high_threshold: high } };
}

export function wireAdam(adam: AdamParams): Omit<WireAdam, 'grad_clip_norm'> {
  return {
    learning_rate: adam.learningRate,
    beta1: adam.beta1,
    beta2: adam.beta2,
    eps: adam.eps,
    weight_decay: adam.weightDecay,
  };
}
