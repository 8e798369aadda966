/**
 * The examples of `examples/`, run as they are against a scripted server. `deskcheck` is the sources.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ChatServer, startChatServer } from '../support/chat-server.js';
import { answerAsModel, timesProgram } from '../support/double-server.js';

let server: ChatServer;
beforeAll(async () => {
  server = await startChatServer(answerAsModel({ solve: 0.5, simulate: 1 }));
  vi.stubEnv('DESKCHECK_BASE_URL', server.baseUrl);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server[Symbol.asyncDispose]();
});

test.each([
  ['self-verify', 2],
  ['self-repair', 3],
  ['ai-sdk-application', 5],
])('%s prints a right program', async (name, factor) => {
  const printed: unknown[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((text) => printed.push(text));
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    await import(`../../examples/${name}.ts`);
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
  expect(printed.join('\n')).toContain(timesProgram(factor));
});
