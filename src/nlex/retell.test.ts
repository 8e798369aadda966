import { expect, test } from 'vitest';
import type { ChatExample } from './examples.js';
import { retell } from './retell.js';

const TOLD =
  'r = []\n#1 v = 8; 8 % 2 = 0 == 0 yes; v = 8 * 3 = 24; r[0] = 24\n#2 v = 3; 3 % 2 = 1 == 0 no\nr = 1 + 24 = 25';

function execution(content: string, task: ChatExample['metadata']['task'] = 'execution'): ChatExample {
  return {
    messages: [
      { role: 'user', content: 'Run:' },
      { role: 'assistant', content },
    ],
    metadata: { task, narrator: 'terse' },
  };
}

const answerOf = (example: ChatExample): string => example.messages.at(-1)!.content;

test('results keep each step without its working', () => {
  expect(answerOf(retell(execution(`${TOLD}\n<output>25</output>`), 'results'))).toBe(
    'r = []\n#1 v = 8; yes; v = 24; r[0] = 24\n#2 v = 3; no\nr = 25\n<output>25</output>',
  );
});

test('final keeps the last value of each variable', () => {
  expect(answerOf(retell(execution(`${TOLD}\n<output>25</output>`), 'final'))).toBe(
    'r = 25; v = 3; r[0] = 24\n<output>25</output>',
  );
});

test('none keeps the output alone, in both forms', () => {
  const call = `[THOUGHT]\n${TOLD}\n[/THOUGHT]\n[ANSWER]assert f(3) == 25[/ANSWER]`;
  expect(answerOf(retell(execution(`${TOLD}\n<output>25</output>`), 'none'))).toBe('<output>25</output>');
  expect(answerOf(retell(execution(call), 'none'))).toBe(
    '[THOUGHT]\n[/THOUGHT]\n[ANSWER]assert f(3) == 25[/ANSWER]',
  );
});

test('steps and other tasks stay as they are', () => {
  const told = execution(`${TOLD}\n<output>25</output>`);
  expect(retell(told, 'steps')).toBe(told);
  const solving = execution('print(1)', 'solving');
  expect(retell(solving, 'none')).toBe(solving);
});
