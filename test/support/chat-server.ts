/**
 * A real HTTP server that speaks the OpenAI chat protocol and answers from a function, faults included. For tests of
 * everything that asks a model over the network.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One question as it came over the wire. */
export interface Asked {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly seed?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly max_tokens?: number;
  readonly stream?: boolean;
  /** Of the HTTP request. */
  readonly authorization: string | undefined;
  /** From 0, in the order of arrival. */
  readonly ordinal: number;
}

export type ServerAnswer =
  | string
  | {
      readonly kind: 'answer';
      readonly text: string;
      readonly reasoning?: string;
      readonly finish?: string;
      /** Left out: the server counts nothing. */
      readonly usage?: false;
    }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
      readonly headers?: Record<string, string>;
    }
  /** Half of the answer, then the connection is destroyed; `end`: the stream ends in order, but unfinished. */
  | { readonly kind: 'cut'; readonly end?: true }
  /** Status 200 and a body that is no JSON. */
  | { readonly kind: 'garbage' }
  /** Never answers. */
  | { readonly kind: 'silence' };

export interface ChatServer {
  /** Such as `http://127.0.0.1:3456/v1`. */
  readonly baseUrl: string;
  readonly asked: readonly Asked[];
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startChatServer(answer: (asked: Asked) => ServerAnswer): Promise<ChatServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const question = await readQuestion(request, asked.length);
    asked.push(question);
    give(answer(question), question, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readQuestion(request: IncomingMessage, ordinal: number): Promise<Asked> {
  let body = '';
  for await (const chunk of request) body += chunk;
  const question = JSON.parse(body) as Omit<Asked, 'ordinal' | 'authorization'>;
  return { ...question, ordinal, authorization: request.headers.authorization };
}

function give(answer: ServerAnswer, asked: Asked, response: ServerResponse): void {
  if (typeof answer === 'string') {
    give({ kind: 'answer', text: answer }, asked, response);
    return;
  }
  switch (answer.kind) {
    case 'status':
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      response.end(answer.body ?? JSON.stringify({ error: { message: `status ${answer.status}` } }));
      return;
    case 'silence':
      return;
    case 'garbage':
      response.writeHead(200, { 'content-type': asked.stream ? 'text/event-stream' : 'application/json' });
      response.end(asked.stream ? 'data: {"choices": [{"delta": \n\n' : '{"choices": [');
      return;
    case 'cut':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(asked, { delta: { role: 'assistant', content: 'half an ans' } }), () =>
        answer.end ? response.end() : response.destroy(),
      );
      return;
    case 'answer':
      giveAnswer(answer, asked, response);
      return;
  }
}

function giveAnswer(
  answer: Extract<ServerAnswer, { kind: 'answer' }>,
  asked: Asked,
  response: ServerResponse,
): void {
  const { text, reasoning, finish = 'stop' } = answer;
  const prompt_tokens = asked.messages.reduce((sum, { content }) => sum + tokensIn(content), 0);
  const completion_tokens = tokensIn(text) + tokensIn(reasoning ?? '');
  const usage =
    answer.usage === false
      ? {}
      : { usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens } };
  const thought = reasoning === undefined ? {} : { reasoning_content: reasoning };
  if (!asked.stream) {
    response.writeHead(200, { 'content-type': 'application/json' });
    const message = { role: 'assistant', content: text, ...thought };
    const choices = [{ index: 0, message, finish_reason: finish }];
    response.end(
      JSON.stringify({ id: 'x', object: 'chat.completion', model: asked.model, choices, ...usage }),
    );
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (reasoning !== undefined) response.write(event(asked, { delta: { role: 'assistant', ...thought } }));
  const middle = Math.floor(text.length / 2);
  response.write(event(asked, { delta: { role: 'assistant', content: text.slice(0, middle) } }));
  response.write(event(asked, { delta: { content: text.slice(middle) } }));
  response.write(event(asked, { delta: {}, finish_reason: finish }));
  if (answer.usage !== false) {
    const last = { id: 'x', object: 'chat.completion.chunk', model: asked.model, choices: [], ...usage };
    response.write(`data: ${JSON.stringify(last)}\n\n`);
  }
  response.end('data: [DONE]\n\n');
}

function event(asked: Asked, choice: object): string {
  const choices = [{ index: 0, finish_reason: null, ...choice }];
  const chunk = { id: 'x', object: 'chat.completion.chunk', model: asked.model, choices };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** One token per word: counts that a test can work out. */
export function tokensIn(text: string): number {
  return text.split(/\s+/).filter((word) => word !== '').length;
}
