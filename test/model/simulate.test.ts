/**
 * `deskcheck simulate --check` as a user runs it: a recorded model, a real sandbox.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { addSimulateCommand } from '../../src/cli/simulate.js';
import { paperStyle } from '../../src/episode/prompts/paper.js';

const PROGRAM = `n = int(input())
total = 0
for i in range(1, n + 1):
    if i % 2 == 0:
        total += i
print(total)
`;
/** Line by line as our narrator tells it. */
const TOLD = [
  'First, n = 4 and total is set to 0.',
  '- i = 1. `i % 2 == 0` is false.',
  '- i = 2. `i % 2 == 0` is true. total becomes 0 + 2 = 2.',
  '- i = 3. `i % 2 == 0` is false.',
  '- i = 4. `i % 2 == 0` is true. total becomes 2 + 4 = 6.',
];

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-simulate-'));
  await writeFile(join(folder, 'p.py'), PROGRAM);
  await writeFile(join(folder, 'in.txt'), '4\n');
});
afterEach(async () => {
  process.exitCode = undefined;
  await rm(folder, { recursive: true });
});

async function simulate(completion: string): Promise<{ printed: string; exitCode: unknown }> {
  const [message] = paperStyle.predictOutput({ source: PROGRAM }, { kind: 'stdin', stdin: '4\n' });
  const recorded = join(folder, 'recorded.jsonl');
  await writeFile(recorded, `${JSON.stringify({ prompt: message!.content, completions: [completion] })}\n`);
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    const command = new Command().exitOverride();
    addSimulateCommand(command);
    const options = ['--stdin', join(folder, 'in.txt'), '--model', `recorded:${recorded}`, '--check'];
    await command.parseAsync(['node', 'deskcheck', 'simulate', join(folder, 'p.py'), ...options]);
  } finally {
    write.mockRestore();
  }
  return { printed, exitCode: process.exitCode };
}

test('a simulation in prose that is right is borne out value by value', { timeout: 60_000 }, async () => {
  const { printed, exitCode } = await simulate(`${TOLD.join('\n')}\n<output>6\\n</output>`);
  expect(printed).toMatch(
    /they agree\nof (\d+) values that the explanation states, \1 are those of the real/,
  );
  expect(exitCode).toBeUndefined();
});

test('the first value that the real execution does not have is shown', { timeout: 60_000 }, async () => {
  const wrong = TOLD.with(2, '- i = 2. `i % 2 == 0` is true. total becomes 0 + 2 = 3.');
  const { printed, exitCode } = await simulate(`${wrong.join('\n')}\n<output>7\\n</output>`);
  expect(printed).toContain('they differ');
  expect(printed).toMatch(/the first that is not, in line 3: .*3/);
  expect(exitCode).toBe(1);
});

test('prose without a value of a variable cannot be compared', { timeout: 60_000 }, async () => {
  const { printed } = await simulate('It adds the even ones.\n<output>6\\n</output>');
  expect(printed).toContain('steps not compared: the explanation states no value of a variable');
});
