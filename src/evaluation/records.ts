/**
 * What a run writes down about its evaluation, one JSON object per line, and what the report reads. Records hold what
 * happened (prompts' answers, executions, verdicts), never summaries: everything in a report is computed from them, so
 * stored runs can be scored again without asking a model.
 *
 * Each row carries a `schema` tag, `<name>/<version>`; a reader refuses versions it does not know.
 * Left out: how rows are counted (summary.ts), how they are shown (src/report).
 */
import { z } from 'zod';
import { UsageError } from '../core/errors.js';
import type { ComparatorName } from '../execution/comparators.js';
import type { Verdict } from '../execution/verdict.js';
import type { StopReason } from '../model/types.js';

const verdict = z.enum([
  'accepted',
  'wrong-answer',
  'runtime-error',
  'time-limit',
  'memory-limit',
  'output-limit',
  'unparsed',
  'unscored',
]) satisfies z.ZodType<Verdict>;

const stopReason = z.enum(['stop', 'length', 'other']) satisfies z.ZodType<StopReason>;
const comparator = z.string().min(1) as unknown as z.ZodType<ComparatorName>;
const count = z.number().int().nonnegative();

/**
 * What a predicted output is worth.
 * - `correct`: the program prints just this.
 * - `wishful`: the program prints something else, and this is the output that the test *expected*.
 * - `wrong`: any other readable answer.
 * - `truncated`: cut off by the token limit before an answer. `unparsed`: no answer could be read.
 * - `unscored`: the machinery failed; never counted as a wrong answer.
 */
const predictionVerdict = z.enum(['correct', 'wishful', 'wrong', 'unparsed', 'truncated', 'unscored']);
export type PredictionVerdict = z.infer<typeof predictionVerdict>;

const prediction = z.object({
  /** The predicted output; `null` when none could be read. */
  output: z.string().nullable(),
  stop: stopReason,
  /** Completion tokens. */
  tokens: count,
  verdict: predictionVerdict,
});
export type PredictionRecord = Readonly<z.infer<typeof prediction>>;

/** One (program, input) pair whose output the model predicted, one or several times. */
const outputPredictionRecord = z.object({
  schema: z.literal('output-prediction/1'),
  /** Id of the problem, the unit of resampling. */
  problem: z.string(),
  /** Which stage's weights answered: `sft`, `rl`, … */
  stage: z.string(),
  /** `<name>` or `<name>-<stage>`: both count as one model, whose stages are compared. */
  model: z.string(),
  /** Names the program among those of the problem, the same in every stage that was asked about it. */
  programId: z.string(),
  programSource: z.string(),
  /** Whether the program passes all tests of its problem. */
  programCorrect: z.boolean(),
  /** Where the program comes from; `own`: written by the model itself (paper, table 2). */
  origin: z.enum(['reference', 'mutant', 'own']),
  input: z.string(),
  /** What the test expects. */
  expected: z.string(),
  /** What the program really prints. Only programs that end normally are asked about. */
  actual: z.string(),
  /** Whether `actual` equals `expected` by the comparator. */
  asExpected: z.boolean(),
  comparator,
  predictions: z.array(prediction).readonly(),
});
export type OutputPredictionRecord = Readonly<z.infer<typeof outputPredictionRecord>>;

/** The first step in which a simulated execution differs from the real one (src/nlex/compare-narrations.ts). */
const departure = z.object({
  draw: count,
  /** From 1. */
  step: count,
  /** The last steps that both have. */
  before: z.array(z.string()).readonly(),
  /** `null` where that side has ended. */
  simulated: z.string().nullable(),
  executed: z.string().nullable(),
});
export type DepartureRecord = Readonly<z.infer<typeof departure>>;

const simulation = z.object({
  /** Index of the public test. */
  test: count,
  /** [draw] the predicted output; `null` when none could be read. */
  predictions: z.array(z.string().nullable()).readonly(),
  /** [draw] whether the prediction equals the test's expected output; `null` where the machinery failed. */
  passed: z.array(z.boolean().nullable()).readonly(),
  /** [draw] completion tokens spent. */
  tokens: z.array(count).readonly().optional(),
  /** Where the first wrong draw that was told in the terse form leaves the real execution. */
  departure: departure.optional(),
});
export type SimulationRecord = Readonly<z.infer<typeof simulation>>;

