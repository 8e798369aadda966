/**
 * Keeping a Self-RLEF episode to be read in full: every prompt and completion, each simulation beside what the
 * program really prints.
 */
import type { SelfRlefOutcome } from '../episode/environments/self-rlef.js';
import type { Sandbox } from '../execution/types.js';
import type { ChatModel } from '../model/types.js';
import type { Problem } from '../problem/types.js';
import type { EpisodeSample, EpisodeSampleTurn } from './records.js';

/** One question and its answer, as the model saw them. */
export interface RecordedTurn {
  readonly prompt: string;
  completion: string;
}

/** Wraps a model so that its conversations are kept, in the order they were asked. */
export function recordMessages(model: ChatModel): {
  readonly recorder: ChatModel;
  readonly turns: RecordedTurn[];
} {
  const turns: RecordedTurn[] = [];
  const recorder: ChatModel = {
    id: model.id,
    generate: async (request) => {
      const turn = { prompt: request.messages.map(({ content }) => content).join('\n\n'), completion: '' };
      turns.push(turn);
      const response = await model.generate(request);
      turn.completion = response.text;
      return response;
    },
  };
  return { recorder, turns };
}

/** Tells the episode turn by turn; runs its programs once more to show what they really print. */
export async function describeEpisode(
  problem: Problem,
  outcome: SelfRlefOutcome,
  recorded: readonly RecordedTurn[],
  stage: string,
  model: string,
  sandbox: Sandbox,
): Promise<EpisodeSample> {
  const inputs = problem.publicTests.map(({ input }) => ({ kind: 'stdin', stdin: input }) as const);
  const options = problem.limits ? { limits: problem.limits } : {};
  const queue = [...recorded];
  const turns: EpisodeSampleTurn[] = [];
  for (const [index, { program, feedback }] of outcome.programs.entries()) {
    const wrote = queue.shift();
    if (wrote) turns.push({ purpose: index === 0 ? 'solve' : 'review', ...wrote, program: program.source });
    if (!feedback) continue;
    const executions = await sandbox.run(program, inputs, options);
    for (const [at, { input, actual, expected }] of feedback.entries()) {
      const simulated = queue.shift();
      if (!simulated) continue;
      const execution = executions[at];
      const executed = execution?.outcome === 'completed' ? execution.stdout : null;
      turns.push({
        purpose: 'simulate',
        ...simulated,
        comparison: { input, simulated: actual ?? null, executed, expected },
      });
    }
  }
  const last = queue.shift();
  if (last) turns.push({ purpose: 'review', ...last });
  return {
    schema: 'episode-sample/1',
    title: `${problem.id}: ${outcome.programs.length} program${outcome.programs.length === 1 ? '' : 's'}, ${outcome.kind}`,
    stage,
    model,
    problem: problem.id,
    statement: problem.statement,
    turns,
    verdicts: outcome.programs.map(({ verdicts }, index) => ({
      label: `program ${index + 1}, all tests`,
      verdict:
        [...(verdicts?.public ?? []), ...(verdicts?.private ?? [])].find(
          ({ verdict }) => verdict !== 'accepted',
        )?.verdict ?? 'accepted',
    })),
  };
}
