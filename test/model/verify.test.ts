/**
 * `verify` and `fix` end to end: a scripted model whose error rates are known, served over real HTTP, judged in a real
 * sandbox. What is measured has to be what the rates imply.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createInstantClock } from '../../src/core/clock.js';
import { UsageError } from '../../src/core/errors.js';
import { SILENT } from '../../src/core/progress.js';
import { createRng } from '../../src/core/rng.js';
import { rankScoreCurve } from '../../src/evaluation/estimators.js';
import { summarise } from '../../src/evaluation/summary.js';
import type { Problem } from '../../src/problem/types.js';
import { type FixSettings, runFix } from '../../src/recipe/fix.js';
import type { ModelRunOptions } from '../../src/recipe/model-run.js';
import { runVerify, type VerifySettings } from '../../src/recipe/verify.js';
import { type Asked, type ChatServer, type ServerAnswer, startChatServer } from '../support/chat-server.js';
import { answerAsModel, timesProblem } from '../support/double-server.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-verify-'));
});
afterEach(() => rm(folder, { recursive: true }));

const COMMON = {
  ...{ seed: 1, publicTestsInPrompt: true, temperature: 1, topP: 0.95, comparator: 'codecontests' },
} as const satisfies Partial<VerifySettings>;

function problemsOf(count: number, tests = 2): Problem[] {
  return Array.from({ length: count }, (_, index) => timesProblem(index, tests));
}

function optionsFor(
  server: ChatServer,
  problems: readonly Problem[],
  settings: object = {},
): ModelRunOptions & { readonly settings: VerifySettings } {
  return {
    folder: join(folder, 'run'),
    problems,
    sandbox: 'none',
    progress: SILENT,
    signal: new AbortController().signal,
    retry: { clock: createInstantClock() },
    settings: {
      ...COMMON,
      ...{ command: 'verify', model: `${server.baseUrl}#scripted`, samples: 4, predictions: 1 },
      ...{ vote: 'share', earlyStop: false },
      ...settings,
    },
  };
}

/** P(Binomial(n, p) = m). */
function binomial(n: number, p: number, m: number): number {
  let ways = 1;
  for (let i = 0; i < m; i++) ways = (ways * (n - i)) / (i + 1);
  return ways * p ** m * (1 - p) ** (n - m);
}

/**
 * The chance that the chosen one of k programs is right, worked out from the rates: a program is right with probability
 * `solve`; each of `tests` predictions is true with probability `simulate`; a right program scores Binomial(tests, simulate),
 * a wrong one, whose wrong simulations are all wishful, Binomial(tests, 1 − simulate). The best score is m with probability
 * F(m)^k − F(m−1)^k, and whoever is drawn among the best is right with probability right(m) / all(m).
 */
function bestAtK(rates: { solve: number; simulate: number }, tests: number, k: number): number {
  let [below, total] = [0, 0];
  for (let m = 0; m <= tests; m++) {
    const right = rates.solve * binomial(tests, rates.simulate, m);
    const all = right + (1 - rates.solve) * binomial(tests, 1 - rates.simulate, m);
    total += (((below + all) ** k - below ** k) * right) / all;
    below += all;
  }
  return total;
}

/** Mean and deviation over problems of what is measured, drawn 5,000 times from the rates alone, without any of our code but the estimator. */
function impliedByRates(
  rates: { solve: number; simulate: number },
  tests: number,
  samples: number,
): (arm: 'simulated' | 'executed' | 'gap', k: number) => { mean: number; deviation: number } {
  const rng = createRng('implied');
  const ks = Array.from({ length: samples }, (_, i) => i + 1);
  const drawn = Array.from({ length: 5_000 }, () => {
    const programs = ks.map(() => {
      const right = rng.chance(rates.solve);
      const passes = right ? rates.simulate : 1 - rates.simulate;
      const points = Array.from({ length: tests }, () => (rng.chance(passes) ? 1 : 0) as number);
      return { right, rank: points.reduce((sum, point) => sum + point, 0), score: Number(right) };
    });
    const simulated = rankScoreCurve(programs, ks);
    const executed = rankScoreCurve(
      programs.map(({ score }) => ({ rank: score, score })),
      ks,
    );
    return { simulated, executed, gap: executed.map((value, at) => value - simulated[at]!) };
  });
  return (arm, k) => {
    const values = drawn.map((one) => one[arm][k - 1]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance) };
  };
}

