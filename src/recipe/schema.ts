/**
 * A recipe: a whole experiment as data. YAML on disk, checked here; unknown keys are errors, so that a typing mistake
 * never silently runs the default.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf, UsageError } from '../core/errors.js';
import { NARRATIONS } from '../nlex/retell.js';
import { engineName, faultsOfEngine, tinkerSettings } from './engine-settings.js';

const count = z.number().int().positive();
const share = z.number().min(0).max(1);
const rate = z.number().positive();

/** For recipes of every kind that trains a model from scratch. */
export const modelShape = z.strictObject({
  /** Width D, layers L, heads, KV heads and feed-forward width of the Llama architecture. */
  hiddenSize: count.default(96),
  layers: count.default(3),
  heads: count.default(2),
  kvHeads: count.default(2),
  feedForwardSize: count.default(256),
  /** Longest sequence in tokens. */
  maxLength: count.default(256),
});

const data = z.strictObject({
  /** Training problems whose executions are narrated (src/nlex/world-examples.ts). */
  families: count.default(24_000),
  /** Share of families with a mutant, in function form, with a solving and with a review example. */
  mutant: share.default(0.8),
  call: share.default(0.08),
  solving: share.default(0.26),
  review: share.default(0.35),
  /** Whether review examples hold executions in words; without `feedbackShows: execution` SFT leaves them out again. */
  toldReviews: z.boolean().default(false),
  trainProblems: count.default(1_000),
  validationProblems: count.default(60),
  testProblems: count.default(240),
});

/** How SFT steps, whatever its data. */
export const sftOptimizer = z.strictObject({
  batchTokens: count.default(2_048),
  learningRate: rate.default(3e-3),
  /** Shares of the budget: linear warm-up, and linear decay to zero at the end. */
  warmup: share.default(0.01),
  decay: share.default(0.6),
  gradClipNorm: rate.default(1),
  weightDecay: z.number().min(0).default(0.01),
});

const sft = sftOptimizer.extend({
  /** How much of each execution is told before its output (src/nlex/retell.ts); `none`: answered at once. */
  narration: z.enum(NARRATIONS).default('steps'),
  /** Which of the three kinds of examples are learned from. */
  tasks: z
    .array(z.enum(['execution', 'solving', 'review']))
    .min(1)
    .default(['execution', 'solving', 'review']),
  /** Budget in training tokens, and a limit in minutes; the schedule follows whichever is nearer its end. */
  tokens: count.default(12_000_000),
  maxMinutes: rate.default(8),
  /** How often the validation problems are tried, in shares of the budget. */
  validateEvery: share.default(0.125),
});

const rl = z.strictObject({
  /** Limits of the stage; it ends at the first of them. `maxSteps: 0` leaves RL out. */
  maxMinutes: rate.default(2),
  maxSteps: z.number().int().min(0).default(60),
  /** Rollouts per prompt. */
  groupSize: count.default(8),
  /** A step's batch is full at so many tokens with a non-zero advantage, or so many groups. */
  batchTokens: count.default(12_000),
  maxGroups: count.default(64),
  /**
   * Weights among the samples of output prediction and of Self-RLEF with executed feedback and one fix (paper A.3); the
   * rest is solving. Then the scale of output prediction's reward.
   */
  outputPrediction: share.default(0.3),
  selfRlef: share.default(0.3),
  outputPredictionScale: z.number().positive().default(0.8),
  learningRate: rate.default(2e-4),
  /** Share of the budget over which the learning rate decays to zero at the end. */
  decay: share.default(0.4),
  gradClipNorm: rate.default(1),
  updatesPerBatch: count.default(1),
  /** Older groups are discarded (paper: 8). */
  maxStaleness: count.default(8),
  /** Asynchronous: most groups under way and waiting; by default as many as a batch may hold. */
  groupsInFlight: count.optional(),
  /** Asynchronous: whether turns under way go on with new weights, or end on their old ones. */
  weightRefresh: z.enum(['mid-turn', 'between-turns']).default('mid-turn'),
  /** Calls off groups that take so many times the mean; none by default. */
  stragglerPatience: z.number().gt(1).optional(),
  /** The share of the budget after which Self-RLEF's feedback is simulated instead of executed; 1 is never. */
  simulatedFeedbackFrom: share.default(1),
  /**
   * Whose programs output prediction is about. The paper's are the model's own right solutions; those need `ownSamples`
   * programs of the SFT checkpoint per training problem, of which at most 4 right and 4 wrong ones are kept.
   */
  predictionsFrom: z
    .array(z.enum(['reference', 'mutant', 'own-right', 'own-wrong']))
    .min(1)
    .default(['reference', 'mutant']),
  ownSamples: count.default(4),
  /** Only problems that the SFT checkpoint solves this often in `ownSamples` tries (CWM's later stages: 0.1 to 0.7). */
  promptFilter: z.strictObject({ least: share, most: share }).optional(),
  /** SFT tokens replayed beside each optimizer step against forgetting, and the weight of one; none by default. */
  replayTokens: z.number().int().min(0).default(0),
  replayWeight: rate.default(1),
  /** Which weights the stage leaves: the best on validation pass@1, or the last (paper: Qwen and CWM). */
  checkpoint: z.enum(['best', 'last']).default('best'),
  /** Steps between two measurements of the divergence from the SFT checkpoint; 0 leaves them out. */
  referenceEvery: z.number().int().min(0).default(10),
  rollouts: z.enum(['synchronous', 'asynchronous']).default('synchronous'),
});

