/**
 * `selfVerify` (paper §3), for use: sample programs for a problem, simulate them on the public tests, choose one. Nothing is
 * run. Simulation stops once the choice is settled (early-stop.ts); the choice is the same as without.
 */
import { InfrastructureError } from '../core/errors.js';
import { type SolveOutcome, solve } from '../episode/environments/solve.js';
import { PAPER_SAMPLING, type PlaySampling, play } from '../episode/play.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import { paperStyle } from '../episode/prompts/paper.js';
import type { Played } from '../episode/types.js';
import type { ComparatorName } from '../execution/comparators.js';
import { createMeter, type Spending } from '../model/meter.js';
import { type AnyModel, toChatModel } from '../model/to-chat-model.js';
import type { ChatModel } from '../model/types.js';
import type { EndpointManners } from '../model/wrappers.js';
import type { Problem, Program, TestCase } from '../problem/types.js';
import { type Agreement, findAgreement, type PlayAny } from './agreement.js';
import { programScore, type Score, type Vote } from './early-stop.js';
import { selectCandidate } from './rank.js';
import { simulateUntilDecided } from './simulate.js';
import type { Prediction } from './types.js';

/** A problem as far as choosing needs it. */
export interface ProblemToSolve {
  /** Only to tell problems apart in seeds. */
  readonly id?: string;
  readonly statement: string;
  /** Without any there is nothing to choose by: every program ties. */
  readonly publicTests: readonly TestCase[];
}

/** What `selfVerify` and `selfRepair` share. */
export interface SelfOptions extends EndpointManners {
  readonly model: AnyModel;
  readonly problem: ProblemToSolve;
  /** How prompts are put; default `paperStyle`. */
  readonly style?: PromptStyle;
  /** Default: the paper's, temperature 1 and top-p 0.95. */
  readonly sampling?: PlaySampling;
  /** Most tokens of one completion; default 8192 each. */
  readonly maxTokens?: { readonly solve?: number; readonly simulate?: number; readonly review?: number };
  /** Whether the solve prompt shows the public tests; default true. */
  readonly publicTestsInPrompt?: boolean;
  /** How a predicted output is compared with the expected one; default `codecontests`. */
  readonly comparator?: ComparatorName;
  /** Equal seeds ask equal questions, and break ties alike. Default 0. */
  readonly seed?: number | string;
  /** Ends the work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface SelfVerifyOptions extends SelfOptions {
  /** Who simulates; default `model`. */
  readonly verifier?: AnyModel;
  /** How simulation is asked for; default `style`. */
  readonly verifierStyle?: PromptStyle;
  /** Programs to choose among; default 8. */
  readonly samples?: number;
  /** Predictions per program and test; default 1. */
  readonly predictions?: number;
  /** How several predictions of one test count; default `share`. */
  readonly vote?: Vote;
  /**
   * Inputs that the model writes, on which programs that tie are simulated too; the one that agrees with most others is
   * chosen (agreement.ts). Default 0: ties are broken at random, as in the paper.
   */
  readonly generatedTests?: number;
  readonly onProgress?: (event: SelfVerifyEvent) => void;
}

export type SelfVerifyEvent =
  | {
      readonly kind: 'sampled';
      readonly candidate: Candidate['kind'];
      readonly done: number;
      readonly of: number;
    }
  | { readonly kind: 'predicted'; readonly test: number; readonly passes: boolean; readonly done: number }
  | { readonly kind: 'chosen'; readonly index: number | undefined };

/** One sample. */
export type Candidate =
  | {
      readonly kind: 'program';
      readonly program: Program;
      /** [public test][draw]; shorter where it was given up early. */
      readonly predictions: readonly (readonly Prediction[])[];
      /** Its points, by `vote`: settled where least and most are equal. */
      readonly score: Score;
    }
  | { readonly kind: 'unparsed' }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'unscored'; readonly reason: string };

export interface SelfVerified {
  /** The program to use; `undefined` when no sample held one. */
  readonly program: Program | undefined;
  /** Its place among the candidates. */
  readonly index: number | undefined;
  /** In the order of sampling. */
  readonly candidates: readonly Candidate[];
  /** How ties were broken, where `generatedTests` was asked for and there were any. */
  readonly agreement?: PlacedAgreement;
  readonly predictionsMade: number;
  /** By stopping early. */
  readonly predictionsSaved: number;
  readonly spending: Spending;
}

/** The agreement of the candidates that tied, and which those are. */
export type PlacedAgreement = Agreement & {
  /** [tied program] its place among the candidates. */
  readonly places: readonly number[];
};

/** Throws an InfrastructureError when the model gave no answer at all. */
export async function selfVerify(options: SelfVerifyOptions): Promise<SelfVerified> {
  const { samples = 8, onProgress } = options;
  const meter = createMeter();
  const model = meter.count(toChatModel(options.model, options));
  let done = 0;
  const outcomes = await Promise.all(
    Array.from({ length: samples }, async (_, sample) => {
      const played = await play(
        solve({
          kind: 'solve',
          problem: problemOf(options),
          style: options.style ?? paperStyle,
          includePublicTests: options.publicTestsInPrompt ?? true,
          maxTokens: options.maxTokens?.solve ?? DEFAULT_MAX_TOKENS,
          judge: 'none',
          seed: `${seedOf(options)}/solve/${sample}`,
        }),
        model,
        undefined,
        playOptions(options),
      );
      const outcome = toOutcome(played);
      onProgress?.({ kind: 'sampled', candidate: outcome.kind, done: ++done, of: samples });
      return outcome;
    }),
  );
  requireAnswers(outcomes);
  const verifier =
    options.verifier === undefined ? model : meter.count(toChatModel(options.verifier, options));
  const by =
    (who: ChatModel): PlayAny =>
    (episode) =>
      play(episode, who, undefined, playOptions(options));
  const verified = await chooseBySimulation(options, outcomes, by(model), by(verifier));
  onProgress?.({ kind: 'chosen', index: verified.index });
  return { ...verified, spending: meter.spending() };
}