test('best@k and the simulation gap are what the error rates imply', { timeout: 180_000 }, async () => {
  const rates = { solve: 0.4, simulate: 0.8, distinct: true } as const;
  await using server = await startChatServer(answerAsModel(rates));
  const options = { ...optionsFor(server, problemsOf(40), { samples: 6 }), sandbox: 'auto' } as const;
  const { records, outcomes } = await runVerify(options);
  const [summary] = summarise(records).selections;
  expect(summary).toMatchObject({ problems: 40, unscoredPrograms: 0, draws: 1 });
  const implied = impliedByRates(rates, 2, 6);
  for (const k of [1, 2, 4, 6]) {
    const measured = {
      simulated: summary!.arms.simulated[k - 1]!.value!,
      executed: summary!.arms.executed[k - 1]!.value!,
      gap: summary!.gap[k - 1]!.value!,
    };
    const expected = { simulated: bestAtK(rates, 2, k), executed: 1 - (1 - rates.solve) ** k, gap: 0 };
    expected.gap = expected.executed - expected.simulated;
    for (const arm of ['simulated', 'executed', 'gap'] as const) {
      // Four standard errors of a mean over 40 problems.
      const tolerance = (4 * implied(arm, k).deviation) / Math.sqrt(40) + 1e-9;
      expect(Math.abs(measured[arm] - expected[arm]), `${arm}@${k}`).toBeLessThanOrEqual(tolerance);
      expect(Math.abs(implied(arm, k).mean - expected[arm])).toBeLessThan(0.02);
    }
  }
  expect(summary!.gap[5]!.value).toBeGreaterThan(0.02);
  // The programs that were chosen are as good as best@6 says.
  const right = outcomes.filter(({ verdict }) => verdict === 'accepted').length / 40;
  expect(Math.abs(right - bestAtK(rates, 2, 6))).toBeLessThan(0.2);
  const { truePass, falsePass, falseFail, trueFail } = summary!.confusion;
  const simulatedRightly = (truePass + trueFail) / (truePass + falsePass + falseFail + trueFail);
  expect(simulatedRightly).toBeCloseTo(rates.simulate, 1);
});

test('without a sandbox it chooses all the same, and claims nothing about what is right', async () => {
  await using server = await startChatServer(answerAsModel({ solve: 0.5, simulate: 1 }));
  const { outcomes, records } = await runVerify(optionsFor(server, problemsOf(3)));
  expect(outcomes.map(({ verdict }) => verdict)).toEqual(['unscored', 'unscored', 'unscored']);
  expect(outcomes.every(({ points, outOf }) => points === outOf)).toBe(true);
  expect(summarise(records).selections[0]?.arms.executed).toEqual([]);
  expect((await readdir(join(folder, 'run', 'programs'))).sort()).toEqual([
    'times-0.py',
    'times-1.py',
    'times-2.py',
  ]);
  expect(await readFile(join(folder, 'run', 'programs', 'times-1.py'), 'utf8')).toContain('print(n * 3 + 0)');
});

test('stopping early makes the same choices with fewer predictions', async () => {
  await using server = await startChatServer(answerAsModel({ solve: 0.5, simulate: 0.8 }));
  const problems = problemsOf(8, 4);
  const settings = { predictions: 2, vote: 'majority' } as const;
  const full = await runVerify(optionsFor(server, problems, settings));
  const asked = server.asked.length;
  const early = await runVerify({
    ...optionsFor(server, problems, { ...settings, earlyStop: true }),
    folder: join(folder, 'early'),
  });
  const choices = ({ outcomes }: typeof full): unknown =>
    outcomes.map(({ problem, chosen, predictions, saved }) => [problem, chosen, predictions + saved]);
  expect(choices(early)).toEqual(
    full.outcomes.map(({ problem, chosen, predictions }) => [problem, chosen, predictions]),
  );
  expect(early.outcomes.map(({ saved }) => saved)).toEqual(full.outcomes.map(({ saved }) => saved));
  expect(server.asked.length - asked).toBeLessThan(asked);
});

