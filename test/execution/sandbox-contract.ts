/**
 * What every sandbox promises, as one suite. A difference that a sandbox documents is a named skip.
 */
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judge } from '../../src/execution/judge.js';
import type { Execution, Sandbox } from '../../src/execution/types.js';
import type { Limits, ProgramInput } from '../../src/problem/types.js';
import {
  HOSTILE_PROGRAMS,
  INNOCENT_OUTPUT,
  innocent,
  SECRET,
  SECRET_HUNTER,
  spoiler,
} from './hostile-programs.js';

/** What a sandbox documents that it does not do. */
export type Difference = 'threads' | 'confinement';

const LIMITS: Limits = { cpuTimeMs: 400, memoryLimitBytes: 96 << 20, outputLimitBytes: 100_000 };
const stdin = (text: string): ProgramInput => ({ kind: 'stdin', stdin: text });
const call = (expression: string): ProgramInput => ({ kind: 'call', expression });

export function describeSandbox(
  name: string,
  create: () => Promise<Sandbox> | Sandbox,
  differences: ReadonlySet<Difference> = new Set(),
): void {
  describe(`${name} sandbox`, () => {
    let sandbox: Sandbox;
    let server: Server;
    let port = 0;
    let connections = 0;

    beforeAll(async () => {
      process.env['DESKCHECK_SECRET'] = 'not for programs';
      sandbox = await create();
      server = createServer((socket) => {
        connections++;
        socket.destroy();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      port = typeof address === 'object' && address !== null ? address.port : 0;
    });
    afterAll(async () => {
      delete process.env['DESKCHECK_SECRET'];
      await sandbox[Symbol.asyncDispose]();
      server.close();
    });

    const run = async (
      source: string,
      input: ProgramInput = stdin(''),
      limits = LIMITS,
    ): Promise<Execution> => {
      const [execution] = await sandbox.run({ source }, [input], { limits });
      if (execution === undefined) throw new Error('no execution came back');
      return execution;
    };
    const stdoutOf = async (source: string, input?: string): Promise<string> =>
      (await run(source, stdin(input ?? ''))).stdout;

    describe('running', () => {
      it('gives a program its input and takes its output', async () => {
        expect(await run('print(int(input()) + int(input()))', stdin('2\n3\n'))).toMatchObject({
          outcome: 'completed',
          stdout: '5\n',
        });
      });

      it('keeps results in the order of the inputs, however many', async () => {
        const inputs = Array.from({ length: 50 }, (_, i) => stdin(`${i}\n`));
        const results = await sandbox.run({ source: 'print(int(input()) ** 2)' }, inputs, { limits: LIMITS });
        expect(results.map(({ stdout }) => Number(stdout))).toEqual(inputs.map((_, i) => i * i));
      });

      it('answers no inputs with no results', async () => {
        expect(await sandbox.run({ source: 'pass' }, [])).toEqual([]);
      });

      it('gives standard input as a regular file, with a final newline', async () => {
        const source = [
          'import os, stat, sys',
          'info = os.fstat(0)',
          'print(stat.S_ISREG(info.st_mode), info.st_size)',
          'print(os.read(0, 3))',
          'print(sys.stdin.buffer.read())',
        ].join('\n');
        expect(await stdoutOf(source, 'añb')).toBe("True 5\nb'a\\xc3\\xb1'\nb'b\\n'\n");
      });

      it('reads stdin in every usual way', async () => {
        const source = [
          'import sys',
          'print(input(), sys.stdin.readline().strip(), next(sys.stdin).strip())',
          'print(sys.stdin.read().split())',
          'try:',
          '    input()',
          'except EOFError:',
          '    print("EOF")',
        ].join('\n');
        expect(await stdoutOf(source, 'a\nb\nc\nd e\nf')).toBe("a b c\n['d', 'e', 'f']\nEOF\n");
        expect(await stdoutOf('print(open(0).read())', 'x')).toBe('x\n\n');
      });

      it('runs the program as __main__, with its exit functions', async () => {
        const source = [
          'import atexit, sys',
          'from dataclasses import dataclass',
          '@dataclass',
          'class P:',
          '    x: int',
          'atexit.register(lambda: print("bye"))',
          'if __name__ == "__main__":',
          '    print(P(1), sys.modules["__main__"].P is P)',
        ].join('\n');
        expect(await stdoutOf(source)).toBe('P(x=1) True\nbye\n');
      });

      it('gives the result of a call as a literal', async () => {
        const source = 'def f(*a, **k):\n    return (a, k, {1.5}, None)';
        expect(await run(source, call('f(1, [2], x="y")'))).toMatchObject({
          outcome: 'completed',
          result: "((1, [2]), {'x': 'y'}, {1.5}, None)",
        });
        expect((await run('class A: pass\ndef f(): return [A()]', call('f()'))).result).toBe('[<A>]');
        expect((await run('def f(): return 10 ** 5000', call('f()'))).result).toHaveLength(5001);
      });

      it('reports what was raised, and where', async () => {
        expect(await run('x = 1\ndef f():\n    return {}["k"]\nprint(f())')).toMatchObject({
          outcome: 'runtime-error',
          error: { type: 'KeyError', message: "'k'", line: 3 },
        });
        expect(await run('x = (\n')).toMatchObject({
          outcome: 'runtime-error',
          error: { type: 'SyntaxError', line: 1 },
        });
        expect(await run('import nothing_of_this_name')).toMatchObject({
          error: { type: 'ModuleNotFoundError' },
        });
        expect(await run('raise SystemExit("no")')).toMatchObject({
          outcome: 'runtime-error',
          error: { type: 'SystemExit', message: 'no' },
        });
      });

      it('keeps what was printed before an error', async () => {
        expect(await run('print("a")\n1 / 0')).toMatchObject({ outcome: 'runtime-error', stdout: 'a\n' });
      });

      it('measures CPU time', async () => {
        const execution = await run('print(sum(i * i for i in range(300_000)))');
        expect(execution.cpuTimeMs).toBeGreaterThan(3);
        expect(execution.cpuTimeMs).toBeLessThan(1000);
      });

      it('hashes alike in every run', async () => {
        const source = 'print(hash("deskcheck"), list({"a", "b", "c", "d"}))';
        expect(await stdoutOf(source)).toBe(await stdoutOf(source));
      });

      it.skipIf(differences.has('threads'))('runs threads side by side', async () => {
        const source = [
          'import threading, queue',
          'q = queue.Queue()',
          't = threading.Thread(target=lambda: print("got", q.get()))',
          't.start()',
          'q.put(1)',
          't.join()',
        ].join('\n');
        expect(await stdoutOf(source)).toBe('got 1\n');
      });

      it('runs main in a thread with a large stack, as contest programs do', async () => {
        const source = [
          'import sys, threading',
          'sys.setrecursionlimit(200000)',
          'threading.stack_size(64 * 1024 * 1024)',
          'def depth(n):',
          '    return 0 if n == 0 else 1 + depth(n - 1)',
          'def main():',
          '    print(depth(20000))',
          't = threading.Thread(target=main)',
          't.start()',
          't.join()',
        ].join('\n');
        expect(await stdoutOf(source)).toBe('20000\n');
      });

      it('runs asyncio', async () => {
        const source = [
          'import asyncio',
          'async def f(x):',
          '    await asyncio.sleep(0.001)',
          '    return x',
          'async def main():',
          '    print(await asyncio.gather(f(1), f(2)))',
          'asyncio.run(main())',
        ].join('\n');
        expect(await stdoutOf(source)).toBe('[1, 2]\n');
      });
    });

    describe('tracing', () => {
      it('leaves the program as it is', async () => {
        const source = [
          'class A:',
          '    made = 0',
          '    def __init__(self):',
          '        A.made += 1',
          '    def __repr__(self):',
          '        print("repr")',
          '        return "A"',
          '    def __eq__(self, other):',
          '        print("eq")',
          '        return True',
          '    __hash__ = None',
          '    def __getattr__(self, name):',
          '        print("getattr", name)',
          '        raise AttributeError(name)',
          '    def __del__(self):',
          '        print("del")',
          'a = A()',
          'b = [a, A()]',
          'del b',
          'print("kept", A.made)',
          'a = None',
          'print("end")',
        ].join('\n');
        const [plain] = await sandbox.run({ source }, [stdin('')], { limits: LIMITS });
        const [trace] = await sandbox.trace({ source }, [stdin('')], { limits: LIMITS });
        expect(trace?.execution.stdout).toBe(plain?.stdout);
        expect(plain?.stdout).toBe('del\nkept 2\ndel\nend\n');
        expect(trace?.execution.outcome).toBe('completed');
      });

      it('stops recording at its caps, and says so', async () => {
        const source = 'n = 0\nfor i in range(1000):\n    n += i\nprint(n)';
        const [many] = await sandbox.trace({ source }, [stdin('')], {
          limits: LIMITS,
          caps: { maxEvents: 100, maxBytes: 1e6 },
        });
        expect(many).toMatchObject({ excluded: 'too-many-events', execution: { stdout: '499500\n' } });
        expect(many?.events).toHaveLength(100);
        const [large] = await sandbox.trace({ source }, [stdin('')], {
          limits: LIMITS,
          caps: { maxEvents: 1e6, maxBytes: 2000 },
        });
        expect(large?.excluded).toBe('too-large');
      });

      it('hands over the trace of a program that ran out of time, where it can', async () => {
        const source = 'n = 0\nwhile True:\n    n = 1';
        const [trace] = await sandbox.trace({ source }, [stdin('')], {
          limits: { ...LIMITS, cpuTimeMs: 300 },
        });
        expect(trace?.execution.outcome).toBe('time-limit');
      });

      it('ends the trace of such a program with its last line, not with our interrupt', async () => {
        const source = [
          'def spin(n):',
          '    try:',
          '        return sum(i * 0 for i in range(n)) + sum(map(abs, range(10 ** 10)))',
          '    finally:',
          '        n = 0',
          'x = 1',
          'spin(2)',
        ].join('\n');
        const [trace] = await sandbox.trace({ source }, [stdin('')], {
          limits: { ...LIMITS, cpuTimeMs: 500 },
        });
        expect(trace?.execution.outcome).toBe('time-limit');
        const last = trace?.events.at(-1);
        if (last !== undefined)
          expect(last).toMatchObject({ kind: 'return', function: '<genexpr>', line: 3 });
        expect(trace?.events.filter(({ kind }) => kind === 'exception')).toEqual([]);
      });

      it('records a program that fails up to its failure', async () => {
        const [trace] = await sandbox.trace({ source: 'x = 1\n1 / 0' }, [stdin('')], { limits: LIMITS });
        expect(trace?.events.at(-1)).toMatchObject({
          kind: 'exception',
          line: 2,
          value: 'ZeroDivisionError: division by zero',
        });
        expect(trace?.execution.outcome).toBe('runtime-error');
      });
    });

    describe('against hostile programs', () => {
      const folder = differences.has('confinement') ? '.' : '/tmp';
      const INNOCENT = innocent(folder);
      const SPOILER = spoiler(folder);

      const programs = HOSTILE_PROGRAMS.filter(
        ({ needsConfinement }) => needsConfinement !== true || !differences.has('confinement'),
      );
      it.each(programs)('survives $title', async ({ source, outcomes, stdout }) => {
        const execution = await run(source.replace('PORT', String(port)));
        expect(outcomes, JSON.stringify(execution).slice(0, 500)).toContain(execution.outcome);
        if (typeof stdout === 'string') expect(execution.stdout).toBe(stdout);
        else if (stdout !== undefined) expect(execution.stdout).toMatch(stdout);
        expect(connections).toBe(0);
        expect(await stdoutOf(INNOCENT, 'hello')).toBe(INNOCENT_OUTPUT);
      });

      it('carries nothing from one program to the next', async () => {
        expect(await stdoutOf(INNOCENT, 'hello')).toBe(INNOCENT_OUTPUT);
        await run(SPOILER);
        expect(await stdoutOf(INNOCENT, 'hello')).toBe(INNOCENT_OUTPUT);
        const [, second] = await sandbox.run({ source: SPOILER.concat('\n') }, [stdin('1'), stdin('2')], {
          limits: LIMITS,
        });
        expect(second).toBeDefined();
        expect(await stdoutOf(INNOCENT, 'hello')).toBe(INNOCENT_OUTPUT);
      });

      it('shows a program nothing of the others, of their inputs and outputs', async () => {
        const roomy = { ...LIMITS, cpuTimeMs: 5_000, memoryLimitBytes: 400 << 20 };
        for (let i = 0; i < 4; i++) {
          expect(await stdoutOf(`print(input(), "${SECRET}")`, SECRET)).toBe(`${SECRET} ${SECRET}\n`);
        }
        const problem = {
          id: 'p',
          statement: '',
          publicTests: Array.from({ length: 4 }, () => ({ input: '', output: SECRET })),
          privateTests: [],
          limits: roomy,
        };
        expect((await judge(sandbox, { source: SECRET_HUNTER }, problem)).verdict).toBe('wrong-answer');
        expect((await run(SECRET_HUNTER, stdin(''), roomy)).stdout).toBe('[] True\n');
      });

      it('never takes a clean exit for a right answer', async () => {
        const problem = {
          id: 'p',
          statement: '',
          publicTests: [{ input: '1', output: '2' }],
          privateTests: [],
          limits: LIMITS,
        };
        for (const source of ['import os\nos._exit(0)', 'import sys\nsys.exit(0)', 'raise SystemExit']) {
          expect((await judge(sandbox, { source }, problem)).verdict).toBe('wrong-answer');
        }
      });

      it('gives well-behaved programs their answers while others misbehave', async () => {
        const bad = [
          'while True: pass',
          'import os\nos._exit(1)',
          'x = bytearray(1 << 30)',
          'while True: print(1)',
        ];
        const work = Array.from({ length: 24 }, async (_, i) => {
          if (i % 4 === 0) return run(bad[(i / 4) % bad.length] as string).then(() => true);
          return (await stdoutOf(`print(int(input()) + ${i})`, String(i))) === `${2 * i}\n`;
        });
        expect(await Promise.all(work)).toEqual(work.map(() => true));
      });
    });
  });
}
