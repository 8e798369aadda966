/**
 * "How does it do on published benchmarks?" (paper, tables 1 and 7, figure 3): pass@k with intervals, what became of the answers
 * that were not accepted, and what could not be scored, apart.
 */
import type { BenchmarkSummary } from '../../evaluation/summarise-benchmarks.js';
import { count, counted, percent } from '../format.js';
import { type Html, html } from '../html.js';
import { details, estimateCell, provenance, type SectionContext, section, table } from './parts.js';

const SHOWN_KS = [1, 5, 10, 100];

export function benchmarkSection(context: SectionContext): Html | null {
  const { benchmarks } = context.summary;
  if (benchmarks.length === 0) return null;
  const ks = SHOWN_KS.filter((k) => benchmarks.some(({ passAtK }) => passAtK.some((entry) => entry.k === k)));
  const majorities = [5, 10, 100].filter((k) =>
    benchmarks.some((one) => one.majorityAtK.some((at) => at.k === k)),
  );
  const name = ({ model, stage }: BenchmarkSummary): string => context.label(stage, model);
  const several = new Set(benchmarks.map(name)).size > 1;
  return section(
    'benchmarks',
    'How does it do on published benchmarks?',
    'Each benchmark is read from its file as published and judged by its own rule. pass@k is the chance that one of k answers is right; majority@k that the answer most of k give is.',
    table(
      [
        { label: 'benchmark' },
        ...(several ? [{ label: 'model' }] : []),
        ...ks.map((k) => ({ label: `pass@${k}`, numeric: true })),
        ...majorities.map((k) => ({ label: `majority@${k}`, numeric: true })),
        { label: 'items', numeric: true },
        { label: 'answers each', numeric: true },
        { label: 'unscored', numeric: true },
        { label: 'judged by' },
      ],
      benchmarks.map((entry) => ({
        cells: [
          entry.benchmark,
          ...(several ? [name(entry)] : []),
          ...ks.map((k) => {
            const found = entry.passAtK.find((candidate) => candidate.k === k);
            return found ? estimateCell(found.estimate) : '–';
          }),
          ...majorities.map((k) => {
            const found = entry.majorityAtK.find((candidate) => candidate.k === k);
            return found ? estimateCell(found.estimate) : '–';
          }),
          count(entry.items),
          entry.answersPerItem.min === entry.answersPerItem.max
            ? count(entry.answersPerItem.max)
            : `${count(entry.answersPerItem.min)}–${count(entry.answersPerItem.max)}`,
          count(entry.counts.unscored ?? 0),
          entry.comparators.join(', '),
        ],
      })),
    ),
    ...benchmarks.flatMap((entry) =>
      notes(entry, several ? `${entry.benchmark}, ${name(entry)}` : entry.benchmark),
    ),
    details('What became of the answers', verdicts(benchmarks, name)),
    provenance(context, benchmarks),
  );
}

function verdicts(benchmarks: readonly BenchmarkSummary[], name: (entry: BenchmarkSummary) => string): Html {
  const kinds = [
    ...new Set(benchmarks.flatMap(({ counts }) => Object.keys(counts))),
  ] as (keyof BenchmarkSummary['counts'])[];
  return table(
    [
      { label: 'benchmark' },
      { label: 'model' },
      ...kinds.map((kind) => ({ label: kind, numeric: true })),
      { label: 'mean tokens', numeric: true },
    ],
    benchmarks.map((entry) => ({
      cells: [
        entry.benchmark,
        name(entry),
        ...kinds.map((kind) => count(entry.counts[kind] ?? 0)),
        count(entry.meanTokens),
      ],
    })),
  );
}

function notes({ counts, bounds, weak, passAtK }: BenchmarkSummary, name: string): Html[] {
  const unscored = counts.unscored ?? 0;
  const short = passAtK.filter(({ k, leftOut }) => leftOut > 0 && SHOWN_KS.includes(k));
  return [
    ...(unscored > 0 && bounds
      ? [
          html`<p class="note">${name}: ${counted(unscored, 'answer')} could not be scored, because the machinery failed. Had they all been wrong, ${percent(bounds.worst)} of answers would be right; had they all been right, ${percent(bounds.best)}.</p>`,
        ]
      : []),
    ...(weak > 0
      ? [
          html`<p class="note">${name}: ${counted(weak, 'answer')} judged weakly: tests and program had to share a process.</p>`,
        ]
      : []),
    ...short.map(
      ({ k, leftOut }) =>
        html`<p class="note">${name}: ${counted(leftOut, 'item')} with fewer than ${k} scored answers left out of pass@${k}.</p>`,
    ),
  ];
}