const candidate = z.object({
  /** `null` when no program could be read from the response; such a sample ranks below all others. */
  source: z.string().nullable(),
  /** [public test] by real execution; empty when `source` is `null`. `accepted` is what "executed" ranking counts. */
  verdictPublic: z.array(verdict).readonly(),
  /** On public and private tests together. */
  verdictAll: verdict,
  /** [public test] what was really printed, kept to be read beside the simulations. */
  outputs: z.array(z.string().nullable()).readonly().optional(),
  /** Completion tokens of the response that the program came from. */
  responseTokens: count,
  /** One per public test; empty when `source` is `null`. */
  simulations: z.array(simulation).readonly(),
  /** The same for tests that no prompt shows, where they were asked for; `test` is then the place among the private tests. */
  unseen: z.array(simulation).readonly().optional(),
});
export type CandidateRecord = Readonly<z.infer<typeof candidate>>;

/** What a run submitted for a problem, by all its predictions together (`deskcheck verify`). */
const choice = z.object({
  /** Place among the programs; `null` when none held a program. */
  chosen: count.nullable(),
  vote: z.enum(['share', 'majority']),
  /** Simulation ended once the choice was settled, so that predictions are missing. */
  stoppedEarly: z.boolean(),
  /** Predictions made; and saved by stopping early, or that stopping would have saved. Equal programs count once. */
  made: count,
  saved: count,
  /** How a tie was broken by inputs that the model wrote (src/selection/agreement.ts). */
  generated: z
    .object({
      inputs: z.array(z.string()).readonly(),
      /** [input] the output that most of the tied programs are predicted to print. */
      agreed: z.array(z.string().nullable()).readonly(),
      /** Places of the programs that tied on the public tests, and on how many inputs each agrees. */
      tied: z.array(count).readonly(),
      points: z.array(count).readonly(),
      predictions: count,
    })
    .optional(),
});
export type ChoiceRecord = Readonly<z.infer<typeof choice>>;

/** All samples for one problem, with their simulations and their real results: best@k in all its forms. */
const selectionRecord = z.object({
  schema: z.literal('selection/1'),
  problem: z.string(),
  stage: z.string(),
  /** Who wrote the programs. */
  model: z.string(),
  /** Who simulated them, where that is another model. */
  verifier: z.string().optional(),
  comparator,
  /** Whether the solve prompt showed the public tests (paper A.1.3); default true. */
  publicTestsInPrompt: z.boolean().optional(),
  /** The problem as the solver saw it, kept to be read. */
  statement: z.string().optional(),
  /** The public tests, kept to be read. */
  tests: z
    .array(z.object({ input: z.string(), output: z.string() }))
    .readonly()
    .optional(),
  programs: z.array(candidate).readonly(),
  choice: choice.optional(),
});
export type SelectionRecord = Readonly<z.infer<typeof selectionRecord>>;

const repairProgram = z.object({
  /** `null` when no program could be read. */
  source: z.string().nullable(),
  /** By real execution on the public tests; `null` where the machinery failed. */
  publicPassed: z.boolean().nullable(),
  /** On public and private tests together; `null` where the machinery failed. */
  allPassed: z.boolean().nullable(),
});

/** One Self-RLEF episode (paper §4): its programs in order, the last being the one that counts. */
const selfRlefRecord = z.object({
  schema: z.literal('self-rlef/1'),
  problem: z.string(),
  stage: z.string(),
  model: z.string(),
  /** What the review turns were told: `simulated` or `executed` outputs, or `none` at all. */
  feedback: z.enum(['simulated', 'executed', 'none']),
  comparator,
  /** Which of the problem's episodes this is; default 0. */
  sample: count.optional(),
  /** [program] at least one. Their number is the "programs used". */
  programs: z.array(repairProgram).min(1).readonly(),
  /** Whether the model ended by `#SUBMIT`, rather than by running out of programs. */
  submitted: z.boolean(),
  /** Completion tokens over all turns. */
  completionTokens: count.optional(),
});
export type SelfRlefRecord = Readonly<z.infer<typeof selfRlefRecord>>;

/** What an answer to a benchmark is worth; `truncated`: cut off by the token limit before an answer. */
const benchmarkVerdict = z.enum([...verdict.options, 'truncated']);
export type BenchmarkVerdict = z.infer<typeof benchmarkVerdict>;

/** One answer to one item of a benchmark. A row whose place (item, sample) comes again later is replaced by that one. */
const benchmarkRecord = z.object({
  schema: z.literal('benchmark/1'),
  benchmark: z.string(),
  /** One question. */
  item: z.string(),
  /** The unit of resampling; items of one problem are not independent. */
  problem: z.string(),
  /** Which of the item's answers this is, from 0. */
  sample: count,
  stage: z.string(),
  model: z.string(),
  comparator: z.string().min(1),
  verdict: benchmarkVerdict,
  /** Judged inside the candidate's own process, because its tests cannot be checked by values alone. */
  weak: z.literal(true).optional(),
  /** For `unscored`: what failed. */
  reason: z.string().optional(),
  /** As it was read from the completion; `null` when there was none. */
  answer: z.string().nullable(),
  /** What the model wrote; `null` when it could not be asked. */
  completion: z.string().nullable(),
  stop: stopReason,
  /** Completion tokens. */
  tokens: count,
});
export type BenchmarkRecord = Readonly<z.infer<typeof benchmarkRecord>>;

