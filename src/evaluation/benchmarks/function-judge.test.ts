/**
 * Meaning locked here: function tests are judged without expected values in the candidate's process; what cannot be judged
 * so is marked weak; the published references pass, and labels of recorded samples are reproduced.
 */
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { noSharedData, readSharedRows } from '../../../test/support/shared-data.js';
import { parsePythonLiteral } from '../../core/python-literal.js';
import { createSandbox } from '../../execution/create-sandbox.js';
import type { Sandbox } from '../../execution/types.js';
import { type FunctionProblem, parseEvalPlus, parseHumanEval } from './function-code.js';
import { completeFunction, functionItem } from './function-item.js';
import { judgeFunctions, planTests, referenceOf } from './function-judge.js';
import { argumentShapes, isExpected, NUMBER_MARK, pythonSource } from './function-values.js';
import { readBenchmarkRows } from './rows.js';

const withData = it.skipIf(noSharedData !== undefined);
if (noSharedData !== undefined) console.warn(`skipped: function benchmarks; ${noSharedData}`);

const sandbox = createSandbox('auto', { processes: 2 });
afterAll(() => sandbox[Symbol.asyncDispose]());

const double: FunctionProblem = {
  id: 'double',
  prompt: 'def double(x):\n',
  entryPoint: 'double',
  canonicalSolution: '    return x * 2\n',
  form: 'head',
  tests: {
    kind: 'check',
    source: 'def check(candidate):\n    assert candidate(77) == 154\n    assert candidate("ab") == "abab"\n',
  },
};

async function verdictsOf(problem: FunctionProblem, ...sources: string[]) {
  const plan = await planTests(problem, { sandbox });
  const judged = await judgeFunctions(problem, plan, sources, { sandbox });
  return judged.map(({ cpuTimeMs, ...rest }) => {
    if (rest.verdict !== 'unscored') expect(cpuTimeMs).toBeGreaterThan(0);
    return rest;
  });
}