export const DEFAULT_MAX_TOKENS = 8_192;

/** A sample before it was simulated. */
export type Outcome =
  | { readonly kind: 'program'; readonly program: Program }
  | Exclude<Candidate, { readonly kind: 'program' }>;

/** Simulates the programs among the outcomes and chooses. */
export async function chooseBySimulation(
  options: Omit<SelfVerifyOptions, 'model'>,
  outcomes: readonly Outcome[],
  writer: PlayAny,
  verifier: PlayAny,
): Promise<Omit<SelfVerified, 'spending'>> {
  const { predictions: draws = 1, vote = 'share', onProgress } = options;
  let done = 0;
  const { simulated, made, saved } = await simulateUntilDecided(
    {
      problem: problemOf(options),
      programs: outcomes.flatMap((outcome) => (outcome.kind === 'program' ? [outcome.program] : [])),
      style: options.verifierStyle ?? options.style ?? paperStyle,
      maxTokens: options.maxTokens?.simulate ?? DEFAULT_MAX_TOKENS,
      draws,
      comparator: options.comparator ?? 'codecontests',
      seed: options.seed ?? 0,
      vote,
    },
    verifier,
    (_, test, prediction) => {
      const passes = prediction.kind === 'predicted' && prediction.matches;
      onProgress?.({ kind: 'predicted', test, passes, done: ++done });
    },
  );
  const queue = [...simulated];
  const candidates = outcomes.map((outcome): Candidate => {
    if (outcome.kind !== 'program') return outcome;
    const { predictions } = queue.shift()!;
    return { ...outcome, predictions, score: programScore(predictions, draws, vote) };
  });
  const agreement = await breakTies(options, candidates, writer, verifier);
  const index = selectCandidate(
    candidates.map((candidate, place) =>
      candidate.kind === 'program' ? candidate.score.least + (agreement?.share[place] ?? 0) : undefined,
    ),
    seedOf(options),
  );
  const chosen = index === undefined ? undefined : candidates[index];
  const program = chosen?.kind === 'program' ? chosen.program : undefined;
  return {
    program,
    index,
    candidates,
    ...(agreement && { agreement: agreement.found }),
    predictionsMade: made + (agreement?.found.predictions ?? 0),
    predictionsSaved: saved,
  };
}

/** For the candidates that share the best score: their share of agreements, below 1, so that no point is outweighed. */
async function breakTies(
  options: Omit<SelfVerifyOptions, 'model'>,
  candidates: readonly Candidate[],
  writer: PlayAny,
  verifier: PlayAny,
): Promise<{ readonly found: PlacedAgreement; readonly share: readonly (number | undefined)[] } | undefined> {
  const { generatedTests = 0, maxTokens, style = paperStyle } = options;
  const scores = candidates.map((candidate) => (candidate.kind === 'program' ? candidate.score.least : -1));
  const best = Math.max(-1, ...scores);
  const tied = candidates.flatMap((candidate, place) =>
    candidate.kind === 'program' && scores[place] === best ? [{ program: candidate.program, place }] : [],
  );
  if (generatedTests === 0 || new Set(tied.map(({ program }) => program.source)).size < 2) return undefined;
  const found = await findAgreement(
    {
      problem: options.problem,
      programs: tied.map(({ program }) => program),
      inputs: generatedTests,
      style: options.verifierStyle ?? style,
      maxTokens: {
        inputs: maxTokens?.solve ?? DEFAULT_MAX_TOKENS,
        simulate: maxTokens?.simulate ?? DEFAULT_MAX_TOKENS,
      },
      seed: seedOf(options),
    },
    writer,
    verifier,
  );
  const share: (number | undefined)[] = candidates.map(() => undefined);
  for (const [at, { place }] of tied.entries()) share[place] = found.points[at]! / (found.inputs.length + 1);
  return { found: { ...found, places: tied.map(({ place }) => place) }, share };
}

/** The problem in the form that episodes take. */
export function problemOf({ problem }: Pick<SelfOptions, 'problem'>): Problem {
  return { id: 'problem', privateTests: [], ...problem };
}

export function seedOf({ seed = 0, problem }: Pick<SelfOptions, 'seed' | 'problem'>): string {
  return `${seed}/${problem.id ?? 'problem'}`;
}

export function playOptions({ sampling, signal }: SelfOptions): Parameters<typeof play>[3] {
  return { sampling: sampling ?? PAPER_SAMPLING, ...(signal === undefined ? {} : { signal }) };
}

function toOutcome(played: Played<SolveOutcome>): Outcome {
  if (played.kind === 'unscored') return { kind: 'unscored', reason: played.reason };
  const { outcome } = played;
  return outcome.kind === 'program' ? { kind: 'program', program: outcome.program } : outcome;
}

function requireAnswers(outcomes: readonly Outcome[]): void {
  const [first] = outcomes;
  if (first?.kind === 'unscored' && outcomes.every(({ kind }) => kind === 'unscored')) {
    throw new InfrastructureError(`no sample could be had: ${first.reason}`, {
      code: 'no-sample',
      boundary: 'model',
      retryable: false,
    });
  }
}
