/**
 * Noticing a run that runs away: the step's numbers against those of the run's first steps. Warnings are words for a
 * person; nothing is stopped.
 */
import type { RlStep } from './options.js';

export interface RunawayLimits {
  /** Steps that make the baseline; default 5. */
  readonly baselineSteps?: number;
  /** Steps that are averaged against it; default 5. */
  readonly windowSteps?: number;
}

/** Returns a function to be called with each step; it gives the warnings that the step newly deserves. */
export function createRunawayWatch(limits: RunawayLimits = {}): (step: RlStep) => readonly string[] {
  const { baselineSteps = 5, windowSteps = 5 } = limits;
  const baseline: Vitals[] = [];
  const recent: Vitals[] = [];
  let standing = new Set<string>();
  let fromStart = 0;
  return (step) => {
    fromStart = step.policy?.divergenceFromStart ?? fromStart;
    const vitals = vitalsOf(step, fromStart);
    if (!vitals) return [];
    if (baseline.length < baselineSteps) {
      baseline.push(vitals);
      return [];
    }
    recent.push(vitals);
    if (recent.length > windowSteps) recent.shift();
    const warnings = compare(average(baseline), average(recent));
    const fresh = [...warnings].filter(([kind]) => !standing.has(kind)).map(([, text]) => text);
    standing = new Set(warnings.keys());
    return fresh;
  };
}

interface Vitals {
  readonly entropy: number;
  readonly meanTokens: number;
  readonly unanswered: number;
  readonly repetition: number;
  readonly mismatch: number;
  readonly clipped: number;
  readonly unscored: number;
  /** Of the last step in which it was measured. */
  readonly fromStart: number;
}

function vitalsOf({ tasks, policy, groups }: RlStep, fromStart: number): Vitals | undefined {
  const all = Object.values(tasks);
  const scored = all.reduce((sum, task) => sum + task.groups, 0);
  if (scored === 0) return undefined;
  const mean = (of: (task: (typeof all)[number]) => number): number =>
    all.reduce((sum, task) => sum + of(task) * task.groups, 0) / scored;
  const failed = groups.unscored + groups.abandoned;
  return {
    entropy: mean(({ entropy }) => entropy),
    meanTokens: mean(({ meanTokens }) => meanTokens),
    unanswered: mean(({ truncatedShare, unparsedShare }) => truncatedShare + unparsedShare),
    repetition: mean(({ repetition }) => repetition),
    mismatch: policy?.mismatch?.mean ?? 0,
    clipped: policy?.clipFraction ?? 0,
    unscored: failed / (failed + scored),
    fromStart,
  };
}

function average(rows: readonly Vitals[]): Vitals {
  const mean = (key: keyof Vitals): number => rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  return {
    entropy: mean('entropy'),
    meanTokens: mean('meanTokens'),
    unanswered: mean('unanswered'),
    repetition: mean('repetition'),
    mismatch: mean('mismatch'),
    clipped: mean('clipped'),
    unscored: mean('unscored'),
    fromStart: rows.at(-1)?.fromStart ?? 0,
  };
}

/** By kind, so that a warning that stands is not repeated. */
function compare(start: Vitals, now: Vitals): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const warn = (kind: string, when: boolean, text: string): void => {
    if (when) found.set(kind, text);
  };
  warn(
    'entropy-low',
    now.entropy < 0.25 * start.entropy,
    `entropy fell from ${number(start.entropy)} to ${number(now.entropy)} nats per token: samples become alike; lower the learning rate`,
  );
  warn(
    'entropy-high',
    now.entropy > 2 * start.entropy + 0.1,
    `entropy rose from ${number(start.entropy)} to ${number(now.entropy)} nats per token: the policy is coming apart; lower the learning rate`,
  );
  warn(
    'length',
    now.meanTokens > 1.5 * start.meanTokens,
    `episodes grew from ${Math.round(start.meanTokens)} to ${Math.round(now.meanTokens)} tokens`,
  );
  warn(
    'unanswered',
    now.unanswered > start.unanswered + 0.2,
    `${percent(now.unanswered)} of the episodes end truncated or unparsed, ${percent(start.unanswered)} did at the start`,
  );
  warn(
    'repetition',
    now.repetition > start.repetition + 0.2,
    `${percent(now.repetition)} of what is written repeats itself, ${percent(start.repetition)} did at the start`,
  );
  warn(
    'mismatch',
    now.mismatch > 0.02,
    `sampler and trainer disagree by ${number(now.mismatch)} nats per token on the same weights; the ratios are not to be trusted`,
  );
  warn(
    'clipped',
    now.clipped > 0.3,
    `${percent(now.clipped)} of the tokens are clipped; take smaller steps or fresher rollouts`,
  );
  warn(
    'unscored',
    now.unscored > 0.1,
    `${percent(now.unscored)} of the groups could not be scored; look at the sandbox`,
  );
  warn(
    'from-start',
    now.fromStart > 0.5,
    `the policy is ${number(now.fromStart)} nats per token from where it started; lower the learning rate, or replay SFT data`,
  );
  return found;
}

function number(value: number): string {
  return value.toPrecision(2);
}

function percent(share: number): string {
  return `${Math.round(100 * share)}%`;
}
