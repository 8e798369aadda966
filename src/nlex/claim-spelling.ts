/**
 * Quoted code as claims compare it with the program's statements, and what became of a test.
 */
import { evaluate, truth } from './evaluate.js';
import type { Statement } from './python-source.js';
import { codeOf } from './sentences.js';
import type { Step } from './steps.js';
import type { View } from './views.js';

/** Quoted code with its spelling evened out. */
export function normalise(code: string): string {
  return code
    .replace(/ …$/, '')
    .replace(/`/g, "'")
    .replace(/\s+/g, ' ')
    .replace(/^(if|elif|while) /, '')
    .replace(/:$/, '')
    .trim();
}

const spellings = new WeakMap<Statement, { readonly code: string; readonly test: string | undefined }>();

function spellingOf(step: Step): { readonly code: string; readonly test: string | undefined } {
  const { statement } = step;
  const known = spellings.get(statement);
  if (known) return known;
  const isTest = statement.kind === 'if' || statement.kind === 'while';
  const spelling = {
    code: normalise(codeOf(step)),
    test: isTest ? normalise(statement.test.text) : undefined,
  };
  spellings.set(statement, spelling);
  return spelling;
}

/** A step's statement with its spelling evened out. */
export function spelledCode(step: Step): string {
  return spellingOf(step).code;
}

export function testOf(step: Step): string | undefined {
  return spellingOf(step).test;
}

/** Whether a test came out so, as far as the trace shows it. */
export function verdictIs({ statement, next, before }: Step, verdict: boolean): boolean {
  if (statement.kind !== 'if' && statement.kind !== 'while') return false;
  if (statement.body === statement.line) {
    // The block is on the same line: which way it went shows in the values only.
    const value = evaluate(statement.test, before);
    return value === undefined || truth(value) === verdict;
  }
  return (next?.kind === 'line' && next.line === statement.body) === verdict;
}

/** A test is told before it runs, or after the calls that it makes. */
export function isToldAt({ kind }: View, step: Step): boolean {
  return kind === 'before' || (kind === 'after' && step.calls.length > 0);
}
