/**
 * Training curves: loss, validation accuracies, RL rewards. Raw values are faint, a running mean is drawn over them.
 */
import type { TrainingMetric } from '../../evaluation/records.js';
import type { Html } from '../html.js';
import { COLOUR, figure, Plot, spread, thin } from './plot.js';

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly { readonly x: number; readonly y: number }[];
}

export interface Curve {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  readonly unit: 'number' | 'percent';
  readonly scale: 'linear' | 'log';
  readonly smooth: boolean;
}

const MOST_POINTS = 300;

/** The curves that the metrics have data for. */
export function trainingCurves(metrics: readonly TrainingMetric[]): Curve[] {
  const sft = metrics.filter(({ stage }) => stage === 'sft');
  const rl = metrics.filter(({ stage }) => stage === 'rl');
  const millions = (metric: TrainingMetric): number => metric.tokens / 1e6;
  const step = (metric: TrainingMetric): number => metric.step;
  const pick = (
    rows: readonly TrainingMetric[],
    x: (metric: TrainingMetric) => number,
    y: (metric: TrainingMetric) => number | undefined,
  ) =>
    rows.flatMap((row) => {
      const value = y(row);
      return value === undefined || !Number.isFinite(value) ? [] : [{ x: x(row), y: value }];
    });
  const validation = (rows: readonly TrainingMetric[], x: (metric: TrainingMetric) => number): Series[] => [
    { name: 'simulate', colour: COLOUR.simulated, values: pick(rows, x, (row) => row.validation?.simulate) },
    { name: 'solve', colour: COLOUR.short, values: pick(rows, x, (row) => row.validation?.solve) },
  ];
  const tasks = [...new Set(rl.flatMap((row) => Object.keys(row.reward ?? {})))].sort();
  const taskColours = [COLOUR.simulated, COLOUR.short, COLOUR.executed, COLOUR.wishful, COLOUR.plain];
  const curves: Curve[] = [
    {
      title: 'SFT: loss per token',
      xLabel: 'million tokens',
      unit: 'number',
      scale: 'log',
      smooth: true,
      series: [
        {
          name: 'loss',
          colour: COLOUR.ink,
          values: pick(sft, millions, (row) =>
            row.lossPerToken === undefined || row.lossPerToken <= 0 ? undefined : row.lossPerToken,
          ),
        },
        {
          name: 'held out',
          colour: COLOUR.simulated,
          values: pick(sft, millions, (row) => row.validationLoss),
        },
      ],
    },
    {
      title: 'SFT: validation accuracy',
      xLabel: 'million tokens',
      unit: 'percent',
      scale: 'linear',
      smooth: false,
      series: validation(sft, millions),
    },
    {
      title: 'RL: mean reward',
      xLabel: 'step',
      unit: 'number',
      scale: 'linear',
      smooth: true,
      series: tasks.map((task, i) => ({
        name: task,
        colour: taskColours[i % taskColours.length]!,
        values: pick(rl, step, (row) => row.reward?.[task]),
      })),
    },
    ...(
      [
        ['RL: entropy, nats per token', 'number', 'entropy'],
        ['RL: groups whose rewards differ', 'percent', 'mixedShare'],
      ] as const
    ).map(
      ([title, unit, measure]): Curve => ({
        ...{ title, unit, xLabel: 'step', scale: 'linear', smooth: true },
        series: tasks.map((task, i) => ({
          name: task,
          colour: taskColours[i % taskColours.length]!,
          values: pick(rl, step, (row) => row.tasks?.[task]?.[measure]),
        })),
      }),
    ),
    {
      title: 'RL: validation accuracy',
      xLabel: 'step',
      unit: 'percent',
      scale: 'linear',
      smooth: false,
      series: validation(rl, step),
    },
  ];
  return curves
    .map((curve) => ({ ...curve, series: curve.series.filter(({ values }) => values.length > 0) }))
    .filter(({ series }) => series.some(({ values }) => values.length > 1));
}

export function curveFigure({ title, xLabel, series, unit, scale, smooth }: Curve): Html {
  const lines = series.map((line) => ({ ...line, values: thin(line.values, MOST_POINTS) }));
  const all = lines.flatMap(({ values }) => values.map(({ y }) => y));
  const low = all.reduce((a, b) => Math.min(a, b), Infinity);
  const high = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const height = 230;
  const transform = scale === 'log' ? Math.log : (v: number) => v;
  const domain: [number, number] =
    unit === 'percent'
      ? [0, Math.max(0.1, Math.ceil(high * 10) / 10)]
      : scale === 'log'
        ? [low * 0.93, high * 1.07]
        : [low - 0.05 * (high - low || 1), high + 0.05 * (high - low || 1)];
  const perPixel = (transform(domain[1]) - transform(domain[0])) / (height - 50);
  const ends = lines.map(({ name, colour, values }) => ({
    name,
    colour,
    x: values.at(-1)!.x,
    y: mean(values.slice(smooth ? -Math.max(1, Math.ceil(values.length / 15)) : -1).map(({ y }) => y)),
  }));
  const placed = spread(
    ends.map(({ y }) => transform(y)),
    15 * perPixel,
  ).map((y) => (scale === 'log' ? Math.exp(y) : y));
  return figure({ label: title, wideWidth: 430 }, () => ({
    height,
    marginLeft: 44,
    marginRight: 78,
    marginTop: 12,
    marginBottom: 38,
    x: { label: xLabel, labelAnchor: 'center', labelArrow: 'none', tickSize: 0, ticks: 4 },
    y: {
      type: scale,
      domain,
      ticks: 5,
      label: null,
      tickSize: 0,
      grid: true,
      tickFormat: (v: number) =>
        unit === 'percent'
          ? `${Math.round(v * 100)}%`
          : scale === 'log'
            ? isRound(v)
              ? String(v)
              : ''
            : trim(v),
    },
    marks: [
      ...lines.flatMap(({ colour, values }) => {
        const smoothed = smooth && values.length >= 15;
        return [
          Plot.lineY(values, {
            x: 'x',
            y: 'y',
            stroke: colour,
            strokeWidth: smoothed ? 1 : 2,
            strokeOpacity: smoothed ? 0.3 : 1,
          }),
          ...(smoothed
            ? [
                Plot.lineY(
                  values,
                  Plot.windowY({
                    k: Math.ceil(values.length / 15),
                    anchor: 'middle',
                    x: 'x',
                    y: 'y',
                    stroke: colour,
                    strokeWidth: 2,
                  }),
                ),
              ]
            : [
                Plot.dot(values, {
                  x: 'x',
                  y: 'y',
                  fill: colour,
                  r: 2.5,
                  title: ({ y }: { y: number }) =>
                    unit === 'percent' ? `${(100 * y).toFixed(1)}%` : trim(y),
                }),
              ]),
        ];
      }),
      Plot.text(ends, {
        x: 'x',
        y: (_: unknown, i: number) => placed[i],
        text: ({ name, y }: { name: string; y: number }) =>
          `${name} ${unit === 'percent' ? `${Math.round(100 * y)}%` : trim(y)}`,
        fill: 'colour',
        fontWeight: 600,
        textAnchor: 'start',
        dx: 6,
      }),
    ],
  }));
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
}

function trim(value: number): string {
  return String(Number(value.toPrecision(2))).replace('-', '−');
}

/** 1, 2 or 5 times a power of ten: the ticks of a logarithmic axis that get a number. */
function isRound(value: number): boolean {
  const lead = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [1, 2, 5].some((digit) => Math.abs(lead - digit) < 1e-6);
}
