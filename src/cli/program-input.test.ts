import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readProgramInput, traceOnce } from './program-input.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-input-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function fileOf(content: string | Uint8Array): Promise<string> {
  const path = join(folder, 'program.py');
  await writeFile(path, content);
  return path;
}

test('a byte order mark is not part of the program', async () => {
  const { program } = await readProgramInput(await fileOf('\uFEFFprint(1)\n'), {});
  expect(program.source).toBe('print(1)\n');
});

test('a file that is not UTF-8 is refused, not changed', async () => {
  const path = await fileOf(new Uint8Array([0x23, 0xe9, 0x0a]));
  await expect(readProgramInput(path, {})).rejects.toThrow(/the program .* is not UTF-8 text/);
  await expect(readProgramInput(await fileOf('x'), { stdin: folder })).rejects.toThrow(
    /cannot read the input/,
  );
});

test('standard input is read once', async () => {
  await expect(readProgramInput('-', { stdin: '-' })).rejects.toThrow(/not both/);
  await expect(readProgramInput('a.py', { stdin: 'b', call: 'f()' })).rejects.toThrow(/not both/);
});

test('a syntax error names the line, once, and whether the program or the call has it', async () => {
  await expect(traceOnce({ source: 'x = 1\ndef f(:' }, { kind: 'stdin', stdin: '' })).rejects.toThrow(
    /^not valid Python: SyntaxError in line 2: invalid syntax$/,
  );
  const source = 'def f(x):\n    return x\n';
  for (const expression of ['x = 1', 'f(1); f(2)', 'f(']) {
    await expect(traceOnce({ source }, { kind: 'call', expression })).rejects.toThrow(
      /^--call is not a valid Python expression: SyntaxError: [^<]*$/,
    );
  }
});
