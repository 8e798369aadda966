/**
 * One model on a set of problems, by the whole of the paper's evaluation (§3–§6): programs sampled and judged, each
 * program simulated on each public test, outputs predicted for right and wrong programs, and Self-RLEF with simulated
 * and with executed feedback. Writes records (records.ts); what they amount to is computed from those.
 * Give it a caching sandbox (src/execution): equal programs are common among samples.
 */
import type { Sandbox } from '../execution/types.js';
import type { ChatModel } from '../model/types.js';
import type { Problem } from '../problem/types.js';
import { recordPredictions } from './evaluate-predictions.js';
import { recordRepairs } from './evaluate-repairs.js';
import { recordSelection, sampleSolutions, simulateSolutions } from './evaluate-selection.js';
import { createEvaluationContext, type EvaluationOptions } from './evaluation-context.js';
import type { EvaluationRecord } from './records.js';

export type { EvaluationOptions } from './evaluation-context.js';

/** Evaluates one problem; records come in a fixed order. Without a sandbox programs are chosen, but not judged. */
export async function evaluateProblem(
  model: ChatModel,
  sandbox: Sandbox | undefined,
  problem: Problem,
  index: number,
  options: EvaluationOptions,
): Promise<EvaluationRecord[]> {
  const context = createEvaluationContext(model, sandbox, problem, options);
  const solved = await sampleSolutions(context);
  const [selection, predictions, repairs] = await Promise.all([
    simulateSolutions(context, solved).then((simulations) => recordSelection(context, solved, simulations)),
    recordPredictions(context, solved),
    recordRepairs(context, index < options.keepEpisodes),
  ]);
  // The selection last: where it is on disk, the problem is complete.
  return [...predictions, ...repairs.flatMap(({ records }) => records), selection];
}
