/**
 * Programs for a problem, sampled from chat models and judged by real execution on all its tests (paper §2.1: contest
 * programs are LLM-written; §5: ten solutions per model).
 */
import { InfrastructureError } from '../../core/errors.js';
import { solve } from '../../episode/environments/solve.js';
import { type PlaySampling, play } from '../../episode/play.js';
import { judge } from '../../execution/judge.js';
import type { Sandbox } from '../../execution/types.js';
import type { Problem } from '../../problem/types.js';
import type { OpenChatModel } from '../open-model.js';
import { addCounts, type Counts } from './counts.js';
import type { AuthoredProgram } from './prediction-data.js';

export interface SampleOptions {
  readonly samples: number;
  readonly sampling: PlaySampling;
  readonly maxTokens: number;
  readonly seed: number | string;
  readonly signal?: AbortSignal;
}

const NO_ANSWER = 'no answer';

/** As many samples of each model; those that are programs, in order, and what the others were. Throws when no call was answered. */
export async function samplePrograms(
  models: readonly OpenChatModel[],
  problem: Problem,
  sandbox: Sandbox,
  { samples, sampling, maxTokens, seed, signal }: SampleOptions,
): Promise<{ readonly programs: readonly AuthoredProgram[]; readonly counts: Counts }> {
  const drawn = models.flatMap((one) => Array.from({ length: samples }, (_, draw) => ({ ...one, draw })));
  const outcomes = await Promise.all(
    drawn.map(async ({ model, style, draw }): Promise<AuthoredProgram | string> => {
      const episode = solve({
        ...{ kind: 'solve', problem, style, includePublicTests: true, maxTokens, judge: 'none' },
        seed: `${seed}/${problem.id}/${draw}`,
      });
      const played = await play(episode, model, undefined, { sampling, ...(signal && { signal }) });
      if (played.kind !== 'finished') return NO_ANSWER;
      const { outcome } = played;
      if (outcome.kind !== 'program') return outcome.kind === 'truncated' ? 'cut off' : 'no program';
      const verdict = await judgeOnce(sandbox, outcome.program, problem, signal);
      if (verdict === 'unscored') return 'unscored';
      return { source: outcome.program.source, author: model.id, correct: verdict === 'accepted' };
    }),
  );
  if (drawn.length > 0 && outcomes.every((outcome) => outcome === NO_ANSWER)) {
    throw new InfrastructureError(`no answer to any of ${drawn.length} questions about ${problem.id}`, {
      code: 'no-sample',
      boundary: 'model',
      retryable: true,
    });
  }
  const programs: AuthoredProgram[] = [];
  let counts: Counts = { sampled: drawn.length };
  for (const outcome of outcomes) {
    if (typeof outcome === 'string') counts = addCounts(counts, { samples: { [outcome]: 1 } });
    else {
      programs.push(outcome);
      const label = `${outcome.correct ? 'right' : 'wrong'} (${outcome.author})`;
      counts = addCounts(counts, { samples: { [label]: 1 } });
    }
  }
  return { programs, counts };
}

/** Judges programs that were given. */
export async function judgePrograms(
  programs: readonly AuthoredProgram[],
  problem: Problem,
  sandbox: Sandbox,
  signal?: AbortSignal,
): Promise<AuthoredProgram[]> {
  const verdicts = await Promise.all(programs.map((program) => judgeOnce(sandbox, program, problem, signal)));
  return programs.flatMap((program, at) =>
    verdicts[at] === 'unscored' ? [] : [{ ...program, correct: verdicts[at] === 'accepted' }],
  );
}

async function judgeOnce(
  sandbox: Sandbox,
  program: { readonly source: string },
  problem: Problem,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { verdict } = await judge(sandbox, program, problem, { stopEarly: true, ...(signal && { signal }) });
  return verdict;
}
