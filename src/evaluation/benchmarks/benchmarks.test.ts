/**
 * Meaning locked here: published labels are reproduced from published generations, boolean by boolean. The data is read
 * from the folder that the environment variable DESKCHECK_DATA names; without it those tests are skipped.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createSandbox } from '../../execution/create-sandbox.js';
import { passAtK } from '../estimators.js';
import { type CruxEvalProblem, judgeCruxEvalInputs, judgeCruxEvalOutput, parseCruxEval } from './cruxeval.js';
import { parseEvalPlus, parseHumanEval, parseMbpp } from './function-code.js';
import { finalNumber, finalNumbersEqual, parseGsm8k } from './gsm8k.js';
import { lastBoxed, mathAnswersEqual, parseMath500 } from './math-answer.js';
import { readBenchmarkRows } from './rows.js';

const data = process.env['DESKCHECK_DATA'];
const withData = it.skipIf(data === undefined);
if (data === undefined) console.warn('skipped: benchmark data; set DESKCHECK_DATA to its folder');
const rowsOf = (path: string): Promise<unknown[]> =>
  readBenchmarkRows(join(data!, path), 'It belongs to the shared test data.');

const scoredRow = z.object({
  id: z.string(),
  generations: z.array(z.string()),
  scored: z.array(z.boolean()),
});

async function cruxevalSamples(kind: 'input' | 'output') {
  const problems = new Map(
    parseCruxEval(await rowsOf('cruxeval/cruxeval.shared.jsonl.gz')).map((p) => [p.id, p]),
  );
  const samples = z
    .array(scoredRow)
    .parse(await rowsOf(`cruxeval/codellama-7b_t0.2_${kind}.shared.jsonl.gz`));
  return samples.map((sample) => ({ ...sample, problem: problems.get(sample.id)! }));
}

const percentAt = (labels: readonly (readonly boolean[])[], k: number): number =>
  (100 * labels.reduce((sum, list) => sum + passAtK(list.length, list.filter(Boolean).length, k), 0)) /
  labels.length;

describe('CRUXEval', () => {
  const problem: CruxEvalProblem = { id: 'x', code: 'def f(x):\n    return x * 2', input: '3', output: '6' };

  it('takes an output as a Python value, and no call in its place', () => {
    expect(judgeCruxEvalOutput(problem, ' 6 ')).toBe('accepted');
    expect(judgeCruxEvalOutput(problem, '6.0')).toBe('accepted');
    expect(judgeCruxEvalOutput(problem, '"6"')).toBe('wrong-answer');
    expect(judgeCruxEvalOutput(problem, 'f(3)')).toBe('unparsed');
    expect(judgeCruxEvalOutput(problem, '3 * 2')).toBe('unparsed');
  });

  withData(
    '-O: reproduces all 6,000 published booleans of CodeLlama-7b, and so pass@1 and pass@5',
    async () => {
      const labels: boolean[][] = [];
      for (const { problem, generations, scored } of await cruxevalSamples('output')) {
        const verdicts = generations.map(
          (generation) => judgeCruxEvalOutput(problem, generation) === 'accepted',
        );
        expect([problem.id, verdicts]).toEqual([problem.id, scored]);
        labels.push(verdicts);
      }
      expect(percentAt(labels, 1)).toBeCloseTo(34.883333, 5);
      expect(percentAt(labels, 5)).toBeCloseTo(40.933862, 5);
    },
  );

  withData(
    '-I: reproduces the 6,000 published booleans of CodeLlama-7b by running the generated calls',
    async () => {
      await using sandbox = createSandbox('auto');
      const samples = await cruxevalSamples('input');
      const verdicts = await Promise.all(
        samples.map(({ problem, generations }) => judgeCruxEvalInputs(problem, generations, sandbox)),
      );
      const labels = verdicts.map((list) => list.map((verdict) => verdict === 'accepted'));
      const differing = samples.flatMap(({ problem, generations, scored }, i) =>
        generations.flatMap((generation, j) =>
          labels[i]![j] === scored[j]
            ? []
            : [{ id: problem.id, generation, published: scored[j], ours: verdicts[i]![j] }],
        ),
      );
      expect(differing).toEqual([]);
      expect(percentAt(labels, 1)).toBeCloseTo(37.05, 5);
      expect(percentAt(labels, 5)).toBeCloseTo(46.036376, 5);
    },
    600_000,
  );
});

describe('GSM8K', () => {
  it('takes the last number of the final answer', () => {
    expect(finalNumber('9 * 2 = 18\n#### 1,218.50')).toBe('1218.5');
    expect(finalNumber('so it is $5 in all\nA: -003')).toBe('-3');
    expect(finalNumber('the answer is \\boxed{42} apples, not 7')).toBe('7');
    expect(finalNumber('10-4')).toBe('4');
    expect(finalNumber('none')).toBeUndefined();
    expect(finalNumbersEqual('no number', 'no number')).toBe(false);
  });

  withData('reproduces the 4 × 1,056 published labels', async () => {
    const models = ['6b_finetuning', '6b_verification', '175b_finetuning', '175b_verification'] as const;
    const solution = z.object({ is_correct: z.boolean(), solution: z.string() });
    const rows = z
      .array(z.object({ ground_truth: z.string(), ...Object.fromEntries(models.map((m) => [m, solution])) }))
      .parse(await rowsOf('math/gsm8k_example_model_solutions.shared.jsonl.gz'));
    const differing = rows.flatMap((row, i) =>
      models.flatMap((model) => {
        const { is_correct, solution: text } = solution.parse((row as Record<string, unknown>)[model]);
        return finalNumbersEqual(text, row.ground_truth) === is_correct ? [] : [{ i, model, text }];
      }),
    );
    expect(rows).toHaveLength(1056);
    expect(differing).toEqual([]);
  });

  withData('reads the published file, and every answer has a number', async () => {
    const problems = parseGsm8k(await rowsOf('math/gsm8k_test.shared.jsonl.gz'));
    expect(problems).toHaveLength(1056);
    expect(problems.every(({ answer }) => finalNumber(answer) !== undefined)).toBe(true);
  });
});

describe('MATH answers', () => {
  it('takes the last boxed answer', () => {
    expect(lastBoxed('so \\boxed{1}, no: $\\boxed{\\frac{1}{2}}$.')).toBe('\\frac{1}{2}');
    expect(lastBoxed('nothing')).toBeUndefined();
    expect(mathAnswersEqual('We get $x = \\boxed{\\frac{3}{2}}$.', '1.5')).toBe(true);
  });

  it.each([
    ['\\frac{14}{3}', '14/3'],
    ['\\frac43', '\\dfrac{4}{3}'],
    ['137 \\frac{1}{2}', '137.5'],
    ['x^3+3x-6', '-6 + 3x + x^3'],
    ['(a+5)(b+2)', 'ab + 2a + 5b + 10'],
    ['\\frac{\\sqrt{3}}{3}', '\\frac{1}{\\sqrt{3}}'],
    ['11\\sqrt2', '\\sqrt{242}'],
    ['90^\\circ', '90 \\text{ degrees}'],
    ['864 \\mbox{ inches}^2', '864'],
    ['5.4 \\text{ cents}', '5.4'],
    ['10,\\!080', '10080'],
    ['11,\\! 111,\\! 111,\\! 100', '11111111100'],
    ['\\$32,\\!348', '32,348'],
    ['1 \\pm \\sqrt{19}', '1+\\sqrt{19}, 1-\\sqrt{19}'],
    ['\\{1\\pm\\sqrt{5},-2\\}', '\\{-2, 1-\\sqrt{5}, 1+\\sqrt{5}\\}'],
    ['3, 5, 7', '7,5,3'],
    ['(0,9) \\cup (9,36)', '(9,36)\\cup(0,9)'],
    ['x \\in [-2,7]', '[-2, 7]'],
    ['y = -2x', '-2x'],
    ['\\text{(C)}', 'C'],
    ['\\text{ellipse}', 'Ellipse'],
    ['4210_{5}', '4210_5'],
    ['\\begin{pmatrix} 1/5 \\\\ -18/5 \\end{pmatrix}', '\\begin{bmatrix} 0.2 \\\\ -3.6 \\end{bmatrix}'],
    ['6 - 5i', '-5i+6'],
    ['(-\\infty, 0]', '\\left(-\\infty,0\\right]'],
    ['2^{10}', '1024'],
    ['\\log_2 8', '3'],
    ['5!', '120'],
  ])('calls %s and %s the same', (a, b) => {
    expect(mathAnswersEqual(a, b)).toBe(true);
    expect(mathAnswersEqual(b, a)).toBe(true);
  });

  it.each([
    ['\\frac{1}{3}', '0.33'],
    ['(1,2)', '(2,1)'],
    ['(1,2)', '[1,2]'],
    ['(1,2)', '1,2'],
    ['52_8', '52'],
    ['2516_8', '2516_9'],
    ['\\text{even}', '\\text{odd}'],
    ['\\text{(B)}', '\\text{(C)}'],
    ['3R^2', '3r^3'],
    ['2\\frac{1}{3}', '\\frac{2}{3}'],
    ['1,-2', '1'],
    ['\\infty', '-\\infty'],
    ['', ''],
    ['x', 'y'],
    ['east', 'seat'],
    ['11111111100', '11111111101'],
  ])('tells %s from %s', (a, b) => {
    expect(mathAnswersEqual(a, b)).toBe(false);
    expect(mathAnswersEqual(b, a)).toBe(false);
  });

  it('neither hangs nor throws on hostile answers', () => {
    for (const text of [
      '('.repeat(5000),
      '{'.repeat(5000),
      '-'.repeat(5000),
      '\\frac'.repeat(2000),
      '^^^',
      '1'.repeat(5000),
      '\\boxed{',
      '1,'.repeat(3000),
    ])
      expect(mathAnswersEqual(text, '1')).toBe(false);
  });

  withData('calls each published answer equal to itself in over 20 written forms', async () => {
    const problems = parseMath500(await rowsOf('math/math500.shared.jsonl.gz'));
    const failing: string[] = [];
    for (const { answer } of problems) {
      const forms = WRITTEN_FORMS.map((write) => write(answer));
      for (const form of forms) if (!mathAnswersEqual(form, answer)) failing.push(`${answer}  ≠  ${form}`);
    }
    expect(WRITTEN_FORMS.length).toBeGreaterThanOrEqual(20);
    expect(failing).toEqual([]);
  });

  withData('tells published answers of different values apart', async () => {
    const answers = [
      ...new Set(parseMath500(await rowsOf('math/math500.shared.jsonl.gz')).map(({ answer }) => answer)),
    ];
    const equal: string[] = [];
    for (let i = 0; i < answers.length; i++)
      for (let j = 0; j < i; j++)
        if (mathAnswersEqual(answers[i]!, answers[j]!)) equal.push(`${answers[j]} = ${answers[i]}`);
    // Read one by one: each pair is the same value.
    expect(equal.sort()).toEqual([
      '1,-2 = -2,1',
      '120 = 120^\\circ',
      '15 = 15\\mbox{ cm}^2',
      '30^\\circ = 30',
      '36 = 36^\\circ',
      '36 = \\$36',
      '36^\\circ = \\$36',
      '5 = x=5',
      '\\frac{1}{4} = \\frac14',
    ]);
  });
});

/** Ways to write the same answer. */
const WRITTEN_FORMS: readonly ((answer: string) => string)[] = [
  (a) => a,
  (a) => `$${a}$`,
  (a) => `\\boxed{${a}}`,
  (a) => `\\fbox{${a}}`,
  (a) => `Therefore, the final answer is $\\boxed{${a}}$.`,
  (a) => `\\[ ${a} \\]`,
  (a) => `\\(${a}\\)`,
  (a) => `  ${a}\n`,
  (a) => `${a}.`,
  (a) => `\\displaystyle ${a}`,
  (a) => a.replace(/\\d?frac/g, '\\dfrac'),
  (a) => a.replace(/\\d?frac/g, '\\tfrac'),
  (a) => a.replace(/\\left|\\right/g, ''),
  (a) => a.replace(/(?<!\\left)\(/g, '\\left(').replace(/(?<!\\right)\)/g, '\\right)'),
  (a) => a.replaceAll('-', '\u2212'),
  (a) => a.replace(/\\text/g, '\\mbox'),
  (a) => a.replace(/\\(?:text|mbox)/g, '\\mathrm'),
  (a) => (/[a-z]{2}/.test(a) ? a : a.replace(/([+-])/g, ' $1 ')),
  (a) => a.replace(/, /g, ',\\;'),
  (a) => a.replaceAll('\\pi', 'π '),
  (a) => a.replace(/\^\\circ/g, '^{\\circ}'),
  (a) => a.replace(/\^\\circ/g, ' degrees'),
  (a) => a.replace(/\^(\d)/g, '^{$1}'),
  (a) => a.replace(/_(\d+)$/, '_{$1}'),
  (a) => a.replace(/\\d?frac\{([^{}]*)\}\{([^{}]*)\}/g, '($1)/($2)').replace(/^(\d+) \(/, '$1 + ('),
  (a) => (/^\d{4,}$/.test(a) ? a.replace(/\B(?=(?:\d{3})+$)/g, ',') : a),
  (a) => (/^-?\d+$/.test(a) ? `${a}.0` : a),
  (a) => (/^-?\d+$/.test(a) ? `\\frac{${Number(a) * 3}}{3}` : a),
  (a) => (/^-?\d+$/.test(a) ? `x = ${a}` : a),
  (a) => (/^-?\d+$/.test(a) ? `${a} \\text{ units}` : a),
];

describe('HumanEval and MBPP files', () => {
  withData('are read as published', async () => {
    const humanEval = parseHumanEval(await rowsOf('function_code/HumanEval.jsonl.gz'));
    expect(humanEval).toHaveLength(164);
    expect(humanEval[0]).toMatchObject({ id: 'HumanEval/0', entryPoint: 'has_close_elements', form: 'head' });
    expect(
      humanEval.every(({ tests }) => tests.kind === 'check' && tests.source.includes('def check(')),
    ).toBe(true);
    expect(parseHumanEval(await rowsOf('function_code/mbpp_sanitized.codet.jsonl.gz'))).toHaveLength(427);
    const plus = parseEvalPlus(await rowsOf('function_code/HumanEvalPlus-Mini.jsonl.gz'), 'head');
    expect(plus).toHaveLength(164);
    expect(plus.every(({ tests }) => tests.kind === 'inputs' && tests.base.length > 0)).toBe(true);
    expect(parseEvalPlus(await rowsOf('function_code/MbppPlus-v0.1.0.jsonl.gz'), 'words')).toHaveLength(399);
    const mbpp = parseMbpp(await rowsOf('function_code/mbpp.jsonl.gz'));
    expect(mbpp).toHaveLength(974);
    expect(mbpp[0]).toMatchObject({ id: 'Mbpp/1', entryPoint: 'min_cost' });
    // The tests call the entry point.
    const strangers = mbpp.filter(
      ({ entryPoint, tests }) => tests.kind === 'asserts' && !tests.statements[0]!.includes(entryPoint),
    );
    expect(strangers.map(({ id }) => id)).toEqual([]);
  });

  it('say which file to download when it is not there', async () => {
    await expect(readBenchmarkRows('/nowhere/x.jsonl', 'Download it from there.')).rejects.toThrow(
      /Download it from there/,
    );
  });
});
