/**
 * What a recipe at the paper's scale would take, worked out before anything is started: data, tokens, steps, FLOPs and GPU
 * hours (the paper's figures beside our own estimate), disk, and the commands that start the servers. Pure.
 *
 * Estimates: training 6·N FLOPs per token for the weights and 12·L·D·(length/2) for attention at the full length, an upper
 * bound for shorter sequences; sampling 2·N per token; 40% of the GPU's peak in training.
 */
import { adapterFor, noticesOf } from '../training/engines/tinker/index.js';
import type { ScaleRecipe } from './scale-schema.js';

const TRAINING_UTILISATION = 0.4;
/** Of a row's text, messages and markup: about 4 characters per token. */
const BYTES_PER_TEXT_TOKEN = 4;
/** fp32 master weights and two moments beside bf16 weights. */
const CHECKPOINT_BYTES = 2 + 4 + 4 + 4;

export interface Plan {
  readonly title: string;
  readonly sections: readonly { readonly title: string; readonly lines: readonly string[] }[];
}

export interface TrainingCost {
  readonly tokens: number;
  readonly weightFlops: number;
  readonly attentionFlops: number;
}

export function sftCost({ sft, model }: ScaleRecipe): TrainingCost {
  return trainingCost(sft.steps * sft.batchTokens, model);
}

export function rlCost({ rl, model }: ScaleRecipe): TrainingCost {
  return trainingCost(rl.tokens, model);
}

/** Everything that `--dry-run` says of a recipe. */
export function planOf(recipe: ScaleRecipe): Plan {
  return {
    title: `${recipe.name}: ${recipe.model.base}, ${amount(recipe.model.parameters)} parameters`,
    sections: [
      { title: 'Data', lines: dataLines(recipe) },
      { title: 'SFT', lines: sftLines(recipe) },
      { title: 'RL', lines: rlLines(recipe) },
      { title: 'Evaluation', lines: evaluationLines(recipe) },
      { title: 'Disk', lines: diskLines(recipe) },
      { title: 'Servers', lines: serverLines(recipe) },
      { title: 'Mind', lines: warnings(recipe) },
    ],
  };
}

export function formatPlan({ title, sections }: Plan): string {
  const parts = sections
    .filter(({ lines }) => lines.length > 0)
    .map((section) => `${section.title}\n${section.lines.map((line) => `  ${line}`).join('\n')}`);
  return `${[title, ...parts].join('\n\n')}\n`;
}

function trainingCost(
  tokens: number,
  { parameters, layers, hiddenSize, maxLength }: ScaleRecipe['model'],
): TrainingCost {
  return {
    tokens,
    weightFlops: 6 * parameters * tokens,
    attentionFlops: 12 * layers * hiddenSize * (maxLength / 2) * tokens,
  };
}

function dataLines({ data, rl }: ScaleRecipe): string[] {
  const { predictions } = rl;
  return [
    `functions: ${amount(data.functions)} traced, about ${amount(data.functionExplanations)} grounded explanations kept`,
    `contest programs: ${amount(data.contestPrograms)} traced, ${amount(data.contestExplanations)} explanations kept`,
    `traces over ${amount(data.maxTraceEvents)} events or ${amount(data.maxTraceBytes)} bytes are left out; narrator ${data.narrator}`,
    `mixed with ${data.general.join(', ')}`,
    `RL: ${amount(rl.problems)} problems; output prediction: ${predictions.solutionsPerProblem} solutions each, at most ` +
      `${predictions.keptCorrect} right ones kept, ${amount(predictions.items)} items`,
  ];
}

function sftLines(recipe: ScaleRecipe): string[] {
  const { sft } = recipe;
  const cost = sftCost(recipe);
  const lines = [
    `${amount(sft.steps)} steps of ${amount(sft.batchTokens)} tokens: ${amount(cost.tokens)} tokens of up to ${amount(recipe.model.maxLength)} each`,
    `learning rate ${sft.learningRate} after ${amount(sft.warmupSteps)} steps of warm-up`,
    `FLOPs: ${power(sft.flops)} by the paper; ours ${power(cost.weightFlops)} for the weights and at most ${power(cost.attentionFlops)} for attention`,
  ];
  const { gpus } = sft;
  if (gpus.hours !== undefined) {
    lines.push(
      `GPU hours: ${amount(gpus.count * gpus.hours)} by the paper (${gpus.count} ${gpus.name}, about ${gpus.hours} h)`,
    );
  }
  lines.push(
    `GPU hours: ${hours(sft.flops, gpus.peakFlops)} for the paper's FLOPs at ${percent(TRAINING_UTILISATION)} of peak`,
  );
  return lines;
}

