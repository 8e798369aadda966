/**
 * What the parts of an evaluation share: the models, the problem, and how episodes are played.
 */
import type { Rng } from '../core/rng.js';
import { type PlaySampling, play } from '../episode/play.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import type { Played } from '../episode/types.js';
import type { ComparatorName } from '../execution/comparators.js';
import type { Sandbox } from '../execution/types.js';
import type { ChatModel } from '../model/types.js';
import type { Problem } from '../problem/types.js';

export interface EvaluationOptions {
  readonly stage: string;
  readonly style: PromptStyle;
  /** Who simulates programs, where it is not the model that wrote them (paper §6.4). */
  readonly verifier?: { readonly model: ChatModel; readonly style: PromptStyle };
  readonly seed: number | string;
  readonly sampling: PlaySampling;
  /** Programs per problem. */
  readonly samples: number;
  /** Predictions per program and test; 0 simulates nothing. */
  readonly predictions: number;
  /** Private tests that programs are simulated on besides, standing for generated ones; default 0. */
  readonly unseenTests?: number;
  readonly maxTokens: { readonly solve: number; readonly simulate: number; readonly review: number };
  /** Whether solve prompts show the public tests (paper A.1.3); default true. */
  readonly publicTestsInPrompt?: boolean;
  /** What reviews see of simulated executions (self-rlef.ts); default `output`. */
  readonly feedbackShows?: 'output' | 'execution';
  readonly maxPrograms: number;
  /** Self-RLEF episodes per problem and kind of feedback; 0 leaves Self-RLEF out. */
  readonly repairSamples: number;
  /** Default: both. `executed` needs a sandbox. */
  readonly feedback?: readonly ('simulated' | 'executed')[];
  /** Problems whose Self-RLEF episodes are kept to be read in full. */
  readonly keepEpisodes: number;
  /** Makes a wrong program out of a right one, for output prediction on programs that do something else. */
  readonly mutate?: (source: string, rng: Rng) => string | undefined;
  readonly comparator?: ComparatorName;
  readonly signal?: AbortSignal;
}

export interface EvaluationContext {
  readonly model: ChatModel;
  /** Without one nothing is run: every verdict is `unscored`. */
  readonly sandbox: Sandbox | undefined;
  readonly problem: Problem;
  readonly options: EvaluationOptions;
  readonly comparator: ComparatorName;
  readonly seed: string;
}

export function createEvaluationContext(
  model: ChatModel,
  sandbox: Sandbox | undefined,
  problem: Problem,
  options: EvaluationOptions,
): EvaluationContext {
  const comparator = options.comparator ?? 'codecontests';
  return { model, sandbox, problem, options, comparator, seed: `${options.seed}/${problem.id}` };
}

/** Who simulates. */
export function verifierOf({ model, options }: EvaluationContext): {
  readonly model: ChatModel;
  readonly style: PromptStyle;
} {
  return options.verifier ?? { model, style: options.style };
}

/** Plays an episode with the model, or with the one given. */
export function playEpisode<Outcome>(
  { model, sandbox, options }: EvaluationContext,
  episode: Parameters<typeof play<Outcome>>[0],
  by: ChatModel = model,
): Promise<Played<Outcome>> {
  return play(episode, by, sandbox, {
    sampling: options.sampling,
    ...(options.signal && { signal: options.signal }),
  });
}

/** What a program prints on each public test; `null` where it fails, `undefined` without a sandbox. */
export async function executePublic(
  { problem, sandbox, options }: EvaluationContext,
  source: string,
): Promise<readonly (string | null)[] | undefined> {
  if (!sandbox) return undefined;
  const inputs = problem.publicTests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  const executions = await sandbox.run({ source }, inputs, {
    ...(problem.limits && { limits: problem.limits }),
    ...(options.signal && { signal: options.signal }),
  });
  return executions.map(({ outcome, stdout }) => (outcome === 'completed' ? stdout : null));
}
