/**
 * Choosing among k programs (paper, figure 4), with bands and the simulation gap. What it costs: cost-figure.ts.
 */
import type { Estimate } from '../../evaluation/estimates.js';
import type { SelectionArm } from '../../evaluation/selection-curves.js';
import type { SelectionSummary } from '../../evaluation/summarise-selections.js';
import { estimateText, percent } from '../format.js';
import type { Html } from '../html.js';
import { COLOUR, figure, Plot, shareAxis, spread } from './plot.js';

interface Line {
  readonly arm: SelectionArm;
  readonly name: string;
  readonly shortName: string;
  readonly colour: string;
  readonly dash: string;
  readonly width: number;
  readonly band: boolean;
}

const LINES: readonly Line[] = [
  {
    arm: 'pass',
    name: 'any of them right',
    shortName: 'any right',
    colour: COLOUR.plain,
    dash: '2,4',
    width: 1.75,
    band: false,
  },
  {
    arm: 'executed',
    name: 'chosen by execution',
    shortName: 'execution',
    colour: COLOUR.executed,
    dash: '',
    width: 2,
    band: true,
  },
  {
    arm: 'simulated',
    name: 'chosen by simulation',
    shortName: 'simulation',
    colour: COLOUR.simulated,
    dash: '',
    width: 3,
    band: true,
  },
  {
    arm: 'majority',
    name: 'most agreed outputs',
    shortName: 'majority',
    colour: COLOUR.majority,
    dash: '8,3,2,3',
    width: 1.75,
    band: false,
  },
  {
    arm: 'short',
    name: 'the shortest',
    shortName: 'shortest',
    colour: COLOUR.short,
    dash: '6,4',
    width: 1.75,
    band: false,
  },
];

export function selectionFigure(selection: SelectionSummary): Html {
  const { ks, arms, gap } = selection;
  const k = ks.length;
  const lines = LINES.filter(({ arm }) => arms[arm].length > 0);
  const points = lines.flatMap((line) =>
    ks.map((k, i) => ({ ...line, k, estimate: arms[line.arm][i]!, y: arms[line.arm][i]!.value ?? 0 })),
  );
  const [low, high] = range(lines.flatMap(({ arm }) => [...arms[arm]]));
  const lastGap = gap[k - 1];
  return figure(
    { label: 'Share of problems solved against the number of programs to choose from' },
    ({ narrow }) => {
      const height = narrow ? 300 : 380;
      const margin = { top: 16, bottom: 40 };
      const labels = lines.map((line) => ({
        ...line,
        y: arms[line.arm][k - 1]!.value ?? 0,
        text: `${narrow ? line.shortName : line.name} ${percent(arms[line.arm][k - 1]!.value)}`,
      }));
      const perPixel = (high - low) / (height - margin.top - margin.bottom);
      const placed = spread(
        labels.map(({ y }) => y),
        17 * perPixel,
      );
      const showGap = lastGap !== undefined && lastGap.value !== null && lastGap.value > 10 * perPixel;
      return {
        height,
        marginLeft: 40,
        marginRight: narrow ? 118 : 200,
        marginTop: margin.top,
        marginBottom: margin.bottom,
        x: {
          domain: [1, Math.max(2, k)],
          ticks: ks.filter((tick) => !narrow || k < 6 || tick === 1 || tick % 5 === 0),
          tickFormat: 'd',
          label: 'programs to choose from (k)',
          labelAnchor: 'center',
          labelArrow: 'none',
          tickSize: 0,
        },
        y: shareAxis(low, high, 5),
        marks: [
          ...lines
            .filter(({ band }) => band)
            .map(({ arm, colour }) =>
              Plot.areaY(
                ks.flatMap((k, i) => (arms[arm][i]?.interval ? [{ k, ...arms[arm][i]!.interval }] : [])),
                { x: 'k', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.13 },
              ),
            ),
          ...lines.map((line) =>
            Plot.lineY(
              points.filter(({ arm }) => arm === line.arm),
              {
                x: 'k',
                y: 'y',
                stroke: line.colour,
                strokeWidth: line.width,
                strokeDasharray: line.dash,
                curve: 'monotone-x',
              },
            ),
          ),
          Plot.dot(points, {
            x: 'k',
            y: 'y',
            fill: 'colour',
            r: ({ arm }: Line) => (arm === 'simulated' ? 3.5 : 2.5),
            stroke: 'var(--card)',
            strokeWidth: 1,
            title: ({ name, k, estimate }: (typeof points)[number]) =>
              `${name}, k = ${k}: ${estimateText(estimate)}`,
          }),
          ...(showGap
            ? [
                Plot.ruleX([{}], {
                  x: k,
                  y1: arms.simulated[k - 1]!.value!,
                  y2: arms.executed[k - 1]!.value!,
                  stroke: COLOUR.ink,
                  strokeWidth: 1,
                }),
                Plot.text([`gap ${(100 * lastGap.value!).toFixed(1)}`], {
                  x: k,
                  y: (arms.simulated[k - 1]!.value! + arms.executed[k - 1]!.value!) / 2,
                  dx: -7,
                  textAnchor: 'end',
                  fill: COLOUR.ink,
                  fontWeight: 600,
                  stroke: 'var(--card)',
                  strokeWidth: 5,
                }),
              ]
            : []),
          Plot.text(labels, {
            x: k,
            y: (_: unknown, i: number) => placed[i],
            text: 'text',
            fill: 'colour',
            fontWeight: 600,
            textAnchor: 'start',
            dx: 10,
            ...(narrow ? { fontSize: 11 } : { fontSize: 13 }),
          }),
        ],
      };
    },
  );
}

/** A domain around the values (and their intervals), on fives of a percent, never outside [0, 1]. */
export function range(estimates: readonly Estimate[], intervals = true): [number, number] {
  const values = estimates.flatMap(({ value, interval }) => [
    ...(value === null ? [] : [value]),
    ...(interval === null || !intervals ? [] : [interval.low, interval.high]),
  ]);
  if (values.length === 0) return [0, 1];
  const low = Math.floor(values.reduce((a, b) => Math.min(a, b)) * 20) / 20;
  const high = Math.ceil(values.reduce((a, b) => Math.max(a, b)) * 20) / 20;
  return low === high ? [Math.max(0, low - 0.05), Math.min(1, high + 0.05)] : [low, high];
}
