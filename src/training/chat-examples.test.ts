import { expect, test } from 'vitest';
import { createChatTokenizer } from '../model/tokenizer.js';
import type { ChatMessage } from '../model/types.js';
import { worldTokenizerFiles } from '../world/vocabulary.js';
import { encodeChat } from './chat-examples.js';

const files = worldTokenizerFiles();
const tokenizer = createChatTokenizer(files);
const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });

test('only what the assistant says, and the end of its turn, has weight', () => {
  const [example, ...others] = encodeChat(tokenizer, [
    user('a'),
    assistant('x = 1'),
    user('b'),
    assistant('y'),
  ]);
  expect(others).toEqual([]);
  const { promptTokens, completionTokens, completionWeights } = example!;
  expect(promptTokens).toEqual(tokenizer.renderPrompt([user('a')]));
  const trained = completionTokens.filter((_, t) => completionWeights![t] === 1);
  expect(trained).toEqual([...tokenizer.encodeCompletion('x = 1'), ...tokenizer.encodeCompletion('y')]);
  const whole = tokenizer.renderText({
    messages: [user('a'), assistant('x = 1'), user('b'), assistant('y')],
    addGenerationPrompt: false,
  });
  expect([...promptTokens, ...completionTokens]).toEqual(tokenizer.encode(whole));
});

test('a last message that nobody answers is left out, and so is an answer to nothing', () => {
  const [example] = encodeChat(tokenizer, [user('a'), assistant('x'), user('never answered')]);
  expect(example!.completionTokens).toEqual(tokenizer.encodeCompletion('x'));
  expect(encodeChat(tokenizer, [assistant('x'), user('a')])).toEqual([]);
});

test('where a template changes earlier turns, each answer has the prompt that it would really have', () => {
  // Shows of the earlier turns of the assistant only that they were.
  const forgetful = createChatTokenizer({
    ...files,
    config: {
      ...files.config,
      chat_template:
        "{% for message in messages %}{% if message.role == 'assistant' %}{{ '<|assistant|><|end|>' }}{% else %}{{ '<|user|>' + message.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
    },
  });
  const messages = [user('a'), assistant('x'), user('b'), assistant('y')];
  const examples = encodeChat(forgetful, messages);
  expect(examples.map(({ promptTokens }) => promptTokens)).toEqual([
    forgetful.renderPrompt(messages.slice(0, 1)),
    forgetful.renderPrompt(messages.slice(0, 3)),
  ]);
  expect(examples.map(({ completionTokens }) => completionTokens)).toEqual([
    forgetful.encodeCompletion('x'),
    forgetful.encodeCompletion('y'),
  ]);
  for (const { completionWeights } of examples) expect(new Set(completionWeights)).toEqual(new Set([1]));
});
