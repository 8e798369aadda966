/**
 * LiveCodeBench problem files as published (`test*.jsonl` of livecodebench/code_generation_lite; Jain et al. 2024). The
 * paper's LCB-IO is its stdin problems: one that is tested by calls of a function is left out and counted.
 *
 * `private_test_cases` is base64(zlib(pickle of one JSON string)), in older files plain JSON; it is never unpickled.
 * Limits are those of the published judge: 6 s per test.
 */
import { inflateSync } from 'node:zlib';
import { z } from 'zod';
import { messageOf, UsageError } from '../../core/errors.js';
import { DEFAULT_LIMITS, type Problem } from '../../problem/types.js';
import { readPickledString } from './pickled-string.js';
import { type ParsedProblems, parseRows } from './rows.js';

const row = z.object({
  question_id: z.string(),
  question_title: z.string(),
  question_content: z.string(),
  platform: z.string(),
  contest_date: z.string().optional(),
  public_test_cases: z.string(),
  private_test_cases: z.string(),
});

const tests = z.array(z.object({ input: z.string(), output: z.string(), testtype: z.string() }));
type Tests = z.infer<typeof tests>;

/** More than any honest field holds: a small file must not fill the memory. */
const MOST_BYTES = 512 * 1024 * 1024;

export function parseLiveCodeBench(rows: readonly unknown[]): ParsedProblems {
  const problems: Problem[] = [];
  let functions = 0;
  for (const entry of parseRows(rows, row, 'LiveCodeBench')) {
    const publicTests = parseTests(entry.public_test_cases, entry.question_id);
    const privateTests = parseTests(readPrivateTests(entry.private_test_cases), entry.question_id);
    if ([...publicTests, ...privateTests].some(({ testtype }) => testtype !== 'stdin')) {
      functions++;
      continue;
    }
    const plain = (list: Tests) => list.map(({ input, output }) => ({ input, output }));
    problems.push({
      id: entry.question_id,
      statement: `${entry.question_title}\n\n${entry.question_content.trim()}`,
      publicTests: plain(publicTests),
      privateTests: plain(privateTests),
      limits: DEFAULT_LIMITS,
      source: `livecodebench/${entry.platform}${entry.contest_date === undefined ? '' : `/${entry.contest_date.slice(0, 10)}`}`,
    });
  }
  return { problems, leftOut: functions === 0 ? {} : { 'tested by calls of a function': functions } };
}

/** The JSON text of a `private_test_cases` field. Throws a UsageError when it is neither form. */
export function readPrivateTests(field: string): string {
  if (field.trimStart().startsWith('[')) return field;
  let bytes: Buffer;
  try {
    bytes = inflateSync(Buffer.from(field, 'base64'), { maxOutputLength: MOST_BYTES });
  } catch (cause) {
    throw new UsageError(
      `private_test_cases is neither JSON nor base64 of zlib data: ${messageOf(cause)}; is the file whole?`,
      { cause },
    );
  }
  return readPickledString(bytes);
}

function parseTests(text: string, id: string): Tests {
  try {
    return tests.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(`the tests of ${id} are not as LiveCodeBench publishes them`, { cause });
  }
}
