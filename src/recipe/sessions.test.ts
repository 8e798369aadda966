import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UsageError } from '../core/errors.js';
import { machineFacts } from './machine-facts.js';
import { cutOffRecords } from './record-files.js';
import { runSpending } from './run-spending.js';
import { createSessionNote, readSessions, runFacts } from './sessions.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-sessions-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, ...rows: readonly object[]): Promise<void> =>
  writeFile(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

test('a session is noted once, and a report built here has no other builder', async () => {
  const note = createSessionNote(folder);
  await Promise.all([note(), note()]);
  await note();
  expect(await readSessions(folder)).toHaveLength(1);
  const { startedAt, ...facts } = await runFacts(folder);
  expect(startedAt).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  expect(facts).toEqual(await machineFacts());
});

test('a report that is built elsewhere names the machines and commits of the run, and where it was built', async () => {
  const session = { startedAt: '2026-01-02T03:04:05.678Z', versions: { deskcheck: '0.1.0', node: '20.1.0' } };
  await write(
    'sessions.jsonl',
    { ...session, machine: '8 cores', commit: 'aaaa' },
    { ...session, machine: '8 cores', commit: 'bbbb', versions: { deskcheck: '0.1.0', node: '22.0.0' } },
  );
  const facts = await runFacts(folder);
  expect(facts).toMatchObject({
    startedAt: '2026-01-02 03:04:05 UTC',
    machine: '8 cores',
    commit: 'aaaa and bbbb',
    versions: { deskcheck: '0.1.0', node: '20.1.0 and 22.0.0' },
  });
  expect(facts.builtBy).toContain((await machineFacts()).machine);
});

test('of a run without sessions nothing is claimed but where its report was built', async () => {
  const facts = await runFacts(folder);
  expect(facts).toMatchObject({ versions: {}, builtBy: expect.stringContaining('deskcheck') });
  expect(facts.machine).toBeUndefined();
});

test('a damaged session is named', async () => {
  await write('sessions.jsonl', { startedAt: 1 });
  await expect(readSessions(folder)).rejects.toThrow(UsageError);
});

test('what a run cost is counted from its stored calls, at the price that was named last', async () => {
  const call = { key: 'k', model: 'm', request: {} };
  await write(
    'calls.jsonl',
    { ...call, response: { usage: { promptTokens: 1_000_000, completionTokens: 10 } } },
    { ...call, response: { usage: { promptTokens: 0, completionTokens: 999_990, estimated: true } } },
  );
  const session = { startedAt: '2026-01-02T03:04:05.678Z', versions: {}, machine: 'm' };
  await write('sessions.jsonl', { ...session, price: { prompt: 9, completion: 9 } }, session, {
    ...session,
    price: { prompt: 2, completion: 4 },
  });
  expect(await runSpending(folder)).toEqual({
    spending: { calls: 2, promptTokens: 1_000_000, completionTokens: 1_000_000, estimated: true, money: 6 },
  });
});

test('a record that is cut off is said', async () => {
  await writeFile(join(folder, 'records.jsonl'), '{"a":1}\n{"b"');
  expect(await cutOffRecords(folder)).toEqual([
    'records.jsonl: its last record is cut off and is counted nowhere.',
  ]);
});
