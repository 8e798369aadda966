/**
 * `selfRepair` (paper §4, Self-RLEF), for use: write a program, simulate it on the public tests (or run it, in a sandbox),
 * then submit it or fix it, over several turns.
 */
import { InfrastructureError, UsageError } from '../core/errors.js';
import { type SelfRlefEnd, selfRlef } from '../episode/environments/self-rlef.js';
import { play } from '../episode/play.js';
import { paperStyle } from '../episode/prompts/paper.js';
import type { Sandbox } from '../execution/types.js';
import { createMeter, type Spending } from '../model/meter.js';
import { toChatModel } from '../model/to-chat-model.js';
import type { ChatModel } from '../model/types.js';
import type { Program, TestFeedback } from '../problem/types.js';
import { DEFAULT_MAX_TOKENS, playOptions, problemOf, type SelfOptions, seedOf } from './self-verify.js';

export interface SelfRepairOptions extends SelfOptions {
  /** Programs in all, the first included; default 10. */
  readonly maxPrograms?: number;
  /** `executed` runs programs in `sandbox`; default `simulated`. */
  readonly feedback?: 'simulated' | 'executed';
  readonly sandbox?: Sandbox;
  /** After every answer of the model; `done` counts them. */
  readonly onProgress?: (event: { readonly kind: 'answered'; readonly done: number }) => void;
}

export interface SelfRepaired {
  /** The last program that could be read; `undefined` when there was none. */
  readonly program: Program | undefined;
  readonly end: SelfRlefEnd;
  /** In the order of writing, with what the review was told. */
  readonly programs: readonly { readonly program: Program; readonly feedback?: readonly TestFeedback[] }[];
  readonly spending: Spending;
}

/** Throws an InfrastructureError when model or sandbox failed for good, a UsageError for `executed` without a sandbox. */
export async function selfRepair(options: SelfRepairOptions): Promise<SelfRepaired> {
  const { feedback = 'simulated', maxPrograms = 10, sandbox, maxTokens, onProgress } = options;
  if (feedback === 'executed' && !sandbox) {
    throw new UsageError("selfRepair with feedback: 'executed' runs programs; give it a sandbox");
  }
  const meter = createMeter();
  const counted = meter.count(toChatModel(options.model, options));
  let done = 0;
  const model: ChatModel = {
    id: counted.id,
    generate: async (request) => {
      const response = await counted.generate(request);
      onProgress?.({ kind: 'answered', done: ++done });
      return response;
    },
  };
  const played = await play(
    selfRlef({
      kind: 'self-rlef',
      problem: problemOf(options),
      style: options.style ?? paperStyle,
      includePublicTests: options.publicTestsInPrompt ?? true,
      feedback,
      maxPrograms,
      maxTokens: {
        solve: maxTokens?.solve ?? DEFAULT_MAX_TOKENS,
        simulate: maxTokens?.simulate ?? DEFAULT_MAX_TOKENS,
        review: maxTokens?.review ?? DEFAULT_MAX_TOKENS,
      },
      judge: 'none',
      comparator: options.comparator ?? 'codecontests',
      seed: `${seedOf(options)}/repair/0`,
    }),
    model,
    sandbox,
    playOptions(options),
  );
  if (played.kind === 'unscored') {
    throw new InfrastructureError(`the repair could not be finished: ${played.reason}`, {
      code: 'unfinished-episode',
      boundary: 'model',
      retryable: false,
    });
  }
  const { kind: end, programs } = played.outcome;
  return { program: programs.at(-1)?.program, end, programs, spending: meter.spending() };
}
