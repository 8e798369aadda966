/**
 * CodeContests rows (Li et al. 2022): as published on Hugging Face (deepmind/code_contests; tests as parallel lists), or
 * in the form in which slices of it are passed on (tests as pairs, `hidden_tests` for private and generated ones). The
 * paper's DMC is its validation and test splits.
 *
 * Private tests are the data set's private, then its generated ones. Limits are the problem's own. Problems that read
 * a file instead of standard input are left out and counted, as are those without any test.
 */
import { z } from 'zod';
import { DEFAULT_LIMITS, type Limits, type Problem, type TestCase } from '../../problem/types.js';
import { type ParsedProblems, parseRows } from './rows.js';

const lists = z.object({ input: z.array(z.string()), output: z.array(z.string()) });
const solutions = z.object({
  language: z.array(z.union([z.number(), z.string()])),
  solution: z.array(z.string()),
});

const published = z.object({
  name: z.string(),
  description: z.string(),
  public_tests: lists,
  private_tests: lists.nullish(),
  generated_tests: lists.nullish(),
  solutions: solutions.nullish(),
  incorrect_solutions: solutions.nullish(),
  time_limit: z
    .object({ seconds: z.coerce.number().nullish(), nanos: z.coerce.number().nullish() })
    .nullish(),
  memory_limit_bytes: z.coerce.number().nullish(),
  input_file: z.string().nullish(),
});

const pair = z.object({ input: z.string(), output: z.string() });
const slice = z.object({
  id: z.string(),
  description: z.string(),
  public_tests: z.array(pair),
  hidden_tests: z.array(pair).default([]),
  correct_python3_solutions: z.array(z.string()).default([]),
  synthetic_incorrect_python3: z.array(z.object({ code: z.string() })).default([]),
});

/** The data set's number of the language Python 3. */
const PYTHON3 = new Set<unknown>([3, '3', 'PYTHON3']);

export function parseCodeContests(rows: readonly unknown[]): ParsedProblems {
  const leftOut: Record<string, number> = {};
  const problems: Problem[] = [];
  for (const given of rows) {
    const problem = isSlice(given) ? fromSlice(given) : fromPublished(given);
    if (typeof problem === 'string') leftOut[problem] = (leftOut[problem] ?? 0) + 1;
    else problems.push(problem);
  }
  return { problems, leftOut };
}

function isSlice(given: unknown): boolean {
  return (
    typeof given === 'object' &&
    given !== null &&
    Array.isArray((given as { public_tests?: unknown }).public_tests)
  );
}

function fromSlice(given: unknown): Problem | string {
  const [entry] = parseRows([given], slice, 'CodeContests');
  const { id, description, public_tests, hidden_tests, correct_python3_solutions } = entry!;
  if (public_tests.length + hidden_tests.length === 0) return 'without tests';
  return {
    id,
    statement: description.trim(),
    publicTests: public_tests.map(endLines),
    privateTests: hidden_tests.map(endLines),
    source: 'code_contests',
    programs: [
      ...correct_python3_solutions.map((source) => ({ source, correct: true })),
      ...entry!.synthetic_incorrect_python3.map(({ code }) => ({ source: code, correct: false })),
    ],
  };
}

/** Some carriers strip the last line break of an input; programs that read lines need it. */
function endLines({ input, output }: TestCase): TestCase {
  return { input: input === '' || input.endsWith('\n') ? input : `${input}\n`, output };
}

function fromPublished(given: unknown): Problem | string {
  const [entry] = parseRows([given], published, 'CodeContests');
  const { name, description, public_tests, private_tests, generated_tests } = entry!;
  if (entry!.input_file) return 'reads a file';
  const publicTests = pairs(public_tests);
  const privateTests = [...pairs(private_tests), ...pairs(generated_tests)];
  if (publicTests.length + privateTests.length === 0) return 'without tests';
  const programs = [
    ...python3(entry!.solutions).map((source) => ({ source, correct: true })),
    ...python3(entry!.incorrect_solutions).map((source) => ({ source, correct: false })),
  ];
  return {
    id: name,
    statement: description.trim(),
    publicTests,
    privateTests,
    limits: limitsOf(entry!),
    source: 'code_contests',
    ...(programs.length === 0 ? {} : { programs }),
  };
}

function pairs(given: z.infer<typeof lists> | null | undefined): TestCase[] {
  if (!given) return [];
  return given.input.map((input, i) => ({ input, output: given.output[i] ?? '' }));
}

function python3(given: z.infer<typeof solutions> | null | undefined): string[] {
  return given?.solution.filter((_, i) => PYTHON3.has(given.language[i])) ?? [];
}

function limitsOf({ time_limit, memory_limit_bytes }: z.infer<typeof published>): Limits {
  const timeMs = 1000 * (time_limit?.seconds ?? 0) + (time_limit?.nanos ?? 0) / 1e6;
  return {
    ...DEFAULT_LIMITS,
    ...(timeMs > 0 ? { cpuTimeMs: timeMs } : {}),
    ...(memory_limit_bytes ? { memoryLimitBytes: memory_limit_bytes } : {}),
  };
}
