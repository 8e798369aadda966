/**
 * One model on a set of problems, by the whole of the paper's evaluation (§3–§6): programs sampled and judged, each
 * program simulated on each public test, outputs predicted for right and wrong programs, and Self-RLEF with simulated
 * and with executed feedback. Writes records (records.ts); what they amount to is computed from those.
 * Give it a caching sandbox (src/execution): equal programs are common among samples.
 *
 * Deviation from the paper, to save tokens: samples of one problem that are the same program are simulated once, and
 * share those predictions.
 */
import { createRng, type Rng } from '../core/rng.js';
import { predictOutput } from '../episode/environments/predict-output.js';
import { type SelfRlefOutcome, selfRlef } from '../episode/environments/self-rlef.js';
import { type SolveOutcome, solve } from '../episode/environments/solve.js';
import type { ProgramVerdicts } from '../episode/judging.js';
import { type PlaySampling, play } from '../episode/play.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import type { Played } from '../episode/types.js';
import { type ComparatorName, outputsMatch } from '../execution/comparators.js';
import type { Sandbox } from '../execution/types.js';
import type { Verdict } from '../execution/verdict.js';
import type { ChatModel } from '../model/types.js';
import type { Problem, Program, TestCase } from '../problem/types.js';
import { describeEpisode, recordMessages } from './episode-sample.js';
import {
  type CandidateRecord,
  type EvaluationRecord,
  judgePrediction,
  type OutputPredictionRecord,
  type PredictionRecord,
  type SelectionRecord,
  type SelfRlefRecord,
  type SimulationRecord,
} from './records.js';

export interface EvaluationOptions {
  readonly stage: string;
  readonly style: PromptStyle;
  readonly seed: number | string;
  readonly sampling: PlaySampling;
  /** Programs per problem. */
  readonly samples: number;
  /** Predictions per program and test. */
  readonly predictions: number;
  readonly maxTokens: { readonly solve: number; readonly simulate: number; readonly review: number };
  readonly maxPrograms: number;
  /** Self-RLEF episodes per problem and kind of feedback; 0 leaves Self-RLEF out. */
  readonly repairSamples: number;
  /** Problems whose Self-RLEF episodes are kept to be read in full. */
  readonly keepEpisodes: number;
  /** Makes a wrong program out of a right one, for output prediction on programs that do something else. */
  readonly mutate?: (source: string, rng: Rng) => string | undefined;
  readonly comparator?: ComparatorName;
  readonly signal?: AbortSignal;
}

/** Evaluates one problem; records come in a fixed order. */
export async function evaluateProblem(
  model: ChatModel,
  sandbox: Sandbox,
  problem: Problem,
  index: number,
  options: EvaluationOptions,
): Promise<EvaluationRecord[]> {
  const context: Context = {
    model,
    sandbox,
    problem,
    options,
    comparator: options.comparator ?? 'codecontests',
    seed: `${options.seed}/${problem.id}`,
  };
  const solved = await sampleSolutions(context);
  const [selection, predictions, repairs] = await Promise.all([
    recordSelection(context, solved),
    recordPredictions(context, solved),
    recordRepairs(context, index < options.keepEpisodes),
  ]);
  // The selection last: where it is on disk, the problem is complete.
  return [...predictions, ...repairs, selection];
}

interface Context {
  readonly model: ChatModel;
  readonly sandbox: Sandbox;
  readonly problem: Problem;
  readonly options: EvaluationOptions;
  readonly comparator: ComparatorName;
  readonly seed: string;
}

interface Solution {
  readonly source: string | null;
  readonly verdicts: ProgramVerdicts | undefined;
  readonly verdictAll: Verdict;
  readonly responseTokens: number;
}

async function sampleSolutions(context: Context): Promise<Solution[]> {
  const { options, problem, seed } = context;
  return Promise.all(
    Array.from({ length: options.samples }, async (_, sample) => {
      const played = await playEpisode(
        context,
        solve({
          kind: 'solve',
          problem,
          style: options.style,
          includePublicTests: true,
          maxTokens: options.maxTokens.solve,
          judge: 'all',
          comparator: context.comparator,
          seed: `${seed}/solve/${sample}`,
        }),
      );
      return toSolution(played);
    }),
  );
}

function toSolution(played: Played<SolveOutcome>): Solution {
  const responseTokens = tokensOf(played);
  const nothing = { source: null, verdicts: undefined, responseTokens };
  if (played.kind === 'unscored') return { ...nothing, verdictAll: 'unscored' };
  const { outcome } = played;
  if (outcome.kind !== 'program') return { ...nothing, verdictAll: 'unparsed' };
  const { program, verdicts } = outcome;
  return { source: program.source, verdicts, verdictAll: overall(verdicts), responseTokens };
}

