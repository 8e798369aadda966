/**
 * Tokenizers and chat templates from Hugging Face files: `tokenizer.json` and `tokenizer_config.json` (with its
 * `chat_template`), read by @huggingface/tokenizers and @huggingface/jinja.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { UsageError } from '../core/errors.js';
import { writeFileAtomically } from '../core/json-lines.js';
import { createChatTemplate, type RenderOptions, specialToken } from './chat-template.js';
import { createPieceEncoder } from './piece-encoder.js';
import type { ChatRenderer } from './renderer.js';
import type { ChatMessage } from './types.js';

/** The two files of a Hugging Face folder, as parsed JSON. */
export interface TokenizerFiles {
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface ChatTokenizer extends ChatRenderer {
  /** Token ids of plain text, no special tokens added; special tokens spelled out in the text are recognised. */
  encode(text: string): number[];
  /** The ids of an assistant's answer as the model should produce it: the text and what ends the turn. */
  encodeCompletion(text: string): number[];
  /** The text of a conversation, with tools and a template's own variables. */
  renderText(options: RenderOptions): string;
  /** The text of the token that ends an answer. */
  readonly endOfTurn: string;
  readonly vocabularySize: number;
  readonly files: TokenizerFiles;
}

/** Builds the tokenizer. Throws a UsageError when a file lacks what it needs. */
export function createChatTokenizer(files: TokenizerFiles): ChatTokenizer {
  const tokenizer = new Tokenizer(files.tokenizer, files.config);
  const template = createChatTemplate(files.config);
  const eosText = specialToken(files.config, 'eos_token');
  const stop = eosText === undefined ? undefined : tokenizer.token_to_id(eosText);
  if (eosText === undefined || stop === undefined)
    throw new UsageError('tokenizer_config.json names no eos_token of the vocabulary');
  const encodeWhole = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const encode = createPieceEncoder(files, encodeWhole) ?? encodeWhole;
  const render = (messages: readonly ChatMessage[]): string =>
    template.render({ messages, addGenerationPrompt: true });
  return {
    encode,
    encodeCompletion: (text) => [...encode(text), stop],
    renderPrompt: (messages) => encode(render(messages)),
    renderText: template.render,
    decode: (tokens) =>
      tokens.length === 0 ? '' : tokenizer.decode([...tokens], { skip_special_tokens: true }),
    stopTokens: [stop],
    endOfTurn: eosText,
    vocabularySize: tokenizer.get_vocab().size,
    files,
  };
}

/** Reads the tokenizer of a Hugging Face folder. Throws a UsageError when the files are missing or damaged. */
export async function openChatTokenizer(folder: string): Promise<ChatTokenizer> {
  const read = async (name: string): Promise<Record<string, unknown>> => {
    try {
      return JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<string, unknown>;
    } catch (cause) {
      throw new UsageError(`cannot read ${name} in ${folder}: is it a Hugging Face model folder?`, { cause });
    }
  };
  const config = await read('tokenizer_config.json');
  // transformers writes the template into a file of its own since version 4.52.
  const template = await readFile(join(folder, 'chat_template.jinja'), 'utf8').catch(() => undefined);
  return createChatTokenizer({
    tokenizer: await read('tokenizer.json'),
    config: template === undefined ? config : { ...config, chat_template: template },
  });
}

/** Writes the tokenizer's two files into a model folder, so that it opens elsewhere too. */
export async function writeTokenizerFiles(folder: string, files: TokenizerFiles): Promise<void> {
  const write = (name: string, value: unknown): Promise<void> =>
    writeFileAtomically(join(folder, name), `${JSON.stringify(value, null, 1)}\n`);
  await write('tokenizer.json', files.tokenizer);
  await write('tokenizer_config.json', files.config);
}