describe('functions are judged by their tests', () => {
  it('a right one is accepted, whatever it is like inside; wrong and failing ones are not', async () => {
    const [reference, other, wrong, half, crash, exit, missing] = await verdictsOf(
      double,
      referenceOf(double),
      'double = lambda x: x + x',
      'def double(x): return x',
      'def double(x): return x * 2 if x == 77 else None',
      'def double(x): return x / "a"',
      'import sys\ndef double(x): sys.exit(0)',
      'def triple(x): return 3 * x',
    );
    expect(reference).toEqual({ verdict: 'accepted' });
    expect(other).toEqual({ verdict: 'accepted' });
    expect(wrong).toEqual({ verdict: 'wrong-answer' });
    expect(half).toEqual({ verdict: 'wrong-answer' });
    for (const failing of [crash, exit, missing]) expect(failing).toEqual({ verdict: 'runtime-error' });
  });

  it('no run of the candidate is given an expected value', async () => {
    const seen: string[] = [];
    const spying: Sandbox = {
      kind: sandbox.kind,
      concurrency: sandbox.concurrency,
      run: (program, inputs, options) => {
        if (program.source.includes('# candidate')) seen.push(program.source, JSON.stringify(inputs));
        return sandbox.run(program, inputs, options);
      },
      trace: () => Promise.reject(new Error('not needed')),
      [Symbol.asyncDispose]: async () => {},
    };
    const plan = await planTests(double, { sandbox: spying });
    await judgeFunctions(double, plan, ['# candidate\ndef double(x): return 0'], { sandbox: spying });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.join('\n')).toContain('77');
    expect(seen.join('\n')).not.toMatch(/154|abab/);
  });

  it('a program that claims to equal everything is judged by what it is', async () => {
    const forging = [
      'class Yes:\n    def __eq__(self, other): return True\n    def __repr__(self): return "154"',
      'def double(x): return Yes()',
    ].join('\n');
    expect(await verdictsOf(double, forging)).toEqual([{ verdict: 'wrong-answer' }]);
  });

  it('tests by tolerance, and tests with random inputs, are run again on the answers', async () => {
    const near: FunctionProblem = {
      ...double,
      tests: {
        kind: 'check',
        source:
          'import random\ndef check(candidate):\n    for _ in range(5):\n        x = random.random()\n        assert abs(candidate(x) - 2 * x) < 1e-3\n',
      },
    };
    expect(
      await verdictsOf(near, 'def double(x): return x * 2 + 1e-6', 'def double(x): return x * 2 + 0.1'),
    ).toEqual([{ verdict: 'accepted' }, { verdict: 'wrong-answer' }]);
  });

  it('assertions with objects, and tests of exceptions, are judged weakly and say so', async () => {
    const objects: FunctionProblem = {
      id: 'pairs',
      prompt: 'first',
      entryPoint: 'first',
      canonicalSolution: 'class Pair:\n    def __init__(self, a): self.a = a\ndef first(p): return p.a\n',
      form: 'words',
      tests: { kind: 'asserts', setup: '', statements: ['assert first(Pair(3)) == 3'] },
    };
    const leaving = `import sys\n${objects.canonicalSolution}\nsys.exit(0)`;
    expect(
      await verdictsOf(
        objects,
        objects.canonicalSolution,
        objects.canonicalSolution.replace('p.a', '4'),
        leaving,
      ),
    ).toEqual([
      { verdict: 'accepted', weak: true },
      { verdict: 'wrong-answer', weak: true },
      { verdict: 'runtime-error', weak: true },
    ]);
  });

  it('inputs are compared with what the reference gives; those it cannot take are left out', async () => {
    const [problem] = parseEvalPlus(
      [
        {
          task_id: 'Mbpp/1',
          prompt: 'Halve it.',
          entry_point: 'half',
          canonical_solution: 'def half(t):\n    return t[0] / 2, hash(t) is not None\n',
          base_input: [[[1, 2]]],
          plus_input: [[[`${NUMBER_MARK}1e400`]], [3]],
          atol: 0,
          assertion: 'assert half((4, 5)) == (2.0, True)',
        },
      ],
      'words',
    );
    const plan = await planTests(problem!, { sandbox });
    expect(plan).toMatchObject({ kind: 'calls', calls: ['(1, 2)', '(1e400,)'], dropped: 1 });
    const close = 'def half(t): return t[0] * 0.5000001, True';
    const far = 'def half(t): return t[0] * 0.51, True';
    expect(await judgeFunctions(problem!, plan, [close, far], { sandbox })).toMatchObject([
      { verdict: 'wrong-answer' },
      { verdict: 'wrong-answer' },
    ]);
  });

  it('a problem of which nothing can be tested is unscored, never accepted', async () => {
    const [problem] = parseEvalPlus(
      [
        {
          task_id: 'Mbpp/1',
          prompt: 'Any.',
          entry_point: 'any_object',
          canonical_solution: 'def any_object(x):\n    return object()\n',
          base_input: [[1]],
          plus_input: [],
          atol: 0,
        },
      ],
      'words',
    );
    expect(await verdictsOf(problem!, 'def any_object(x): pass')).toMatchObject([{ verdict: 'unscored' }]);
  });

  it('a counter is a dict of the same entries, and a match is found or not', async () => {
    const problem = (entry_point: string, canonical_solution: string) =>
      parseEvalPlus(
        [
          {
            task_id: 'Mbpp/1',
            prompt: 'Any.',
            entry_point,
            canonical_solution,
            base_input: [['aab']],
            plus_input: [],
            atol: 0,
          },
        ],
        'words',
      )[0]!;
    const counts = problem('count', 'from collections import Counter\ndef count(s): return Counter(s)\n');
    expect(await verdictsOf(counts, "def count(s): return {'b': 1, 'a': 2}")).toEqual([
      { verdict: 'accepted' },
    ]);
    const finds = problem('check_str', 'import re\ndef check_str(s): return re.match("a", s)\n');
    expect(await verdictsOf(finds, 'def check_str(s): return True', 'def check_str(s): return None')).toEqual(
      [{ verdict: 'accepted' }, { verdict: 'wrong-answer' }],
    );
  });

  it('what a model wrote is made a program', () => {
    const problem = { ...double, prompt: 'import math\n\ndef double(x):\n    """Twice."""\n' };
    expect(completeFunction(problem, '    return 2 * x')).toBe(`${problem.prompt}    return 2 * x`);
    expect(completeFunction(problem, 'def double(x):\n    return 2 * x')).toMatch(
      /^import math\n\s*def double/,
    );
    const item = functionItem(problem);
    expect(item.read('Here:\n```python\ndef double(x):\n    return 2 * x\n```')).toContain('return 2 * x');
    expect(item.read('no program')).toBeUndefined();
    expect(item.messages[0]!.content).toContain('"""Twice."""');
  });
});