/** The first verdict that is not `accepted`. */
function overall(verdicts: ProgramVerdicts | undefined): Verdict {
  if (!verdicts) return 'unscored';
  const all = [...verdicts.public, ...verdicts.private].map(({ verdict }) => verdict);
  return all.find((verdict) => verdict !== 'accepted') ?? 'accepted';
}

async function recordSelection(context: Context, solutions: readonly Solution[]): Promise<SelectionRecord> {
  const { problem, options, model } = context;
  const sources = [...new Set(solutions.flatMap(({ source }) => source ?? []))];
  const simulated = new Map(
    await Promise.all(
      sources.map(
        async (source) => [source, await simulateAll(context, source)] as [string, SimulationRecord[]],
      ),
    ),
  );
  const programs = await Promise.all(
    solutions.map(async (solution): Promise<CandidateRecord> => {
      const { source, verdicts, verdictAll, responseTokens } = solution;
      const verdictPublic = verdicts?.public.map(({ verdict }) => verdict) ?? [];
      if (source === null) return { source, verdictPublic, verdictAll, responseTokens, simulations: [] };
      const outputs = await execute(context, source);
      return {
        source,
        verdictPublic,
        verdictAll,
        responseTokens,
        outputs,
        simulations: simulated.get(source)!,
      };
    }),
  );
  return {
    schema: 'selection/1',
    problem: problem.id,
    stage: options.stage,
    model: model.id,
    comparator: context.comparator,
    publicTestsInPrompt: true,
    statement: problem.statement,
    tests: problem.publicTests,
    programs,
  };
}

/** Every public test of a program, each predicted `predictions` times. */
function simulateAll(context: Context, source: string): Promise<SimulationRecord[]> {
  return Promise.all(
    context.problem.publicTests.map(async (test, index) => {
      const draws = await drawPredictions(context, { source }, test, `simulate/${index}`);
      return {
        test: index,
        predictions: draws.map(({ output }) => output),
        passed: draws.map((draw) =>
          draw.unscored
            ? null
            : draw.output !== null && outputsMatch(context.comparator, draw.output, test.output),
        ),
        tokens: draws.map(({ tokens }) => tokens),
      };
    }),
  );
}

interface Draw {
  readonly output: string | null;
  readonly stop: PredictionRecord['stop'];
  readonly tokens: number;
  readonly unscored: boolean;
}

function drawPredictions(context: Context, program: Program, test: TestCase, label: string): Promise<Draw[]> {
  const { options, seed } = context;
  return Promise.all(
    Array.from({ length: options.predictions }, async (_, draw) => {
      const played = await playEpisode(
        context,
        predictOutput({
          kind: 'predict-output',
          program,
          input: { kind: 'stdin', stdin: test.input },
          style: options.style,
          maxTokens: options.maxTokens.simulate,
          seed: `${seed}/${label}/${draw}/${program.source}`,
        }),
      );
      const tokens = tokensOf(played);
      if (played.kind === 'unscored') return { output: null, stop: 'other', tokens, unscored: true } as const;
      const { outcome } = played;
      const output = outcome.kind === 'predicted' ? outcome.output : null;
      return {
        output,
        stop: outcome.kind === 'truncated' ? 'length' : 'stop',
        tokens,
        unscored: false,
      } as const;
    }),
  );
}

