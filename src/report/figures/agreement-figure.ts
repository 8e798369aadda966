/**
 * Calibration of agreement: how often the most frequent of several predictions is right, against the share that agree on it.
 * On the diagonal, agreement says what it is worth.
 */
import type { AgreementBin } from '../../evaluation/summarise-predictions.js';
import { counted, percent } from '../format.js';
import type { Html } from '../html.js';
import { COLOUR, figure, Plot } from './plot.js';

/** `undefined` with fewer than two bins. */
export function agreementFigure(bins: readonly AgreementBin[]): Html | undefined {
  if (bins.length < 2) return undefined;
  const most = bins.reduce((a, { items }) => Math.max(a, items), 1);
  const axis = {
    domain: [0, 1],
    tickFormat: (v: number) => `${Math.round(v * 100)}%`,
    ticks: 5,
    tickSize: 0,
  };
  return figure({ label: 'Share right against share that agree', wideWidth: 430 }, () => ({
    height: 300,
    marginLeft: 44,
    marginRight: 20,
    marginTop: 14,
    marginBottom: 42,
    x: { ...axis, label: 'share of predictions that agree', labelAnchor: 'center', labelArrow: 'none' },
    y: { ...axis, label: null, grid: true },
    r: { type: 'identity' },
    marks: [
      Plot.line(
        [
          [0, 0],
          [1, 1],
        ],
        { stroke: COLOUR.muted, strokeDasharray: '3,4' },
      ),
      Plot.lineY(bins, { x: 'agreement', y: 'accuracy', stroke: COLOUR.simulated, strokeWidth: 1.5 }),
      Plot.dot(bins, {
        x: 'agreement',
        y: 'accuracy',
        r: ({ items }: AgreementBin) => 3 + 7 * Math.sqrt(items / most),
        fill: COLOUR.simulated,
        fillOpacity: 0.75,
        title: ({ agreement, accuracy, items }: AgreementBin) =>
          `${percent(agreement)} agree, ${percent(accuracy)} right, ${counted(items, 'program')}`,
      }),
    ],
  }));
}

/** Mean distance between agreement and accuracy, weighed by items; in [0, 1], 0 when perfectly calibrated. */
export function calibrationError(bins: readonly AgreementBin[]): number {
  const all = bins.reduce((sum, { items }) => sum + items, 0);
  return bins.reduce((sum, bin) => sum + (bin.items / all) * Math.abs(bin.accuracy - bin.agreement), 0);
}
