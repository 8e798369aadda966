/**
 * A file of stdin problems in any format that is known here: our own rows (problem/read-problems.ts), LiveCodeBench,
 * CodeContests. The first row says which it is.
 */
import { UsageError } from '../../core/errors.js';
import { readProblems } from '../../problem/read-problems.js';
import { parseCodeContests } from './code-contests.js';
import { parseLiveCodeBench } from './livecodebench.js';
import { type ParsedProblems, readBenchmarkRows } from './rows.js';

/** Throws a UsageError for rows of an unknown format, for an id that occurs twice, and for a file without problems. */
export async function readProblemFile(path: string, whereToGet = ''): Promise<ParsedProblems> {
  const rows = await readBenchmarkRows(path, whereToGet);
  const [first] = rows;
  const has = (field: string): boolean => typeof first === 'object' && first !== null && field in first;
  if (has('publicTests')) return { problems: await readProblems(path), leftOut: {} };
  if (!has('private_test_cases') && !has('public_tests')) {
    throw new UsageError(
      `${path} holds no problems: its first row has neither publicTests (ours), private_test_cases (LiveCodeBench) nor public_tests (CodeContests). ${whereToGet}`.trim(),
    );
  }
  const parsed = has('private_test_cases') ? parseLiveCodeBench(rows) : parseCodeContests(rows);
  const seen = new Set<string>();
  for (const { id } of parsed.problems) {
    if (seen.has(id)) throw new UsageError(`${path}: two problems are called ${id}; ids have to be unique`);
    seen.add(id);
  }
  return parsed;
}
