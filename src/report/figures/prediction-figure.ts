/**
 * What became of predictions (paper, tables 1 and 2): one bar per stage, in shares of correct, wishful, wrong and
 * unreadable answers, with the interval of the correct share.
 */
import type { PredictionGroup } from '../../evaluation/summarise-predictions.js';
import { percent } from '../format.js';
import type { Html } from '../html.js';
import { COLOUR, figure, Plot } from './plot.js';

export interface PredictionBar {
  readonly label: string;
  readonly group: PredictionGroup;
}

interface Segment {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly colour: string;
  readonly ink: string;
  readonly text: string;
  readonly title: string;
}

const OUTCOMES = [
  { key: 'correct', name: 'correct', colour: COLOUR.executed, ink: 'var(--on-strong)' },
  { key: 'wishful', name: 'wishful', colour: COLOUR.wishful, ink: 'var(--on-strong)' },
  { key: 'wrong', name: 'otherwise wrong', colour: COLOUR.wrong, ink: 'var(--on-soft)' },
  { key: 'none', name: 'no answer', colour: COLOUR.none, ink: 'var(--on-soft)' },
] as const;

/** The legend of all prediction figures. */
export const PREDICTION_LEGEND: readonly { readonly name: string; readonly colour: string }[] = OUTCOMES.map(
  ({ name, colour }) => ({ name, colour }),
);

export function predictionFigure(title: string, bars: readonly PredictionBar[]): Html {
  const segments = bars.flatMap(({ label, group }) => segmentsOf(label, group));
  const whiskers = bars.flatMap(({ label, group: { accuracy } }) =>
    accuracy.interval === null ? [] : [{ label, ...accuracy.interval }],
  );
  const longest = bars.reduce((most, { label }) => Math.max(most, label.length), 0);
  return figure({ label: title }, ({ narrow }) => ({
    height: 34 * bars.length + 30,
    marginLeft: Math.min(narrow ? 110 : 220, 14 + longest * 6.4),
    marginRight: 12,
    marginTop: 4,
    marginBottom: 26,
    x: {
      domain: [0, 1],
      ticks: narrow ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1],
      tickFormat: (v: number) => `${v * 100}%`,
      label: null,
    },
    y: { domain: bars.map(({ label }) => label), label: null, tickSize: 0, padding: 0.22 },
    marks: [
      Plot.barX(segments, {
        x1: 'from',
        x2: 'to',
        y: 'label',
        fill: 'colour',
        title: 'title',
        insetRight: 1,
        rx: 2,
      }),
      Plot.text(
        segments.filter(({ from, to }) => to - from >= (narrow ? 0.2 : 0.075)),
        {
          x: ({ from, to }: Segment) => (from === 0 ? 0.012 : (from + to) / 2),
          y: 'label',
          text: 'text',
          fill: 'ink',
          fontWeight: 600,
          textAnchor: 'middle',
          dx: 0,
          filter: ({ from }: Segment) => from > 0,
        },
      ),
      Plot.text(
        segments.filter(({ from, to }) => from === 0 && to >= 0.1),
        { x: 'from', y: 'label', text: 'text', fill: 'ink', fontWeight: 700, textAnchor: 'start', dx: 8 },
      ),
      // Along the lower edge of the bar, clear of the numbers in it.
      Plot.ruleY(whiskers, {
        x1: 'low',
        x2: 'high',
        y: 'label',
        dy: 8,
        stroke: COLOUR.ink,
        strokeWidth: 1.5,
      }),
      Plot.tickX(whiskers, {
        x: 'low',
        y: 'label',
        stroke: COLOUR.ink,
        strokeWidth: 1.5,
        insetTop: 17,
        insetBottom: 0,
      }),
      Plot.tickX(whiskers, {
        x: 'high',
        y: 'label',
        stroke: COLOUR.ink,
        strokeWidth: 1.5,
        insetTop: 17,
        insetBottom: 0,
      }),
      Plot.axisY({ tickSize: 0, fontSize: 13, lineWidth: 16, ...(narrow ? { fontSize: 12 } : {}) }),
    ],
  }));
}

function segmentsOf(label: string, { counts }: PredictionGroup): Segment[] {
  const shares = { ...counts, none: counts.unparsed + counts.truncated };
  const total = shares.correct + shares.wishful + shares.wrong + shares.none;
  let at = 0;
  return OUTCOMES.flatMap(({ key, name, colour, ink }) => {
    const share = total === 0 ? 0 : shares[key] / total;
    if (share === 0) return [];
    const from = at;
    at += share;
    return [
      {
        label,
        from,
        to: at,
        colour,
        ink,
        text: percent(share),
        title: `${label}: ${percent(share)} ${name} (${shares[key]} of ${total})`,
      },
    ];
  });
}
