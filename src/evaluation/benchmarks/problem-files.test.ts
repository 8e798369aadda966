/**
 * Meaning locked here: published problem files are read as they are, and a private test field is never unpickled: bytes that
 * do more than hold one string are refused.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noSharedData, readSharedJson, readSharedRows } from '../../../test/support/shared-data.js';
import { createSandbox } from '../../execution/create-sandbox.js';
import { judge } from '../../execution/judge.js';
import { parseCodeContests } from './code-contests.js';
import { parseLiveCodeBench, readPrivateTests } from './livecodebench.js';
import { readPickledString } from './pickled-string.js';
import { readProblemFile } from './problem-files.js';

const withData = it.skipIf(noSharedData !== undefined);
if (noSharedData !== undefined) console.warn(`skipped: published problem files; ${noSharedData}`);

/** As Python's `pickle.dumps(text, protocol)` writes it (worked out with pickletools). */
function pickled(text: string, protocol: 2 | 4): Buffer {
  const body = Buffer.from(text);
  if (protocol === 2) {
    const head = Buffer.from([0x80, 2, 0x58, 0, 0, 0, 0]);
    head.writeUInt32LE(body.length, 3);
    return Buffer.concat([head, body, Buffer.from([0x71, 0, 0x2e])]);
  }
  const short = body.length < 256;
  const head = Buffer.alloc(short ? 13 : 16);
  head.set([0x80, 4, 0x95]);
  head.writeBigUInt64LE(BigInt(body.length + (short ? 4 : 7)), 3);
  if (short) head.set([0x8c, body.length], 11);
  else {
    head[11] = 0x58;
    head.writeUInt32LE(body.length, 12);
  }
  return Buffer.concat([head, body, Buffer.from([0x94, 0x2e])]);
}

describe('a pickled string', () => {
  it('is read from the forms of protocols 2 and 4, short and long', () => {
    for (const text of ['', 'héllo', `"${'x'.repeat(5_000)}"`]) {
      expect(readPickledString(pickled(text, 4))).toBe(text);
      expect(readPickledString(pickled(text, 2))).toBe(text);
    }
  });

  it.each([
    // cos\nsystem\n(S'id'\ntR.
    ['a call, protocol 0', Buffer.from("cos\nsystem\n(S'id'\ntR.")],
    // STACK_GLOBAL, REDUCE
    [
      'a call, protocol 4',
      Buffer.concat([
        Buffer.from([0x80, 4, 0x8c, 2]),
        Buffer.from('os'),
        Buffer.from([0x8c, 6]),
        Buffer.from('system'),
        Buffer.from([0x93, 0x2e]),
      ]),
    ],
    ['a list', Buffer.from([0x80, 4, 0x5d, 0x2e])],
    ['no string', Buffer.from([0x80, 4, 0x2e])],
    ['no end', pickled('x', 4).subarray(0, -1)],
    ['a length beyond the end', Buffer.from([0x8d, 255, 255, 255, 255, 255, 255, 255, 255])],
    ['something after the end', Buffer.concat([pickled('x', 4), Buffer.from('cos\nsystem\n')])],
    ['bytes that are not UTF-8', Buffer.from([0x8c, 1, 0xff, 0x2e])],
    ['nothing', Buffer.alloc(0)],
  ])('is refused when it is %s', (_, bytes) => {
    expect(() => readPickledString(bytes)).toThrow(/pickle/);
  });
});

const lcbRow = (id: string, testtype: string, privateTests: string) => ({
  question_id: id,
  question_title: 'Echo',
  question_content: 'Print it.',
  platform: 'atcoder',
  contest_date: '2024-01-02T00:00:00',
  public_test_cases: JSON.stringify([{ input: '1', output: '1', testtype }]),
  private_test_cases: privateTests,
});

