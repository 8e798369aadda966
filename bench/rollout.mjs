/**
 * What the RL loop itself costs, and whether it does what was planned, with 1,000 and 10,000 episodes in flight.
 *
 * The engine is simulated: a sequence takes its length at a fixed pace, a training step a fixed time, both in virtual
 * time that moves on when the loop has nothing left to do. So the seconds of CPU are the loop's own (requests, journals,
 * groups, advantages, batches, training sequences, metrics), and throughput and staleness can be held against theory:
 * with N groups in flight and B in a batch, Little's law has a group trained N / B steps after it was begun, and as many
 * groups per second as N over the time that a group takes, until the trainer is the slower part.
 *
 * Asserts that it is so, and that a turn costs less than 1 ms of CPU and the whole less than 2 GiB. Needs a build:
 * `npm run bench`.
 */
import assert from 'node:assert/strict';
import { createRng } from '../dist/core/rng.js';
import { ask, createTurnMaker } from '../dist/episode/ask.js';
import { createRlTask } from '../dist/training/rl/tasks.js';
import { trainRl } from '../dist/training/rl/train-rl.js';

const GROUP = 8;
const TOKENS_PER_SECOND = 50;
const PROMPT_TOKENS = 200;
const MEAN_TOKENS = 400;
const STEPS = 12;

/** Virtual time: the earliest event happens when everything that follows from the last one is done. */
function createSimulation() {
  const heap = [];
  let now = 0;
  let pumping = false;
  const push = (event) => {
    heap.push(event);
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (heap[parent].at <= heap[i].at) break;
      [heap[parent], heap[i]] = [heap[i], heap[parent]];
      i = parent;
    }
  };
  const pop = () => {
    const top = heap[0];
    const last = heap.pop();
    if (heap.length > 0) {
      heap[0] = last;
      for (let i = 0; ; ) {
        const left = 2 * i + 1;
        if (left >= heap.length) break;
        const child = left + 1 < heap.length && heap[left + 1].at < heap[left].at ? left + 1 : left;
        if (heap[i].at <= heap[child].at) break;
        [heap[i], heap[child]] = [heap[child], heap[i]];
        i = child;
      }
    }
    return top;
  };
  const pump = () => {
    const event = pop();
    if (event === undefined) {
      pumping = false;
      return;
    }
    now = event.at;
    event.resolve();
    setImmediate(pump);
  };
  return {
    clock: { now: () => now * 1000, sleep: async () => {} },
    /** Resolves after so many virtual seconds. */
    after: (seconds) =>
      new Promise((resolve) => {
        push({ at: now + seconds, resolve });
        if (pumping) return;
        pumping = true;
        setImmediate(pump);
      }),
  };
}

