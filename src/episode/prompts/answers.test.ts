import { expect, test } from 'vitest';
import { readCall, readFinalAnswer, readOutput, readProgram, readReview } from './answers.js';
import { paperStyle } from './paper.js';
import { terseStyle, withoutExecutions } from './terse.js';

const STDIN = { kind: 'stdin', stdin: '1\n' } as const;
const CALL = { kind: 'call', expression: 'f(1)' } as const;

test('the output is in the last pair of tags, and nothing may follow it', () => {
  expect(readOutput('so <output>4</output> no, <output>5</output>\n', STDIN)).toBe('5');
  expect(readOutput('<output>4</output> I think', STDIN)).toBeUndefined();
  expect(readOutput('4', STDIN)).toBeUndefined();
});

test('newlines and backslashes in an output are escaped, and come back', () => {
  for (const output of ['1\n2', 'a\\nb', '\\', 'x\\\\n\n']) {
    const written = paperStyle.writeOutput('Steps.', output, STDIN);
    expect(paperStyle.parseOutput(written, STDIN)).toBe(output);
  }
});

test('an answer tag quoted from a program or a statement does not pass for the answer', () => {
  // The program prints the tag; the model repeats it while thinking, then answers.
  expect(readOutput('It prints <output>42</output>. Then <output>7</output>', STDIN)).toBe('7');
  expect(readOutput('<think>easy: <output>42</output></think>', STDIN)).toBeUndefined();
  expect(readOutput('<think>easy: <output>42</output>', STDIN)).toBeUndefined();
  expect(readOutput('<output>1</output>2</output>', STDIN)).toBeUndefined();
});

test('a call is answered by its completed assertion, of that very call', () => {
  expect(readOutput('[ANSWER]assert f(1) == [2, 3][/ANSWER]', CALL)).toBe('[2, 3]');
  expect(readOutput('[ANSWER][2, 3][/ANSWER]', CALL)).toBe('[2, 3]');
  expect(readOutput('[ANSWER]assert f(2) == 9[/ANSWER]', CALL)).toBeUndefined();
  expect(readOutput('[ANSWER]assert f(1) == [/ANSWER]', CALL)).toBeUndefined();
});

test('a predicted call is one whole call of f, and nothing around it', () => {
  const read = (inside: string) => readCall(`So: [ANSWER]${inside}[/ANSWER]\n`);
  expect(read('assert f([1, 2], ")") == 3')).toBe('f([1, 2], ")")');
  expect(read("\nassert f('it\\'s (', {'a': (1,)}) == [1]\n")).toBe("f('it\\'s (', {'a': (1,)})");
  expect(read('f("""a)""")')).toBe('f("""a)""")');
  expect(read('f(1)')).toBe('f(1)');
  for (const forged of [
    '(f(1), [2])[1]',
    'f(1) and [2]',
    'f(1) or [2] == [2]',
    '[2]',
    'f(1',
    'f(1], 2)',
    'g(1)',
  ])
    expect(read(`assert ${forged}`)).toBeUndefined();
  expect(readCall('<think>[ANSWER]f(1)[/ANSWER]</think>')).toBeUndefined();
});

test('a final answer is not looked for in what was only thought', () => {
  expect(readFinalAnswer('<think>7</think> It is 8.')).toBe('It is 8.');
  expect(readFinalAnswer('<think>7')).toBeUndefined();
  expect(readFinalAnswer('<think>7</think>')).toBeUndefined();
});

test('the program is the last fenced block', () => {
  expect(readProgram('```python\na = 1\n```\nbetter:\n```python\na = 2\n```\n')?.source).toBe('a = 2\n');
  expect(readProgram('a = 1')).toBeUndefined();
  expect(readProgram('a = 1', true)?.source).toBe('a = 1\n');
  expect(readProgram('```python\n\n```')).toBeUndefined();
});

test('a program that holds fences of its own stands between longer ones', () => {
  const program = 'print("""\n```\nno program\n```\n""")';
  expect(readProgram(`Here:\n\`\`\`\`python\n${program}\n\`\`\`\`\n`)?.source).toBe(`${program}\n`);
  expect(readReview(`\`\`\`\`\n${program}\n\`\`\`\`\n\`\`\`\n#SUBMIT\n\`\`\``)).toEqual({ kind: 'submit' });
  expect(readProgram('````python\na = 1\n```')).toBeUndefined();
});

test('#SUBMIT counts only as the whole last block', () => {
  expect(readReview('All pass.\n```\n#SUBMIT\n```')).toEqual({ kind: 'submit' });
  expect(readReview('I will not #SUBMIT this.')).toBeUndefined();
  expect(readReview('```python\n#SUBMIT\nprint(1)\n```')).toMatchObject({ kind: 'fix' });
  expect(readReview('```\n#SUBMIT\n```\n```python\nprint(1)\n```')).toMatchObject({ kind: 'fix' });
  expect(terseStyle.parseReview('#SUBMIT')).toEqual({ kind: 'submit' });
});

test('the simulate prompt holds neither the expected output nor the problem', () => {
  for (const style of [paperStyle, terseStyle]) {
    const text = JSON.stringify(style.predictOutput({ source: 'print(input())\n' }, STDIN));
    expect(text).toContain('print(input())');
    expect(text.toLowerCase()).not.toContain('expected');
  }
});

test('the solve prompt shows the public tests, or leaves them out', () => {
  const problem = {
    id: 'p',
    statement: 'Echo.',
    publicTests: [{ input: '17\n', output: '17\n' }],
    privateTests: [{ input: '23\n', output: '23\n' }],
  };
  for (const style of [paperStyle, terseStyle]) {
    const shown = JSON.stringify(style.solve(problem, { includePublicTests: true }));
    expect(shown).toContain('17');
    expect(shown).not.toContain('23');
    expect(JSON.stringify(style.solve(problem, { includePublicTests: false }))).not.toContain('17');
  }
});

test('a review of the terse style tells executions where they are given, and can be put without them', () => {
  const problem = { id: 'p', statement: 'Print the sum.', publicTests: [], privateTests: [] };
  const program = { source: 'print(1)\n' };
  const told = {
    input: '1 2\n',
    expected: '3\n',
    actual: '4\n',
    passed: false,
    execution: 'r = 0\n#1 v = 1; r = 0 + 1 = 1',
  };
  const { execution: _, ...output } = told;
  const [withExecution] = terseStyle.review(problem, program, [told, told]);
  const [without] = terseStyle.review(problem, program, [output, output]);
  expect(withExecution!.content).toContain('Expected: 3\nr = 0\n#1 v = 1; r = 0 + 1 = 1\nOutput: 4 wrong');
  expect(withoutExecutions(withExecution!.content)).toBe(without!.content);
  expect(withoutExecutions(without!.content)).toBe(without!.content);
});
