/**
 * Output prediction (paper §2.2, Table 1): program and input → what the program prints, or what the call returns.
 * The prompt holds neither the expected output nor the problem.
 */
import type { ComparatorName } from '../../execution/comparators.js';
import { outputsMatch } from '../../execution/comparators.js';
import type { Program, ProgramInput } from '../../problem/types.js';
import { ask, createTurnMaker, readLastAnswer } from '../ask.js';
import type { PromptStyle } from '../prompt-style.js';
import type { Episode } from '../types.js';

export interface PredictOutputSpec {
  readonly kind: 'predict-output';
  readonly program: Program;
  readonly input: ProgramInput;
  /**
   * What the prediction is compared with: what the program really prints (training, evaluation), or what a test
   * expects (selection). It never enters a prompt. Without it nothing is compared.
   */
  readonly expected?: string;
  /** Default: `output` for stdin, `literal` for a call. */
  readonly comparator?: ComparatorName;
  readonly style: PromptStyle;
  /** The most tokens of the completion. */
  readonly maxTokens: number;
  readonly seed: number | string;
}

export type PredictOutputOutcome =
  | {
      readonly kind: 'predicted';
      readonly output: string;
      /** Whether it equals `expected`; absent when the spec has none. */
      readonly matches?: boolean;
      readonly comparator: ComparatorName;
    }
  | { readonly kind: 'unparsed' }
  | { readonly kind: 'truncated' };

/** One turn: program and input → predicted output (paper §2.2). Yields one `Turn`; runs nothing. */
export function* predictOutput(spec: PredictOutputSpec): Episode<PredictOutputOutcome> {
  const turn = createTurnMaker(spec.seed);
  const response = yield* ask(
    turn({
      purpose: 'predict',
      messages: spec.style.predictOutput(spec.program, spec.input),
      maxTokens: spec.maxTokens,
      trained: true,
    }),
  );
  const answer = readLastAnswer(response, (text) => spec.style.parseOutput(text, spec.input));
  if (answer.kind !== 'answer') return answer;
  const comparator = spec.comparator ?? (spec.input.kind === 'stdin' ? 'output' : 'literal');
  const predicted = { kind: 'predicted', output: answer.value, comparator } as const;
  if (spec.expected === undefined) return predicted;
  return { ...predicted, matches: outputsMatch(comparator, answer.value, spec.expected) };
}
