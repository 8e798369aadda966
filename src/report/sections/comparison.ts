/**
 * "The runs side by side": the main numbers of several runs, and what each differs from the first by, on the problems that
 * both have.
 */
import type { Comparison } from '../../evaluation/compare-runs.js';
import { counted, directionOf } from '../format.js';
import { type Html, html } from '../html.js';
import { differenceCell, estimateCell, section, table } from './parts.js';

export function comparisonSection(comparison: Comparison | undefined): Html | null {
  if (comparison === undefined || comparison.rows.length === 0) return null;
  const { runs, rows } = comparison;
  return section(
    'comparison',
    'The runs side by side',
    'Each run is shown by its newest stage. Differences are from the first run that has the number, in points, paired over the problems that both have; bold where the interval excludes zero.',
    table(
      [{ label: '' }, ...runs.map((label) => ({ label, numeric: true }))],
      rows.map(({ metric, values }) => ({
        cells: [metric, ...values.map((value) => (value ? estimateCell(value) : '–'))],
      })),
    ),
    html`<h3>Differences, in points</h3>`,
    table(
      [{ label: '' }, ...runs.map((label) => ({ label, numeric: true }))],
      rows
        .filter(({ differences }) => differences.some((entry) => entry !== null && entry.problems > 0))
        .map(({ metric, differences }) => ({
          cells: [
            metric,
            ...differences.map((entry) => {
              if (entry === null || entry.problems === 0) return '–';
              const shown = html`${differenceCell(entry)} <span class="dim">${counted(entry.problems, 'problem')}</span>`;
              return directionOf(entry) === 'undecided' ? shown : html`<strong>${shown}</strong>`;
            }),
          ],
        })),
    ),
  );
}
