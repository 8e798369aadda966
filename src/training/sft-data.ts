/**
 * SFT data above the seam: examples into sequences with loss on the assistant's tokens only, batches by token budget,
 * and an order that can be taken up again in the middle.
 */
import { UsageError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import { createTaskMix } from './rl/task-mix.js';
import type { Datum } from './types.js';

/** One prompt with its answer, as token ids. */
export interface SftExample {
  /** At least one token. */
  readonly promptTokens: readonly number[];
  /** The assistant's tokens, the stop token included; at least one. */
  readonly completionTokens: readonly number[];
  /** [completion] how much each token's loss counts; default 1 each. */
  readonly completionWeights?: readonly number[];
}

/** Gives the examples of an epoch, in the same order whenever it is asked; epochs count from 0. */
export type SftSource = (epoch: number) => Iterable<SftExample> | AsyncIterable<SftExample>;

/** Where a run is in its data. */
export interface DataPosition {
  readonly epoch: number;
  /** Examples of this epoch that have been used. */
  readonly index: number;
}

export interface SftBatch {
  readonly data: readonly Datum[];
  /** Tokens of the sequences, prompts included. */
  readonly tokens: number;
  /** Examples that were too long and were passed over since the batch before. */
  readonly skipped: number;
  /** Where the next batch begins. */
  readonly next: DataPosition;
}

/**
 * A source that shuffles a list anew in each epoch, by seed; `encode` is applied when an item is needed, and gives any number
 * of examples.
 */
export function shuffledSource<Item>(
  items: readonly Item[],
  seed: number | string,
  encode: (item: Item) => readonly SftExample[],
): SftSource {
  const rng = createRng(seed);
  return function* (epoch) {
    for (const item of rng.fork(`epoch/${epoch}`).shuffle(items)) yield* encode(item);
  };
}

/** Examples of one kind, and their relative share of the mix. */
export interface MixPart<Item> {
  readonly items: readonly Item[];
  readonly weight: number;
}

/**
 * A source that mixes parts by weight, in every stretch of examples alike (task-mix.ts). Each part is gone through in
 * shuffled rounds of its own, as often as its share asks for. An epoch is as many examples as all parts hold. An item gives
 * any number of examples.
 */
export function mixedSource<Item>(
  parts: readonly MixPart<Item>[],
  seed: number | string,
  encode: (item: Item) => readonly SftExample[],
): SftSource {
  const rng = createRng(seed);
  const size = parts.reduce((sum, { items }) => sum + items.length, 0);
  const partAt = createTaskMix(
    parts.map(({ items, weight }) => (items.length > 0 ? weight : 0)),
    seed,
  );
  return function* (epoch) {
    const used = parts.map(() => 0);
    for (let draw = 0; draw < epoch * size; draw++) used[partAt(draw)]! += 1;
    const rounds = parts.map((): { round: number; order: readonly Item[] } => ({ round: -1, order: [] }));
    for (let draw = epoch * size; draw < (epoch + 1) * size; draw++) {
      const at = partAt(draw);
      const { items } = parts[at]!;
      const round = Math.floor(used[at]! / items.length);
      if (rounds[at]!.round !== round) {
        rounds[at] = { round, order: rng.fork(`part/${at}/round/${round}`).shuffle(items) };
      }
      yield* encode(rounds[at]!.order[used[at]! % items.length]!);
      used[at]! += 1;
    }
  };
}

/**
 * A sequence of prompt and completion, with its inputs and targets shifted against each other: T = prompt +
 * completion − 1. The weights are 0 where the target belongs to the prompt. Throws a UsageError for an empty part.
 */
export function sftDatum({ promptTokens, completionTokens, completionWeights }: SftExample): Datum {
  if (promptTokens.length === 0 || completionTokens.length === 0) {
    throw new UsageError('an SFT example needs a prompt and a completion of at least one token each');
  }
  if (completionWeights && completionWeights.length !== completionTokens.length) {
    throw new UsageError(
      `an SFT example has ${completionTokens.length} completion tokens and ${completionWeights.length} weights`,
    );
  }
  const whole = [...promptTokens, ...completionTokens];
  const weights = completionWeights ?? completionTokens.map(() => 1);
  return {
    tokens: whole.slice(0, -1),
    lossInputs: {
      targetTokens: whole.slice(1),
      weights: [...new Array<number>(promptTokens.length - 1).fill(0), ...weights],
    },
  };
}

/** The same data with weights that sum to `total` (default 1): the loss of a batch is then a mean per weighted token. */
export function normaliseWeights(data: readonly Datum[], total = 1): Datum[] {
  let sum = 0;
  for (const { lossInputs } of data) for (const weight of lossInputs.weights ?? []) sum += weight;
  if (!(sum > 0)) throw new UsageError('the batch has no token with a positive weight');
  const scale = total / sum;
  return data.map(({ tokens, lossInputs }) => ({
    tokens,
    lossInputs: { ...lossInputs, weights: lossInputs.weights!.map((weight) => weight * scale) },
  }));
}

/**
 * Batches without end, epoch after epoch, from a position on. A batch is closed before the example that would take it
 * over `batchTokens`, and with `wholeEpochs` at the end of an epoch; it holds at least one. Examples longer than `maxLength` are left out and counted. Throws a
 * UsageError when an epoch holds no usable example, or ends before the position.
 */
export async function* sftBatches(
  source: SftSource,
  options: {
    readonly batchTokens: number;
    readonly maxLength: number;
    readonly start?: DataPosition;
    readonly wholeEpochs?: boolean;
  },
): AsyncGenerator<SftBatch, never, void> {
  const { batchTokens, maxLength, start = { epoch: 0, index: 0 } } = options;
  let open: OpenBatch = { data: [], tokens: 0, skipped: 0 };
  let next = start;
  let skipped = 0;
  const close = (): SftBatch => {
    const { data, tokens, skipped } = open;
    open = { data: [], tokens: 0, skipped: 0 };
    return { data: normaliseWeights(data), tokens, skipped, next };
  };
  for (let epoch = start.epoch; ; epoch++) {
    const from = epoch === start.epoch ? start.index : 0;
    let index = 0;
    let used = 0;
    for await (const example of source(epoch)) {
      if (index++ < from) continue;
      const datum = sftDatum(example);
      const length = datum.tokens.length;
      if (length > maxLength) {
        skipped++;
        continue;
      }
      used++;
      if (open.data.length > 0 && open.tokens + length > batchTokens) yield close();
      open.data.push(datum);
      open.tokens += length;
      open.skipped += skipped;
      skipped = 0;
      next = { epoch, index };
    }
    if (options.wholeEpochs && open.data.length > 0) {
      next = { epoch: epoch + 1, index: 0 };
      yield close();
    }
    if (index < from) {
      throw new UsageError(
        `the SFT data have changed: an epoch holds ${index} examples, ${from} were used before`,
      );
    }
    if (from === 0 && used === 0) {
      throw new UsageError(`the SFT data hold no example of at most ${maxLength} tokens`);
    }
  }
}

interface OpenBatch {
  readonly data: Datum[];
  tokens: number;
  skipped: number;
}
