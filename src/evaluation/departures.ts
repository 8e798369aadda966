/**
 * Where simulations go wrong: for a program whose output was predicted wrong, the first step in which the simulated
 * execution leaves the real one. Only for simulations in the terse form, which can be compared step by step; prose is
 * left out (`deskcheck simulate --check` looks at its claims instead).
 */
import { outputsMatch } from '../execution/comparators.js';
import { compareNarrations, isTerse, narrationOf } from '../nlex/compare-narrations.js';
import { parsePython } from '../nlex/python-source.js';
import { narrateTersely } from '../nlex/terse-narrator.js';
import type { Prediction } from '../selection/types.js';
import type { EvaluationContext } from './evaluation-context.js';
import type { DepartureRecord } from './records.js';

/** [public test] the departure of the first wrong draw; `undefined` where there is none or it cannot be told. */
export async function findDepartures(
  { problem, sandbox, options }: EvaluationContext,
  source: string,
  outputs: readonly (string | null)[] | undefined,
  predictions: readonly (readonly Prediction[])[],
): Promise<(DepartureRecord | undefined)[]> {
  const wrong = predictions.map((draws, test) => firstWrong(draws, outputs?.[test]));
  const tests = wrong.flatMap((draw, test) => (draw === undefined ? [] : [test]));
  const found = predictions.map((): DepartureRecord | undefined => undefined);
  if (sandbox === undefined || tests.length === 0) return found;
  const inputs = tests.map((test) => ({ kind: 'stdin', stdin: problem.publicTests[test]!.input }) as const);
  const traces = await sandbox.trace({ source }, inputs, {
    ...(problem.limits && { limits: problem.limits }),
    ...(options.signal && { signal: options.signal }),
  });
  const python = parsePython(source);
  for (const [at, test] of tests.entries()) {
    const { draw, narration } = wrong[test]!;
    const real = narrateTersely(python, traces[at]!);
    const compared = real === undefined ? undefined : compareNarrations(narration, real);
    if (compared?.kind !== 'differs') continue;
    const { step, before, simulated, executed } = compared;
    found[test] = {
      draw,
      step,
      before: before.map(({ text }) => text),
      simulated: simulated?.text ?? null,
      executed: executed?.text ?? null,
    };
  }
  return found;
}

function firstWrong(
  draws: readonly Prediction[],
  actual: string | null | undefined,
): { readonly draw: number; readonly narration: string } | undefined {
  if (actual == null) return undefined;
  for (const [draw, prediction] of draws.entries()) {
    if (prediction.kind === 'unscored' || prediction.completion === undefined) continue;
    if (prediction.kind === 'predicted' && outputsMatch('output', prediction.output, actual)) continue;
    const narration = narrationOf(prediction.completion);
    if (isTerse(narration)) return { draw, narration };
  }
  return undefined;
}
