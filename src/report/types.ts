/**
 * What a report is made from, and what it is.
 */
import type { RunToCompare } from '../evaluation/compare-runs.js';
import type { EvaluationRecord, TrainingMetric } from '../evaluation/records.js';

/** Where the numbers come from; shown under "How it was made". */
export interface RunFacts {
  readonly name: string;
  /** What to type to make it again. */
  readonly command: string;
  readonly seed: string | number;
  /** The resolved recipe, as YAML. */
  readonly recipe: string;
  /** Version by component: deskcheck, node, python, … */
  readonly versions: Readonly<Record<string, string>>;
  /** The commit of the code, where it is known. */
  readonly commit?: string;
  /** When it began, as text. */
  readonly startedAt?: string;
  /** The machine, in words. */
  readonly machine?: string;
  /** Further facts by name, in words, such as how well the tests were tested. */
  readonly facts?: Readonly<Record<string, string>>;
  /** Where the report was built, if that is another machine, commit or version than the run's. */
  readonly builtBy?: string;
  /** What asking models cost, over all sessions. */
  readonly spending?: {
    readonly calls: number;
    readonly promptTokens: number;
    readonly completionTokens: number;
    /** Some counts are guesses. */
    readonly estimated: boolean;
    readonly money?: number;
  };
  /** Finished stages in order, with the time they took over all sessions. */
  readonly stages: readonly { readonly name: string; readonly seconds: number }[];
}

export interface ReportInput {
  readonly title: string;
  /** One or two sentences: what was trained, on what it was tested. */
  readonly about?: string;
  readonly run: RunFacts;
  /** Evaluation rows and episode samples. */
  readonly records: readonly EvaluationRecord[];
  /** Where several runs are reported together: each on its own, in the order in which they were named. */
  readonly runs?: readonly RunToCompare[];
  /** Training rows of `metrics.jsonl`. */
  readonly metrics: readonly TrainingMetric[];
  /** What was meant to be recorded: a whole recipe (the default), or part of one: verify or fix, a benchmark, several runs. */
  readonly scope?: 'recipe' | 'model-run' | 'benchmark' | 'comparison';
  /** Further parts that are missing, one sentence each, as only the caller can know. */
  readonly missing?: readonly string[];
}

/** A file beside the page. */
export interface ReportFile {
  readonly name: string;
  readonly text: string;
}

export interface Report {
  /** One self-contained page: no scripts, no requests. */
  readonly html: string;
  readonly markdown: string;
  /** `numbers.csv` (every estimate, one per row) and `training.csv`. */
  readonly csv: readonly ReportFile[];
  /** A compact table for 100 columns. */
  readonly terminalSummary: string;
}
