/**
 * `deskcheck fix` (paper §4, Self-RLEF): for each problem a program written, checked by simulation or by execution, and fixed
 * until the model submits it or its budget of programs is used up.
 */
import { recordRepairs } from '../evaluation/evaluate-repairs.js';
import { createEvaluationContext } from '../evaluation/evaluation-context.js';
import type { ComparatorName } from '../execution/comparators.js';
import type { Problem } from '../problem/types.js';
import {
  type ModelRunOptions,
  type ModelRunResult,
  type ProblemOutcome,
  runOverProblems,
  type Settings,
  type Worked,
  type Workplace,
} from './model-run.js';
import { maxTokensFor } from './verify.js';

export interface FixSettings extends Settings {
  readonly command: 'fix';
  readonly feedback: 'simulated' | 'executed';
  readonly maxPrograms: number;
  /** Episodes per problem; the first one's program is the one to use. */
  readonly episodes: number;
  readonly publicTestsInPrompt: boolean;
  readonly temperature: number;
  readonly topP: number;
  readonly simulationTemperature?: number;
  readonly maxTokens?: number;
  readonly comparator: ComparatorName;
}

export interface FixOutcome extends ProblemOutcome {
  /** How the first episode ended; `unscored` when our machinery failed. */
  readonly end: string;
  readonly programs: number;
  /** On all tests; `null` where nothing was run. */
  readonly firstPassed: boolean | null;
  readonly lastPassed: boolean | null;
}

/** Episodes that are kept to be read in full. */
const KEPT = 20;

export function runFix(
  options: ModelRunOptions & { readonly settings: FixSettings },
): Promise<ModelRunResult<FixOutcome>> {
  return runOverProblems(options, (problem, index, workplace) =>
    fixProblem(problem, index, workplace, options.settings),
  );
}

async function fixProblem(
  problem: Problem,
  index: number,
  workplace: Workplace,
  settings: FixSettings,
): Promise<Worked<FixOutcome>> {
  const { solver, sandbox, signal } = workplace;
  const { seed, maxPrograms, episodes, feedback, comparator } = settings;
  const { temperature, topP, simulationTemperature } = settings;
  const context = createEvaluationContext(solver.model, sandbox, problem, {
    stage: 'fix',
    style: solver.style,
    seed,
    sampling: { temperature, topP, simulationTemperature },
    samples: 0,
    predictions: 0,
    maxTokens: maxTokensFor(workplace, settings),
    publicTestsInPrompt: settings.publicTestsInPrompt,
    maxPrograms,
    repairSamples: episodes,
    feedback: [feedback],
    keepEpisodes: KEPT,
    comparator,
    signal,
  });
  const repairs = await recordRepairs(context, index < KEPT);
  const records = repairs.flatMap((repair) => repair.records);
  const first = records.find((record) => record.schema === 'self-rlef/1');
  const programs = first?.schema === 'self-rlef/1' ? first.programs : [];
  return {
    outcome: {
      problem: problem.id,
      source: programs.at(-1)?.source ?? null,
      end: repairs[0]?.outcome?.kind ?? 'unscored',
      programs: programs.filter(({ source }) => source !== null).length,
      firstPassed: programs[0]?.allPassed ?? null,
      lastPassed: programs.at(-1)?.allPassed ?? null,
      ...(repairs.some(({ outcome }) => outcome === undefined) ? { unscored: true } : {}),
    },
    records,
  };
}
