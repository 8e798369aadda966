/**
 * The terse style, for the embedded model: the same four tasks with hardly a word around them, since a small model
 * pays for every token. It is learned in SFT (src/nlex/examples.ts writes its answers); models that read English use
 * `paper.ts`.
 */
import type { TestCase, TestFeedback } from '../../problem/types.js';
import type { PromptStyle } from '../prompt-style.js';
import { escapeOutput, readOutput, readProgram, readReview } from './answers.js';

export const terseStyle: PromptStyle = {
  id: 'terse',
  predictOutput: (program, input) => [
    {
      role: 'user',
      content:
        input.kind === 'stdin'
          ? `Run:\n${program.source}Input: ${input.stdin.trimEnd()}`
          : `[PYTHON]\n${program.source}assert ${input.expression} == ??\n[/PYTHON]`,
    },
  ],
  solve: (problem, { includePublicTests }) => [
    {
      role: 'user',
      content: `Solve: ${problem.statement}${includePublicTests ? problem.publicTests.map(example).join('') : ''}`,
    },
  ],
  review: (problem, program, feedback) => [
    {
      role: 'user',
      content: `Review: ${problem.statement}\n${program.source}${feedback.map(reviewed).join('\n')}`,
    },
  ],
  writeOutput: (explanation, output, input) => {
    const told = explanation === '' ? '' : `${explanation}\n`;
    return input.kind === 'stdin'
      ? `${told}<output>${line(output)}</output>`
      : `[THOUGHT]\n${told}[/THOUGHT]\n[ANSWER]assert ${input.expression} == ${output}[/ANSWER]`;
  },
  writeProgram: (program) => program.source.trimEnd(),
  writeSubmit: () => '#SUBMIT',
  parseOutput: readOutput,
  parseProgram: (text) => readProgram(text, true),
  parseReview: (text) => readReview(text, true),
};

/** A review prompt of this style without the executions that it tells. */
export function withoutExecutions(review: string): string {
  return review.replace(/^(Expected: [^\n]*\n)[\s\S]*?(?=^Output: )/gm, '$1');
}

/** One public test, with what became of it: the comparison is ours to make, the model decides what follows from it. */
function reviewed({ input, expected, actual, passed, execution }: TestFeedback): string {
  const output = actual === undefined ? '?' : line(actual);
  const told = execution === undefined || execution === '' ? '' : `${execution}\n`;
  return `Input: ${input.trimEnd()}\nExpected: ${line(expected)}\n${told}Output: ${output} ${passed ? 'right' : 'wrong'}`;
}

function example({ input, output }: TestCase): string {
  return `\nInput: ${input.trimEnd()}\nOutput: ${line(output)}`;
}

function line(output: string): string {
  return escapeOutput(output.trimEnd());
}