function rlLines(recipe: ScaleRecipe): string[] {
  const { rl, model } = recipe;
  const cost = rlCost(recipe);
  const { predictions } = rl;
  const trainers = Math.round(rl.gpus.count * rl.trainerShare);
  return [
    `${amount(rl.updates)} updates of up to ${amount(rl.batchTokens)} tokens, packed to ${amount(rl.packedLength)}: ${amount(rl.tokens)} tokens`,
    `groups of ${rl.groupSize}, ${rl.rollouts}, discarded when more than ${rl.maxStaleness} versions old`,
    `clip at ratios ${rl.clip.low} and ${rl.clip.high}, no KL; learning rate ${rl.learningRate} after ${amount(rl.warmupSteps)} steps; gradient norm ${rl.gradClipNorm}`,
    `samples: ${percent(predictions.share)} output prediction (${percent(predictions.shareWithSelfRlef)} beside Self-RLEF), reward × ${predictions.rewardScale}`,
    `Self-RLEF: at most ${rl.selfRlef.fixes} fix, feedback ${rl.selfRlef.feedback}; the ${rl.checkpoint} checkpoint, checked every ${rl.validateEvery} steps`,
    `FLOPs: ${power(cost.weightFlops)} for training the weights, ${power(2 * model.parameters * cost.tokens)} for sampling what is trained`,
    `GPU hours: not published; ${rl.gpus.count} ${rl.gpus.name}, about ${trainers} of them training. Training alone is ` +
      `${hours(cost.weightFlops, rl.gpus.peakFlops)} at ${percent(TRAINING_UTILISATION)} of peak; sampling is memory-bound and takes more`,
  ];
}

function evaluationLines({ evaluation }: ScaleRecipe): string[] {
  const sets = Object.entries(evaluation.sets).map(([name, size]) => `${name} (${size})`);
  return [
    `${sets.join(', ')}: ${evaluation.samples} samples per problem, ${evaluation.predictions} predictions per program and public test`,
    `temperature ${evaluation.temperature}, top-p ${evaluation.topP}; best@k for k = 1…${evaluation.k}; Self-RLEF with up to ${evaluation.maxPrograms.join(' and ')} programs`,
  ];
}

function diskLines(recipe: ScaleRecipe): string[] {
  const { parameters } = recipe.model;
  return [
    `SFT rows as text: about ${bytes(sftCost(recipe).tokens * BYTES_PER_TEXT_TOKEN)} before compression`,
    `a checkpoint with its optimizer: about ${bytes(parameters * CHECKPOINT_BYTES)}; the latest and the best are kept; weights alone ${bytes(parameters * 2)}`,
  ];
}

function serverLines({ engine, tinker, model, data }: ScaleRecipe): string[] {
  if (engine !== 'tinker' || !tinker) return [];
  const port = new URL(tinker.baseUrl).port || '80';
  const narrator = `vllm serve ${data.narrator} --tensor-parallel-size 2 --port 8100`;
  if (tinker.server === 'hosted')
    return ['training: nothing to start; set TINKER_API_KEY', `narration: ${narrator}`];
  const backend = tinker.server === 'skyrl-jax' ? 'jax' : 'fsdp';
  return [
    'training and sampling, in a checkout of SkyRL (docs/scaling.md):',
    `  uv run --extra tinker --extra ${backend} -m skyrl.tinker.api --base-model ${model.base} --backend ${backend} --port ${port}`,
    `narration: ${narrator}`,
    'sandbox workers: any machine with this package; shards of the data by --shard i/n',
  ];
}

function warnings({ tinker, rl, sft }: ScaleRecipe): string[] {
  const lines = tinker ? noticesOf(adapterFor(tinker.server), { gradClipNorm: rl.gradClipNorm }) : [];
  const { gpus } = sft;
  const implied = gpus.hours === undefined ? 0 : sft.flops / (gpus.count * gpus.hours * 3600);
  if (implied > 0.6 * gpus.peakFlops) {
    lines.push(
      `the paper's FLOPs and hours imply ${power(implied)} FLOP/s per ${gpus.name}, ${percent(implied / gpus.peakFlops)} of its dense peak: ` +
        'one of the two is not what it seems, so plan with the larger figure',
    );
  }
  lines.push('these recipes are checked and planned here, and were not run: we had no such machines');
  return lines;
}

function hours(flops: number, peakFlops: number): string {
  return `about ${amount(Math.round(flops / (peakFlops * TRAINING_UTILISATION) / 3600))}`;
}

/** 15500 → `15.5k`; 65e9 → `65B`. */
function amount(value: number): string {
  const units = [
    [1e12, 'T'],
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const;
  for (const [size, unit] of units) {
    if (value >= size) return `${trim(value / size)}${unit}`;
  }
  return trim(value);
}

function bytes(value: number): string {
  const units = [
    [1e12, 'TB'],
    [1e9, 'GB'],
    [1e6, 'MB'],
  ] as const;
  for (const [size, unit] of units) if (value >= size) return `${trim(value / size)} ${unit}`;
  return `${trim(value)} bytes`;
}

function power(value: number): string {
  return value.toExponential(1).replace('e+', 'e');
}

function percent(value: number): string {
  return `${Math.round(value * 100)}%`;
}

function trim(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0).replace(/\.0$/, '');
}
