/**
 * An episode: one attempt at one task, as a synchronous generator without effects.
 *
 * It yields requests, is handed the responses, and returns an outcome. Its randomness comes from its spec's seed,
 * so its whole state is its spec and the journal of responses it was given: resuming after a kill, forking,
 * stepping over HTTP and auditing are all a replay of the journal. Drivers (`play`, `rollout`) own every effect.
 */
import type { Execution } from '../execution/types.js';
import type { ChatMessage, PolicyVersion, StopReason } from '../model/types.js';
import type { Limits, Program, ProgramInput } from '../problem/types.js';

/** What a turn is for; prompts, metrics and the report group by it. */
export type TurnPurpose = 'predict' | 'solve' | 'simulate' | 'review';

/** Ask the model; an independent prompt (context switching, paper §4). */
export interface Turn {
  readonly kind: 'turn';
  readonly purpose: TurnPurpose;
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number;
  /** Whether the tokens of this turn are trained in RL (simulate turns inside Self-RLEF are not). */
  readonly trained: boolean;
  /** For sampling; derived from the spec's seed and the turn's place, so that parallel equal prompts differ. */
  readonly seed: number;
}

/** Run a program for real. */
export interface Run {
  readonly kind: 'run';
  readonly program: Program;
  readonly inputs: readonly ProgramInput[];
  readonly limits?: Limits;
}

export type Request = Turn | Run;

export interface TurnResponse {
  readonly kind: 'turn';
  readonly text: string;
  readonly stopReason: StopReason;
  readonly completionTokens: number;
}

export interface RunResponse {
  readonly kind: 'run';
  /** One per input, in order. */
  readonly executions: readonly Execution[];
}

export type Response = TurnResponse | RunResponse;

/** The requests of one yield go in parallel; the responses come back in the same order. */
export type Episode<Outcome> = Generator<readonly Request[], Outcome, readonly Response[]>;

/** One answered request: `request` is the hash of the request it answers, so a changed prompt is noticed on replay. */
export interface JournalEntry {
  readonly request: string;
  readonly response: Response;
  /** What `rollout` adds to the answer of a turn. */
  readonly turn?: TurnRecord;
}

/** What RL keeps of a turn: the very ids that were sampled, never re-tokenised text. */
export interface TurnRecord {
  readonly purpose: TurnPurpose;
  readonly trained: boolean;
  readonly promptTokens: readonly number[];
  /** [completion] */
  readonly tokens: readonly number[];
  /** [completion] natural-log probabilities at sampling. */
  readonly logprobs: readonly number[];
  /** [completion] */
  readonly versions: readonly PolicyVersion[];
  readonly stopReason: StopReason;
}

/** What a driver gives back. An infrastructure failure that persists makes the episode unscored, never a reward. */
export type Played<Outcome> =
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly journal: readonly JournalEntry[] }
  | { readonly kind: 'unscored'; readonly reason: string; readonly journal: readonly JournalEntry[] };

export type Trajectory<Outcome> = Played<Outcome> & { readonly turns: readonly TurnRecord[] };
