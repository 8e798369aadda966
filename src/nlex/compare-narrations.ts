/**
 * Where a simulated execution leaves the real one: two terse narrations (terse-narrator.ts) compared step by step. The form
 * is fixed, so a step that differs in its text is a step that went another way. Prose cannot be compared so; nor can a
 * narration that was never in the terse form.
 */

/** One step of a terse narration. */
export interface NarratedStep {
  /** From 1, in the narration. */
  readonly line: number;
  readonly text: string;
}

export type NarrationComparison =
  | { readonly kind: 'same'; readonly steps: number }
  | {
      readonly kind: 'differs';
      /** From 1: the first step that differs. */
      readonly step: number;
      /** Steps before it, the same in both, the last few. */
      readonly before: readonly NarratedStep[];
      /** Absent where that side has ended. */
      readonly simulated?: NarratedStep;
      readonly executed?: NarratedStep;
    };

/** Steps are parted by line breaks and, within a line, by `; `. */
export function stepsOf(narration: string): NarratedStep[] {
  return narration.split('\n').flatMap((text, index) =>
    text
      .split(';')
      .map((step) => ({ line: index + 1, text: step.trim() }))
      .filter((step) => step.text !== ''),
  );
}

/** The explanation of a completion, without the answer behind it. */
export function narrationOf(completion: string): string {
  const thought = /\[THOUGHT\]\n?([\s\S]*?)(?:\[\/THOUGHT\]|$)/.exec(completion)?.[1];
  return (thought ?? completion.replace(/<output>[\s\S]*$/, '')).trim();
}

/** Finds the first step in which two terse narrations differ. */
export function compareNarrations(simulated: string, executed: string): NarrationComparison {
  const [mine, real] = [stepsOf(simulated), stepsOf(executed)];
  for (let at = 0; at < Math.max(mine.length, real.length); at++) {
    const [a, b] = [mine[at], real[at]];
    if (a?.text === b?.text) continue;
    return {
      kind: 'differs',
      step: at + 1,
      before: real.slice(Math.max(0, at - 2), at),
      ...(a && { simulated: a }),
      ...(b && { executed: b }),
    };
  }
  return { kind: 'same', steps: real.length };
}

/** Whether a text is in the terse form at all: most of its steps hold an assignment, a comparison or an item. */
export function isTerse(narration: string): boolean {
  const steps = stepsOf(narration);
  const formal = steps.filter(({ text }) => /^(#\d+ )?\w+(\[\d+\])? = |( yes| no)$/.test(text)).length;
  return steps.length > 0 && formal >= 0.6 * steps.length;
}
