/**
 * A process that trains by RL until it is done, or killed: two token tasks on a tiny embedded model, every counted group in
 * `rollouts.jsonl`. Arguments: folder, `synchronous` or `asynchronous`, steps. Needs a build. Says on stdout what it is about
 * to do, a line each, so that whoever watches can kill it in the middle.
 */
import { join } from 'node:path';
import { ask, createTurnMaker } from '../../dist/episode/ask.js';
import { openRolloutLog, rolloutRow } from '../../dist/recipe/rollout-log.js';
import { openCheckpoints } from '../../dist/training/checkpoints.js';
import { createEmbeddedEngine } from '../../dist/training/engines/embedded/index.js';
import { parseRlState } from '../../dist/training/rl/options.js';
import { createRlTask } from '../../dist/training/rl/tasks.js';
import { trainRl } from '../../dist/training/rl/train-rl.js';

const [folder, rollouts, steps] = process.argv.slice(2);
const say = (event) => process.stdout.write(`${event}\n`);
const renderer = {
  stopTokens: [0],
  renderPrompt: (messages) => messages[0].content.split(' ').map(Number),
  decode: (tokens) => tokens.join(' '),
};
/** The first token of an answer should be `right`. */
const createTask = (name, weight, right) =>
  createRlTask({
    name,
    weight,
    size: 5,
    reward: { name: 'first', range: [-1, 1], score: ({ kind }) => (kind === 'right' ? 1 : -1) },
    *episode(index, seed) {
      const turn = createTurnMaker(seed);
      const messages = [{ role: 'user', content: `${index + 1} ${right}` }];
      const { text } = yield* ask(turn({ purpose: 'predict', messages, maxTokens: 12, trained: true }));
      return { kind: Number(text.split(' ')[0]) === right ? 'right' : 'wrong' };
    },
  });

const engine = await createEmbeddedEngine({
  model: { vocabSize: 8, hiddenSize: 16, layers: 1, heads: 1, maxLength: 32 },
  seed: 1,
  workers: 1,
});
const kept = openCheckpoints(join(folder, 'steps'), parseRlState);
const checkpoints = {
  load: kept.load,
  save: async (client, step, ...rest) => {
    say(`saving ${step}`);
    await kept.save(client, step, ...rest);
    say(`saved ${step}`);
  },
};
const stepsDone = (await kept.load('latest'))?.state.steps ?? 0;
const log = await openRolloutLog(join(folder, 'rollouts.jsonl'), stepsDone);
say(`going on after ${stepsDone}`);
const state = await trainRl(engine, {
  tasks: [createTask('first', 1, 3), createTask('second', 2, 5)],
  renderer,
  seed: 1,
  groupSize: 4,
  batch: { tokenBudget: 200, maxGroups: 8 },
  rollouts,
  groupsInFlight: 12,
  adam: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 1 },
  schedule: { peak: 0.003, warmupShare: 0, decayShare: 0 },
  budget: { steps: Number(steps) },
  checkpoints,
  saveEvery: 3,
  onStep: async ({ step }, groups) => {
    say(`step ${step}`);
    await log.write(groups.map((group) => rolloutRow(group, step, renderer)));
    say(`written ${step}`);
  },
});
await log[Symbol.asyncDispose]();
await engine[Symbol.asyncDispose]();
say(`finished ${state.steps}`);