/** The reference, a mutant that prints something else, and one of the model's own programs, right or wrong. */
async function recordPredictions(
  context: Context,
  solutions: readonly Solution[],
): Promise<OutputPredictionRecord[]> {
  const { problem, options } = context;
  const test = problem.publicTests[0];
  if (!test) return [];
  const rng = createRng(`${context.seed}/programs`);
  const reference = problem.programs?.find(({ correct }) => correct)?.source;
  const chosen: { id: string; source: string; origin: OutputPredictionRecord['origin'] }[] = [];
  if (reference !== undefined) {
    chosen.push({ id: 'reference', source: reference, origin: 'reference' });
    const mutant = await findMutant(context, reference, test, rng);
    if (mutant !== undefined) chosen.push({ id: 'mutant', source: mutant, origin: 'mutant' });
  }
  for (const right of [true, false]) {
    const own = solutions.find(
      ({ verdictAll }) => (verdictAll === 'accepted') === right && verdictAll !== 'unparsed',
    );
    if (own?.source != null)
      chosen.push({ id: right ? 'own-right' : 'own-wrong', source: own.source, origin: 'own' });
  }
  const records = await Promise.all(
    chosen.map(async ({ id, source, origin }): Promise<OutputPredictionRecord | undefined> => {
      const [actual] = await execute(context, source);
      if (actual == null) return undefined;
      const draws = await drawPredictions(context, { source }, test, `predict/${id}`);
      const solution = solutions.find((candidate) => candidate.source === source);
      const same = (expected: string, candidate: string): boolean =>
        outputsMatch('output', candidate, expected);
      return {
        schema: 'output-prediction/1',
        problem: problem.id,
        stage: options.stage,
        model: context.model.id,
        programId: id,
        programSource: source,
        programCorrect: origin === 'reference' || solution?.verdictAll === 'accepted',
        origin,
        input: test.input,
        expected: test.output,
        actual,
        asExpected: same(test.output, actual),
        comparator: 'output',
        predictions: draws.map(
          ({ output, stop, tokens, unscored }): PredictionRecord => ({
            output,
            stop,
            tokens,
            verdict: unscored
              ? 'unscored'
              : judgePrediction({ output, stop }, { expected: test.output, actual }, same),
          }),
        ),
      };
    }),
  );
  return records.filter((record) => record !== undefined);
}

/** A mutant that ends normally and prints something else on the test; `undefined` when a few tries find none. */
async function findMutant(
  context: Context,
  reference: string,
  test: TestCase,
  rng: Rng,
): Promise<string | undefined> {
  for (let tries = 0; tries < 12; tries++) {
    const source = context.options.mutate?.(reference, rng);
    if (source === undefined) continue;
    const [actual] = await execute(context, source);
    if (actual != null && actual.length <= 60 && !outputsMatch('output', actual, test.output)) return source;
  }
  return undefined;
}

async function recordRepairs(context: Context, keep: boolean): Promise<EvaluationRecord[]> {
  const { problem, options, model, seed } = context;
  const out: EvaluationRecord[] = [];
  for (const feedback of ['simulated', 'executed'] as const) {
    const episodes = Array.from({ length: options.repairSamples }, async (_, sample) => {
      const { recorder, turns } = recordMessages(model);
      const played = await playEpisode(
        { ...context, model: recorder },
        selfRlef({
          kind: 'self-rlef',
          problem,
          style: options.style,
          includePublicTests: true,
          feedback,
          maxPrograms: options.maxPrograms,
          maxTokens: options.maxTokens,
          judge: 'every',
          comparator: context.comparator,
          // The same seed for both kinds of feedback: they start from the same first program.
          seed: `${seed}/repair/${sample}`,
        }),
      );
      if (played.kind === 'unscored') {
        return [
          { ...repairRecord(context, feedback, sample, tokensOf(played)), programs: [UNSCORED_PROGRAM] },
        ];
      }
      const { outcome } = played;
      const sampleRecord = keep && sample === 0 && feedback === 'simulated';
      return [
        toRepairRecord(context, outcome, sample, tokensOf(played)),
        ...(sampleRecord
          ? [await describeEpisode(problem, outcome, turns, options.stage, model.id, context.sandbox)]
          : []),
      ];
    });
    out.push(...(await Promise.all(episodes)).flat());
  }
  return out;
}

/** An episode that our machinery failed; counted, never as a failure of the model. */
const UNSCORED_PROGRAM = { source: null, publicPassed: null, allPassed: null } as const;
/** An episode whose first completion held no program. */
const NO_PROGRAM = { source: null, publicPassed: false, allPassed: false } as const;

function toRepairRecord(
  context: Context,
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
  { problem, options, model, comparator }: Context,
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

/** What a program prints on each public test; `null` where it fails. */
async function execute(context: Context, source: string): Promise<readonly (string | null)[]> {
  const { problem, sandbox, options } = context;
  const inputs = problem.publicTests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  const executions = await sandbox.run({ source }, inputs, {
    ...(problem.limits && { limits: problem.limits }),
    ...(options.signal && { signal: options.signal }),
  });
  return executions.map(({ outcome, stdout }) => (outcome === 'completed' ? stdout : null));
}

function playEpisode<Outcome>(
  { model, sandbox, options }: Context,
  episode: Parameters<typeof play<Outcome>>[0],
): Promise<Played<Outcome>> {
  return play(episode, model, sandbox, {
    sampling: options.sampling,
    ...(options.signal && { signal: options.signal }),
  });
}

function tokensOf(played: Played<unknown>): number {
  return played.journal.reduce(
    (sum, { response }) => sum + (response.kind === 'turn' ? response.completionTokens : 0),
    0,
  );
}
