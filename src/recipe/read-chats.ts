/**
 * Conversations from JSON lines, as TRL, Axolotl, LLaMA-Factory and Tinker read them: `{"messages": [{"role", "content"}]}`.
 */
import { z } from 'zod';
import { UsageError } from '../core/errors.js';
import { readJsonLines } from '../core/json-lines.js';
import type { ChatMessage } from '../model/types.js';

export type Conversation = readonly ChatMessage[];

const row = z.object({
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1),
});

/** Throws a UsageError for a file that is missing or empty, and for a row of another shape or without an answer. */
export async function readConversations(path: string): Promise<Conversation[]> {
  const rows = await readJsonLines(path);
  if (rows.length === 0) throw new UsageError(`${path} is missing or holds no rows`);
  return rows.map((value, index) => {
    const read = row.safeParse(value);
    const where = `${path}, row ${index + 1}`;
    if (!read.success) {
      const [issue] = read.error.issues;
      throw new UsageError(
        `${where}: expected {"messages": [{"role", "content"}, …]} with the roles system, user and assistant; ` +
          `${issue?.path.join('.') || 'the row'}: ${issue?.message}`,
      );
    }
    const { messages } = read.data;
    if (!messages.some(({ role }, at) => role === 'assistant' && at > 0)) {
      throw new UsageError(
        `${where}: no message of the assistant answers another; there is nothing to learn`,
      );
    }
    return messages;
  });
}
