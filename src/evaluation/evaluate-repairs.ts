/**
 * Self-RLEF episodes of a problem (paper §4): one `self-rlef/1` record each, and some episodes to be read in full.
 */
import { type SelfRlefOutcome, selfRlef } from '../episode/environments/self-rlef.js';
import type { Verdict } from '../execution/verdict.js';
import { completionTokens } from '../selection/simulate.js';
import { describeEpisode, recordMessages } from './episode-sample.js';
import { type EvaluationContext, playEpisode } from './evaluation-context.js';
import type { EpisodeSample, SelfRlefRecord } from './records.js';

/** What one episode left. */
export interface Repair {
  /** Absent when our machinery failed. */
  readonly outcome?: SelfRlefOutcome;
  readonly records: readonly (SelfRlefRecord | EpisodeSample)[];
}

/** An episode that our machinery failed; counted, never as a failure of the model. */
const UNSCORED_PROGRAM = { source: null, publicPassed: null, allPassed: null } as const;
/** An episode whose first completion held no program. */
const NO_PROGRAM = { source: null, publicPassed: false, allPassed: false } as const;

/** `keep`: whether the first episode, with the first kind of feedback, is kept to be read. */
export async function recordRepairs(context: EvaluationContext, keep: boolean): Promise<Repair[]> {
  const { options } = context;
  const kinds = options.feedback ?? (['simulated', 'executed'] as const);
  const repairs: Repair[] = [];
  for (const [place, feedback] of kinds.entries()) {
    const episodes = Array.from({ length: options.repairSamples }, (_, sample) =>
      recordRepair(context, feedback, sample, keep && sample === 0 && place === 0),
    );
    repairs.push(...(await Promise.all(episodes)));
  }
  return repairs;
}

async function recordRepair(
  context: EvaluationContext,
  feedback: 'simulated' | 'executed',
  sample: number,
  keep: boolean,
): Promise<Repair> {
  const { problem, options, model, sandbox } = context;
  const { recorder, turns } = recordMessages(model);
  const played = await playEpisode(
    context,
    selfRlef({
      kind: 'self-rlef',
      problem,
      style: options.style,
      includePublicTests: options.publicTestsInPrompt ?? true,
      feedback,
      feedbackShows: options.feedbackShows ?? 'output',
      maxPrograms: options.maxPrograms,
      maxTokens: options.maxTokens,
      judge: sandbox ? 'every' : 'none',
      comparator: context.comparator,
      // The same seed for both kinds of feedback: they start from the same first program.
      seed: `${context.seed}/repair/${sample}`,
    }),
    recorder,
  );
  const tokens = completionTokens(played);
  if (played.kind === 'unscored') {
    const record = { ...repairRecord(context, feedback, sample, tokens), programs: [UNSCORED_PROGRAM] };
    return { records: [record] };
  }
  const { outcome } = played;
  const records: (SelfRlefRecord | EpisodeSample)[] = [toRepairRecord(context, outcome, sample, tokens)];
  if (keep && sandbox) {
    records.push(await describeEpisode(problem, outcome, turns, options.stage, model.id, sandbox));
  }
  return { outcome, records };
}

function toRepairRecord(
  context: EvaluationContext,
  outcome: SelfRlefOutcome,
  sample: number,
  completionTokens: number,
): SelfRlefRecord {
  const passed = (verdicts: readonly { readonly verdict: Verdict }[]): boolean =>
    verdicts.every(({ verdict }) => verdict === 'accepted');
  const programs = outcome.programs.map(({ program, verdicts }) => ({
    source: program.source,
    publicPassed: verdicts ? passed(verdicts.public) : null,
    allPassed: verdicts ? passed([...verdicts.public, ...verdicts.private]) : null,
  }));
  return {
    ...repairRecord(context, outcome.feedback, sample, completionTokens),
    programs: programs.length > 0 ? programs : [NO_PROGRAM],
    submitted: outcome.kind === 'submitted',
  };
}

function repairRecord(
  { problem, options, model, comparator }: EvaluationContext,
  feedback: SelfRlefRecord['feedback'],
  sample: number,
  completionTokens: number,
): Omit<SelfRlefRecord, 'programs'> {
  return {
    schema: 'self-rlef/1',
    problem: problem.id,
    stage: options.stage,
    model: model.id,
    feedback,
    comparator,
    sample,
    submitted: false,
    completionTokens,
  };
}
