/**
 * Small pieces that sections share.
 */

import type { Difference, Estimate } from '../../evaluation/estimates.js';
import type { Summary } from '../../evaluation/summary.js';
import { percent, percentInterval, points, pointsInterval, stageLabel } from '../format.js';
import { type Html, html } from '../html.js';

/** What every section gets. */
export interface SectionContext {
  readonly summary: Summary;
  readonly seed: string | number;
  /** `after RL`, with the model's name where there are several. */
  label(stage: string, model: string): string;
}

export function createSectionContext(summary: Summary, seed: string | number): SectionContext {
  const models = new Set(
    [...summary.predictions, ...summary.selections, ...summary.selfRlef, ...summary.benchmarks].map(
      ({ model }) => model,
    ),
  );
  return {
    summary,
    seed,
    label: (stage, model) => (models.size > 1 ? `${model}, ${stageLabel(stage)}` : stageLabel(stage)),
  };
}

export interface Column {
  readonly label: string;
  readonly numeric?: boolean;
}

export type Cell = string | number | Html;

export function table(
  columns: readonly Column[],
  rows: readonly {
    readonly cells: readonly Cell[];
    readonly className?: string;
    readonly indent?: boolean;
  }[],
): Html {
  return html`<div class="scroll"><table><thead><tr>${columns.map(
    ({ label, numeric }) => html`<th class="${numeric ? 'n' : ''}">${label}</th>`,
  )}</tr></thead><tbody>${rows.map(
    ({ cells, className, indent }) =>
      html`<tr class="${className ?? ''}">${cells.map(
        (cell, i) =>
          html`<td class="${columns[i]?.numeric ? 'n' : i === 0 && indent ? 'in' : ''}">${cell}</td>`,
      )}</tr>`,
  )}</tbody></table></div>`;
}

/** A value with its interval in small print. */
export function estimateCell({ value, interval }: Pick<Estimate, 'value' | 'interval'>): Html {
  return html`${percent(value)}${interval && html` <span class="ci">${percentInterval(interval)}</span>`}`;
}

export function differenceCell({ value, interval }: Pick<Difference, 'value' | 'interval'>): Html {
  return html`${points(value)}${interval && html` <span class="ci">${pointsInterval(interval)}</span>`}`;
}

export function legend(entries: readonly { readonly name: string; readonly colour: string }[]): Html {
  return html`<div class="legend">${entries.map(
    ({ name, colour }) => html`<span><i style="background:${colour}"></i>${name}</span>`,
  )}</div>`;
}

export function details(title: string, content: Html): Html {
  return html`<details><summary>${title}</summary>${content}</details>`;
}

/** The provenance line under a figure: by which rule, of which model, from which seed. */
export function provenance(
  context: SectionContext,
  entries: readonly { readonly model: string; readonly comparators: readonly string[] }[],
  more: readonly string[] = [],
): Html {
  const list = (values: readonly string[]): string => [...new Set(values)].join(', ');
  const parts = [
    `model ${list(entries.map(({ model }) => model))}`,
    `comparator ${list(entries.flatMap(({ comparators }) => comparators))}`,
    `seed ${context.seed}`,
    ...more,
    `${Math.round(context.summary.bootstrap.level * 100)}% intervals: bootstrap over problems, ${context.summary.bootstrap.resamples.toLocaleString('en-US')} resamples`,
  ];
  return html`<p class="note">${parts.join(' · ')}</p>`;
}

export function section(id: string, title: string, lede: string, ...content: readonly Html[]): Html {
  return html`<section id="${id}"><h2>${title}</h2><p class="lede">${lede}</p>${content}</section>`;
}

/** A verdict as a coloured pill. */
export function verdictPill(verdict: string): Html {
  const tone = ['accepted', 'correct', 'passed', 'submitted'].includes(verdict)
    ? 'good'
    : ['unscored', 'unparsed', 'truncated'].includes(verdict)
      ? ''
      : 'bad';
  return html`<span class="pill ${tone}">${verdict}</span>`;
}
