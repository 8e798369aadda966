/**
 * An RL step as a person sees it while it runs, and as a row of metrics.jsonl.
 */
import type { RlStep } from '../../training/rl/options.js';

/** What a task is called where there is little room. */
const SHORT: Readonly<Record<string, string>> = {
  'output-prediction': 'predict',
  solving: 'solve',
  'self-rlef': 'repair',
};

/** Reward per task, speed and staleness; the time left is the progress line's own business. */
export function stepLine(step: RlStep): string {
  const rewards = Object.entries(step.tasks).map(
    ([name, { reward }]) => `${SHORT[name] ?? name} ${reward.toFixed(2)}`,
  );
  const speed = `${(step.tokensPerSecond / 1000).toFixed(1)}k tokens/s`;
  const age = meanStaleness(step);
  const stale = age > 0 ? `, staleness ${age.toFixed(1)}` : '';
  return `step ${step.step}: reward ${rewards.join(', ')}; ${speed}${stale}`;
}

/** A row of metrics.jsonl; the nested numbers of the step are kept as they are. */
export function metricOf(step: RlStep): Record<string, unknown> {
  const { seconds, tasks, stepSeconds, ...rest } = step;
  const rewards = Object.entries(tasks).map(([name, { reward }]) => [name, reward] as const);
  return {
    stage: 'rl',
    elapsedSeconds: seconds,
    reward: Object.fromEntries(rewards),
    meanStaleness: meanStaleness(step),
    tasks,
    ...rest,
    stepSeconds,
  };
}

/** Policy steps, over the trained groups; 0 when there are none. */
function meanStaleness({ staleness }: RlStep): number {
  const counts = Object.entries(staleness).map(([age, groups]) => ({ age: Number(age), groups }));
  const groups = counts.reduce((sum, each) => sum + each.groups, 0);
  return groups > 0 ? counts.reduce((sum, each) => sum + each.age * each.groups, 0) / groups : 0;
}
