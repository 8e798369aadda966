/**
 * Counting what models cost, and stopping before a limit is passed.
 *
 * Before a call its greatest possible cost is set aside (prompt, estimated, and `maxTokens`); a call that does not fit
 * waits for calls in flight to give back what they did not use, and fails with a `SpendingLimitError` when none is left to
 * wait for. So the limit holds even with many calls in flight, but for an estimate of the prompt that was too low.
 */

import { estimateTokens } from './language-model.js';
import { SpendingLimitError } from './model-error.js';
import type { ChatModel, ChatRequest, ChatResponse } from './types.js';

/** US dollars, or any one currency, per million tokens. */
export interface TokenPrice {
  readonly prompt: number;
  readonly completion: number;
}

export interface Spending {
  /** Calls answered by the model, and calls answered from the cache, which cost nothing. */
  readonly calls: number;
  readonly cachedCalls: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Some counts are guesses, because the endpoint gives none. */
  readonly estimated: boolean;
  /** Where a price is known. */
  readonly money?: number;
}

export interface Meter {
  spending(): Spending;
  /** Wraps a model so that its calls are counted here. Several models may share a meter, each at its price. */
  count(model: ChatModel, price?: TokenPrice): ChatModel;
  /** Notes an answer that came from a cache. */
  noteCached(response: ChatResponse): void;
}

/**
 * `maxTokensTotal`: prompt and completion tokens of all calls together, those of earlier sessions (`spentBefore`, tokens)
 * included; what the meter says it spent is of this session.
 */
export function createMeter(maxTokensTotal = Infinity, spentBefore = 0): Meter {
  let [calls, cachedCalls, promptTokens, completionTokens, setAside, inFlight] = [0, 0, 0, 0, 0, 0];
  let [estimated, money] = [false, undefined as number | undefined];
  const waiting: (() => void)[] = [];
  // Once said, it stays: a smaller call that would still fit must not start while the work is being stopped.
  let refused = false;
  const wakeAll = (): void => {
    for (const wake of waiting.splice(0)) wake();
  };
  const reserve = async (tokens: number): Promise<void> => {
    while (refused || spentBefore + promptTokens + completionTokens + setAside + tokens > maxTokensTotal) {
      if (inFlight === 0 || refused) {
        refused = true;
        throw new SpendingLimitError(
          `the limit of ${maxTokensTotal} tokens allows no further call: ${spentBefore + promptTokens + completionTokens} are spent`,
        );
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    setAside += tokens;
    inFlight++;
  };
  const charge = (response: ChatResponse, price: TokenPrice | undefined): void => {
    const { usage } = response;
    calls++;
    promptTokens += usage.promptTokens;
    completionTokens += usage.completionTokens;
    estimated ||= usage.estimated === true;
    if (price) {
      const cost = (usage.promptTokens * price.prompt + usage.completionTokens * price.completion) / 1e6;
      money = (money ?? 0) + cost;
    }
  };
  return {
    spending: () => ({
      calls,
      cachedCalls,
      promptTokens,
      completionTokens,
      estimated,
      ...(money === undefined ? {} : { money }),
    }),
    noteCached: () => {
      cachedCalls++;
    },
    count: (model, price) => ({
      id: model.id,
      generate: async (request: ChatRequest) => {
        const greatest = estimateTokens(request.messages) + request.maxTokens;
        await reserve(greatest);
        try {
          const response = await model.generate(request);
          charge(response, price);
          return response;
        } finally {
          setAside -= greatest;
          inFlight--;
          wakeAll();
        }
      },
    }),
  };
}