describe('Python values from JSON', () => {
  it('keep the types that JSON or JavaScript would lose', () => {
    const marked = (digits: string) => `${NUMBER_MARK}${digits}`;
    expect(pythonSource([1, marked('1.0'), marked('123456789012345678901'), true, null])).toBe(
      '[1, 1.0, 123456789012345678901, True, None]',
    );
    expect(pythonSource(marked('NaN'))).toBe('float("nan")');
    const shapes = argumentShapes('assert set(f((1, "a)"), [(2,)], {3})) == {1}', 'f')!;
    expect(
      [
        [1, 'x'],
        [[5], [6]],
        [7, 8],
      ].map((value, i) => pythonSource(value, shapes[i])),
    ).toEqual(['(1, "x")', '[(5,), (6,)]', '{7, 8}']);
    for (const text of ['a"b\\', 'é', '😀', '\u007f\u2028', "it's"]) {
      expect(parsePythonLiteral(pythonSource(text))).toEqual({ kind: 'str', value: text });
    }
  });

  it('are compared by the rules of EvalPlus', () => {
    const same = (
      a: string,
      b: string,
      rule: { entryPoint?: string; form?: 'head' | 'words'; atol?: number } = {},
    ) =>
      isExpected(parsePythonLiteral(a), parsePythonLiteral(b), [parsePythonLiteral('[-6, 11, -6, 1]')], {
        entryPoint: 'f',
        form: 'words',
        atol: 0,
        ...rule,
      });
    expect(same('[1.0, 2.0000001]', '[1.0, 2.0]')).toBe(true);
    expect(same('[1.0, 2.1]', '[1.0, 2.0]')).toBe(false);
    expect(same('(1.0,)', '[1.0]')).toBe(false);
    expect(same('3', '4', { atol: 0.0001 })).toBe(false);
    expect(same('[2, 1, 1]', '(1, 2)', { entryPoint: 'similar_elements' })).toBe(true);
    expect(same('[2, 1]', '(1, 2)')).toBe(false);
    expect(same("'found'", 'True', { entryPoint: 'check_str' })).toBe(true);
    expect(same('None', 'True', { entryPoint: 'check_str' })).toBe(false);
    expect(same('2.9999999', '1.0', { entryPoint: 'find_zero', form: 'head', atol: 1e-4 })).toBe(true);
    expect(same('2.5', '1.0', { entryPoint: 'find_zero', form: 'head', atol: 1e-4 })).toBe(false);
  });
});

describe('HumanEval', () => {
  const file = (name: string) => join(process.env['DESKCHECK_DATA'] ?? '', 'function_code', name);
  const problems = async () => parseHumanEval(await readBenchmarkRows(file('HumanEval.jsonl.gz'), ''));

  withData('every fourth reference passes its own tests, none of them weakly', async () => {
    const some = (await problems()).filter((_, i) => i % 4 === 0);
    const verdicts = await Promise.all(some.map((problem) => verdictsOf(problem, referenceOf(problem))));
    expect(verdicts.flat()).toEqual(some.map(() => ({ verdict: 'accepted' })));
  });

  withData(
    'recorded samples of CodeGen-16B are labelled as published, 3 for every second problem',
    async () => {
      const byId = new Map((await problems()).map((problem) => [problem.id, problem]));
      const rows = readSharedRows<{ task_id: string; samples: string[]; labels: string[] }>(
        'function_code/humaneval_codegen16B_n100.shared.jsonl.gz',
      ).filter((_, i) => i % 2 === 0);
      const differing = await Promise.all(
        rows.map(async ({ task_id, samples, labels }) => {
          const problem = byId.get(task_id)!;
          const picked = [0, 33, 66].filter((i) => labels[i] !== 'timeout');
          const sources = picked.map((i) => completeFunction(problem, samples[i]!));
          const verdicts = await verdictsOf(problem, ...sources);
          return picked
            .filter((i, at) => (verdicts[at]!.verdict === 'accepted') !== (labels[i] === 'pass'))
            .map((i) => `${task_id}#${i}`);
        }),
      );
      expect(differing.flat()).toEqual([]);
    },
  );
});
