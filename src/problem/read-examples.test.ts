import { expect, test } from 'vitest';
import { readExamples } from './read-examples.js';

test.each([
  ['fenced', 'Do it.\n\nInput:\n```\n1 2\n\n3\n```\nOutput:\n```\n6\n```\n', [['1 2\n\n3\n', '6\n']]],
  [
    'plain',
    'Sample Input 1\n1 2\n3\n\nSample Output 1\n6\n\nSample Input 2\n4\n\nSample Output 2\n4',
    [
      ['1 2\n3\n', '6\n'],
      ['4\n', '4\n'],
    ],
  ],
  [
    'markdown',
    '### Example Input:\n5\n### Example Output:\n25\nThat is all.\n\nBye',
    [['5\n', '25\nThat is all.\n']],
  ],
])('examples under headings are found: %s', (_, text, expected) => {
  expect(readExamples(text).map(({ input, output }) => [input, output])).toEqual(expected);
});

test.each([
  'The input is a number. Output: its square.',
  'Input\n1\n\nInput\n2\n',
  'Output:\n3\n',
  'Input:\n1\nOutput:\n\n',
])('a text without pairs of headings gives no tests: %s', (text) => {
  expect(readExamples(text)).toEqual([]);
});
