import { describe, expect, it } from 'vitest';
import { InfrastructureError, UsageError } from '../core/errors.js';
import type { Problem, ProgramInput } from '../problem/types.js';
import { judge } from './judge.js';
import type { Execution, Sandbox } from './types.js';

const PROBLEM: Problem = {
  id: 'double',
  statement: 'Print the number twice as large.',
  publicTests: [
    { input: '1', output: '2' },
    { input: '2', output: '4' },
  ],
  privateTests: [
    { input: '3', output: '6' },
    { input: '4', output: '8' },
    { input: '5', output: '10' },
  ],
};

const ended = (stdout: string, outcome: Execution['outcome'] = 'completed'): Execution => ({
  outcome,
  stdout,
  cpuTimeMs: 2,
  wallTimeMs: 3,
});

/** A sandbox that answers from a script; it throws what the script throws. */
function scripted(answer: (input: string) => Execution): { sandbox: Sandbox; asked: string[] } {
  const asked: string[] = [];
  const sandbox: Sandbox = {
    kind: 'wasm',
    concurrency: 1,
    run: async (_program, inputs: readonly ProgramInput[]) =>
      inputs.map((input) => {
        const text = input.kind === 'stdin' ? input.stdin : '';
        asked.push(text);
        return answer(text);
      }),
    trace: () => Promise.reject(new Error('not scripted')),
    [Symbol.asyncDispose]: async () => {},
  };
  return { sandbox, asked };
}

const doubled = (input: string): Execution => ended(String(2 * Number(input)));
const program = { source: '' };

describe('judge', () => {
  it('accepts a program that is right on every test', async () => {
    const result = await judge(scripted(doubled).sandbox, program, PROBLEM);
    expect(result).toMatchObject({ verdict: 'accepted', comparator: 'codecontests', cpuTimeMs: 10 });
    expect(result.tests).toHaveLength(5);
  });

  it('gives the verdict of the first test that fails', async () => {
    const { sandbox } = scripted((input) => (input === '3' ? ended('', 'time-limit') : ended('7')));
    const result = await judge(sandbox, program, PROBLEM);
    expect(result.verdict).toBe('wrong-answer');
    expect(result.tests[2]?.verdict).toBe('time-limit');
  });

  it('counts an output printed before a crash for nothing', async () => {
    const { sandbox } = scripted((input) => ended(doubled(input).stdout, 'runtime-error'));
    expect((await judge(sandbox, program, PROBLEM)).verdict).toBe('runtime-error');
  });

  it('runs public tests only when asked', async () => {
    const { sandbox, asked } = scripted(doubled);
    await judge(sandbox, program, PROBLEM, { tests: 'public' });
    expect(asked).toEqual(['1', '2']);
  });

  it('stops at the first failure when asked', async () => {
    const { sandbox, asked } = scripted((input) => (input === '2' ? ended('?') : doubled(input)));
    const result = await judge(sandbox, program, PROBLEM, { stopEarly: true });
    expect(asked).toEqual(['1', '2']);
    expect(result.tests.map((test) => test.verdict)).toEqual(['accepted', 'wrong-answer']);
  });

  it('retries our own failures, and then leaves the test unscored', async () => {
    const failure = new InfrastructureError('no sandbox', {
      code: 'sandbox-broken',
      boundary: 'sandbox',
      retryable: true,
    });
    const { sandbox, asked } = scripted((input) => {
      if (input === '4') throw failure;
      return doubled(input);
    });
    const result = await judge(sandbox, program, PROBLEM);
    expect(result.verdict).toBe('unscored');
    expect(result.tests.map((test) => test.verdict)).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'unscored',
      'accepted',
    ]);
    expect(result.tests[3]?.reason).toBe('no sandbox');
    expect(asked.filter((input) => input === '4').length).toBeGreaterThan(3);
  });

  it('is wrong, not unscored, when one test failed and another could not be run', async () => {
    const { sandbox } = scripted((input) => {
      if (input === '1') {
        throw new InfrastructureError('no sandbox', { code: 'x', boundary: 'sandbox', retryable: false });
      }
      return ended('?');
    });
    expect((await judge(sandbox, program, PROBLEM)).verdict).toBe('wrong-answer');
  });

  it('refuses a problem without tests', async () => {
    const problem = { ...PROBLEM, publicTests: [] };
    await expect(judge(scripted(doubled).sandbox, program, problem, { tests: 'public' })).rejects.toThrow(
      UsageError,
    );
  });
});
