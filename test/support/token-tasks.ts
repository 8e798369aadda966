/**
 * The two tasks that any RL must solve, in bare token ids: a bandit (one token is right) and copying. Prompts are
 * messages whose content is a list of token ids; answers are as long as what is wanted, and 0 would end one early.
 */
import { ask, createTurnMaker } from '../../src/episode/ask.js';
import type { Reward } from '../../src/episode/rewards.js';
import type { Episode } from '../../src/episode/types.js';
import type { ChatRenderer } from '../../src/model/renderer.js';
import { createRlTask, type RlTask } from '../../src/training/rl/tasks.js';

export const tokenRenderer: ChatRenderer = {
  stopTokens: [0],
  renderPrompt: (messages) => messages.flatMap(({ content }) => content.split(' ').map(Number)),
  decode: (tokens) => tokens.join(' '),
};

export interface AnswerOutcome {
  readonly kind: 'right' | 'wrong';
  /** Share of the wanted tokens that stand in their place. */
  readonly share: number;
}

/** A dense reward: a whole answer of several tokens is hardly ever met by chance. */
const shareRight: Reward<AnswerOutcome> = {
  name: 'share-right',
  range: [-1, 1],
  score: ({ share }) => 2 * share - 1,
};

/** One turn: the prompt's tokens → an answer that has to be just `wanted`. */
export function* answerWith(
  prompt: readonly number[],
  wanted: readonly number[],
  seed: string,
): Episode<AnswerOutcome> {
  const turn = createTurnMaker(seed);
  const { text } = yield* ask(
    turn({
      purpose: 'predict',
      messages: [{ role: 'user', content: prompt.join(' ') }],
      maxTokens: wanted.length,
      trained: true,
    }),
  );
  const answer = text === '' ? [] : text.split(' ').map(Number);
  const share = wanted.filter((token, i) => answer[i] === token).length / wanted.length;
  return { kind: share === 1 ? 'right' : 'wrong', share };
}

/** One prompt, one right token. */
export function banditTask(right: number, weight = 1): RlTask {
  return createRlTask({
    name: 'bandit',
    weight,
    size: 1,
    reward: shareRight,
    episode: (_, seed) => answerWith([1], [right], seed),
  });
}

/** Prompts of all pairs of the symbols; the answer repeats the prompt. */
export function copyTask(symbols: readonly number[], length: 1 | 2, weight = 1): RlTask {
  const prompts = length === 1 ? symbols.map((a) => [a]) : symbols.flatMap((a) => symbols.map((b) => [a, b]));
  return createRlTask({
    name: 'copy',
    weight,
    size: prompts.length,
    reward: shareRight,
    episode: (index, seed) => answerWith(prompts[index]!, prompts[index]!, seed),
  });
}
