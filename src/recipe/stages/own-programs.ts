/**
 * Programs that the SFT checkpoint writes for the training problems, before RL begins: what output prediction is about in the
 * paper (PAPER.md §3: 10 solutions per problem, at most 4 right ones kept, each with every public test), and how often each
 * problem is solved. Written once per run, so that a run that goes on has the same prompts.
 */
import { InfrastructureError } from '../../core/errors.js';
import { readJsonLines, writeJsonLines } from '../../core/json-lines.js';
import { solve } from '../../episode/environments/solve.js';
import { play } from '../../episode/play.js';
import { passesAll } from '../../episode/rewards.js';
import { createSamplerChatModel } from '../../model/renderer.js';
import type { ChatModel } from '../../model/types.js';
import type { Problem } from '../../problem/types.js';
import { isWithinWorld, WORLD_LIMITS } from '../../world/problems.js';
import { MAX_TOKENS, type StageContext } from '../context.js';
import { openCheckpointSampler } from '../engine.js';

/** Most kept of a problem, of the right and of the wrong ones. */
const MOST_KEPT = 4;

/** What became of a problem's samples. */
export interface OwnPrograms {
  readonly problem: string;
  /** Share of the scored samples that pass all tests. */
  readonly solveRate: number;
  /** Different programs that end normally on every public test. */
  readonly programs: readonly {
    readonly source: string;
    readonly right: boolean;
    /** [public test] what it prints. */
    readonly outputs: readonly string[];
  }[];
}

/** One row per problem, in their order; from the run's folder when they are there already. */
export async function ownProgramsOf(
  context: StageContext,
  checkpoint: string,
  problems: readonly Problem[],
  samples: number,
): Promise<OwnPrograms[]> {
  const { folder, progress, recipe, tokenizer } = context;
  const file = folder.file('rl-own-programs.jsonl');
  const known = (await readJsonLines(file)) as OwnPrograms[];
  if (known.length > 0) return known;
  const sampler = await openCheckpointSampler(recipe, checkpoint, tokenizer.vocabularySize);
  try {
    const model = createSamplerChatModel('own-programs', sampler, tokenizer);
    let done = 0;
    const rows = await Promise.all(
      problems.map(async (problem) => {
        const row = await samplePrograms(context, model, problem, samples);
        done += 1;
        progress.update(done / problems.length, `the model's own programs for ${done} problems`);
        return row;
      }),
    );
    await writeJsonLines(file, rows);
    return rows;
  } finally {
    await sampler[Symbol.asyncDispose]();
  }
}

async function samplePrograms(
  { style, signal, recipe, sandbox }: StageContext,
  model: ChatModel,
  problem: Problem,
  samples: number,
): Promise<OwnPrograms> {
  const includePublicTests = recipe.publicTestsInPrompt;
  const played = await Promise.all(
    Array.from({ length: samples }, (_, sample) => {
      const seed = `${recipe.seed}/own-programs/${problem.id}/${sample}`;
      const spec = { kind: 'solve', problem, style, includePublicTests, judge: 'all', seed } as const;
      const episode = solve({ ...spec, maxTokens: MAX_TOKENS.solve });
      return play(episode, model, sandbox(), { sampling: { temperature: 1 }, signal });
    }),
  );
  const outcomes = played.flatMap((each) => (each.kind === 'finished' ? [each.outcome] : []));
  const unscored = played.find((each) => each.kind === 'unscored');
  if (outcomes.length === 0 && unscored) {
    throw new InfrastructureError(`no program for ${problem.id} could be scored: ${unscored.reason}`, {
      code: 'nothing-can-be-scored',
      boundary: 'sandbox',
      retryable: true,
    });
  }
  const written = outcomes.flatMap((outcome) => (outcome.kind === 'program' ? [outcome] : []));
  const different = new Map(
    written.map(({ program, verdicts }) => [program.source, passesAll(verdicts)] as const),
  );
  const inputs = problem.publicTests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  const programs = await Promise.all(
    [true, false].flatMap((wanted) =>
      [...different]
        .filter(([, right]) => right === wanted)
        .slice(0, MOST_KEPT)
        .map(async ([source, right]) => {
          const executions = await sandbox().run({ source }, inputs, { limits: WORLD_LIMITS, signal });
          if (!executions.every(isWithinWorld)) return [];
          return [{ source, right, outputs: executions.map(({ stdout }) => stdout) }];
        }),
    ),
  );
  const solved = written.filter(({ verdicts }) => passesAll(verdicts)).length;
  return {
    problem: problem.id,
    solveRate: solved / outcomes.length,
    programs: programs.flat(),
  };
}
