/**
 * The figures of a findings set, each a file of its own. Whiskers and bands are 95% intervals over seeds and problems; small
 * marks are the seeds.
 */
import { ARM_METRICS, correctByLength, curvesOfArm } from '../../evaluation/arm-metrics.js';
import type { SeedEstimate, SeededClusters, SeedStatistics } from '../../evaluation/over-seeds.js';
import type { SelectionArm } from '../../evaluation/selection-curves.js';
import type { Cluster } from '../../evaluation/statistics.js';
import { COLOUR, Plot, spread, standaloneSvg } from '../figures/plot.js';
import type { SetMeasures } from './measures.js';
import type { SetFigure, SetReportInput } from './types.js';

type Titled = { readonly name: string; readonly title: string };

/** SVG text; empty when nothing that it shows was run. */
export function drawFigure(
  figure: SetFigure,
  input: SetReportInput,
  measures: SetMeasures,
  statistics: SeedStatistics,
): string {
  const arms = figure.arms.map(
    (name): Titled => ({ name, title: input.arms.find((arm) => arm.name === name)?.title ?? name }),
  );
  switch (figure.kind) {
    case 'bars':
      return bars(figure, arms, measures);
    case 'curves':
      return curves(figure, arms, input, statistics);
    case 'gap':
      return gap(figure, arms, measures);
    case 'length':
      return lengths(figure, arms, input, statistics);
    default:
      return figure.kind satisfies never;
  }
}

const percentTick = (value: number): string => `${Math.round(value * 100)}%`;

/** Pixels. */
const WIDTH = 950;
const PANEL_TITLE = 12;
const ROW_TITLE = 13;
const LINE = 15;

function bars({ title, metrics }: SetFigure, arms: readonly Titled[], measures: SetMeasures): string {
  const cells = metrics.flatMap((metric) =>
    arms.flatMap((arm) => {
      const found = measures.estimate(arm.name, metric);
      return found ? [{ metric: ARM_METRICS[metric].title, arm: arm.title, found }] : [];
    }),
  );
  if (cells.length === 0) return '';
  const rows = cells.map(({ metric, arm, found }) => ({
    metric,
    arm,
    value: found.value,
    text:
      ARM_METRICS[metrics[0]!].unit === 'number' ? found.value.toFixed(2) : (100 * found.value).toFixed(1),
    low: found.interval?.low ?? found.value,
    high: found.interval?.high ?? found.value,
  }));
  const seeds = cells.flatMap(({ metric, arm, found }) =>
    [...found.perSeed.values()].map((value) => ({ metric, arm, value })),
  );
  const panels = [...new Set(rows.map(({ metric }) => metric))];
  const shown = arms.map((arm) => arm.title).filter((title) => rows.some(({ arm }) => arm === title));
  const longest = Math.max(...rows.map(({ arm }) => arm.length));
  const marginLeft = Math.min(280, 16 + longest * 6.6);
  // Titles of panels are wrapped to their width, in ems.
  const lineWidth = (WIDTH - marginLeft - 20) / panels.length / PANEL_TITLE - 1;
  const titleLines = Math.max(...panels.map((panel) => Math.ceil((panel.length * 0.55) / lineWidth)));
  return standaloneSvg(title, WIDTH, {
    height: 30 * shown.length + 56 + LINE * titleLines,
    marginLeft,
    marginRight: 20,
    marginTop: 20 + LINE * titleLines,
    marginBottom: 30,
    fx: { domain: panels, label: null, padding: 0.12 },
    x: {
      label: null,
      ticks: 4,
      grid: true,
      nice: true,
      ...(ARM_METRICS[metrics[0]!].unit === 'number' ? {} : { tickFormat: percentTick }),
    },
    y: { domain: shown, label: null, tickSize: 0 },
    marks: [
      Plot.axisY({ tickSize: 0, fontSize: ROW_TITLE, lineWidth: (marginLeft - 16) / ROW_TITLE }),
      Plot.axisFx({ label: null, fontSize: PANEL_TITLE, lineWidth }),
      Plot.tickX(seeds, {
        fx: 'metric',
        x: 'value',
        y: 'arm',
        stroke: COLOUR.muted,
        strokeOpacity: 0.6,
        insetTop: 6,
        insetBottom: 6,
      }),
      Plot.ruleY(rows, {
        fx: 'metric',
        x1: 'low',
        x2: 'high',
        y: 'arm',
        stroke: COLOUR.simulated,
        strokeWidth: 2,
      }),
      Plot.dot(rows, { fx: 'metric', x: 'value', y: 'arm', r: 5, fill: COLOUR.simulated }),
      Plot.text(rows, {
        fx: 'metric',
        x: 'value',
        y: 'arm',
        text: 'text',
        dy: -11,
        fontWeight: 600,
        fill: COLOUR.ink,
      }),
    ],
  });
}

