/**
 * Solving (paper §2.2, A.1.3): a problem, with or without its public tests → a Python program; on request judged by
 * running it for real. Expected outputs stay here: the sandbox is given the inputs only.
 */
import type { ComparatorName } from '../../execution/comparators.js';
import type { Problem, Program } from '../../problem/types.js';
import { ask, createTurnMaker, readAnswer } from '../ask.js';
import { judgePrograms, type ProgramVerdicts } from '../judging.js';
import type { PromptStyle } from '../prompt-style.js';
import type { Episode } from '../types.js';

export interface SolveSpec {
  readonly kind: 'solve';
  readonly problem: Problem;
  readonly style: PromptStyle;
  /** Whether the prompt shows the public tests. */
  readonly includePublicTests: boolean;
  readonly maxTokens: number;
  /** `all`: run the program on the public and private tests and compare; `none`: return the program only. */
  readonly judge: 'all' | 'none';
  /** Default `codecontests`. */
  readonly comparator?: ComparatorName;
  readonly seed: number | string;
}

export type SolveOutcome =
  | {
      readonly kind: 'program';
      readonly program: Program;
      /** Absent when the spec asks for no judging. */
      readonly verdicts?: ProgramVerdicts;
    }
  | { readonly kind: 'unparsed' }
  | { readonly kind: 'truncated' };

export function* solve(spec: SolveSpec): Episode<SolveOutcome> {
  const turn = createTurnMaker(spec.seed);
  const response = yield* ask(
    turn({
      purpose: 'solve',
      messages: spec.style.solve(spec.problem, { includePublicTests: spec.includePublicTests }),
      maxTokens: spec.maxTokens,
      trained: true,
    }),
  );
  const answer = readAnswer(response, (text) => spec.style.parseProgram(text));
  if (answer.kind !== 'answer') return answer;
  const program = answer.value;
  if (spec.judge === 'none') return { kind: 'program', program };
  const [verdicts] = yield* judgePrograms(spec.problem, [{ program }], spec.comparator ?? 'codecontests');
  return { kind: 'program', program, verdicts: verdicts! };
}