test('inputs that the model writes decide ties, and the record tells how', async () => {
  const answer = answerAsModel({ solve: 0.5, simulate: 0.6, distinct: true });
  await using server = await startChatServer(answer);
  const settings = { samples: 8, earlyStop: true, generatedTests: 3 } as const;
  const { outcomes, records } = await runVerify({
    ...optionsFor(server, problemsOf(6, 1), settings),
    sandbox: 'auto',
  });
  const selections = records.filter((record) => record.schema === 'selection/1');
  const tied = selections.flatMap(({ choice }) => choice?.generated ?? []);
  expect(tied.length).toBeGreaterThan(0);
  expect(outcomes.filter(({ tie }) => tie !== undefined)).toHaveLength(tied.length);
  for (const { inputs, agreed, tied: places, points, predictions } of tied) {
    expect(inputs).toEqual(['11\n', '12\n', '13\n']);
    expect(agreed).toHaveLength(3);
    expect(points).toHaveLength(places.length);
    expect(predictions).toBe(3 * places.length);
  }
  // Who was chosen agrees at least as often as any that tied with it.
  for (const { choice } of selections) {
    const { chosen, generated } = choice!;
    if (generated)
      expect(generated.points[generated.tied.indexOf(chosen!)]).toBe(Math.max(...generated.points));
  }
  expect(summarise(records).selections[0]!.settled).toMatchObject({
    tiesAsked: tied.length,
    stoppedEarly: true,
  });
});

test('another model simulates, and the prompt may leave the public tests out', async () => {
  await using solver = await startChatServer(answerAsModel({ solve: 0.5, simulate: 0 }));
  await using verifier = await startChatServer(answerAsModel({ solve: 0, simulate: 1 }));
  const { outcomes, records } = await runVerify(
    optionsFor(solver, problemsOf(2), {
      verifier: `${verifier.baseUrl}#other`,
      publicTestsInPrompt: false,
      samples: 14,
    }),
  );
  expect(outcomes.map(({ points, outOf }) => [points, outOf])).toEqual([
    [2, 2],
    [2, 2],
  ]);
  expect(records[0]).toMatchObject({ model: 'scripted', verifier: 'other', publicTestsInPrompt: false });
  expect(solver.asked.every(({ messages }) => !messages[0]!.content.includes('Example 1'))).toBe(true);
  expect(verifier.asked.every(({ messages }) => messages[0]!.content.startsWith('Execute'))).toBe(true);
});

