/**
 * Inference: an episode against any chat model.
 */
import type { Sandbox } from '../execution/types.js';
import type { ChatModel } from '../model/types.js';
import { answerRun, type DriveOptions, drive } from './drive.js';
import type { Episode, Played, TurnPurpose } from './types.js';

/** How a completion is sampled; a turn fixes the rest (its token limit and its seed). */
export interface TurnSampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
}

export interface PlaySampling extends TurnSampling {
  /**
   * Of the turns in which the model says what a program prints; default: `temperature`, as in the paper. Programs want
   * variety to choose from, a simulation wants to be right: 0 gives the likeliest one.
   */
  readonly simulationTemperature?: number | undefined;
}

/** The paper's, §5.1.2. */
export const PAPER_SAMPLING: PlaySampling = { temperature: 1, topP: 0.95 };

export interface PlayOptions extends DriveOptions {
  /** Default: the paper's. */
  readonly sampling?: PlaySampling;
}

/**
 * Plays an episode with a chat model. `sandbox` may be left out for an episode that runs nothing.
 * Rejects with the signal's reason when aborted.
 */
export function play<Outcome>(
  episode: Episode<Outcome>,
  model: ChatModel,
  sandbox: Sandbox | undefined,
  options: PlayOptions = {},
): Promise<Played<Outcome>> {
  const sampling = options.sampling ?? PAPER_SAMPLING;
  return drive(
    episode,
    async (request, signal) => {
      if (request.kind === 'run') return answerRun(request, sandbox, signal);
      const { messages, maxTokens, seed, purpose } = request;
      const { text, stopReason, usage } = await model.generate({
        messages,
        ...samplingFor(purpose, sampling),
        maxTokens,
        seed,
        signal,
      });
      return { response: { kind: 'turn', text, stopReason, completionTokens: usage.completionTokens } };
    },
    options,
  );
}

function samplingFor(
  purpose: TurnPurpose,
  { simulationTemperature, ...sampling }: PlaySampling,
): TurnSampling {
  const simulates = purpose === 'predict' || purpose === 'simulate';
  return simulates && simulationTemperature !== undefined
    ? { ...sampling, temperature: simulationTemperature }
    : sampling;
}
