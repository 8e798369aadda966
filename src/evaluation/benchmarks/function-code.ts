/**
 * Readers of HumanEval, HumanEval+, MBPP and MBPP+ as published, in one normal form. How the tests are run:
 * function-judge.ts.
 */
import { z } from 'zod';
import { NUMBER_MARK } from './function-values.js';
import { parseRows } from './rows.js';

export const FUNCTION_CODE_SOURCES = {
  humaneval: 'Download data/HumanEval.jsonl.gz from github.com/openai/human-eval (MIT).',
  'humaneval+':
    'Download HumanEvalPlus.jsonl.gz from github.com/evalplus/humanevalplus_release (Apache-2.0).',
  mbpp: 'Download mbpp/mbpp.jsonl from github.com/google-research/google-research (CC BY 4.0).',
  'mbpp+': 'Download MbppPlus.jsonl.gz from github.com/evalplus/mbppplus_release (Apache-2.0).',
} as const;

export interface FunctionProblem {
  readonly id: string;
  /** What the model is asked: a function head with its docstring, or the task in words. */
  readonly prompt: string;
  readonly entryPoint: string;
  /** Continues `prompt` for `head` problems, stands alone for `words` ones. */
  readonly canonicalSolution: string;
  readonly form: 'head' | 'words';
  /**
   * - `check`: Python source that defines `check(candidate)`;
   * - `asserts`: statements that use the function by its name, after `setup`;
   * - `inputs`: argument lists (JSON values), expected results being those of the canonical solution within `atol`.
   */
  readonly tests:
    | { readonly kind: 'check'; readonly source: string }
    | { readonly kind: 'asserts'; readonly setup: string; readonly statements: readonly string[] }
    | {
        readonly kind: 'inputs';
        readonly base: readonly (readonly unknown[])[];
        readonly plus: readonly (readonly unknown[])[];
        readonly atol: number;
        /** Assertions of the same function, whose arguments show the types that are meant. */
        readonly assertion?: string;
      };
}

const common = {
  task_id: z.string(),
  prompt: z.string(),
  entry_point: z.string(),
  canonical_solution: z.string(),
};
const humanEval = z.object({ ...common, test: z.string() });
// Where a problem takes one unhashable or very large argument, evalplus writes it as an empty object or as a text.
const inputs = z
  .union([z.array(z.unknown()), z.record(z.string(), z.unknown())])
  .transform((list) =>
    Array.isArray(list) ? list.map((item) => (Array.isArray(item) ? item : [item])) : [],
  );
const evalPlus = z.object({
  ...common,
  base_input: inputs,
  plus_input: inputs,
  atol: z.union([z.number(), z.string()]).transform((atol) => Number(String(atol).replace(NUMBER_MARK, ''))),
  assertion: z.string().optional(),
});
const mbpp = z.object({
  task_id: z.number(),
  text: z.string(),
  code: z.string(),
  test_setup_code: z.string(),
  test_list: z.array(z.string()).min(1),
});

/** HumanEval, and other sets in its form (prompt, canonical_solution, test with `check`). */
export function parseHumanEval(rows: readonly unknown[]): FunctionProblem[] {
  return parseRows(rows, humanEval, 'HumanEval').map((entry) => ({
    id: entry.task_id,
    prompt: entry.prompt,
    entryPoint: entry.entry_point,
    canonicalSolution: entry.canonical_solution,
    form: 'head',
    tests: { kind: 'check', source: entry.test },
  }));
}

/** HumanEval+ or MBPP+ (`form: 'words'`), whose tests are inputs. */
export function parseEvalPlus(rows: readonly unknown[], form: FunctionProblem['form']): FunctionProblem[] {
  return parseRows(rows, evalPlus, 'EvalPlus').map((entry) => ({
    id: entry.task_id,
    prompt: entry.prompt,
    entryPoint: entry.entry_point,
    canonicalSolution: entry.canonical_solution,
    form,
    tests: {
      kind: 'inputs',
      base: entry.base_input,
      plus: entry.plus_input,
      atol: entry.atol,
      ...(entry.assertion === undefined ? {} : { assertion: entry.assertion }),
    },
  }));
}

/** MBPP. The entry point is the function that the first test calls and the reference defines. */
export function parseMbpp(rows: readonly unknown[]): FunctionProblem[] {
  return parseRows(rows, mbpp, 'MBPP').map((entry) => {
    const defined = [...entry.code.matchAll(/^(?:def|class)\s+([A-Za-z_]\w*)/gm)].map((match) => match[1]!);
    const first = entry.test_list[0]!;
    const used = defined.filter((name) => new RegExp(`\\b${name}\\s*\\(`).test(first));
    return {
      id: `Mbpp/${entry.task_id}`,
      prompt: entry.text,
      entryPoint: used.at(-1) ?? defined.at(-1) ?? '',
      canonicalSolution: entry.code.replaceAll('\r\n', '\n'),
      form: 'words',
      tests: { kind: 'asserts', setup: entry.test_setup_code, statements: entry.test_list },
    };
  });
}
