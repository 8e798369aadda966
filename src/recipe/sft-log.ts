/**
 * What SFT shows and keeps of its steps, for the small world's stage and for conversations alike: the line on the terminal,
 * and rows of metrics.jsonl.
 */
import type { JsonLinesWriter } from '../core/json-lines.js';
import type { Progress } from '../core/progress.js';
import type { SftStep } from '../training/sft.js';

export interface SftLog {
  /** Shows a step; writes a row every so many. */
  onStep(step: SftStep): Promise<void>;
  /** A row now, with further fields, such as what a validation found. */
  write(step: SftStep, fields?: Readonly<Record<string, unknown>>): Promise<void>;
}

/** `every`: steps between two rows. The loss of a row, in nats per token, is the mean over the steps since the last one. */
export function createSftLog(writer: JsonLinesWriter, progress: Progress, every: number): SftLog {
  let losses: number[] = [];
  const log: SftLog = {
    onStep: async (step) => {
      losses.push(step.loss);
      progress.update(
        step.progress,
        `loss ${step.loss.toFixed(3)}, ${thousands(step.tokensPerSecond)} tokens/s`,
      );
      if (step.step % every === 0) await log.write(step);
    },
    write: async (step, fields = {}) => {
      const row = { ...metricOf(step, losses), ...fields };
      losses = [];
      await writer.write([row]);
    },
  };
  return log;
}

function metricOf(step: SftStep, losses: readonly number[]): Record<string, unknown> {
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

/** 2,300,000 → `2.3M`, 5,400 → `5.4k`. */
export function thousands(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)}M` : `${(value / 1e3).toFixed(1)}k`;
}
