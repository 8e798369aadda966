/**
 * `data programs`: explained executions of contest programs, right and wrong, on their problems' test inputs, in stdin
 * form (paper §2.1 takes LLM-written solutions; here those of the problem file, or of a programs file).
 * And `data predictions`: the RL set of PAPER.md §3, correct programs × public tests.
 */
import { hashJson } from '../../core/canonical-json.js';
import type { Sandbox } from '../../execution/types.js';
import type { ExampleStyle } from '../../nlex/examples.js';
import { type GroundingThresholds, groundExplanation, rejectionOf } from '../../nlex/grounding.js';
import { narrateByLine } from '../../nlex/line-narrator.js';
import type { Limits, Problem } from '../../problem/types.js';
import { addCounts, type Counts } from './counts.js';
import type { FactoryRow } from './function-data.js';

export interface ProgramDataOptions {
  readonly style: ExampleStyle;
  readonly licence: string;
  readonly thresholds: GroundingThresholds;
  /** Test inputs per program, the public ones first. */
  readonly inputs: number;
  /** Programs per problem: so many right ones, so many wrong ones. */
  readonly programs: number;
  /** The same sandbox under another hash seed. */
  readonly other?: Sandbox;
}

/** Little: a trace within the caps takes far less. */
const LIMITS: Limits = { cpuTimeMs: 2_000, memoryLimitBytes: 512 * 1024 * 1024, outputLimitBytes: 100_000 };

/** The rows of one problem. */
export async function makeProgramRows(
  sandbox: Sandbox,
  problem: Problem,
  options: ProgramDataOptions,
): Promise<{ readonly rows: readonly FactoryRow[]; readonly counts: Counts }> {
  const all = problem.programs ?? [];
  const chosen = [true, false].flatMap((right) =>
    all.filter(({ correct }) => correct === right).slice(0, options.programs),
  );
  const tests = [...problem.publicTests, ...problem.privateTests].slice(0, options.inputs);
  const inputs = tests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  let counts: Counts = { problems: 1, programs: chosen.length };
  const rows: FactoryRow[] = [];
  const drop = (reason: string): void => {
    counts = addCounts(counts, { dropped: { [reason]: 1 } });
  };
  for (const { source, correct } of chosen) {
    const traces = await sandbox.trace({ source }, inputs, { limits: LIMITS });
    const again = await options.other?.run({ source }, inputs, { limits: LIMITS });
    for (const [at, trace] of traces.entries()) {
      const input = inputs[at]!;
      const { outcome, stdout, error } = trace.execution;
      if (trace.excluded !== undefined) {
        drop(trace.excluded);
        continue;
      }
      if (outcome !== 'completed') {
        drop(error ? `raises ${error.type}` : outcome);
        continue;
      }
      if (again && again[at]!.stdout !== stdout) {
        drop('not deterministic');
        continue;
      }
      const told = narrateByLine(source, trace, input);
      const grounding = groundExplanation({ source, input, trace }, told);
      const rejection = rejectionOf(grounding, options.thresholds);
      if (rejection !== undefined) {
        drop(rejection);
        continue;
      }
      const ending = Math.max(
        told.lastIndexOf('\nThe output is:\n'),
        told.lastIndexOf('\nNothing is printed.'),
      );
      rows.push({
        messages: [
          ...options.style.predictOutput({ source }, input),
          {
            role: 'assistant',
            content: options.style.writeOutput(told.slice(0, Math.max(0, ending)), stdout, input),
          },
        ],
        metadata: {
          id: hashJson([source, input.stdin]).slice(0, 24),
          task: 'execution',
          form: 'stdin',
          source: `${problem.id} (${correct ? 'right' : 'wrong'} program)`,
          licence: options.licence,
          input: at < problem.publicTests.length ? 'public test' : 'private test',
          narrator: 'template',
          groundingScore: grounding.score,
          claims: grounding.claims,
          events: trace.events.length,
        },
      });
    }
  }
  return { rows, counts };
}

/** One task of the RL environment "output prediction". */
export interface PredictionRow {
  readonly id: string;
  readonly problem: string;
  readonly source: string;
  readonly stdin: string;
  readonly output: string;
  /** Who wrote the program. */
  readonly author: string;
}

/** A program that was sampled for a problem, or came with it. */
export interface AuthoredProgram {
  readonly source: string;
  readonly author: string;
  readonly correct: boolean;
}

/** At most `perAuthor` correct programs of each author, each paired with every public test, really run. */
export async function makePredictionRows(
  sandbox: Sandbox,
  problem: Problem,
  programs: readonly AuthoredProgram[],
  perAuthor: number,
): Promise<{ readonly rows: readonly PredictionRow[]; readonly counts: Counts }> {
  const taken = new Map<string, number>();
  const distinct = new Set<string>();
  const kept = programs.filter(({ source, author, correct }) => {
    const before = taken.get(author) ?? 0;
    if (!correct || before >= perAuthor || distinct.has(source)) return false;
    distinct.add(source);
    taken.set(author, before + 1);
    return true;
  });
  const rows: PredictionRow[] = [];
  let counts: Counts = { problems: 1, programs: programs.length, executions: kept.length };
  const inputs = problem.publicTests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  for (const { source, author } of kept) {
    const executions = await sandbox.run({ source }, inputs, { limits: problem.limits ?? LIMITS });
    executions.forEach(({ outcome, stdout }, at) => {
      if (outcome !== 'completed') {
        counts = addCounts(counts, { dropped: { [outcome]: 1 } });
        return;
      }
      const stdin = inputs[at]!.stdin;
      rows.push({
        id: hashJson([source, stdin]).slice(0, 24),
        problem: problem.id,
        source,
        stdin,
        output: stdout,
        author,
      });
    });
  }
  return { rows, counts };
}
