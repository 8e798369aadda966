/**
 * The style for models that read English: the paper's forms (PAPER.md §2 "SFT form", §5; paper A.1, A.2) in our own
 * words. The stdin form of output prediction is inferred there; escaped newlines in an `<output>` tag follow it.
 */
import type { TestCase } from '../../problem/types.js';
import type { PromptStyle } from '../prompt-style.js';
import { escapeOutput, readOutput, readProgram, readReview } from './answers.js';

export const paperStyle: PromptStyle = {
  id: 'paper',
  predictOutput: (program, input) => [
    {
      role: 'user',
      content:
        input.kind === 'stdin'
          ? [
              'Execute this Python program by hand, one step at a time, and work out exactly what it prints.',
              'Follow the code as it is written, even where it looks wrong.',
              '',
              'Program:',
              fence(program.source, 'python'),
              '',
              'Standard input:',
              fence(input.stdin, ''),
              '',
              'When you are done, end your answer with the whole standard output inside <output></output>, on one line,',
              'each line break written as \\n.',
            ].join('\n')
          : [
              'Execute this Python code by hand, one step at a time, and complete the assertion.',
              'Put your steps between [THOUGHT] and [/THOUGHT], then the completed assertion between [ANSWER] and',
              '[/ANSWER]. The right-hand side has to be a Python literal.',
              '',
              `[PYTHON]\n${program.source.trimEnd()}\nassert ${input.expression} == ??\n[/PYTHON]`,
            ].join('\n'),
    },
  ],
  solve: (problem, { includePublicTests }) => [
    {
      role: 'user',
      content: [
        'Write a Python program that solves this problem. It reads standard input and writes standard output.',
        'End your answer with the complete program in one ```python block.',
        '',
        problem.statement,
        ...(includePublicTests ? ['', ...problem.publicTests.map(example)] : []),
      ].join('\n'),
    },
  ],
  review: (problem, program, feedback) => [
    {
      role: 'user',
      content: [
        'Here are a problem, a program that should solve it, and what the program prints on the public tests.',
        'Decide whether to submit the program or to fix it.',
        'To submit it, end your answer with a ``` block that holds exactly #SUBMIT.',
        'To fix it, end your answer with the complete new program in one ```python block.',
        '',
        'Problem:',
        problem.statement,
        '',
        'Program:',
        fence(program.source, 'python'),
        ...feedback.flatMap(({ input, expected, actual, passed, execution }, index) => [
          '',
          `Test ${index + 1}: ${passed ? 'passed' : 'failed'}`,
          'Input:',
          fence(input, ''),
          'Expected output:',
          fence(expected, ''),
          ...(execution === undefined ? [] : ['How the program runs:', execution]),
          "The program's output:",
          actual === undefined ? '(unknown)' : fence(actual, ''),
        ]),
      ].join('\n'),
    },
  ],
  writeOutput: (explanation, output, input) =>
    input.kind === 'stdin'
      ? `${explanation}\n\n<output>${escapeOutput(output)}</output>`
      : `[THOUGHT]\n${explanation}\n[/THOUGHT]\n[ANSWER]\nassert ${input.expression} == ${output}\n[/ANSWER]`,
  writeProgram: (program) => fence(program.source, 'python'),
  writeSubmit: () => fence('#SUBMIT', ''),
  parseOutput: readOutput,
  parseProgram: (text) => readProgram(text),
  parseReview: (text) => readReview(text),
};

function example({ input, output }: TestCase, index: number): string {
  return `Example ${index + 1}\nInput:\n${fence(input, '')}\nOutput:\n${fence(output, '')}`;
}

/** A fence longer than any run of backticks inside, so that quoted text cannot close it. */
function fence(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}${language}\n${text.trimEnd()}\n${ticks}`;
}
