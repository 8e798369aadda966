/**
 * The evaluation stages: one checkpoint on the test problems. Records are written problem by problem; a killed stage goes
 * on with the problems that are missing.
 */
import { mkdir } from 'node:fs/promises';
import { forEachConcurrently } from '../../core/concurrency.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../../core/json-lines.js';
import { type EvaluationOptions, evaluateProblem } from '../../evaluation/evaluate-model.js';
import type { EvaluationRecord, SelectionRecord } from '../../evaluation/records.js';
import { createSamplerChatModel } from '../../model/renderer.js';
import { mutateProgram } from '../../world/mutate.js';
import { MAX_TOKENS, type Stage, type StageContext } from '../context.js';
import { openCheckpointSampler } from '../engine.js';
import { readProblems } from './data.js';

/** Problems evaluated side by side: enough to keep the sampler's batch full to the end of each problem. */
const PROBLEMS_AT_ONCE = 24;

/** Evaluates the checkpoint that training stage `checkpoint` left; `sft` stands for the start where that is another run's. */
export function evaluateStage(checkpoint: 'sft' | 'rl'): Stage {
  return {
    name: `evaluate-${checkpoint}`,
    title: `Unseen problems, after ${checkpoint.toUpperCase()}`,
    run: (context) => evaluateCheckpoint(context, checkpoint),
  };
}

/** Where a stage's records are. */
export function recordsFile({ folder }: Pick<StageContext, 'folder'>, checkpoint: string): string {
  return folder.file('records', `${checkpoint}.jsonl`);
}

async function evaluateCheckpoint(context: StageContext, checkpoint: 'sft' | 'rl'): Promise<void> {
  const { folder, recipe, progress, tokenizer, signal } = context;
  await mkdir(folder.file('records'), { recursive: true });
  const file = recordsFile(context, checkpoint);
  const done = await keepWholeProblems(file);
  const problems = await readProblems(context, 'test');
  const todo = problems
    .map((problem, index) => ({ problem, index }))
    .filter(({ problem }) => !done.has(problem.id));
  const log = await appendJsonLines(file);
  const evaluated = checkpoint === 'sft' ? context.start : folder.file('checkpoints', checkpoint);
  const sampler = await openCheckpointSampler(recipe, evaluated, tokenizer.vocabularySize);
  const verifier = context.verifier
    ? await openCheckpointSampler(recipe, context.verifier, tokenizer.vocabularySize)
    : undefined;
  const model = createSamplerChatModel(`${recipe.name}-${checkpoint}`, sampler, tokenizer);
  const { samples, predictions, unseenTests, maxPrograms, repairSamples, keepEpisodes } = recipe.evaluation;
  const { temperature, topP, simulationTemperature } = recipe.evaluation;
  const options: EvaluationOptions = {
    stage: checkpoint,
    style: context.style,
    ...(verifier && {
      verifier: {
        model: createSamplerChatModel(recipe.reuse.verifier!, verifier, tokenizer),
        style: context.style,
      },
    }),
    seed: recipe.seed,
    publicTestsInPrompt: recipe.publicTestsInPrompt,
    feedbackShows: recipe.feedbackShows,
    sampling: { temperature, topP, simulationTemperature },
    samples,
    predictions,
    unseenTests,
    maxTokens: MAX_TOKENS,
    maxPrograms,
    repairSamples,
    keepEpisodes,
    mutate: mutateProgram,
    signal,
  };
  let finished = done.size;
  let solved = 0;
  try {
    await forEachConcurrently(todo, PROBLEMS_AT_ONCE, async ({ problem, index }) => {
      const records = await evaluateProblem(model, context.sandbox(), problem, index, options);
      await log.write(records);
      finished++;
      solved += shareSolved(records);
      const rate = Math.round((100 * solved) / (finished - done.size));
      progress.update(finished / problems.length, `${finished} problems, pass@1 ${rate}%`);
    });
  } finally {
    await log[Symbol.asyncDispose]();
    await sampler[Symbol.asyncDispose]();
    await verifier?.[Symbol.asyncDispose]();
  }
}

/** Drops the records of problems that a kill cut in two; returns the ids of the whole ones. */
async function keepWholeProblems(file: string): Promise<Set<string>> {
  const records = (await readJsonLines(file)) as EvaluationRecord[];
  const whole = new Set(
    records.filter(({ schema }) => schema === 'selection/1').map(({ problem }) => problem),
  );
  const kept = records.filter(({ problem }) => whole.has(problem));
  if (kept.length < records.length) await writeJsonLines(file, kept);
  return whole;
}

function shareSolved(records: readonly EvaluationRecord[]): number {
  const selection = records.find((record): record is SelectionRecord => record.schema === 'selection/1');
  const programs = selection?.programs ?? [];
  return programs.filter(({ verdictAll }) => verdictAll === 'accepted').length / Math.max(1, programs.length);
}
