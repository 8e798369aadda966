/**
 * Chat data of any origin, row by row: data sets of ours (a folder of parts), JSON lines (also .gz) and Parquet files with
 * `messages` (OpenAI, TRL), `conversations` (ShareGPT) or `prompt` and `completion`. Streamed.
 */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { hashJson } from '../../core/canonical-json.js';
import { UsageError } from '../../core/errors.js';
import type { ChatMessage } from '../../model/types.js';
import { readParquetRows } from './parquet.js';
import { partFiles } from './parts.js';
import { readLines } from './read-executions.js';

/** One row of SFT data, with its provenance; what is not known of a row is null. */
export interface SftRow {
  readonly messages: readonly ChatMessage[];
  readonly metadata: {
    /** Hash of the messages. */
    readonly id: string;
    /** The file or folder that it was mixed in from. */
    readonly dataset: string;
    readonly task: string | null;
    readonly form: string | null;
    /** Where the program, or the question, comes from. */
    readonly source: string | null;
    readonly licence: string | null;
    /** How the input was found. */
    readonly input: string | null;
    readonly narrator: string | null;
    readonly groundingScore: number | null;
    /** Of the whole conversation, and of its last message; with a tokenizer only. */
    readonly tokens?: number;
    readonly answerTokens?: number;
  };
}

/** A row, or why it is none. */
export type ChatRow = SftRow | { readonly fault: string };

/** Throws a UsageError for a path that is neither. */
export async function* readChatRows(path: string): AsyncGenerator<ChatRow> {
  const dataset = basename(path);
  for (const file of await filesOf(path)) {
    if (file.endsWith('.parquet')) {
      for await (const text of readParquetRows(file)) yield parseRow(text, dataset);
    } else {
      for await (const { text } of readLines(file)) if (text.trim() !== '') yield parseRow(text, dataset);
    }
  }
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UsageError(`${path} does not exist; name a data set's folder, JSON lines or Parquet`);
  if (found.isFile()) {
    if (/\.(jsonl|json|parquet|jsonl\.gz)$/.test(path)) return [path];
    throw new UsageError(`${path} is neither a folder, JSON lines (.jsonl, .jsonl.gz) nor .parquet`);
  }
  const parts = await partFiles(path);
  if (parts.length === 0) throw new UsageError(`${path} holds no data set: there are no part-*.jsonl files`);
  return parts;
}

type Fields = Readonly<Record<string, unknown>>;

function parseRow(text: string, dataset: string): ChatRow {
  let row: Fields;
  try {
    row = JSON.parse(text) as Fields;
  } catch {
    return { fault: 'not JSON' };
  }
  const messages = readMessages(row);
  if (typeof messages === 'string') return { fault: messages };
  if (messages.at(-1)?.role !== 'assistant') return { fault: "the last message is not the assistant's" };
  if (messages.at(-1)!.content.trim() === '') return { fault: 'an empty answer' };
  const more = { ...row, ...(isObject(row['metadata']) ? row['metadata'] : {}) };
  const textOf = (...names: string[]): string | null => {
    const value = names.map((name) => more[name]).find((one) => typeof one === 'string');
    return typeof value === 'string' ? value : null;
  };
  const score = more['groundingScore'];
  return {
    messages,
    metadata: {
      id: hashJson(messages).slice(0, 24),
      dataset,
      task: textOf('task'),
      form: textOf('form'),
      source: textOf('source', 'id'),
      licence: textOf('licence', 'license'),
      input: isObject(row['metadata']) ? textOf('input') : null,
      narrator: textOf('narrator'),
      groundingScore: typeof score === 'number' ? score : null,
    },
  };
}

const ROLES: Readonly<Record<string, ChatMessage['role']>> = {
  system: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  model: 'assistant',
};

/** The messages, or why there are none. */
function readMessages(row: Fields): readonly ChatMessage[] | string {
  const { prompt, completion, response } = row;
  const answer = completion ?? response;
  if (typeof prompt === 'string' && typeof answer === 'string') {
    return [
      { role: 'user', content: prompt },
      { role: 'assistant', content: answer },
    ];
  }
  const listed =
    row['messages'] ??
    row['conversations'] ??
    (Array.isArray(prompt) && Array.isArray(answer) ? [...prompt, ...answer] : undefined);
  if (!Array.isArray(listed) || listed.length < 2) return 'no messages';
  const messages: ChatMessage[] = [];
  for (const one of listed as readonly unknown[]) {
    if (!isObject(one)) return 'no messages';
    const role = ROLES[String(one['role'] ?? one['from'])];
    const content = one['content'] ?? one['value'];
    if (role === undefined) return 'a role other than system, user and assistant';
    if (typeof content !== 'string') return 'content that is no text';
    messages.push({ role, content });
  }
  return messages;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
