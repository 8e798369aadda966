/**
 * The page: one HTML file that asks for nothing and runs nothing but the rollout browser's script. A content security policy
 * forbids everything else (that one script is named by its hash), so that even a mistake in escaping could not run
 * somebody's program text.
 */
import type { Comparison } from '../evaluation/compare-runs.js';
import type { EpisodeSample, SelectionRecord } from '../evaluation/records.js';
import type { Findings } from './findings.js';
import { type Html, html, trustedMarkup } from './html.js';
import { overview } from './overview.js';
import { benchmarkSection } from './sections/benchmarks.js';
import { rolloutBrowser } from './sections/browser.js';
import { choiceSection } from './sections/choices.js';
import { comparisonSection } from './sections/comparison.js';
import { episodeSection } from './sections/episodes.js';
import { findingList, header, missingBox, tiles } from './sections/headline.js';
import { madeSection } from './sections/made.js';
import { paperSection } from './sections/paper.js';
import { type SectionContext, section, table } from './sections/parts.js';
import { predictionSection } from './sections/predictions.js';
import { selectionSection } from './sections/selection.js';
import { selfRlefSection } from './sections/self-rlef.js';
import { trainingSection } from './sections/training.js';
import { STYLES } from './styles.js';
import type { ReportInput } from './types.js';

export interface PageParts {
  readonly input: ReportInput;
  readonly context: SectionContext;
  readonly found: Findings;
  readonly missing: readonly string[];
  readonly samples: readonly EpisodeSample[];
  readonly selections: readonly SelectionRecord[];
  readonly comparison?: Comparison;
}

export function renderPage({
  input,
  context,
  found,
  missing,
  samples,
  selections,
  comparison,
}: PageParts): string {
  const browser = rolloutBrowser(input.records);
  const sections: readonly (readonly [string, string, Html | null])[] = [
    ['comparison', 'Side by side', comparisonSection(comparison)],
    ['benchmarks', 'Benchmarks', benchmarkSection(context)],
    ['predictions', 'Predicting outputs', predictionSection(context)],
    ['selection', 'Choosing programs', selectionSection(context)],
    ['self-repair', 'Repairing programs', selfRlefSection(context)],
    ['choices', 'Choices explained', choiceSection(selections)],
    ['browser', 'Every problem', browser?.section ?? null],
    ['episodes', 'Episodes', episodeSection(samples)],
    ['training', 'Training', trainingSection(input.metrics)],
    ['paper', 'Paper’s tables', paperSection(context)],
    ['numbers', 'All at once', overviewSection(context)],
    ['made', 'How it was made', madeSection(input.run)],
  ];
  const present = sections.filter(([, , content]) => content !== null);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${browser ? trustedMarkup(browser.policy) : "'none'"}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${input.title} · Deskcheck report</title>
<style>${trustedMarkup(STYLES)}</style>
</head>
<body><div class="page">
${header(input, found, missing)}
${missingBox(missing)}
${comparison === undefined && tiles(context)}
${findingList(found)}
<nav aria-label="Sections">${present.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav>
<main>${present.map(([, , content]) => content)}</main>
<footer>Made by Deskcheck from the run’s own records. Method: “Self-Execution Simulation Improves Coding Models” (arXiv 2604.03253). Beside this page: <code>report.md</code>, <code>numbers.csv</code>, <code>training.csv</code>.</footer>
</div>${browser?.script}</body>
</html>
`;
  return page.text;
}

function overviewSection(context: SectionContext): Html | null {
  const { columns, rows } = overview(context.summary, context.label);
  if (rows.length === 0) return null;
  return section(
    'numbers',
    'All at once',
    'Every main number with its 95% interval. numbers.csv holds all of them, with counts.',
    table(
      [{ label: '' }, ...columns.map((label) => ({ label, numeric: true }))],
      rows.map(({ label, indent, cells }) => ({ cells: [label, ...cells], indent })),
    ),
  );
}
