/**
 * What best@k by simulation keeps of one problem (paper §3): the candidate programs, and for each of them on each
 * public test what was predicted. Plain data, so that a choice can be made again without
 * asking a model.
 */
import type { Program } from '../problem/types.js';

/** One prediction of a program's output on a public test. */
export type Prediction = (
  | {
      readonly kind: 'predicted';
      readonly output: string;
      /** Whether it equals the output that the test expects: the program is predicted to pass. */
      readonly matches: boolean;
    }
  | { readonly kind: 'unparsed' }
  | { readonly kind: 'truncated' }
  /** Our machinery failed. */
  | { readonly kind: 'unscored'; readonly reason: string }
) & {
  /** Completion tokens spent. */
  readonly tokens?: number;
  /** What the model wrote. */
  readonly completion?: string;
};

export interface SimulatedProgram {
  readonly program: Program;
  /** [public test][draw]; shorter where the program was given up early (early-stop.ts). */
  readonly predictions: readonly (readonly Prediction[])[];
}
