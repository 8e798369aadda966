/**
 * "The paper's tables": the same numbers in the paper's form (paper-tables.ts).
 */

import { type Html, html } from '../html.js';
import { paperTables } from '../paper-tables.js';
import { type SectionContext, section, table } from './parts.js';

/** Columns that hold words. */
const WORDS: readonly string[] = ['', 'tests', 'what', 'programs by', 'predicted by', 'simulated by'];

export function paperSection(context: SectionContext): Html | null {
  const { tables, absent } = paperTables(context.summary, context.label);
  if (tables.length === 0) return null;
  return section(
    'paper',
    'The paper’s tables, from this data',
    'In the form of arXiv 2604.03253, a row per model and stage; in brackets 95% intervals. The models and problems are those named here, not the paper’s.',
    html`${tables.map(
      ({ id, title, columns, rows }) =>
        html`<details><summary><span class="t">${id}</span>${title}</summary>${table(
          columns.map((label) => ({ label, numeric: !WORDS.includes(label) })),
          rows.map((cells) => ({ cells })),
        )}</details>`,
    )}`,
    html`${absent.length > 0 && html`<p class="note">No data here for: ${absent.join('; ')}.</p>`}`,
  );
}
