/**
 * RL: an episode against a sampler, keeping for every turn the token ids that were sampled, their log-probabilities
 * and the policy versions they came from. Sampling is at temperature 1 without top-p or top-k, so that the recorded
 * log-probabilities are those of the distribution that was sampled (DESIGN.md, "RL, as CWM does it").
 */
import { InfrastructureError } from '../core/errors.js';
import type { Sandbox } from '../execution/types.js';
import { type ChatRenderer, decodeCompletion } from '../model/renderer.js';
import type { Sample, Sampler } from '../model/types.js';
import { answerRun, type DriveOptions, drive } from './drive.js';
import type { Episode, JournalEntry, Trajectory, Turn } from './types.js';

/**
 * Rolls an episode out. Each turn is sampled with whatever weights `sampler` has when the turn begins; it stays the
 * caller's. Rejects with the signal's reason when aborted.
 */
export async function rollout<Outcome>(
  episode: Episode<Outcome>,
  sampler: Pick<Sampler, 'sample'>,
  renderer: ChatRenderer,
  sandbox: Sandbox | undefined,
  options: DriveOptions = {},
): Promise<Trajectory<Outcome>> {
  const played = await drive(
    episode,
    (request, signal) =>
      request.kind === 'run'
        ? answerRun(request, sandbox, signal)
        : answerTurn(request, sampler, renderer, signal),
    options,
  );
  return { ...played, turns: played.journal.flatMap(({ turn }) => turn ?? []) };
}

async function answerTurn(
  turn: Turn,
  sampler: Pick<Sampler, 'sample'>,
  renderer: ChatRenderer,
  signal: AbortSignal,
): Promise<Omit<JournalEntry, 'request'>> {
  const { purpose, trained, maxTokens, seed } = turn;
  const promptTokens = renderer.renderPrompt(turn.messages);
  const sample = await sampler.sample({
    prompt: promptTokens,
    stopTokens: renderer.stopTokens,
    maxTokens,
    temperature: 1,
    seed,
    signal,
  });
  checkSample(sample);
  const { tokens, logprobs, versions, stopReason } = sample;
  const text = decodeCompletion(tokens, renderer);
  return {
    response: { kind: 'turn', text, stopReason, completionTokens: tokens.length },
    turn: { purpose, trained, promptTokens, tokens, logprobs, versions, stopReason },
  };
}

/** A sampler that loses count would train the wrong tokens, silently. */
function checkSample({ tokens, logprobs, versions, stopReason }: Sample): void {
  const whole = tokens.length === logprobs.length && tokens.length === versions.length;
  if (whole && (tokens.length > 0 || stopReason === 'length')) return;
  throw new InfrastructureError(
    `the sampler gave ${tokens.length} tokens, ${logprobs.length} log-probabilities and ${versions.length} versions`,
    { code: 'sample-shape', boundary: 'engine', retryable: false },
  );
}