const evaluation = z.strictObject({
  /** Programs sampled per problem (n of pass@k) and predictions per program and public test. */
  samples: count.default(10),
  predictions: count.default(1),
  /** Private tests that programs are simulated on besides: verification targets that no prompt shows. */
  unseenTests: z.number().int().min(0).default(0),
  temperature: z.number().min(0).default(1),
  topP: share.default(0.95),
  /** Of simulations; by default that of everything else. 0: the likeliest simulation. */
  simulationTemperature: z.number().min(0).optional(),
  /** Most programs in one Self-RLEF episode. */
  maxPrograms: count.default(4),
  /** Self-RLEF episodes per problem and kind of feedback; 0 leaves Self-RLEF out. */
  repairSamples: z.number().int().min(0).default(1),
  /** Problems whose Self-RLEF episodes are kept to be read in full. */
  keepEpisodes: z.number().int().min(0).default(12),
});

const runName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'a name of letters, digits, ".", "_" and "-"');

/** Other runs under the same folder of runs, by name, in place of stages of this one. */
const reuse = z.strictObject({
  /** Its problems and examples are used; this run then makes none. */
  data: runName.optional(),
  /** Its last checkpoint is where this run begins; it has no SFT of its own then. */
  checkpoint: runName.optional(),
  /** Its last checkpoint simulates the programs that this run's model writes (paper §6.4). */
  verifier: runName.optional(),
});

const recipe = z
  .strictObject({
    name: runName,
    seed: z.number().int().default(1),
    world: z.literal('small').default('small'),
    /** Where models are trained (engine-settings.ts); `tinker` is read with engine `tinker` only. */
    engine: engineName.default('embedded'),
    tinker: tinkerSettings.optional(),
    sandbox: z.enum(['auto', 'wasm', 'native', 'unsafe-process']).default('wasm'),
    /** Worker threads of the embedded engine; by default one per core. Runs with equally many are equal. */
    workers: count.optional(),
    reuse: reuse.prefault({}),
    /** Whether problems are put with their public tests, in SFT, RL and evaluation (paper A.1.3). */
    publicTestsInPrompt: z.boolean().default(true),
    /** What reviews see of simulated executions: outputs, or all of it; that needs `data.toldReviews`, and more `maxLength`. */
    feedbackShows: z.enum(['output', 'execution']).default('output'),
    model: modelShape.prefault({}),
    data: data.prefault({}),
    sft: sft.prefault({}),
    rl: rl.prefault({}),
    evaluation: evaluation.prefault({}),
  })
  .superRefine((value, context) => {
    for (const fault of [...faultsOfEngine(value), ...faultsOfFeedback(value)]) {
      context.addIssue({ code: 'custom', ...fault });
    }
  });

/** Only simulations are told; executed feedback would have to be traced and narrated. */
function faultsOfFeedback({
  feedbackShows,
  data,
  rl,
}: {
  readonly feedbackShows: 'output' | 'execution';
  readonly data: { readonly toldReviews: boolean };
  readonly rl: {
    readonly maxSteps: number;
    readonly selfRlef: number;
    readonly simulatedFeedbackFrom: number;
  };
}): { path: string[]; message: string }[] {
  if (feedbackShows === 'output') return [];
  const faults = [];
  if (!data.toldReviews) faults.push({ path: ['data', 'toldReviews'], message: 'needed by feedbackShows' });
  if (rl.maxSteps > 0 && rl.selfRlef > 0 && rl.simulatedFeedbackFrom > 0) {
    const message = 'has to be 0 with feedbackShows: execution, since executed outputs are not told';
    faults.push({ path: ['rl', 'simulatedFeedbackFrom'], message });
  }
  return faults;
}

export type Recipe = Readonly<z.output<typeof recipe>>;

/** Checks a recipe. Throws a UsageError that names the keys at fault. */
export function parseRecipe(value: unknown, from: string): Recipe {
  const result = recipe.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'recipe'}: ${message}`);
  throw new UsageError(`${from} is not a valid recipe. ${faults.join('; ')}`);
}

/** Reads a recipe file. Throws a UsageError when it is missing, no YAML, or not a recipe. */
export async function readRecipe(path: string): Promise<Recipe> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`cannot read the recipe ${path}: ${messageOf(cause)}`, { cause });
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new UsageError(`${path} is not valid YAML: ${messageOf(cause).split('\n')[0]}`, { cause });
  }
  return parseRecipe(value, path);
}
