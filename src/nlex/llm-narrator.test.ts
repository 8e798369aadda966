import { expect, test } from 'vitest';
import type { Trace } from '../execution/types.js';
import type { ChatModel, ChatRequest } from '../model/types.js';
import { narrateByModel, readNarration } from './llm-narrator.js';

const trace: Trace = {
  events: [
    { kind: 'call', frame: 0, function: 'f', line: 1, changes: { x: '2' } },
    { kind: 'line', frame: 0, function: 'f', line: 2, changes: {} },
    { kind: 'return', frame: 0, function: 'f', line: 2, changes: {}, value: '4' },
  ],
  execution: { outcome: 'completed', stdout: '', result: '4', cpuTimeMs: 1, wallTimeMs: 1 },
};
const source = 'def f(x):\n    return x + x\n';
const input = { kind: 'call', expression: 'f(2)' } as const;

function answering(
  text: string,
  stopReason: 'stop' | 'length' = 'stop',
): ChatModel & { readonly asked: ChatRequest[] } {
  const asked: ChatRequest[] = [];
  return {
    id: 'scripted',
    asked,
    generate: async (request) => {
      asked.push(request);
      return { text, stopReason, usage: { promptTokens: 1, completionTokens: 1 } };
    },
  };
}

test('the model is given program, input and record, and its two marked parts are read', async () => {
  const model = answering(
    'Sure.\n[EXPLANATION]\nx is 2, so f returns 2 + 2 = 4.\n[/EXPLANATION]\n[OUTPUT]\n4\n[/OUTPUT]',
  );
  expect(await narrateByModel(model, source, trace, input, { maxTokens: 500 })).toEqual({
    explanation: 'x is 2, so f returns 2 + 2 = 4.',
    output: '4',
  });
  const prompt = model.asked[0]!.messages[0]!.content;
  for (const part of [source.trim(), 'The call: f(2)', 'returns 4']) expect(prompt).toContain(part);
});

test('an answer without markers or cut off by the limit is none', async () => {
  expect(readNarration('x is 2')).toBeUndefined();
  const cut = answering('[EXPLANATION]a[/EXPLANATION][OUTPUT]4[/OUTPUT]', 'length');
  expect(await narrateByModel(cut, source, trace, input, { maxTokens: 5 })).toBeUndefined();
});
