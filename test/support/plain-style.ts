/**
 * The plainest prompt style there can be, for tests of episodes: programs are single words after `code `, outputs
 * follow `out `, and a review answers `submit` or `code …`.
 */
import type { PromptStyle } from '../../src/episode/prompt-style.js';
import type { Program } from '../../src/problem/types.js';

export const plainStyle: PromptStyle = {
  id: 'terse',
  predictOutput: (program, input) => [
    user(`simulate ${program.source} on ${input.kind === 'stdin' ? input.stdin : input.expression}`),
  ],
  solve: (problem, { includePublicTests }) => [
    user(
      `solve ${problem.statement}${includePublicTests ? ` ${problem.publicTests.map((t) => `${t.input}>${t.output}`).join(' ')}` : ''}`,
    ),
  ],
  review: (problem, program, feedback) => [
    user(
      `review ${problem.statement} ${program.source} ` +
        feedback
          .map((f) => `${f.input}>${f.expected}|${f.actual ?? '?'}|${f.passed ? 'ok' : 'no'}`)
          .join(' '),
    ),
  ],
  writeOutput: (_, output) => `out ${output}`,
  writeProgram: (program) => `code ${program.source}`,
  writeSubmit: () => 'submit',
  parseOutput: (text) => after(text, 'out '),
  parseProgram,
  parseReview: (text) => {
    if (text === 'submit') return { kind: 'submit' };
    const program = parseProgram(text);
    return program && { kind: 'fix', program };
  },
};

function parseProgram(text: string): Program | undefined {
  const source = after(text, 'code ');
  return source === undefined ? undefined : { source };
}

function after(text: string, marker: string): string | undefined {
  return text.startsWith(marker) ? text.slice(marker.length) : undefined;
}

function user(content: string): { readonly role: 'user'; readonly content: string } {
  return { role: 'user', content };
}