function createSimulatedClient({ after }, trainSeconds) {
  let version = 0;
  let turns = 0;
  return {
    maxLength: 1 << 20,
    get version() {
      return version;
    },
    get turns() {
      return turns;
    },
    forwardBackward: async (data) => ({
      lossSum: 0,
      logprobs: data.map(({ lossInputs }) => Float32Array.from(lossInputs.logprobs)),
    }),
    optimStep: async () => {
      await after(trainSeconds);
      version += 1;
      return { gradNorm: 1, version };
    },
    saveWeightsForSampler: async () => {
      const at = version;
      return {
        version: at,
        sample: async ({ seed }) => {
          const rng = createRng(seed);
          // Between a quarter of the mean and 1.75 times it.
          const length = rng.int(MEAN_TOKENS / 4, (7 * MEAN_TOKENS) / 4);
          await after(length / TOKENS_PER_SECOND);
          turns += 1;
          return {
            tokens: new Array(length).fill(5),
            logprobs: new Array(length).fill(-0.5),
            versions: new Array(length).fill(at),
            stopReason: 'stop',
          };
        },
        [Symbol.asyncDispose]: async () => {},
      };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

const prompt = Array.from({ length: PROMPT_TOKENS }, (_, i) => i);
const renderer = { stopTokens: [0], renderPrompt: () => prompt, decode: () => 'an answer' };
const content = 'x'.repeat(4 * PROMPT_TOKENS);

const createTask = (name, weight) =>
  createRlTask({
    name,
    weight,
    size: Infinity,
    reward: { name: 'coin', range: [-1, 1], score: ({ good }) => (good ? 1 : -1) },
    *episode(_, seed) {
      const turn = createTurnMaker(seed);
      const messages = [{ role: 'user', content }];
      yield* ask(turn({ purpose: 'solve', messages, maxTokens: 2 * MEAN_TOKENS, trained: true }));
      return { kind: 'answered', good: createRng(seed).chance(0.5) };
    },
  });

async function run({ rollouts, episodes, batchGroups, trainSeconds }) {
  const simulation = createSimulation();
  const client = createSimulatedClient(simulation, trainSeconds);
  const steps = [];
  const before = process.cpuUsage();
  await trainRl(client, {
    tasks: [createTask('predict', 0.25), createTask('solve', 0.75)],
    renderer,
    seed: 1,
    groupSize: GROUP,
    batch: { tokenBudget: 1e12, maxGroups: batchGroups },
    normalizer: 1,
    groupsInFlight: episodes / GROUP,
    rollouts,
    maxStaleness: 8,
    adam: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 1 },
    schedule: { peak: 1, warmupShare: 0, decayShare: 0 },
    budget: { steps: STEPS },
    clock: simulation.clock,
    onStep: (step) => void steps.push(step),
  });
  const { user, system } = process.cpuUsage(before);
  // The first steps fill the pipe.
  const steady = steps.slice(STEPS / 2);
  const total = (of) => steady.reduce((sum, step) => sum + of(step), 0);
  const trained = total(({ groups }) => groups.trained + groups.uniform);
  const stale = total(({ staleness }) => Object.entries(staleness).reduce((s, [age, n]) => s + age * n, 0));
  return {
    episodes,
    rollouts,
    cpuMsPerTurn: (user + system) / 1000 / client.turns,
    groupsPerSecond: trained / total(({ stepSeconds }) => stepSeconds),
    staleness: stale / total(({ groups }) => groups.trained),
    discarded: total(({ groups }) => groups.stale),
    predictShare: total(({ tasks }) => tasks.predict.groups) / trained,
    peakGiB: process.resourceUsage().maxRSS / 1024 ** 2,
  };
}

/** Mean of the longest of a group's uniform lengths, as a time. */
const groupSeconds = (MEAN_TOKENS * (0.25 + 1.5 * (GROUP / (GROUP + 1)))) / TOKENS_PER_SECOND;

for (const episodes of [1_000, 10_000]) {
  const groups = episodes / GROUP;
  const batchGroups = groups / 5;
  // Training takes half the time in which a batch is sampled, so that sampling decides.
  const batchSeconds = (groupSeconds * batchGroups) / groups;
  const settings = { episodes, batchGroups, trainSeconds: batchSeconds / 2 };
  const beside = await run({ ...settings, rollouts: 'asynchronous' });
  const inTurn = await run({ ...settings, rollouts: 'synchronous' });
  for (const row of [beside, inTurn]) {
    console.log(
      `rollout: ${row.episodes} episodes in flight, ${row.rollouts}: ${row.cpuMsPerTurn.toFixed(3)} ms of CPU per turn, ` +
        `${row.groupsPerSecond.toFixed(1)} groups/s, staleness ${row.staleness.toFixed(2)}, ` +
        `${row.discarded} discarded, peak ${row.peakGiB.toFixed(2)} GiB`,
    );
    assert.ok(row.cpuMsPerTurn < 1, 'a turn costs less than 1 ms of CPU');
    assert.ok(row.peakGiB < 2, 'under 2 GiB');
    assert.ok(Math.abs(row.predictShare - 0.25) < 0.03, 'the tasks have their shares');
  }
  assert.ok(Math.abs(beside.groupsPerSecond / (groups / groupSeconds) - 1) < 0.1, "Little's law: throughput");
  assert.ok(Math.abs(beside.staleness - groups / batchGroups) < 0.7, "Little's law: staleness");
  assert.equal(inTurn.staleness, 0, 'synchronous rollouts are on policy');
  assert.ok(beside.groupsPerSecond > 2 * inTurn.groupsPerSecond, 'asynchronous rollouts are faster');
}
