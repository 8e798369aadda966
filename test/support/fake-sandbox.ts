/**
 * A stand-in for a sandbox: a "program" is looked up by its source and run as a TypeScript function.
 */
import type { Execution, Sandbox } from '../../src/execution/types.js';
import type { Program, ProgramInput } from '../../src/problem/types.js';

/** What a fake program prints for an input; throwing is a runtime error of the program. */
export type FakePrograms = Readonly<Record<string, (input: string) => string>>;

export interface FakeSandbox extends Sandbox {
  /** Every call of `run`. */
  readonly runs: readonly { readonly source: string; readonly inputs: readonly string[] }[];
}

/** `failures` are thrown by the first calls of `run`, one each. Throws for a program it does not know. */
export function createFakeSandbox(programs: FakePrograms, failures: readonly Error[] = []): FakeSandbox {
  const pending = [...failures];
  const runs: { source: string; inputs: string[] }[] = [];
  return {
    kind: 'unsafe-process',
    concurrency: 1,
    runs,
    run: async (program, inputs, options) => {
      options?.signal?.throwIfAborted();
      const failure = pending.shift();
      if (failure) throw failure;
      runs.push({ source: program.source, inputs: inputs.map(textOf) });
      return inputs.map((input) => executeFake(programs, program, input));
    },
    trace: async () => {
      throw new Error('the fake sandbox records no traces');
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function executeFake(programs: FakePrograms, program: Program, input: ProgramInput): Execution {
  const run = programs[program.source];
  if (!run) throw new Error(`the fake sandbox does not know the program ${JSON.stringify(program.source)}`);
  const times = { cpuTimeMs: 1, wallTimeMs: 1 };
  try {
    return { outcome: 'completed', stdout: run(textOf(input)), ...times };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { outcome: 'runtime-error', stdout: '', error: { type: 'ValueError', message }, ...times };
  }
}

function textOf(input: ProgramInput): string {
  return input.kind === 'stdin' ? input.stdin : input.expression;
}