const CURVES: readonly { readonly curve: SelectionArm; readonly name: string; readonly colour: string }[] = [
  { curve: 'pass', name: 'any of them right', colour: COLOUR.plain },
  { curve: 'executed', name: 'chosen by execution', colour: COLOUR.executed },
  { curve: 'simulated', name: 'chosen by simulation', colour: COLOUR.simulated },
  { curve: 'majority', name: 'by agreement alone', colour: COLOUR.wishful },
  { curve: 'short', name: 'the shortest', colour: COLOUR.short },
];

/** What `of` reads from the records of an arm, for each of its seeds. */
function bySeed<T>(
  runs: SetReportInput['runs'],
  { name }: Titled,
  of: (records: SetReportInput['runs'][number]['records']) => T,
): (readonly [seed: SetReportInput['runs'][number]['facts']['seed'], value: T])[] {
  return runs
    .filter(({ facts }) => facts.arm === name)
    .map(({ facts, records }) => [facts.seed, of(records)] as const);
}

interface CurvePoint {
  readonly arm: string;
  readonly name: string;
  readonly colour: string;
  readonly k: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

function curves(
  { title }: SetFigure,
  arms: readonly Titled[],
  { runs }: SetReportInput,
  statistics: SeedStatistics,
): string {
  const points = arms.flatMap((arm) => {
    const found = bySeed(runs, arm, curvesOfArm);
    return CURVES.flatMap(({ curve, name, colour }) => {
      const ks = Math.max(0, ...found.map(([, of]) => of[curve].length));
      return Array.from({ length: ks }, (_, i): CurvePoint[] => {
        const estimate = statistics.estimate(seededAt(found.map(([seed, of]) => [seed, of[curve][i]])));
        return estimate ? [{ arm: arm.title, name, colour, k: i + 1, ...bounds(estimate) }] : [];
      }).flat();
    });
  });
  if (points.length === 0) return '';
  const panels = [...new Set(points.map(({ arm }) => arm))];
  const last = Math.max(...points.map(({ k }) => k));
  const perPixel =
    (Math.max(...points.map(({ high }) => high)) - Math.min(...points.map(({ low }) => low))) / 260;
  const labels = points.filter(({ k, arm }) => k === last && arm === panels.at(-1));
  const placed = spread(
    labels.map(({ value }) => value),
    16 * perPixel,
  );
  return standaloneSvg(title, WIDTH, {
    height: 350,
    marginLeft: 44,
    marginRight: 150,
    marginTop: 30,
    marginBottom: 40,
    fx: { domain: panels, label: null, padding: 0.08 },
    x: {
      label: 'programs to choose from (k)',
      labelAnchor: 'center',
      labelArrow: 'none',
      tickFormat: 'd',
      ticks: Math.min(10, last),
    },
    y: { label: null, grid: true, tickFormat: percentTick, ticks: 6 },
    marks: [
      ...CURVES.filter(({ curve }) => curve === 'executed' || curve === 'simulated').map(({ name, colour }) =>
        Plot.areaY(
          points.filter((point) => point.name === name),
          {
            fx: 'arm',
            x: 'k',
            y1: 'low',
            y2: 'high',
            fill: colour,
            fillOpacity: 0.12,
          },
        ),
      ),
      ...CURVES.map(({ name, colour, curve }) =>
        Plot.lineY(
          points.filter((point) => point.name === name),
          {
            fx: 'arm',
            x: 'k',
            y: 'value',
            stroke: colour,
            strokeWidth: curve === 'simulated' ? 3 : 1.8,
            strokeDasharray: curve === 'pass' ? '2,4' : curve === 'short' ? '6,4' : '',
          },
        ),
      ),
      Plot.text(
        labels.map((label, i) => ({ ...label, at: placed[i]! })),
        {
          fx: 'arm',
          x: 'k',
          y: 'at',
          text: 'name',
          fill: 'colour',
          textAnchor: 'start',
          dx: 8,
          fontWeight: 600,
        },
      ),
    ],
  });
}

function gap({ title }: SetFigure, arms: readonly Titled[], measures: SetMeasures): string {
  const points = arms.flatMap(({ name, title: arm }) => {
    const [x, y] = [measures.estimate(name, 'prediction-own'), measures.estimate(name, 'gap@k')];
    return x && y
      ? [
          {
            arm,
            x: bounds(x),
            y: bounds(y),
            perSeed: [...x.perSeed].map(([seed, at]) => ({ arm, x: at, y: y.perSeed.get(seed) ?? 0 })),
          },
        ]
      : [];
  });
  if (points.length === 0) return '';
  const perPixel = Math.max(...points.map(({ y }) => y.high)) / 330;
  const heights = spread(
    points.map(({ y }) => y.value),
    16 * perPixel,
  );
  const labels = points.map((point, i) => ({ ...point, at: heights[i]! }));
  return standaloneSvg(title, 760, {
    height: 400,
    marginLeft: 50,
    marginRight: 150,
    marginBottom: 44,
    x: {
      label: 'programs to choose from: outputs simulated rightly',
      labelAnchor: 'center',
      labelArrow: 'none',
      tickFormat: percentTick,
      nice: true,
    },
    y: {
      label: 'simulation gap, points',
      labelArrow: 'none',
      grid: true,
      tickFormat: (value: number) => (100 * value).toFixed(0),
      nice: true,
    },
    marks: [
      Plot.ruleY([0], { stroke: COLOUR.muted }),
      Plot.dot(
        points.flatMap(({ perSeed }) => perSeed),
        { x: 'x', y: 'y', r: 2.5, fill: COLOUR.muted, fillOpacity: 0.6 },
      ),
      Plot.ruleX(points, {
        x: ({ x }) => x.value,
        y1: ({ y }) => y.low,
        y2: ({ y }) => y.high,
        stroke: COLOUR.simulated,
      }),
      Plot.ruleY(points, {
        y: ({ y }) => y.value,
        x1: ({ x }) => x.low,
        x2: ({ x }) => x.high,
        stroke: COLOUR.simulated,
      }),
      Plot.dot(points, { x: ({ x }) => x.value, y: ({ y }) => y.value, r: 5, fill: COLOUR.simulated }),
      Plot.text(labels, {
        x: ({ x }) => x.value,
        y: 'at',
        text: 'arm',
        dx: 9,
        dy: -9,
        textAnchor: 'start',
        fontWeight: 600,
        fill: COLOUR.ink,
      }),
    ],
  });
}

/** Tokens per bin of the length figure. */
const BIN = 20;
/** Bins with fewer simulations say nothing. */
const LEAST = 20;

function lengths(
  { title }: SetFigure,
  arms: readonly Titled[],
  { runs }: SetReportInput,
  statistics: SeedStatistics,
): string {
  const points = arms.flatMap((arm) => {
    const found = bySeed(runs, arm, (records) => correctByLength(records, BIN));
    const bins = [...new Set(found.flatMap(([, byBin]) => [...byBin.keys()]))].sort((a, b) => a - b);
    return bins.flatMap((bin) => {
      const estimate = statistics.estimate(seededAt(found.map(([seed, byBin]) => [seed, byBin.get(bin)])));
      if (estimate === undefined || estimate.items < LEAST) return [];
      return [{ arm: arm.title, tokens: (bin + 0.5) * BIN, ...bounds(estimate) }];
    });
  });
  if (points.length === 0) return '';
  return standaloneSvg(title, 760, {
    height: 340,
    marginLeft: 50,
    marginRight: 170,
    marginBottom: 44,
    color: {
      legend: false,
      domain: arms.map(({ title: name }) => name),
      range: [COLOUR.simulated, COLOUR.executed, COLOUR.short, COLOUR.wishful, COLOUR.plain],
    },
    x: { label: 'tokens of a simulation', labelAnchor: 'center', labelArrow: 'none' },
    y: { label: null, domain: [0, 1], grid: true, tickFormat: percentTick },
    marks: [
      Plot.areaY(points, { x: 'tokens', y1: 'low', y2: 'high', fill: 'arm', fillOpacity: 0.12 }),
      Plot.lineY(points, { x: 'tokens', y: 'value', stroke: 'arm', strokeWidth: 2.5 }),
      Plot.dot(points, { x: 'tokens', y: 'value', fill: 'arm', r: 3 }),
      Plot.text(
        points,
        Plot.selectLast({
          x: 'tokens',
          y: 'value',
          z: 'arm',
          text: 'arm',
          fill: 'arm',
          dx: 8,
          textAnchor: 'start',
          fontWeight: 600,
        }),
      ),
    ],
  });
}

function seededAt(
  found: readonly (readonly [number, ReadonlyMap<string, Cluster> | undefined])[],
): SeededClusters {
  return new Map(found.flatMap(([seed, clusters]) => (clusters ? [[seed, filled(clusters)] as const] : [])));
}

function filled(clusters: ReadonlyMap<string, Cluster>): ReadonlyMap<string, Cluster> {
  return new Map([...clusters].filter(([, { count }]) => count > 0));
}

function bounds({ value, interval }: SeedEstimate): { value: number; low: number; high: number } {
  return { value, low: interval?.low ?? value, high: interval?.high ?? value };
}
