/**
 * Rollouts into training sequences. Each trained turn is a sequence of its own, made of the very ids that were sampled
 * (context switching: its prompt is independent of the other turns).
 *
 * The objective, to be maximised (CWM; field-notes A):
 *
 *   J = (1/N) · Σ_i Σ_t M_it · min(ρ_it·A_i, clip(ρ_it, 0.8, 1.25)·A_i),   ρ_it = exp(log p(y_it) − recorded log p(y_it))
 *
 * over the rollouts i of the batch and the tokens t that the model wrote (M_it = 1 on trained turns, else 0). N is a
 * constant, so that no answer counts less for being long. CWM packs rollouts into sequences of 131,072 tokens, the
 * longest trajectory, and divides each by that; eight of them make the paper's batch of 1M tokens, over which the mean
 * is taken. So N = longest trajectory × sequences per batch = the token budget of a batch, which is our default. (One of
 * the summaries of CWM has N = 131,072 alone. Adam does not see the constant; the gradient's clipping does, and with the
 * token budget a norm means the same at every batch size.)
 *
 * The engine sums −J's terms over tokens, so A_i / N is what it is given.
 */
import type { TurnRecord } from '../../episode/types.js';
import type { Datum } from '../types.js';
import type { AdvantagedGroup } from './types.js';

/** One trained turn as a sequence, with what the metrics need. */
export interface PolicyDatum {
  readonly datum: Datum;
  readonly turn: TurnRecord;
  /** Not divided by N. */
  readonly advantage: number;
  /** Index in the sequence of the first target that the model wrote. */
  readonly start: number;
}

/** The sequences of the groups' trained turns whose advantage is not 0. `normalizer` is N above. */
export function policyData(groups: readonly AdvantagedGroup[], normalizer: number): PolicyDatum[] {
  if (!(normalizer > 0))
    throw new RangeError(`policyData: the normalizer must be positive, got ${normalizer}`);
  return groups.flatMap(({ rollouts, advantages }) =>
    rollouts.flatMap(({ turns }, i) => {
      const advantage = advantages[i]!;
      if (advantage === 0) return [];
      return turns
        .filter(({ trained, tokens }) => trained && tokens.length > 0)
        .map((turn) => policyDatum(turn, advantage, normalizer));
    }),
  );
}

/** T = prompt + completion − 1; the completion's targets begin at prompt − 1. */
function policyDatum(turn: TurnRecord, advantage: number, normalizer: number): PolicyDatum {
  const whole = [...turn.promptTokens, ...turn.tokens];
  const start = turn.promptTokens.length - 1;
  const zeros = new Array<number>(start).fill(0);
  return {
    turn,
    advantage,
    start,
    datum: {
      tokens: whole.slice(0, -1),
      lossInputs: {
        targetTokens: whole.slice(1),
        weights: [...zeros, ...turn.tokens.map(() => 1)],
        logprobs: [...zeros, ...turn.logprobs],
        advantages: [...zeros, ...turn.tokens.map(() => advantage / normalizer)],
      },
    },
  };
}
