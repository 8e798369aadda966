/**
 * The options that every command with a model shares: which model, how it is asked, what it may cost.
 */
import { setMaxListeners } from 'node:events';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Spending, TokenPrice } from '../model/meter.js';
import { MODEL_SYNTAX, parseModelSpec } from '../model/model-spec.js';
import { counted, spendingText } from '../report/format.js';

export interface ModelOptions {
  readonly model: string;
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens?: number;
  readonly seed: number;
  readonly concurrency: number;
  readonly timeout: number;
  readonly maxTokensTotal?: number;
  readonly price?: TokenPrice;
}

export function addModelOptions(command: Command): Command {
  return command
    .requiredOption('--model <model>', `who is asked: ${MODEL_SYNTAX}`, checkedModel)
    .option('--temperature <number>', 'of sampling; 0 is greedy', numberFrom(0), 1)
    .option('--top-p <number>', 'nucleus mass, up to 1', numberFrom(0, 1), 0.95)
    .option(
      '--max-tokens <number>',
      'most tokens of one completion (default: what fits the model)',
      countFrom(1),
    )
    .option('--seed <number>', 'equal seeds ask equal questions', countFrom(0), 1)
    .option('--concurrency <number>', 'calls in flight', countFrom(1), 16)
    .option('--timeout <seconds>', 'of one call', numberFrom(0.001), 600)
    .option(
      '--max-tokens-total <number>',
      'stop before so many tokens are spent, prompts and earlier sessions included',
      countFrom(1),
    )
    .option('--price <prompt,completion>', 'money per million tokens, such as 0.15,0.60', parsePrice);
}

/** In the form that `openChatModel` and `ModelRunOptions` take. */
export function toManners(options: ModelOptions): {
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly maxTokensTotal?: number;
  readonly price?: TokenPrice;
} {
  const { concurrency, timeout, maxTokensTotal, price } = options;
  return {
    concurrency,
    timeoutMs: timeout * 1000,
    ...(maxTokensTotal === undefined ? {} : { maxTokensTotal }),
    ...(price === undefined ? {} : { price }),
  };
}

/** `3 calls, 1,200 prompt + 345 completion tokens, 0.42 in money; 1 more was stored` */
export function describeSpending(spending: Spending): string {
  const { cachedCalls } = spending;
  return `${spendingText(spending)}${cachedCalls === 0 ? '' : `; ${counted(cachedCalls, 'more call')} had been stored`}`;
}

/** For `--verifier` too. */
export function checkedModel(text: string): string {
  parseModelSpec(text);
  return text;
}

/** A reader of an option's value; what it throws names the option. */
export function numberFrom(least: number, most = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      `Expected a number from ${least}${most === Infinity ? '' : ` to ${most}`}.`,
    );
  };
}

export function countFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least}.`);
  };
}

export function choiceOption(
  flags: string,
  text: string,
  choices: readonly string[],
  preset: string,
): Option {
  return new Option(flags, text).choices([...choices]).default(preset);
}

/** Runs `work` with a signal that SIGINT and SIGTERM abort. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  // Every request in flight listens; there is no leak to warn of.
  setMaxListeners(0, stop.signal);
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    return await work(stop.signal);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** For `--price`. */
export function parsePrice(text: string): TokenPrice {
  const [prompt, completion, ...more] = text.split(',').map(numberFrom(0));
  if (prompt === undefined || completion === undefined || more.length > 0) {
    throw new InvalidArgumentError(
      'Expected two numbers, for prompt and completion tokens, such as 0.15,0.60.',
    );
  }
  return { prompt, completion };
}
