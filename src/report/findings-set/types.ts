/**
 * What the report of a findings set is made from: arms, each run from several seeds, and what to compare and draw.
 */
import type { MetricName } from '../../evaluation/arm-metrics.js';
import type { EvaluationRecord } from '../../evaluation/records.js';

/**
 * - `bars`: metrics side by side, per arm, with intervals.
 * - `curves`: best@k by simulation and execution, pass@k and short-1@k against k (paper, figure 4), a panel per arm.
 * - `gap`: the simulation gap against how well the arm simulates the programs to choose from.
 * - `length`: how often a simulation is right against how long it is.
 */
export const FIGURE_KINDS = ['bars', 'curves', 'gap', 'length'] as const;
export type FigureKind = (typeof FIGURE_KINDS)[number];

/** Where the records of one arm and seed come from. */
export interface ArmFacts {
  readonly arm: string;
  readonly seed: number;
  readonly commit?: string | undefined;
  readonly machine: string;
  readonly node: string;
  /** Per stage. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly sft?: { readonly steps: number; readonly tokens: number } | undefined;
  readonly rl?: { readonly steps: number; readonly tokens: number } | undefined;
}

export interface ArmRun {
  readonly facts: ArmFacts;
  readonly records: readonly EvaluationRecord[];
}

export interface SetComparison {
  readonly claim: string;
  readonly paper?: string | undefined;
  readonly arm: string;
  readonly metric: MetricName;
  readonly against: { readonly arm?: string | undefined; readonly metric?: MetricName | undefined };
  readonly expect: 'higher' | 'lower';
}

export interface SetFigure {
  readonly name: string;
  readonly title: string;
  readonly kind: FigureKind;
  readonly metrics: readonly MetricName[];
  readonly arms: readonly string[];
}

export interface SetReportInput {
  readonly name: string;
  readonly title: string;
  readonly command: string;
  readonly seeds: readonly number[];
  readonly arms: readonly { readonly name: string; readonly title: string }[];
  /** Those that are finished. */
  readonly runs: readonly ArmRun[];
  readonly compare: readonly SetComparison[];
  readonly figures: readonly SetFigure[];
}
