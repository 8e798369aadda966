/**
 * Reading problem files: JSON lines of `Problem` rows (types.ts), plain or gzipped.
 *
 * Left out: published formats of benchmarks (src/evaluation/benchmarks).
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { messageOf, UsageError } from '../core/errors.js';
import { DEFAULT_LIMITS, type Problem, type Program } from './types.js';

const tests = z.array(z.object({ input: z.string(), output: z.string() }));

/** Limits as a row gives them: milliseconds of CPU time, bytes; what it leaves out is the default's. */
export const limitsRow = z.object({
  cpuTimeMs: z.number().positive().default(DEFAULT_LIMITS.cpuTimeMs),
  memoryLimitBytes: z.number().int().positive().default(DEFAULT_LIMITS.memoryLimitBytes),
  outputLimitBytes: z.number().int().positive().default(DEFAULT_LIMITS.outputLimitBytes),
});

const problem = z.object({
  id: z.string().min(1),
  statement: z.string(),
  publicTests: tests,
  privateTests: tests.default([]),
  limits: limitsRow.optional(),
  source: z.string().optional(),
  programs: z.array(z.object({ source: z.string(), correct: z.boolean() })).optional(),
});

/** Reads all problems. Throws a UsageError that names line and field, also for an id that comes twice. */
export async function readProblems(path: string): Promise<Problem[]> {
  const rows = await readRows(path, 'problems');
  const lineOf = new Map<string, number>();
  const problems = rows.map(({ value, line }) => {
    const read = problem.safeParse(value);
    if (!read.success) throw new UsageError(`${path}, line ${line}: not a problem: ${explain(read.error)}`);
    const before = lineOf.get(read.data.id);
    if (before !== undefined) {
      throw new UsageError(`${path}, line ${line}: the id "${read.data.id}" is taken by line ${before}`);
    }
    lineOf.set(read.data.id, line);
    return read.data as Problem;
  });
  if (problems.length === 0) throw new UsageError(`${path} holds no problems`);
  return problems;
}

/** A program and the problem that it is for. */
export interface ProgramRow extends Program {
  readonly problem: string;
  /** What tells it from other programs for the problem; default its place among them. */
  readonly id: string;
}

const programRow = z.object({
  problem: z.string(),
  id: z.union([z.string(), z.number()]).optional(),
  source: z.string(),
});

/** Reads programs, JSON lines of `{problem, source, id?}`. Throws a UsageError that names line and field. */
export async function readPrograms(path: string): Promise<ProgramRow[]> {
  const counts = new Map<string, number>();
  return (await readRows(path, 'programs')).map(({ value, line }) => {
    const read = programRow.safeParse(value);
    if (!read.success) throw new UsageError(`${path}, line ${line}: not a program: ${explain(read.error)}`);
    const { problem: of, id, source } = read.data;
    const place = counts.get(of) ?? 0;
    counts.set(of, place + 1);
    return { problem: of, id: String(id ?? place), source };
  });
}

async function readRows(path: string, what: string): Promise<{ value: unknown; line: number }[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  } catch (cause) {
    throw new UsageError(`cannot read the ${what} ${path}: ${messageOf(cause)}`, { cause });
  }
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((text, index) => {
      if (text.trim() === '') return [];
      try {
        return [{ value: JSON.parse(text) as unknown, line: index + 1 }];
      } catch {
        throw new UsageError(
          `${path}, line ${index + 1} is not JSON; expected one ${what.slice(0, -1)} per line`,
        );
      }
    });
}

/** `publicTests[0].output: Invalid input: expected string, received number` */
function explain(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map(({ path, message }) => {
      const where = path
        .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
        .join('');
      return where === '' ? message : `${where.replace(/^\./, '')}: ${message}`;
    })
    .join('; ');
}
