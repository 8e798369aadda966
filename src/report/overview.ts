/**
 * The overview table of the most wanted numbers, one column per stage, for the terminal, Markdown and the page.
 */
import type { SelectionSummary } from '../evaluation/summarise-selections.js';
import type { Summary } from '../evaluation/summary.js';
import { differenceText, estimateText, NO_VALUE } from './format.js';

/** A table of texts: a heading per column, then rows. */
export interface Overview {
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly label: string;
    readonly indent: boolean;
    readonly cells: readonly string[];
  }[];
}

/** The numbers that everybody asks for; `columns` are stages (and models, where there are several). */
export function overview(summary: Summary, label: (stage: string, model: string) => string): Overview {
  const keys = new Map<string, { readonly stage: string; readonly model: string }>();
  const sources = [...summary.predictions, ...summary.selections, ...summary.selfRlef, ...summary.benchmarks];
  for (const { stage, model } of sources) keys.set(label(stage, model), { stage, model });
  const rows: { label: string; indent: boolean; cells: string[] }[] = [];
  const row = (
    name: string,
    cell: (of: { readonly stage: string; readonly model: string }) => string | undefined,
  ): void => {
    const cells = [...keys.values()].map((key) => cell(key) ?? NO_VALUE);
    if (cells.some((text) => text !== NO_VALUE))
      rows.push({ label: name.trim(), indent: name.startsWith(' '), cells });
  };
  const same =
    (key: { readonly stage: string; readonly model: string }) =>
    (entry: { readonly stage: string; readonly model: string }) =>
      entry.stage === key.stage && entry.model === key.model;
  const group =
    (name: string, metric: 'accuracy' | 'wishful') =>
    (key: { readonly stage: string; readonly model: string }) => {
      const found = summary.predictions.find(same(key))?.groups.find((entry) => entry.group === name)?.[
        metric
      ];
      return found && estimateText(found);
    };
  row('output prediction, pass@1', group('all', 'accuracy'));
  row(' program prints what is expected', group('as-expected', 'accuracy'));
  row(' program prints something else', group('differs', 'accuracy'));
  row(' wishful answers there', group('differs', 'wishful'));
  row(' own programs, distinct ones', group('own', 'accuracy'));
  const k = summary.selections.reduce((most, { ks }) => Math.max(most, ks.length), 0);
  const arm =
    (name: keyof SelectionSummary['arms'], at: number) =>
    (key: { readonly stage: string; readonly model: string }) => {
      const found = summary.selections.find(same(key))?.arms[name][at - 1];
      return found && estimateText(found);
    };
  row(' own programs, as often as written', (key) => {
    const found = summary.ownMixes.find(same(key));
    return found && estimateText(found.accuracy);
  });
  row('solve pass@1', arm('pass', 1));
  if (k > 1) {
    row(`solve pass@${k}`, arm('pass', k));
    row(`best@${k} by simulation`, arm('simulated', k));
    row(`best@${k} by execution (oracle)`, arm('executed', k));
    row(`majority@${k} of simulated outputs`, arm('majority', k));
    row(`short-1@${k}`, arm('short', k));
    const delta = (name: 'gap' | 'gain') => (key: { readonly stage: string; readonly model: string }) => {
      const found = summary.selections.find(same(key))?.[name][k - 1];
      return found && differenceText(found);
    };
    row(' gain over pass@1, points', delta('gain'));
    row(' simulation gap, points', delta('gap'));
    row('submitted by the run', (key) => {
      const settled = summary.selections.find(same(key))?.settled;
      return settled && estimateText(settled.right);
    });
  }
  const repair =
    (feedback: string, end: 'first' | 'submitted') =>
    (key: { readonly stage: string; readonly model: string }) => {
      const found = summary.selfRlef.find((entry) => same(key)(entry) && entry.feedback === feedback);
      return found && estimateText(found.allTests[end]);
    };
  row(
    'Self-RLEF: first program',
    (key) => repair('simulated', 'first')(key) ?? repair('executed', 'first')(key),
  );
  row(' after simulated feedback', repair('simulated', 'submitted'));
  row(' after executed feedback', repair('executed', 'submitted'));
  for (const name of new Set(summary.benchmarks.map(({ benchmark }) => benchmark))) {
    for (const k of [1, 5, 10]) {
      row(`${name}, pass@${k}`, (key) => {
        const found = summary.benchmarks.find((entry) => same(key)(entry) && entry.benchmark === name);
        const at = found?.passAtK.find((entry) => entry.k === k);
        return at && estimateText(at.estimate);
      });
    }
  }
  return { columns: [...keys.keys()], rows };
}
