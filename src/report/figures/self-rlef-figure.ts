/**
 * Self-RLEF (paper §4, table 3): from the first program's pass rate to the submitted program's, per kind of feedback.
 */
import type { SelfRlefSummary } from '../../evaluation/summarise-self-rlef.js';
import { estimateText, percent, points } from '../format.js';
import type { Html } from '../html.js';
import { COLOUR, figure, Plot, shareAxis } from './plot.js';

export interface RepairRow {
  readonly label: string;
  readonly summary: SelfRlefSummary;
}

export function selfRlefFigure(rows: readonly RepairRow[]): Html {
  const marks = rows.flatMap(({ label, summary: { feedback, allTests } }) => {
    const { first, submitted, gain } = allTests;
    if (first.value === null || submitted.value === null) return [];
    const colour =
      feedback === 'executed' ? COLOUR.executed : feedback === 'simulated' ? COLOUR.simulated : COLOUR.plain;
    return [
      {
        label,
        first: first.value,
        submitted: submitted.value,
        low: submitted.interval?.low ?? submitted.value,
        high: submitted.interval?.high ?? submitted.value,
        colour,
        text: `${percent(first.value)} → ${percent(submitted.value)}`,
        gain: `${points(gain.value)} points`,
        title: `${label}: first ${estimateText(first)}, submitted ${estimateText(submitted)}`,
      },
    ];
  });
  const low = Math.floor(marks.reduce((a, m) => Math.min(a, m.low, m.first), 1) * 10 - 0.5) / 10;
  const high = Math.ceil(marks.reduce((a, m) => Math.max(a, m.high, m.first), 0) * 10 + 0.2) / 10;
  const longest = rows.reduce((most, { label }) => Math.max(most, label.length), 0);
  return figure({ label: 'Pass rate of the first and of the submitted program' }, ({ narrow }) => ({
    height: (narrow ? 62 : 46) * rows.length + 36,
    marginLeft: narrow ? 12 : Math.min(240, 20 + longest * 6.6),
    marginRight: narrow ? 12 : 160,
    marginTop: 8,
    marginBottom: 28,
    x: shareAxis(low, high, narrow ? 4 : 6),
    y: { domain: rows.map(({ label }) => label), label: null, axis: null },
    marks: [
      ...(narrow ? [] : [Plot.axisY({ tickSize: 0, fontSize: 13, lineWidth: 16 })]),
      Plot.ruleY(marks, {
        y: 'label',
        x1: 'low',
        x2: 'high',
        stroke: 'colour',
        strokeWidth: 9,
        strokeOpacity: 0.18,
        strokeLinecap: 'round',
      }),
      Plot.arrow(marks, {
        x1: 'first',
        y1: 'label',
        x2: 'submitted',
        y2: 'label',
        stroke: 'colour',
        strokeWidth: 2.5,
        headLength: 7,
        insetEnd: 6,
        insetStart: 5,
      }),
      Plot.dot(marks, {
        x: 'first',
        y: 'label',
        r: 4.5,
        stroke: COLOUR.muted,
        strokeWidth: 2,
        fill: 'var(--card)',
        title: 'title',
      }),
      Plot.dot(marks, { x: 'submitted', y: 'label', r: 5.5, fill: 'colour', title: 'title' }),
      ...(narrow
        ? [
            Plot.text(marks, {
              y: 'label',
              frameAnchor: 'left',
              dx: 0,
              dy: -19,
              text: ({ label, text }: { label: string; text: string }) => `${label}: ${text}`,
              textAnchor: 'start',
              fontWeight: 600,
              fill: COLOUR.ink,
            }),
          ]
        : [
            Plot.text(marks, {
              y: 'label',
              frameAnchor: 'right',
              dx: 152,
              dy: -8,
              text: 'text',
              textAnchor: 'end',
              fontWeight: 600,
              fontSize: 13,
              fill: COLOUR.ink,
            }),
            Plot.text(marks, {
              y: 'label',
              frameAnchor: 'right',
              dx: 152,
              dy: 9,
              text: 'gain',
              textAnchor: 'end',
              fill: COLOUR.muted,
            }),
          ]),
    ],
  }));
}
