import { expect, test } from 'vitest';
import type { PolicyVersion } from '../../model/types.js';
import type { RlStep } from './options.js';
import { createRunawayWatch } from './runaway.js';
import type { TaskMetrics } from './step-metrics.js';

function stepWith(task: Partial<TaskMetrics>, fields: Partial<RlStep> = {}): RlStep {
  const healthy: TaskMetrics = {
    groups: 10,
    reward: 0,
    mixedShare: 0.5,
    truncatedShare: 0.01,
    unparsedShare: 0.02,
    meanTokens: 100,
    repetition: 0.1,
    entropy: 0.4,
  };
  return {
    step: 1,
    version: 1 as PolicyVersion,
    learningRate: 1e-4,
    tasks: { solve: { ...healthy, ...task } },
    mixedShare: 0.5,
    groups: { trained: 5, uniform: 5, stale: 0, stragglers: 0, unscored: 0, abandoned: 0 },
    failures: {},
    rejected: 0,
    staleness: { 0: 5 },
    sampledTokens: 8000,
    trainedTokens: 4000,
    tokens: 4000,
    stepSeconds: 1,
    waitingSeconds: 0.5,
    seconds: 1,
    tokensPerSecond: 8000,
    progress: 0.1,
    ...fields,
  };
}

function warningsAfter(...steps: readonly RlStep[]): readonly string[] {
  const watch = createRunawayWatch({ baselineSteps: 2, windowSteps: 2 });
  watch(stepWith({}));
  watch(stepWith({}));
  return steps.flatMap((step) => watch(step));
}

test('a healthy run gives no warning', () => {
  expect(
    warningsAfter(stepWith({}), stepWith({ entropy: 0.3, meanTokens: 120 }), stepWith({ reward: 1 })),
  ).toEqual([]);
});

test.each([
  ['entropy fell from 0.40 to 0.050', stepWith({ entropy: 0.05 })],
  ['entropy rose from 0.40 to 1.5', stepWith({ entropy: 1.5 })],
  ['episodes grew from 100 to 200 tokens', stepWith({ meanTokens: 200 })],
  [
    '50% of the episodes end truncated or unparsed, 3% did',
    stepWith({ truncatedShare: 0.3, unparsedShare: 0.2 }),
  ],
  ['60% of what is written repeats itself', stepWith({ repetition: 0.6 })],
  [
    'sampler and trainer disagree by 0.10 nats',
    stepWith({}, { policy: { clipFraction: 0, divergence: 0, mismatch: { mean: 0.1, max: 1, tokens: 10 } } }),
  ],
  ['40% of the tokens are clipped', stepWith({}, { policy: { clipFraction: 0.4, divergence: 0 } })],
  [
    '50% of the groups could not be scored',
    stepWith({}, { groups: { trained: 5, uniform: 5, stale: 0, stragglers: 0, unscored: 10, abandoned: 0 } }),
  ],
])('it warns: %s', (text, step) => {
  const warnings = warningsAfter(step);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(text);
});

test('a warning that stands is given once, and again when it comes back', () => {
  const bad = stepWith({ meanTokens: 400 });
  expect(warningsAfter(bad, bad, bad)).toHaveLength(1);
  expect(warningsAfter(bad, bad, stepWith({}), stepWith({}), bad, bad)).toHaveLength(2);
});

test('it warns of a policy that is far from where it started, also when that is measured now and then only', () => {
  const far = stepWith({}, { policy: { clipFraction: 0, divergence: 0, divergenceFromStart: 0.8 } });
  const warnings = warningsAfter(far, stepWith({}), stepWith({}));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('0.80 nats per token from where it started');
});