describe('a run that is disturbed', () => {
  const answer = answerAsModel({ solve: 0.5, simulate: 0.8 });

  test('by every fault a server can have ends as an undisturbed one', async () => {
    await using calm = await startChatServer(answer);
    const expected = await runVerify({ ...optionsFor(calm, problemsOf(5)), folder: join(folder, 'calm') });
    const faults: readonly ServerAnswer[] = [
      { kind: 'status', status: 429, headers: { 'retry-after': '3' } },
      { kind: 'status', status: 500 },
      { kind: 'cut' },
      { kind: 'cut', end: true },
      { kind: 'garbage' },
    ];
    const failed = new Set<string>();
    await using rough = await startChatServer((asked): ServerAnswer => {
      const key = JSON.stringify([asked.messages, asked.seed]);
      if (failed.has(key)) return answer(asked);
      failed.add(key);
      return faults[asked.ordinal % faults.length]!;
    });
    const result = await runVerify(optionsFor(rough, problemsOf(5)));
    expect(result.outcomes).toEqual(expected.outcomes);
    expect(rough.asked.length).toBe(2 * calm.asked.length);
  });

  test('by a stop goes on with the calls that are missing, and asks none twice', async () => {
    const stop = new AbortController();
    await using server = await startChatServer((asked) => {
      if (asked.ordinal < 30) return answer(asked);
      stop.abort(new Error('stopped'));
      return { kind: 'silence' };
    });
    const options = optionsFor(server, problemsOf(6));
    // One call at a time: when a call arrives, the answers to all before it have been received.
    const first = runVerify({ ...options, concurrency: 1, signal: stop.signal });
    await expect(first).rejects.toThrow('stopped');
    const before = server.asked.slice(0, 30);
    await using again = await startChatServer(answer);
    const settings = { ...options.settings, model: `${again.baseUrl}#scripted` };
    const { outcomes } = await runVerify({ ...options, settings });
    expect(outcomes).toHaveLength(6);
    const keyOf = ({ messages, seed }: Asked): string => JSON.stringify([messages, seed]);
    const known = new Set(before.map(keyOf));
    expect(again.asked.filter((asked) => known.has(keyOf(asked)))).toEqual([]);
    expect(new Set(again.asked.map(keyOf)).size).toBe(again.asked.length);
  });

  test('by its spending limit says so, and goes on under a higher one', async () => {
    await using server = await startChatServer(answer);
    const options = optionsFor(server, problemsOf(6), { maxTokens: 100 });
    const stopped = await runVerify({ ...options, maxTokensTotal: 3_000 });
    expect(stopped.stopped).toContain('the limit of 3000 tokens allows no further call');
    expect(stopped.spending.promptTokens + stopped.spending.completionTokens).toBeLessThanOrEqual(3_000);
    // The limit is the run's: what earlier sessions spent counts.
    const same = await runVerify({ ...options, maxTokensTotal: 3_000 });
    expect(same.stopped).toBeDefined();
    const calls = [stopped, same].reduce(
      (sum, { spending }) => sum + spending.promptTokens + spending.completionTokens,
      0,
    );
    expect(calls).toBeLessThanOrEqual(3_000);
    const asked = server.asked.length;
    const done = await runVerify(options);
    expect(done.stopped).toBeUndefined();
    expect(done.outcomes).toHaveLength(6);
    expect(done.spending.calls).toBe(server.asked.length - asked);
    const keys = server.asked.map(({ messages, seed }) => JSON.stringify([messages, seed]));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('by calls that fail for good counts them, and asks for them when it goes on', async () => {
    let broken = true;
    await using server = await startChatServer(
      (asked): ServerAnswer =>
        broken && asked.ordinal % 3 === 0 ? { kind: 'status', status: 400 } : answer(asked),
    );
    const options = optionsFor(server, problemsOf(4));
    const first = await runVerify(options);
    expect(first.outcomes.some(({ unscored }) => unscored)).toBe(true);
    broken = false;
    const second = await runVerify(options);
    expect(second.outcomes.some(({ unscored }) => unscored)).toBe(false);
    expect(second.outcomes).toHaveLength(4);
  });

  test('by a wrong key ends at once', async () => {
    await using server = await startChatServer(() => ({ kind: 'status', status: 401 }));
    await expect(runVerify(optionsFor(server, problemsOf(2)))).rejects.toThrow(UsageError);
  });
});

test('stored answers are judged again without a model', async () => {
  const options = await (async () => {
    await using server = await startChatServer(answerAsModel({ solve: 0.5, simulate: 0.9 }));
    const asking = optionsFor(server, problemsOf(4));
    await runVerify(asking);
    return asking;
  })();
  // The server is gone.
  const settings = { ...options.settings, comparator: 'livecodebench', vote: 'majority' } as const;
  const { records, spending } = await runVerify({ ...options, settings, rescore: true, sandbox: 'auto' });
  expect(spending).toMatchObject({ calls: 0 });
  const selections = records.filter(({ schema }) => schema === 'selection/1');
  expect(selections).toHaveLength(4);
  expect(selections.every((record) => 'comparator' in record && record.comparator === 'livecodebench')).toBe(
    true,
  );
  expect(summarise(records).selections[0]).toMatchObject({ problems: 4 });
  const more = { ...settings, samples: 5 };
  await expect(runVerify({ ...options, settings: more, rescore: true })).rejects.toThrow('no stored answer');
});

test('fix repairs by simulation, and its records tell how', async () => {
  await using server = await startChatServer(answerAsModel({ solve: 0.4, simulate: 1 }));
  const { settings: _, ...options } = optionsFor(server, problemsOf(12));
  const settings: FixSettings = {
    ...COMMON,
    ...{
      command: 'fix',
      model: `${server.baseUrl}#scripted`,
      feedback: 'simulated',
      maxPrograms: 10,
      episodes: 1,
    },
  };
  const { outcomes, records } = await runFix({ ...options, settings, sandbox: 'auto' });
  expect(outcomes.every(({ lastPassed, end }) => lastPassed === true && end === 'submitted')).toBe(true);
  const [summary] = summarise(records).selfRlef;
  expect(summary).toMatchObject({ feedback: 'simulated' });
  // A geometric number of programs with success 0.4: 2.5 on average.
  const used = outcomes.reduce((sum, { programs }) => sum + programs, 0) / outcomes.length;
  expect(used).toBeGreaterThan(1.3);
  expect(used).toBeLessThan(4.5);
  expect(outcomes.filter(({ firstPassed }) => firstPassed).length).toBeLessThan(12);
});