const sampleTurn = z.object({
  /** What the turn was for: `predict`, `solve`, `simulate`, `review`. */
  purpose: z.string(),
  prompt: z.string(),
  completion: z.string(),
  note: z.string().optional(),
  /** The program that this turn wrote. */
  program: z.string().optional(),
  /** For a turn that simulates: the simulated output beside the real one. */
  comparison: z
    .object({
      input: z.string(),
      /** `null` when no prediction could be read. */
      simulated: z.string().nullable(),
      /** What really was printed; `null` when the program failed. */
      executed: z.string().nullable(),
      /** What the test expects. */
      expected: z.string().optional(),
    })
    .optional(),
});
export type EpisodeSampleTurn = Readonly<z.infer<typeof sampleTurn>>;

/** An episode to be read in full. */
const episodeSample = z.object({
  schema: z.literal('episode-sample/1'),
  title: z.string(),
  stage: z.string(),
  model: z.string(),
  problem: z.string(),
  statement: z.string(),
  turns: z.array(sampleTurn).readonly(),
  /** What became of it, in order, such as `{ label: 'first program, all tests', verdict: 'wrong-answer' }`. */
  verdicts: z.array(z.object({ label: z.string(), verdict: z.string() })).readonly(),
});
export type EpisodeSample = Readonly<z.infer<typeof episodeSample>>;

const evaluationRecord = z.discriminatedUnion('schema', [
  outputPredictionRecord,
  selectionRecord,
  selfRlefRecord,
  benchmarkRecord,
  episodeSample,
]);
export type EvaluationRecord = Readonly<z.infer<typeof evaluationRecord>>;

/** One row of `metrics.jsonl` about training; further numbers are kept as they are. */
const trainingMetric = z.looseObject({
  stage: z.enum(['sft', 'rl']),
  /** Optimizer steps done in this stage. */
  step: count,
  /** Tokens trained on in this stage. */
  tokens: count,
  /** Of this stage, over all its sessions. */
  elapsedSeconds: z.number().nonnegative(),
  lossPerToken: z.number().optional(),
  /** On examples that are not trained on. */
  validationLoss: z.number().optional(),
  tokensPerSecond: z.number().optional(),
  /** Share of right answers on the validation split, in [0, 1]. */
  validation: z.object({ simulate: z.number().optional(), solve: z.number().optional() }).optional(),
  /** Mean reward per task since the last row. */
  reward: z.record(z.string(), z.number()).optional(),
  /** RL, per task: nats per sampled token; share of groups whose rewards differ. */
  tasks: z.record(z.string(), z.looseObject({ entropy: z.number(), mixedShare: z.number() })).optional(),
});
export type TrainingMetric = Readonly<z.infer<typeof trainingMetric>>;

/** Reads one row. Throws UsageError naming `where` (a file and line) and the field that is wrong. */
export function parseEvaluationRecord(value: unknown, where: string): EvaluationRecord {
  const read = evaluationRecord.safeParse(value);
  if (read.success) return read.data;
  throw new UsageError(`${where}: not an evaluation record of this version: ${z.prettifyError(read.error)}`);
}

/** A row of `metrics.jsonl` if it is one about training, else `undefined` (other stages write there too). */
export function safeParseTrainingMetric(value: unknown): TrainingMetric | undefined {
  const read = trainingMetric.safeParse(value);
  return read.success ? read.data : undefined;
}

/**
 * What a predicted output is worth. `same` is the comparator (expected first, candidate second).
 * Unreadable answers have `output: null`; an infrastructure failure is not to be passed here but recorded as
 * `unscored`.
 */
export function judgePrediction(
  answer: { readonly output: string | null; readonly stop: StopReason },
  truth: { readonly expected: string; readonly actual: string },
  same: (expected: string, candidate: string) => boolean,
): Exclude<PredictionVerdict, 'unscored'> {
  if (answer.output === null) return answer.stop === 'length' ? 'truncated' : 'unparsed';
  if (same(truth.actual, answer.output)) return 'correct';
  return same(truth.expected, answer.output) ? 'wishful' : 'wrong';
}