describe('LiveCodeBench', () => {
  const tests = JSON.stringify([{ input: '2', output: '2', testtype: 'stdin' }]);
  const packed = deflateSync(pickled(tests, 4)).toString('base64');

  it('gives its stdin problems, and counts those tested by calls', () => {
    const rows = [lcbRow('a', 'stdin', packed), lcbRow('b', 'functional', '[]'), lcbRow('c', 'stdin', tests)];
    const { problems, leftOut } = parseLiveCodeBench(rows);
    expect(leftOut).toEqual({ 'tested by calls of a function': 1 });
    expect(problems.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(problems[0]).toMatchObject({
      statement: 'Echo\n\nPrint it.',
      publicTests: [{ input: '1', output: '1' }],
      privateTests: [{ input: '2', output: '2' }],
      source: 'livecodebench/atcoder/2024-01-02',
    });
  });

  it('says what is wrong with a damaged field', () => {
    expect(() => readPrivateTests('?')).toThrow(/neither JSON nor base64/);
  });

  withData('reads the published record as its decoded form has it', () => {
    const record = readSharedJson<Record<string, unknown>>(
      'competitive/lcb_code_generation_lite.one_record.json',
    );
    const decoded: unknown = JSON.parse(readPrivateTests(record['private_test_cases'] as string));
    expect(decoded).toEqual(record['_decoded_private_test_cases']);
    const { problems } = parseLiveCodeBench([{ ...record, question_content: 'Sort it.' }]);
    expect(problems[0]!.privateTests).toHaveLength(4);
  });
});

describe('CodeContests', () => {
  const row = {
    name: '1_A. Echo',
    description: 'Print it.',
    public_tests: { input: ['1\n'], output: ['1\n'] },
    private_tests: { input: ['2\n'], output: ['2\n'] },
    generated_tests: { input: ['3\n'], output: ['3\n'] },
    solutions: { language: [2, 3], solution: ['int main(){}', 'print(input())'] },
    incorrect_solutions: { language: [3], solution: ['print(1)'] },
    time_limit: { seconds: 2, nanos: 500000000 },
    memory_limit_bytes: '256000000',
    input_file: '',
  };

  it('is read as published: tests in order, limits of the problem, Python 3 programs', () => {
    const { problems, leftOut } = parseCodeContests([
      row,
      { ...row, name: 'b', input_file: 'input.txt' },
      {
        ...row,
        name: 'c',
        public_tests: { input: [], output: [] },
        private_tests: null,
        generated_tests: null,
      },
    ]);
    expect(leftOut).toEqual({ 'reads a file': 1, 'without tests': 1 });
    expect(problems).toEqual([
      {
        id: '1_A. Echo',
        statement: 'Print it.',
        publicTests: [{ input: '1\n', output: '1\n' }],
        privateTests: [
          { input: '2\n', output: '2\n' },
          { input: '3\n', output: '3\n' },
        ],
        limits: { cpuTimeMs: 2_500, memoryLimitBytes: 256_000_000, outputLimitBytes: 4 * 1024 * 1024 },
        source: 'code_contests',
        programs: [
          { source: 'print(input())', correct: true },
          { source: 'print(1)', correct: false },
        ],
      },
    ]);
  });

  withData('slices are read; accepted solutions of exactly compared problems are accepted', async () => {
    const rows = readSharedRows<{ id: string; check: { compare: string; max_seconds: number } }>(
      'competitive/codecontests.shared.jsonl.gz',
    );
    const { problems } = parseCodeContests(rows);
    expect(problems).toHaveLength(194);
    expect(problems.flatMap(({ publicTests }) => publicTests)).toHaveLength(438);
    expect(problems.flatMap(({ privateTests }) => privateTests)).toHaveLength(8420);
    await using sandbox = createSandbox('auto');
    const exact = problems.filter((_, i) => rows[i]!.check.compare === 'exact').slice(0, 12);
    const verdicts = await Promise.all(
      exact.map((problem) => judge(sandbox, problem.programs![0]!, problem, { maxTests: 3 })),
    );
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(exact.map(() => 'accepted'));
  });
});

describe('a problem file', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deskcheck-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const fileOf = async (name: string, rows: readonly unknown[]): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, gzipSync(rows.map((row) => JSON.stringify(row)).join('\n')));
    return path;
  };

  it('is known by its first row', async () => {
    const own = { id: 'x', statement: 's', publicTests: [{ input: '1', output: '1' }], privateTests: [] };
    expect((await readProblemFile(await fileOf('own', [own]))).problems).toEqual([own]);
    const lcb = await readProblemFile(await fileOf('lcb', [lcbRow('a', 'stdin', '[]')]));
    expect(lcb.problems[0]?.id).toBe('a');
    await expect(readProblemFile(await fileOf('odd', [{ question: 'q' }]))).rejects.toThrow(
      /holds no problems/,
    );
    const twice = await fileOf('twice', [lcbRow('a', 'stdin', '[]'), lcbRow('a', 'stdin', '[]')]);
    await expect(readProblemFile(twice)).rejects.toThrow(/two problems are called a/);
    await expect(readProblemFile(join(folder, 'none'), 'Get it.')).rejects.toThrow(/Get it\./);
  });
});
