/** A problem to write tests about: double the number. Its programs are single words that the fake sandbox knows. */
import type { Problem } from '../../src/problem/types.js';
import type { FakePrograms } from './fake-sandbox.js';

export const doubleProblem: Problem = {
  id: 'double',
  statement: 'double it',
  publicTests: [
    { input: '2', output: '4' },
    { input: '3', output: '6' },
  ],
  privateTests: [{ input: '5', output: '10' }],
};

export const doublePrograms: FakePrograms = {
  /** Right. */
  twice: (input) => `${2 * Number(input)}\n`,
  /** Right on the first public test only. */
  square: (input) => `${Number(input) ** 2}\n`,
  /** Right on the public tests, wrong on the private one. */
  almost: (input) => `${input === '5' ? 11 : 2 * Number(input)}\n`,
  crash: () => {
    throw new Error('boom');
  },
};
