/**
 * Recipes at the paper's scale, `world: contests`: every number of PAPER.md §2–5 as data, with the model, the hardware and the
 * engine it is meant for. What the paper leaves open has CWM's value (field-notes A) and says so in the recipe.
 *
 * Left out: running them by one command. plan.ts says what each part needs and which commands do it.
 */
import { z } from 'zod';
import { UsageError } from '../core/errors.js';
import { engineName, faultsOfEngine, tinkerSettings } from './engine-settings.js';

const count = z.number().int().positive();
const share = z.number().min(0).max(1);
const rate = z.number().positive();
const gpus = z.strictObject({
  name: z.string(),
  count,
  /** Published, or absent. */
  hours: rate.optional(),
  /** Dense peak in the training precision, FLOP/s of one GPU. */
  peakFlops: rate,
});

const model = z.strictObject({
  /** Name on the Hub, or a local folder. */
  base: z.string(),
  parameters: rate,
  layers: count,
  hiddenSize: count,
  keyValueSize: count,
  /** Longest sequence, and how far the rotary positions are stretched for it. */
  maxLength: count,
  ropeScaling: rate,
});

const data = z.strictObject({
  functions: count,
  functionExplanations: count,
  contestPrograms: count,
  contestExplanations: count,
  /** Longer traces are left out. */
  maxTraceEvents: count,
  maxTraceBytes: count,
  narrator: z.string(),
  /** Beside NLEX. */
  general: z.array(z.string()),
});

const sft = z.strictObject({
  steps: count,
  batchTokens: count,
  learningRate: rate,
  warmupSteps: count,
  /** The paper's own figure. */
  flops: rate,
  gpus,
});

const rl = z.strictObject({
  updates: count,
  /** Trained in all; a step's batch holds at most `batchTokens`. */
  tokens: count,
  batchTokens: count,
  packedLength: count,
  groupSize: count,
  maxStaleness: count,
  learningRate: rate,
  warmupSteps: count,
  gradClipNorm: rate,
  clip: z.strictObject({ low: rate, high: rate }),
  klWeight: z.number().min(0),
  rollouts: z.enum(['synchronous', 'asynchronous']),
  problems: count,
  predictions: z.strictObject({
    solutionsPerProblem: count,
    keptCorrect: count,
    items: count,
    /** Share of the samples; `withSelfRlef`: when Self-RLEF is trained beside it. */
    share,
    shareWithSelfRlef: share,
    rewardScale: rate,
  }),
  selfRlef: z.strictObject({ fixes: count, feedback: z.enum(['executed', 'simulated']) }),
  validateEvery: count,
  checkpoint: z.enum(['best', 'last']),
  trainerShare: share,
  gpus,
});

const evaluation = z.strictObject({
  samples: count,
  predictions: count,
  k: count,
  temperature: z.number().min(0),
  topP: share,
  maxPrograms: z.array(count),
  sets: z.record(z.string(), count),
});

const scaleRecipe = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'a name of letters, digits, ".", "_" and "-"'),
    world: z.literal('contests'),
    seed: z.number().int().default(1),
    engine: engineName,
    tinker: tinkerSettings.optional(),
    model,
    data,
    sft,
    rl,
    evaluation,
  })
  .superRefine((value, context) => {
    const fault = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    for (const { path, message } of faultsOfEngine(value)) fault(path, message);
    if (value.engine === 'embedded') fault(['engine'], `${value.model.base} needs engine "tinker"`);
    if (value.rl.packedLength > value.rl.batchTokens) fault(['rl', 'packedLength'], 'longer than a batch');
    if (value.rl.warmupSteps >= value.rl.updates) fault(['rl', 'warmupSteps'], 'not below rl.updates');
    if (value.sft.warmupSteps >= value.sft.steps) fault(['sft', 'warmupSteps'], 'not below sft.steps');
    if (value.rl.klWeight > 0) fault(['rl', 'klWeight'], 'our objective has no KL term; CWM has none either');
    if (value.rl.tokens > value.rl.updates * value.rl.batchTokens) {
      fault(['rl', 'tokens'], 'more than rl.updates batches hold');
    }
  });

export type ScaleRecipe = Readonly<z.output<typeof scaleRecipe>>;

/** Whether a parsed YAML file is meant as a recipe of this kind. */
export function isScaleRecipe(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'world' in value && value.world === 'contests';
}

/** Checks a recipe. Throws a UsageError that names the keys at fault. */
export function parseScaleRecipe(value: unknown, from: string): ScaleRecipe {
  const result = scaleRecipe.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'recipe'}: ${message}`);
  throw new UsageError(`${from} is not a valid recipe. ${faults.join('; ')}`);
}
