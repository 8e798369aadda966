/**
 * What `trace`, `narrate` and `simulate` share: a Python file and what it is given.
 */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { messageOf, UsageError } from '../core/errors.js';
import { createSandbox } from '../execution/create-sandbox.js';
import type { Sandbox, Trace } from '../execution/types.js';
import type { Program, ProgramInput } from '../problem/types.js';

export interface InputOptions {
  readonly stdin?: string;
  readonly call?: string;
}

export function addInputOptions(command: Command): Command {
  return command
    .argument('<file.py>', 'a Python program ("-" for our own standard input)')
    .option('--stdin <file>', 'what it reads from standard input ("-" for our own standard input)')
    .option('--call <expression>', "a call of one of its functions, such as 'f(1, [2, 3])'");
}

/** Reads the program and its input. Throws a UsageError for files that are no UTF-8 text and for both inputs at once. */
export async function readProgramInput(
  file: string,
  options: InputOptions,
): Promise<{ readonly program: Program; readonly input: ProgramInput }> {
  if (options.stdin !== undefined && options.call !== undefined) {
    throw new UsageError('give either --stdin or --call, not both');
  }
  if (file === '-' && options.stdin === '-') {
    throw new UsageError('standard input can be the program or its input, not both');
  }
  // A byte order mark is none of the program's characters; in the input it stays, as Python would read it.
  const source = (await readText(file, 'the program')).replace(/^\uFEFF/, '');
  if (options.call !== undefined) {
    return { program: { source }, input: { kind: 'call', expression: options.call } };
  }
  const stdin = options.stdin === undefined ? '' : await readText(options.stdin, 'the input');
  return { program: { source }, input: { kind: 'stdin', stdin } };
}

/** Traces it in a sandbox of its own. Throws a UsageError when the program is no valid Python. */
export async function traceOnce(program: Program, input: ProgramInput): Promise<Trace> {
  return withSandbox(async (sandbox) => {
    const [trace] = await sandbox.trace(program, [input]);
    checkSyntax(trace!);
    return trace!;
  });
}

async function withSandbox<T>(work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = createSandbox('auto', { processes: 1 });
  try {
    return await work(sandbox);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

function checkSyntax({ execution, events }: Trace): void {
  const { error } = execution;
  if (events.length > 0 || error === undefined) return;
  if (/^(Syntax|Indentation|Tab)Error$/.test(error.type)) {
    // The message may end with a place under the interpreter's own names.
    const [place, named] = / \(<(program|call)>, line \d+\)$/.exec(error.message) ?? [''];
    const what = named === 'call' ? '--call is not a valid Python expression' : 'not valid Python';
    const where = error.line === undefined ? '' : ` in line ${error.line}`;
    const message = error.message.slice(0, error.message.length - place.length);
    throw new UsageError(`${what}: ${error.type}${where}: ${message}`);
  }
}

async function readText(path: string, what: string): Promise<string> {
  let bytes: Buffer;
  try {
    // Not /dev/stdin: that cannot be opened when it is a socket, as under a Node parent.
    bytes = path === '-' ? await buffer(process.stdin) : await readFile(path);
  } catch (cause) {
    throw new UsageError(`cannot read ${what} ${path}: ${messageOf(cause)}`, { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`${what} ${path} is not UTF-8 text`, { cause });
  }
}
