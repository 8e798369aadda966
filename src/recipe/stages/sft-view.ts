/**
 * An SFT step as a row of metrics.jsonl, and numbers of tokens in few characters.
 */
import type { SftStep } from '../../training/sft.js';

/** `losses` are those of the steps since the last row. */
export function metricOf(step: SftStep, losses: readonly number[]): Record<string, unknown> {
  return {
    stage: 'sft',
    step: step.step,
    tokens: step.tokens,
    elapsedSeconds: step.seconds,
    lossPerToken: losses.reduce((sum, loss) => sum + loss, 0) / Math.max(1, losses.length),
    tokensPerSecond: step.tokensPerSecond,
    learningRate: step.learningRate,
    gradNorm: step.gradNorm,
  };
}

export function thousands(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)}M` : `${(value / 1e3).toFixed(1)}k`;
}
