import { expect, test } from 'vitest';
import type { ChatModel } from '../model/types.js';
import { leader } from './agreement.js';
import { selfVerify } from './self-verify.js';

test('a leader has more votes than any other, and at least two', () => {
  expect(leader(['a', 'b', 'a', undefined])).toBe('a');
  expect(leader(['a', 'a', 'b', 'b'])).toBeUndefined();
  expect(leader(['a', undefined])).toBeUndefined();
  expect(leader([])).toBeUndefined();
});

/**
 * Doubling, tested by 2 → 4 alone: `n * 2` (written two ways), `n ** 2` and `n + 2` all pass. On 5 and 7 the doubling
 * programs agree with each other, the two others with nobody.
 */
const PROGRAMS = ['print(n ** 2)', 'print(n * 2)', 'print(n + 2)', 'print(2 * n)'];

function createModel(): ChatModel & { readonly asked: string[] } {
  const asked: string[] = [];
  let written = 0;
  return {
    id: 'scripted',
    asked,
    generate: async ({ messages }) => {
      const prompt = messages[0]!.content;
      asked.push(prompt);
      const usage = { promptTokens: 1, completionTokens: 1 };
      const answer = (text: string) => ({ text, stopReason: 'stop' as const, usage });
      if (prompt.startsWith('Write a Python'))
        return answer(`\`\`\`python\n${PROGRAMS[written++ % 4]}\n\`\`\``);
      if (prompt.startsWith('Here is a programming')) return answer('Two:\n```\n5\n```\nand\n```\n7\n```');
      const n = Number(/Standard input:\n```\n(\d+)/.exec(prompt)![1]);
      const output = prompt.includes('** 2') ? n ** 2 : prompt.includes('n + 2') ? n + 2 : 2 * n;
      return answer(`<output>${output}\\n</output>`);
    },
  };
}

const problem = { statement: 'double it', publicTests: [{ input: '2\n', output: '4\n' }] };

test('ties on the public tests are decided by what most programs print on generated inputs', async () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const result = await selfVerify({ model: createModel(), problem, samples: 4, generatedTests: 2, seed });
    expect(result.agreement).toMatchObject({ inputs: ['5\n', '7\n'], agreed: ['10', '14'], predictions: 8 });
    expect([PROGRAMS[1], PROGRAMS[3]]).toContain(result.program?.source.trim());
  }
});

test('without generated tests nobody is asked for inputs', async () => {
  const model = createModel();
  const result = await selfVerify({ model, problem, samples: 4 });
  expect(result.agreement).toBeUndefined();
  expect(model.asked.some((prompt) => prompt.startsWith('Here is a programming'))).toBe(false);
});

test('a public test is never overruled by an agreement', async () => {
  // Three samples agree on generated inputs; only `n ** 2` passes the public test.
  const squares = { statement: 'square it', publicTests: [{ input: '3\n', output: '9\n' }] };
  const result = await selfVerify({ model: createModel(), problem: squares, samples: 4, generatedTests: 2 });
  expect(result.program?.source.trim()).toBe(PROGRAMS[0]);
  expect(result.agreement).toBeUndefined();
});
