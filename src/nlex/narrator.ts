/**
 * The Narrator seam, and what is done with every narration: an execution is told, what is told is grounded, and kept or
 * left out for a reason. `template` (line-narrator.ts) tells for nothing and exactly; `llm` (llm-narrator.ts) asks a
 * chat model.
 */
import {
  type GroundedExecution,
  type Grounding,
  type GroundingThresholds,
  groundExplanation,
  rejectionOf,
} from './grounding.js';
import { narrateSteps } from './line-narrator.js';

export type Narration =
  | {
      readonly kind: 'told';
      readonly explanation: string;
      /** What the narrator says is printed, or for a call its result as a Python literal. */
      readonly output: string;
    }
  /** Nothing that could be used. */
  | { readonly kind: 'none'; readonly reason: string };

export interface Narrator {
  /** For records: `template`, or `llm:` and the model's name. */
  readonly id: string;
  /** `execution` completed within the caps. */
  tell(execution: GroundedExecution, signal?: AbortSignal): Promise<Narration>;
}

export const templateNarrator: Narrator = {
  id: 'template',
  tell: async ({ source, input, trace }) => {
    const { stdout, result = '' } = trace.execution;
    return {
      kind: 'told',
      explanation: narrateSteps(source, trace),
      output: input.kind === 'call' ? result : stdout,
    };
  },
};

/** An explanation that may be kept. */
export interface Explained {
  readonly kind: 'explained';
  readonly explanation: string;
  readonly narrator: string;
  readonly grounding: Grounding;
}

/** Tells an execution and checks what was told. */
export async function explain(
  execution: GroundedExecution,
  narrator: Narrator,
  thresholds: GroundingThresholds,
  signal?: AbortSignal,
): Promise<Explained | { readonly kind: 'rejected'; readonly reason: string }> {
  const narration = await narrator.tell(execution, signal);
  if (narration.kind === 'none') return { kind: 'rejected', reason: narration.reason };
  const grounding = groundExplanation(execution, narration.explanation, narration.output);
  const reason = rejectionOf(grounding, thresholds);
  if (reason !== undefined) return { kind: 'rejected', reason };
  return { kind: 'explained', explanation: narration.explanation, narrator: narrator.id, grounding };
}
