/**
 * Verdicts on real contest data (competitive/ of the shared folder), comparator `codecontests`: accepted solutions are
 * accepted on public and the first six hidden tests (and, with DESKCHECK_FULL=1, on all others but for the exceptions
 * listed in competitive-exceptions.ts), synthetic incorrect ones are rejected, tracing changes no output; and models'
 * programs for APPS get the verdicts that are recorded with them.
 * A fixed fifth of the problems, to stay quick; all of them with DESKCHECK_FULL=1, or a part of them with
 * DESKCHECK_FULL=3/8, which is the third of eight (done by hand: docs/log.md).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hash32 } from '../../src/core/rng.js';
import { createSandbox } from '../../src/execution/create-sandbox.js';
import { judge } from '../../src/execution/judge.js';
import type { Sandbox } from '../../src/execution/types.js';
import type { Problem, TestCase } from '../../src/problem/types.js';
import { noSharedData, readSharedRows } from '../support/shared-data.js';
import { APPS_EXCEPTIONS, HIDDEN_TEST_EXCEPTIONS } from './competitive-exceptions.js';

interface Row {
  readonly id: string;
  readonly public_tests: readonly TestCase[];
  readonly hidden_tests: readonly TestCase[];
  readonly correct_python3_solutions: readonly string[];
  readonly synthetic_incorrect_python3: readonly { readonly code: string }[];
  readonly check: {
    readonly compare: 'exact' | 'tokens' | 'float' | 'unverified';
    readonly max_seconds: number;
  };
}

const LIMITS = { cpuTimeMs: 10_000, memoryLimitBytes: 512 << 20, outputLimitBytes: 4 << 20 };
const [part = 0, parts = 0] = (process.env['DESKCHECK_FULL'] ?? '').split('/').map(Number);
const isFull = part > 0;
const isInPart = (index: number): boolean => index % Math.max(1, parts) === part - 1;

const toProblem = (row: Row, hidden: number): Problem => ({
  id: row.id,
  statement: '',
  publicTests: row.public_tests,
  privateTests: row.hidden_tests.slice(0, hidden),
  limits: LIMITS,
});

describe.skipIf(noSharedData !== undefined)(
  `CodeContests${noSharedData === undefined ? '' : ` (${noSharedData})`}`,
  () => {
    let sandbox: Sandbox;
    let rows: Row[] = [];
    beforeAll(() => {
      sandbox = createSandbox('auto', { processes: 2 });
      rows = readSharedRows<Row>('competitive/codecontests.shared.jsonl.gz').filter(({ id, check }, index) =>
        isFull ? isInPart(index) : hash32(id) % 5 === 0 && check.max_seconds < 0.3,
      );
    });
    afterAll(() => sandbox[Symbol.asyncDispose]());

    it('accepts accepted solutions', async () => {
      const wrong: string[] = [];
      await Promise.all(
        rows.map(async (row) => {
          if (row.check.compare === 'unverified') return;
          const source = row.correct_python3_solutions[0] ?? '';
          const { verdict } = await judge(sandbox, { source }, toProblem(row, 6));
          if (verdict !== 'accepted') wrong.push(`${row.id}: ${verdict}`);
        }),
      );
      expect(wrong).toEqual([]);
    }, 600_000);

    it.runIf(isFull)(
      'accepts them on every other hidden test, but for the exceptions listed',
      async () => {
        const excepted = new Map(
          HIDDEN_TEST_EXCEPTIONS.map(({ problem, tests }) => [problem, new Set(tests)]),
        );
        const wrong: string[] = [];
        await Promise.all(
          rows.map(async (row) => {
            if (row.check.compare === 'unverified') return;
            const source = row.correct_python3_solutions[0] ?? '';
            const hidden = row.hidden_tests.filter((_, i) => i >= 6 && excepted.get(row.id)?.has(i) !== true);
            if (hidden.length === 0) return;
            const problem = toProblem({ ...row, public_tests: [], hidden_tests: hidden }, hidden.length);
            const { verdict, tests } = await judge(sandbox, { source }, problem);
            const at = tests.findIndex((test) => test.verdict === verdict);
            if (verdict !== 'accepted')
              wrong.push(`${row.id}: ${verdict} on ${hidden[at]?.input.slice(0, 80)}`);
          }),
        );
        expect(wrong).toEqual([]);
      },
      1_800_000,
    );

    it('rejects incorrect ones', async () => {
      const wrong: string[] = [];
      await Promise.all(
        rows.flatMap((row) =>
          row.synthetic_incorrect_python3.map(async ({ code }, i) => {
            const problem = toProblem(row, row.hidden_tests.length);
            const limits = isFull ? LIMITS : { ...LIMITS, cpuTimeMs: 1_000 };
            const { verdict } = await judge(sandbox, { source: code }, problem, { stopEarly: true, limits });
            if (verdict === 'accepted' || verdict === 'unscored') wrong.push(`${row.id} ${i}: ${verdict}`);
          }),
        ),
      );
      expect(wrong).toEqual([]);
    }, 600_000);

    it('prints the same traced and untraced', async () => {
      const different: string[] = [];
      await Promise.all(
        rows.map(async (row) => {
          const program = { source: row.correct_python3_solutions[0] ?? '' };
          const inputs = row.public_tests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
          const plain = await sandbox.run(program, inputs, { limits: LIMITS });
          // Recording costs time, up to a few hundred times a line's own; what is compared is what the program does.
          const limits = { ...LIMITS, cpuTimeMs: 60_000 };
          const traced = await sandbox.trace(program, inputs, { limits });
          plain.forEach(({ stdout, outcome }, i) => {
            const execution = traced[i]?.execution;
            if (execution?.stdout !== stdout || execution.outcome !== outcome)
              different.push(`${row.id} ${i}`);
          });
        }),
      );
      expect(different).toEqual([]);
    }, 600_000);
  },
);

interface AppsRow {
  readonly id: string;
  readonly io: 'stdin' | 'function';
  readonly public_tests: readonly TestCase[];
  readonly hidden_tests: readonly TestCase[];
  readonly candidates: readonly {
    readonly code: string;
    readonly verified: {
      readonly public_pass: boolean;
      readonly hidden_pass: boolean;
      readonly first_fail: string | null;
    };
  }[];
}

describe.skipIf(noSharedData !== undefined)(
  `APPS${noSharedData === undefined ? '' : ` (${noSharedData})`}`,
  () => {
    let sandbox: Sandbox;
    beforeAll(() => {
      sandbox = createSandbox('auto', { processes: 2 });
    });
    afterAll(() => sandbox[Symbol.asyncDispose]());

    it('gives models’ programs the verdicts recorded with them, but for the exceptions listed', async () => {
      const rows = readSharedRows<AppsRow>('competitive/apps150_candidates.shared.jsonl.gz')
        .filter(({ io }) => io === 'stdin')
        .filter((_, index) => (isFull ? isInPart(index) : index % 5 === 0));
      const excepted = new Map(
        APPS_EXCEPTIONS.map(({ problem, candidate }) => [`${problem} ${candidate}`, true]),
      );
      const passes = async (source: string, tests: readonly TestCase[]): Promise<boolean> => {
        const problem = { id: '', statement: '', publicTests: tests, privateTests: [], limits: LIMITS };
        return (await judge(sandbox, { source }, problem, { stopEarly: true })).verdict === 'accepted';
      };
      const different: string[] = [];
      const judgeOne = async (row: AppsRow, place: number): Promise<void> => {
        const { code, verified } = row.candidates[place]!;
        // Too slow then: only worth the time when everything is judged.
        if (verified.first_fail === 'tle' && !isFull) return;
        const isPublic = await passes(code, row.public_tests);
        const isHidden = isPublic && (await passes(code, row.hidden_tests));
        const isRight = isPublic === verified.public_pass && (!isPublic || isHidden === verified.hidden_pass);
        const name = `${row.id} ${place}`;
        // An exception that is none any more has to go.
        if (isRight === excepted.has(name)) different.push(`${name}: ${isPublic}, ${isHidden}`);
      };
      await Promise.all(rows.flatMap((row) => row.candidates.map((_, place) => judgeOne(row, place))));
      expect(different).toEqual([]);
    }, 1_800_000);
  },
);
