/**
 * `data predictions`: the RL set of PAPER.md §3, correct programs × public tests, really run.
 */
import { hashJson } from '../../core/canonical-json.js';
import type { Sandbox } from '../../execution/types.js';
import { DEFAULT_LIMITS, type Problem } from '../../problem/types.js';
import { addCounts, type Counts } from './counts.js';
import type { Columns } from './parquet.js';

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

export const PREDICTION_COLUMNS: Columns = {
  ...{ id: 'VARCHAR', problem: 'VARCHAR', source: 'VARCHAR', stdin: 'VARCHAR', output: 'VARCHAR' },
  author: 'VARCHAR',
};

/** A program that was sampled for a problem, or came with it. */
export interface AuthoredProgram {
  readonly source: string;
  readonly author: string;
  readonly correct: boolean;
}

export interface PredictionDataOptions {
  /** Most programs of one author per problem. */
  readonly perAuthor: number;
  /** The same sandbox under another hash seed. */
  readonly other?: Sandbox;
  readonly isContaminated?: (text: string) => boolean;
  readonly signal?: AbortSignal;
}

/** At most `perAuthor` different correct programs of each author, each paired with every public test. */
export async function makePredictionRows(
  sandbox: Sandbox,
  problem: Problem,
  programs: readonly AuthoredProgram[],
  { perAuthor, other, isContaminated, signal }: PredictionDataOptions,
): Promise<{ readonly rows: readonly PredictionRow[]; readonly counts: Counts }> {
  if (isContaminated?.(problem.statement))
    return { rows: [], counts: { problems: 1, excluded: { 'in evaluation data': 1 } } };
  const kept = choosePrograms(programs, perAuthor);
  const rows: PredictionRow[] = [];
  const dropped: Record<string, number> = {};
  const inputs = problem.publicTests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  const how = { limits: problem.limits ?? DEFAULT_LIMITS, ...(signal && { signal }) };
  for (const { source, author } of kept) {
    const executions = await sandbox.run({ source }, inputs, how);
    const again = await other?.run({ source }, inputs, how);
    executions.forEach(({ outcome, stdout }, at) => {
      const fault =
        outcome !== 'completed'
          ? outcome
          : again && again[at]!.stdout !== stdout
            ? 'not deterministic'
            : undefined;
      if (fault !== undefined) {
        dropped[fault] = (dropped[fault] ?? 0) + 1;
        return;
      }
      const { stdin } = inputs[at]!;
      const id = hashJson([source, stdin]).slice(0, 24);
      rows.push({ id, problem: problem.id, source, stdin, output: stdout, author });
    });
  }
  const correct = programs.filter((program) => program.correct).length;
  const counts: Counts = { problems: 1, programs: programs.length, correct, kept: kept.length, dropped };
  return {
    rows,
    counts: addCounts(counts, { traced: rows.length > 0 ? 1 : 0, tried: kept.length * inputs.length }),
  };
}

function choosePrograms(programs: readonly AuthoredProgram[], perAuthor: number): AuthoredProgram[] {
  const taken = new Map<string, number>();
  const distinct = new Set<string>();
  return programs.filter(({ source, author, correct }) => {
    const before = taken.get(author) ?? 0;
    if (!correct || before >= perAuthor || distinct.has(source)) return false;
    distinct.add(source);
    taken.set(author, before + 1);
    return true;
  });
}
