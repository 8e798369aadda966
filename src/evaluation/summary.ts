/**
 * From records to the numbers of a report: pure, deterministic for a seed, nothing rounded.
 *
 * Conventions shared by all tables here:
 * - the unit of resampling is the problem; a mean pools the items of all problems (statistics.ts);
 * - what the machinery failed to score is in no denominator, is counted, and has best- and worst-case bounds;
 * - a value that cannot be computed is `null`, never 0 or NaN.
 */
import { type BootstrapSettings, createSummaryContext, modelName } from './estimates.js';
import type {
  BenchmarkRecord,
  EvaluationRecord,
  OutputPredictionRecord,
  SelectionRecord,
  SelfRlefRecord,
} from './records.js';
import { type BenchmarkSummary, summariseBenchmarks } from './summarise-benchmarks.js';
import { type OwnMixSummary, summariseOwnMixes } from './summarise-own-mix.js';
import {
  type PredictionChange,
  type PredictionSummary,
  summarisePredictions,
} from './summarise-predictions.js';
import { type SelectionChange, type SelectionSummary, summariseSelections } from './summarise-selections.js';
import { type SelfRlefContrast, type SelfRlefSummary, summariseSelfRlef } from './summarise-self-rlef.js';

export interface Summary {
  readonly predictions: readonly PredictionSummary[];
  readonly predictionChanges: readonly PredictionChange[];
  readonly ownMixes: readonly OwnMixSummary[];
  readonly selections: readonly SelectionSummary[];
  readonly selectionChanges: readonly SelectionChange[];
  readonly selfRlef: readonly SelfRlefSummary[];
  readonly selfRlefContrasts: readonly SelfRlefContrast[];
  readonly benchmarks: readonly BenchmarkSummary[];
  readonly bootstrap: BootstrapSettings;
}

export interface SummaryOptions {
  /** Seed of the bootstrap; default `report`. */
  readonly seed?: string;
  /** Default 2,000. */
  readonly resamples?: number;
  /** The largest k of the curves; default 10. */
  readonly maxK?: number;
}

/** Computes every table of the report; records of kinds that are absent give empty tables. */
export function summarise(records: Iterable<EvaluationRecord>, options: SummaryOptions = {}): Summary {
  const settings = { resamples: options.resamples ?? 2_000, level: 0.95, seed: options.seed ?? 'report' };
  const context = createSummaryContext(settings, options.maxK ?? 10);
  const predictions: OutputPredictionRecord[] = [];
  const selections: SelectionRecord[] = [];
  const repairs: SelfRlefRecord[] = [];
  const benchmarks: BenchmarkRecord[] = [];
  // Runs write problems in the order in which they finish; resampling has to see them in one order.
  const inOrder = [...records].sort((a, b) => (a.problem < b.problem ? -1 : a.problem > b.problem ? 1 : 0));
  for (const written of inOrder) {
    const record = { ...written, model: modelName(written) };
    switch (record.schema) {
      case 'output-prediction/1':
        predictions.push(record);
        break;
      case 'selection/1':
        selections.push(record);
        break;
      case 'self-rlef/1':
        repairs.push(record);
        break;
      case 'benchmark/1':
        benchmarks.push(record);
        break;
      case 'episode-sample/1':
        break;
      default:
        record satisfies never;
    }
  }
  return {
    ...summarisePredictions(predictions, context),
    ownMixes: summariseOwnMixes(selections, context),
    ...summariseSelections(selections, context),
    ...summariseSelfRlef(repairs, context),
    benchmarks: summariseBenchmarks(benchmarks, context),
    bootstrap: settings,
  };
}
