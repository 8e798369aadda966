/**
 * Items of HumanEval(+) and MBPP(+): what the model is asked, and how a whole program is made of what it wrote.
 */
import { readProgram } from '../../episode/prompts/answers.js';
import type { BenchmarkItem } from './benchmark.js';
import type { FunctionProblem } from './function-code.js';
import { judgeFunctions, planTests, type TestPlan } from './function-judge.js';

export function functionItem(problem: FunctionProblem): BenchmarkItem {
  let plan: Promise<TestPlan> | undefined;
  return {
    id: problem.id,
    problem: problem.id,
    messages: [{ role: 'user', content: promptOf(problem) }],
    read: (completion) => {
      const program = readProgram(completion)?.source;
      return program === undefined ? undefined : completeFunction(problem, program);
    },
    readRaw: (generation) => completeFunction(problem, generation),
    judge: async (answers, context) => {
      plan ??= planTests(problem, context);
      plan.catch(() => {
        plan = undefined;
      });
      return judgeFunctions(problem, await plan, answers, context);
    },
  };
}

/** `code` as a program: where it is the rest of a function, the head is put before it, else what the head imports. */
export function completeFunction({ form, prompt, entryPoint }: FunctionProblem, code: string): string {
  if (form === 'words') return code;
  if (!new RegExp(`^(?:async\\s+)?(?:def|class)\\s+${entryPoint}\\b`, 'm').test(code)) return prompt + code;
  const head = prompt.slice(0, prompt.search(new RegExp(`^(?:def|class)\\s+${entryPoint}\\b`, 'm')));
  // What stands before the head (imports, helpers that the tests use) stays, where the code has not its own.
  return `${head}\n${code}`;
}

function promptOf(problem: FunctionProblem): string {
  const end = 'End your answer with the complete program in one ```python block.';
  if (problem.form === 'head') {
    return `Complete this Python function. ${end}\n\n\`\`\`python\n${problem.prompt.trimEnd()}\n\`\`\``;
  }
  const { tests, entryPoint } = problem;
  // MBPP is asked with a test, since the words alone do not say what the function is called or takes.
  const example = tests.kind === 'asserts' ? `\n\nIt has to pass, among others:\n${tests.statements[0]}` : '';
  return `Write a Python function called ${entryPoint}. ${end}\n\n${problem.prompt.trim()}${example}`;
}
