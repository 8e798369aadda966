import { expect, test } from 'vitest';
import type { Trace } from '../execution/types.js';
import { ModelError, SpendingLimitError } from '../model/model-error.js';
import type { ChatModel, ChatRequest } from '../model/types.js';
import { createLlmNarrator, readNarration } from './llm-narrator.js';

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
const execution = { source, input, trace };

/** Answers in turn; an error is thrown. */
function answering(
  ...answers: readonly (string | Error)[]
): ChatModel & { readonly asked: ChatRequest[]; cutOff?: boolean } {
  const asked: ChatRequest[] = [];
  return {
    id: 'scripted',
    asked,
    generate: async (request) => {
      const answer = answers[asked.length];
      asked.push(request);
      if (answer === undefined) throw new RangeError('the script has run out');
      if (typeof answer !== 'string') throw answer;
      const stopReason = answer.endsWith('…') ? 'length' : 'stop';
      return { text: answer, stopReason, usage: { promptTokens: 1, completionTokens: 1 } };
    },
  };
}

const good = '[EXPLANATION]\nx is 2, so f returns 2 + 2 = 4.\n[/EXPLANATION]\n[OUTPUT]\n4\n[/OUTPUT]';

test('the model is given program, input and record, and its two marked parts are read', async () => {
  const model = answering(`Sure.\n${good}`);
  const narrator = createLlmNarrator(model, { maxTokens: 500, seed: 7 });
  expect(narrator.id).toBe('llm:scripted');
  expect(await narrator.tell(execution)).toEqual({
    kind: 'told',
    explanation: 'x is 2, so f returns 2 + 2 = 4.',
    output: '4',
  });
  const [asked] = model.asked;
  expect(asked).toMatchObject({ maxTokens: 500, seed: 7, temperature: 0 });
  for (const part of [source.trim(), 'The call: f(2)', 'returns 4'])
    expect(asked!.messages[0]!.content).toContain(part);
});

test('what cannot be used is left out for a reason', async () => {
  const told = good.replace('x is 2', 'According to the trace x is 2');
  const narrator = createLlmNarrator(answering('x is 2', `${good}…`, told), { maxTokens: 5 });
  const reasons = [];
  for (let i = 0; i < 3; i++) reasons.push(await narrator.tell(execution));
  expect(reasons).toEqual([
    { kind: 'none', reason: 'answer without the two marked parts' },
    { kind: 'none', reason: 'answer cut off by the token limit' },
    { kind: 'none', reason: 'mentions the record of the execution' },
  ]);
});

test('markers that a model thought aloud do not count', () => {
  const thought = `<think>[EXPLANATION] first [/EXPLANATION] [OUTPUT] 3 [/OUTPUT]</think>\n${good}`;
  expect(readNarration(thought)?.output).toBe('4');
  expect(readNarration('x is 2')).toBeUndefined();
});

test('a call that fails is left out; calls that fail in a row end the work; so does a spending limit', async () => {
  const gone = new ModelError('no answer', { code: 'http-500', retryable: false });
  const narrator = createLlmNarrator(answering(gone, gone, good, gone, gone, gone, gone), { maxTokens: 5 });
  const none = { kind: 'none', reason: 'no answer (http-500)' };
  expect([await narrator.tell(execution), await narrator.tell(execution)]).toEqual([none, none]);
  expect(await narrator.tell(execution)).toMatchObject({ kind: 'told' });
  for (let i = 0; i < 3; i++) expect(await narrator.tell(execution)).toEqual(none);
  await expect(narrator.tell(execution)).rejects.toBe(gone);
  const spent = new SpendingLimitError('no more');
  await expect(createLlmNarrator(answering(spent), { maxTokens: 5 }).tell(execution)).rejects.toBe(spent);
});
