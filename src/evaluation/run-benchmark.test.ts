/**
 * Meaning locked here: a run asks only what is missing, an answer that could not be scored is judged anew without asking,
 * our failures are never wrong answers, and truncated answers are told from unreadable ones.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeSandbox } from '../../test/support/fake-sandbox.js';
import { createScriptedModel } from '../../test/support/scripted-model.js';
import { InfrastructureError } from '../core/errors.js';
import { paperStyle } from '../episode/prompts/paper.js';
import type { BenchmarkItem, LoadedBenchmark } from './benchmarks/benchmark.js';
import { loadBenchmark } from './benchmarks/load.js';
import { readGenerations } from './recorded-generations.js';
import type { BenchmarkRecord } from './records.js';
import { type AnswerSource, checkRecorded, predictionRecords, runBenchmark } from './run-benchmark.js';
import { summarise } from './summary.js';

const failure = (message: string) =>
  new InfrastructureError(message, { code: 'x', boundary: 'model', retryable: true });

function itemOf(id: string, right: string, failing: { left: number } = { left: 0 }): BenchmarkItem {
  return {
    id,
    problem: id,
    messages: [{ role: 'user', content: id }],
    read: (text) => /<(.*)>/.exec(text)?.[1],
    readRaw: (text) => text,
    judge: async (answers) => {
      if (failing.left-- > 0) throw failure('the judge is down');
      return answers.map((answer) => ({ verdict: answer === right ? 'accepted' : 'wrong-answer' }));
    },
  };
}

const benchmarkOf = (...items: BenchmarkItem[]): LoadedBenchmark => ({
  name: 'gsm8k',
  comparator: 'number',
  items,
  leftOut: {},
});

const context = { sandbox: createFakeSandbox({}) };

function asking(model: ReturnType<typeof createScriptedModel>, samples: number): AnswerSource {
  return { kind: 'model', model, sampling: { temperature: 1 }, maxTokens: 9, samples, seed: 1 };
}

async function runOn(
  benchmark: LoadedBenchmark,
  source: AnswerSource,
  done: readonly BenchmarkRecord[] = [],
): Promise<BenchmarkRecord[]> {
  const written: BenchmarkRecord[] = [];
  await runBenchmark(
    {
      benchmark,
      source,
      stage: 'eval',
      done,
      write: async (records) => void written.push(...records),
      itemsAtOnce: 1,
    },
    context,
  );
  return written;
}

describe('a benchmark run', () => {
  it('asks each item so often, with a seed of its own, and judges what it reads', async () => {
    const model = createScriptedModel(['<1>', '<2>', 'none', { text: '<', stopReason: 'length' }]);
    const records = await runOn(benchmarkOf(itemOf('a', '1'), itemOf('b', '1')), asking(model, 2));
    expect(records.map(({ item, sample, verdict }) => `${item}${sample} ${verdict}`)).toEqual([
      'a0 accepted',
      'a1 wrong-answer',
      'b0 unparsed',
      'b1 truncated',
    ]);
    expect(new Set(model.asked.map(({ seed }) => seed)).size).toBe(4);
    expect(records[0]).toMatchObject({
      model: 'scripted',
      comparator: 'number',
      answer: '1',
      completion: '<1>',
    });
  });

  it('goes on with what is missing: more samples, items never asked, answers that could not be had', async () => {
    const benchmark = benchmarkOf(itemOf('a', '1'), itemOf('b', '1'));
    const first = await runOn(
      benchmarkOf(itemOf('a', '1')),
      asking(createScriptedModel([{ error: failure('down') }]), 1),
    );
    expect(first[0]).toMatchObject({ verdict: 'unscored', reason: 'down', completion: null });
    const model = createScriptedModel(['<1>', '<1>', '<2>', '<1>']);
    const second = await runOn(benchmark, asking(model, 2), first);
    expect(second).toHaveLength(4);
    const again = await runOn(benchmark, asking(createScriptedModel([]), 2), [...first, ...second]);
    expect(again).toEqual([]);
  });

  it('judges anew, without asking, what a failing judge left unscored', async () => {
    const failing = { left: 1 };
    const benchmark = benchmarkOf(itemOf('a', '1', failing));
    const first = await runOn(benchmark, asking(createScriptedModel(['<1>']), 1));
    expect(first[0]).toMatchObject({ verdict: 'unscored', reason: 'the judge is down', completion: '<1>' });
    const second = await runOn(benchmark, asking(createScriptedModel([]), 1), first);
    expect(second[0]).toMatchObject({ verdict: 'accepted' });
  });

  it('a mistake of the caller is not an answer', async () => {
    const model = createScriptedModel([]);
    await expect(runOn(benchmarkOf(itemOf('a', '1')), asking(model, 1))).rejects.toThrow(/run out/);
  });
});

describe('the summary of a benchmark', () => {
  const record = (item: string, sample: number, verdict: BenchmarkRecord['verdict']): BenchmarkRecord => ({
    schema: 'benchmark/1',
    benchmark: 'gsm8k',
    item,
    problem: item,
    sample,
    stage: 'eval',
    model: 'm',
    comparator: 'number',
    verdict,
    answer: null,
    completion: '',
    stop: 'stop',
    tokens: 10,
  });

  it('has pass@k per item, unscored answers in no denominator, and later rows in place of earlier ones', () => {
    const [summary] = summarise([
      record('a', 0, 'unscored'),
      record('a', 0, 'accepted'),
      record('a', 1, 'wrong-answer'),
      record('b', 0, 'truncated'),
      record('b', 1, 'unparsed'),
      record('c', 0, 'unscored'),
      record('c', 1, 'accepted'),
    ]).benchmarks;
    const [one, two] = summary!.passAtK;
    // a: ½, b: 0, c: 1 of the one that was scored.
    expect(one).toMatchObject({ k: 1, estimate: { value: 0.5, problems: 3, unscored: 1 }, leftOut: 0 });
    // a: 1, b: 0; c has too few.
    expect(two).toMatchObject({ k: 2, estimate: { value: 0.5, problems: 2 }, leftOut: 1 });
    expect(summary!.counts).toEqual({
      accepted: 2,
      'wrong-answer': 1,
      truncated: 1,
      unparsed: 1,
      unscored: 1,
    });
    expect(summary!.bounds).toEqual({ worst: 2 / 6, best: 3 / 6 });
  });
});

describe('recorded generations', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deskcheck-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const fileOf = async (text: string): Promise<string> => {
    const path = join(folder, 'generations.jsonl');
    await writeFile(path, text);
    return path;
  };

  it('are read row by row, list by list, or as one object, and scored without a model', async () => {
    const rows = [
      { task_id: 'a', completion: '1' },
      { task_id: 'a', completion: '2', stop: 'length', tokens: 5 },
      { id: 'b', generations: ['1', '1'] },
    ];
    const completions = await readGenerations(
      await fileOf(rows.map((row) => JSON.stringify(row)).join('\n')),
    );
    expect(completions.get('a')).toEqual([
      { text: '1', stop: 'stop', tokens: 0 },
      { text: '2', stop: 'length', tokens: 5 },
    ]);
    const whole = await readGenerations(await fileOf(JSON.stringify({ a: ['1', '2'], b: ['1'] })));
    expect([...whole.keys()]).toEqual(['a', 'b']);
    const benchmark = benchmarkOf(itemOf('a', '1'), itemOf('b', '1'), itemOf('c', '1'));
    expect(checkRecorded(benchmark, whole)).toEqual({ unknown: 0, without: 1 });
    expect(() => checkRecorded(benchmarkOf(itemOf('x', '1')), whole)).toThrow(/none of the generations/);
    const records = await runOn(benchmark, { kind: 'recorded', id: 'theirs', raw: true, completions });
    expect(records.map(({ verdict }) => verdict)).toEqual([
      'accepted',
      'wrong-answer',
      'accepted',
      'accepted',
    ]);
  });

  it('of another shape are refused', async () => {
    await expect(readGenerations(await fileOf('{"id": "a", "text": 3}'))).rejects.toThrow(
      /holds no generations/,
    );
  });
});

describe('benchmarks from their files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deskcheck-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const fileOf = async (row: unknown): Promise<string> => {
    const path = join(folder, 'data.jsonl');
    await writeFile(path, JSON.stringify(row));
    return path;
  };
  const load = async (name: LoadedBenchmark['name'], row: unknown, sandbox = context.sandbox) =>
    loadBenchmark(name, await fileOf(row), { style: paperStyle }, { sandbox });
  const judged = async (item: BenchmarkItem, text: string, sandbox = context.sandbox) => {
    const answer = item.read(text);
    return answer === undefined ? 'unparsed' : (await item.judge([answer], { sandbox }))[0]!.verdict;
  };

  it('GSM8K and MATH take the final answer, CRUXEval-O the asserted value', async () => {
    const [gsm] = (await load('gsm8k', { question: 'q?', answer: '1 + 2 = 3\n#### 3' })).items;
    expect(await judged(gsm!, '<think>\\boxed{4}</think>It is \\boxed{3}.')).toBe('accepted');
    expect(await judged(gsm!, 'It is \\boxed{4}.')).toBe('wrong-answer');
    const [math] = (await load('math-500', { problem: 'p?', answer: '\\frac{1}{2}' })).items;
    expect(await judged(math!, 'So \\boxed{0.5}')).toBe('accepted');
    const row = { id: 's', code: 'def f(x):\n    return x', input: '1', output: '1' };
    const [crux] = (await load('cruxeval-o', row)).items;
    expect(await judged(crux!, '[THOUGHT]…[/THOUGHT]\n[ANSWER]\nassert f(1) == 1\n[/ANSWER]')).toBe(
      'accepted',
    );
    expect(await judged(crux!, '[ANSWER]assert f(1) == f(1)[/ANSWER]')).toBe('unparsed');
    expect(crux!.messages[0]!.content).not.toContain('== 1');
    const [input] = (await load('cruxeval-i', row)).items;
    expect(input!.messages[0]!.content).toContain('assert f(??) == 1');
  });

  it('solve items are judged on all tests, and the prompt shows the public ones only', async () => {
    const row = {
      id: 'p',
      statement: 'Double it.',
      publicTests: [{ input: '2', output: '4' }],
      privateTests: [{ input: '55', output: '110' }],
    };
    const sandbox = createFakeSandbox({
      'twice\n': (input) => `${2 * Number(input)}`,
      'square\n': (input) => `${Number(input) ** 2}`,
    });
    const loaded = await load('dmc', row, sandbox);
    expect(loaded.comparator).toBe('codecontests');
    const [item] = loaded.items;
    expect(await judged(item!, '```python\ntwice\n```', sandbox)).toBe('accepted');
    expect(await judged(item!, '```python\nsquare\n```', sandbox)).toBe('wrong-answer');
    expect(item!.messages[0]!.content).toContain('4');
    expect(item!.messages[0]!.content).not.toContain('55');
  });

  it('output prediction asks about every program that ends normally, and is compared with what it prints', async () => {
    const row = {
      id: 'p',
      statement: 'Double it.',
      publicTests: [
        { input: '2', output: '4' },
        { input: '3', output: '6' },
      ],
      programs: [
        { source: 'twice', correct: true },
        { source: 'square', correct: false },
        { source: 'crash', correct: false },
      ],
    };
    const sandbox = createFakeSandbox({
      twice: (input) => `${2 * Number(input)}`,
      square: (input) => `${Number(input) ** 2}`,
      crash: () => {
        throw new Error('no');
      },
    });
    const loaded = await load('dmc-out', row, sandbox);
    expect(loaded.items.map(({ id }) => id)).toEqual(['p#0#0', 'p#0#1', 'p#1#0', 'p#1#1']);
    expect(loaded.leftOut).toEqual({ 'program does not end normally': 2 });
    const completions = new Map(
      loaded.items.map(({ id }) => [id, [{ text: '<output>6</output>', stop: 'stop' as const, tokens: 3 }]]),
    );
    const records = await runOn(loaded, { kind: 'recorded', id: 'm', raw: false, completions });
    expect(records.map(({ verdict }) => verdict)).toEqual([
      'wrong-answer',
      'accepted',
      'wrong-answer',
      'wrong-answer',
    ]);
    const predictions = predictionRecords(loaded, records, (a, b) => a === b);
    // The wrong program prints 9 where 6 is expected: the last answer is a wish.
    expect(predictions.map(({ predictions: [first] }) => first!.verdict)).toEqual([
      'wrong',
      'correct',
      'wrong',
      'wishful',
    ]);
    expect(predictions[3]).toMatchObject({
      problem: 'p',
      programCorrect: false,
      expected: '6',
      actual: '9',
      asExpected: false,
    });
  });

  it('a file that is not there is answered by which one to get', async () => {
    await expect(
      loadBenchmark('lcb-io', join(folder, 'none'), { style: paperStyle }, context),
    ).rejects.toThrow(/livecodebench\/code_generation_lite/);
  });
});
