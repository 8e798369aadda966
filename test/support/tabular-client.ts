/**
 * The smallest TrainingClient there can be: a softmax policy with its own logits for every context (the last `order`
 * tokens), trained by exact gradients and Adam. Enough to show that a loop above the seam learns, in milliseconds.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng } from '../../src/core/rng.js';
import type { PolicyVersion, Sample, SampleRequest, Sampler } from '../../src/model/types.js';
import type {
  AdamParams,
  Datum,
  ForwardBackwardResult,
  Loss,
  TrainingClient,
} from '../../src/training/types.js';

export interface TabularOptions {
  readonly vocabSize: number;
  /** How many tokens of context the policy sees. */
  readonly order: number;
  readonly maxLength?: number;
}

interface Cell {
  readonly logits: number[];
  readonly first: number[];
  readonly second: number[];
}

interface Saved {
  readonly version: number;
  readonly cells: readonly (readonly [string, Cell])[];
}

export interface TabularClient extends TrainingClient {
  /** Probabilities of the next token. */
  probabilities(context: readonly number[]): number[];
  /** Samplers that were handed out and not disposed of. */
  readonly openSamplers: number;
}

export function createTabularClient({ vocabSize, order, maxLength = 64 }: TabularOptions): TabularClient {
  let cells = new Map<string, Cell>();
  let gradients = new Map<string, number[]>();
  let version = 0;
  let openSamplers = 0;
  const keyOf = (context: readonly number[]): string => context.slice(-order).join(',');
  const cellOf = (key: string): Cell => {
    const zeros = (): number[] => new Array<number>(vocabSize).fill(0);
    const cell = cells.get(key) ?? { logits: zeros(), first: zeros(), second: zeros() };
    cells.set(key, cell);
    return cell;
  };
  const probabilities = (context: readonly number[]): number[] =>
    softmax(cells.get(keyOf(context))?.logits, vocabSize);

  const run = (data: readonly Datum[], loss?: Loss): ForwardBackwardResult => {
    let lossSum = 0;
    const logprobs = data.map(({ tokens, lossInputs }) =>
      Float32Array.from(lossInputs.targetTokens, (target, t) => {
        const context = tokens.slice(0, t + 1);
        const p = probabilities(context);
        const logprob = Math.log(p[target]!);
        if (!loss) return logprob;
        const { value, slope } = lossAt(loss, logprob, lossInputs, t);
        lossSum += value;
        if (slope === 0) return logprob;
        cellOf(keyOf(context));
        const gradient = gradients.get(keyOf(context)) ?? new Array<number>(vocabSize).fill(0);
        gradients.set(keyOf(context), gradient);
        for (let v = 0; v < vocabSize; v++) gradient[v]! += slope * ((v === target ? 1 : 0) - p[v]!);
        return logprob;
      }),
    );
    return { logprobs, lossSum };
  };

  const step = (adam: AdamParams): number => {
    let square = 0;
    for (const gradient of gradients.values()) for (const g of gradient) square += g * g;
    const gradNorm = Math.sqrt(square);
    const scale = adam.gradClipNorm > 0 && gradNorm > adam.gradClipNorm ? adam.gradClipNorm / gradNorm : 1;
    version += 1;
    for (const [key, gradient] of gradients) {
      const { logits, first, second } = cellOf(key);
      for (let v = 0; v < vocabSize; v++) {
        const g = gradient[v]! * scale;
        first[v] = adam.beta1 * first[v]! + (1 - adam.beta1) * g;
        second[v] = adam.beta2 * second[v]! + (1 - adam.beta2) * g * g;
        const m = first[v]! / (1 - adam.beta1 ** version);
        const s = second[v]! / (1 - adam.beta2 ** version);
        logits[v]! -= adam.learningRate * (m / (Math.sqrt(s) + adam.eps));
      }
    }
    gradients = new Map();
    return gradNorm;
  };

  return {
    maxLength,
    get version() {
      return version as PolicyVersion;
    },
    get openSamplers() {
      return openSamplers;
    },
    probabilities,
    forwardBackward: async (data, loss) => run(data, loss),
    forward: async (data) => ({ logprobs: run(data).logprobs }),
    optimStep: async (adam) => ({ gradNorm: step(adam), version: version as PolicyVersion }),
    saveWeightsForSampler: async () => {
      openSamplers += 1;
      const snapshot = structuredClone(cells);
      const at = version as PolicyVersion;
      return createSampler(
        (context) => softmax(snapshot.get(keyOf(context))?.logits, vocabSize),
        at,
        () => {
          openSamplers -= 1;
        },
      );
    },
    saveState: async (folder) => {
      await mkdir(folder, { recursive: true });
      const saved: Saved = { version, cells: [...cells] };
      await writeFile(join(folder, 'table.json'), JSON.stringify(saved));
    },
    loadState: async (folder) => {
      const saved = JSON.parse(await readFile(join(folder, 'table.json'), 'utf8')) as Saved;
      cells = new Map(saved.cells);
      version = saved.version;
      gradients = new Map();
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function createSampler(
  probabilities: (context: readonly number[]) => number[],
  version: PolicyVersion,
  onDispose: () => void,
): Sampler {
  let disposed = false;
  return {
    version,
    sample: async (request) => {
      // A real sampler takes its time; the caller's other work goes on meanwhile.
      await new Promise((resolve) => setImmediate(resolve));
      if (disposed) throw new Error('the sampler was used after it was disposed of');
      request.signal?.throwIfAborted();
      return draw(request, probabilities, version);
    },
    [Symbol.asyncDispose]: async () => {
      if (!disposed) onDispose();
      disposed = true;
    },
  };
}

function draw(
  { prompt, stopTokens, maxTokens, seed, temperature }: SampleRequest,
  probabilities: (context: readonly number[]) => number[],
  version: PolicyVersion,
): Sample {
  if (temperature !== 1) throw new Error('the tabular sampler samples at temperature 1 only');
  const rng = createRng(seed ?? 0);
  const tokens: number[] = [];
  const logprobs: number[] = [];
  for (;;) {
    const p = probabilities([...prompt, ...tokens]);
    let u = rng.next();
    let token = p.findIndex((share) => {
      u -= share;
      return u < 0;
    });
    if (token < 0) token = p.length - 1;
    tokens.push(token);
    logprobs.push(Math.log(p[token]!));
    const stopReason = stopTokens.includes(token)
      ? 'stop'
      : tokens.length >= maxTokens
        ? 'length'
        : undefined;
    if (stopReason) return { tokens, logprobs, versions: tokens.map(() => version), stopReason };
  }
}

/** The loss of one token, and its slope with respect to the token's log-probability. */
function lossAt(
  loss: Loss,
  logprob: number,
  { weights, logprobs, advantages }: Datum['lossInputs'],
  t: number,
): { readonly value: number; readonly slope: number } {
  const weight = weights?.[t] ?? 1;
  if (loss.kind === 'cross_entropy') return { value: -weight * logprob, slope: -weight };
  const advantage = weight * advantages![t]!;
  const ratio = Math.exp(logprob - logprobs![t]!);
  const plain = { value: -ratio * advantage, slope: -ratio * advantage };
  if (loss.kind === 'importance_sampling') return plain;
  const clipped = Math.min(Math.max(ratio, loss.clipLow), loss.clipHigh) * advantage;
  return clipped < ratio * advantage ? { value: -clipped, slope: 0 } : plain;
}

function softmax(logits: readonly number[] | undefined, size: number): number[] {
  if (!logits) return new Array<number>(size).fill(1 / size);
  const top = Math.max(...logits);
  const exps = logits.map((logit) => Math.exp(logit - top));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((e) => e / sum);
}
