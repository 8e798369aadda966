/**
 * What a TrainingClient takes: checks of data and losses that are the same for every engine.
 */
import { UsageError } from '../core/errors.js';
import type { Datum, Loss } from './types.js';

/** Throws UsageError for the first datum that the engine cannot take. */
export function checkData(data: readonly Datum[], maxLength: number, vocabSize: number, loss?: Loss): void {
  for (const [index, datum] of data.entries()) {
    const length = datum.tokens.length;
    const fail = (message: string): never => {
      throw new UsageError(`datum ${index}: ${message}`);
    };
    if (length === 0) fail('it has no tokens');
    if (length > maxLength) {
      fail(`it has ${length} tokens, the engine takes at most ${maxLength}; shorten it or raise maxLength`);
    }
    const { targetTokens, weights, logprobs, advantages } = datum.lossInputs;
    for (const [name, list] of Object.entries({ targetTokens, weights, logprobs, advantages })) {
      if (list !== undefined && list.length !== length) {
        fail(`lossInputs.${name} has ${list.length} entries, tokens has ${length}; they must be equal`);
      }
    }
    if (loss !== undefined && loss.kind !== 'cross_entropy') {
      if (logprobs === undefined || advantages === undefined) {
        fail(`the loss ${loss.kind} needs lossInputs.logprobs and lossInputs.advantages`);
      }
    }
    for (const id of datum.tokens)
      if (!(id >= 0 && id < vocabSize)) fail(`token ${id} is not in 0…${vocabSize - 1}`);
    for (const id of targetTokens) {
      if (!(id >= 0 && id < vocabSize)) fail(`target ${id} is not in 0…${vocabSize - 1}`);
    }
  }
  if (loss?.kind === 'ppo' && !(loss.clipLow <= 1 && loss.clipHigh >= 1)) {
    throw new UsageError(
      `ppo: clipLow (${loss.clipLow}) and clipHigh (${loss.clipHigh}) are ratios around 1, such as 0.8 and 1.25`,
    );
  }
}
