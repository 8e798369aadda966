/**
 * Accuracy against what it costs: the curves of choosing among k programs over completion tokens instead of k, so that
 * arms can be compared at equal cost. Running tests costs no tokens; prompts are not counted.
 */
import type { Estimate } from '../../evaluation/estimates.js';
import type { SelectionCost } from '../../evaluation/selection-costs.js';
import type { SelectionSummary } from '../../evaluation/summarise-selections.js';
import { count, estimateText } from '../format.js';
import type { Html } from '../html.js';
import { COLOUR, figure, Plot, shareAxis, spread } from './plot.js';
import { range } from './selection-figure.js';

interface CostLine {
  readonly name: string;
  readonly colour: string;
  readonly dash: string;
  readonly width: number;
  readonly estimates: readonly Estimate[];
  readonly tokens: (cost: SelectionCost) => number | null;
}

/** `undefined` unless the cost of simulations was recorded. */
export function costFigure({ ks, arms, costs }: SelectionSummary): Html | undefined {
  if (costs.at(-1)?.simulations == null || arms.simulated.length === 0 || ks.length < 2) return undefined;
  const lines: readonly CostLine[] = [
    {
      name: 'execution',
      colour: COLOUR.executed,
      dash: '',
      width: 2,
      estimates: arms.executed,
      tokens: (cost) => cost.responses,
    },
    {
      name: 'simulation, stopped early',
      colour: COLOUR.simulated,
      dash: '',
      width: 3,
      estimates: arms.simulated,
      tokens: ({ responses, settled }) => (settled === null ? null : responses + settled),
    },
    {
      name: 'simulation in full',
      colour: COLOUR.simulated,
      dash: '3,4',
      width: 2,
      estimates: arms.simulated,
      tokens: ({ responses, simulations }) => (simulations === null ? null : responses + simulations),
    },
    {
      name: 'shortest',
      colour: COLOUR.short,
      dash: '6,4',
      width: 1.75,
      estimates: arms.short,
      tokens: (cost) => cost.responses,
    },
  ];
  const points = lines.flatMap((line) =>
    costs.flatMap((cost, i) => {
      const tokens = line.tokens(cost);
      return tokens === null || tokens <= 0
        ? []
        : [{ ...line, k: cost.k, x: tokens, estimate: line.estimates[i]!, y: line.estimates[i]!.value ?? 0 }];
    }),
  );
  const [low, high] = range(
    lines.flatMap(({ estimates }) => [...estimates]),
    false,
  );
  const most = points.reduce((a, { x }) => Math.max(a, x), 1);
  return figure({ label: 'Share of problems solved against completion tokens per problem' }, ({ narrow }) => {
    const height = narrow ? 280 : 300;
    const ends = points.filter(({ k }) => k === ks.length);
    const placed = spread(
      ends.map(({ y }) => y),
      (17 * (high - low)) / (height - 60),
    );
    return {
      height,
      marginLeft: 40,
      marginRight: narrow ? 14 : 190,
      marginTop: 20,
      marginBottom: 40,
      x: {
        type: 'log',
        label: 'completion tokens per problem',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickSize: 0,
        ticks: narrow ? 3 : 6,
        tickFormat: (v: number) => count(v),
      },
      y: shareAxis(low, high, 5),
      marks: [
        ...lines.map((line) =>
          Plot.lineY(
            points.filter(({ name }) => name === line.name),
            { x: 'x', y: 'y', stroke: line.colour, strokeWidth: line.width, strokeDasharray: line.dash },
          ),
        ),
        Plot.dot(points, {
          x: 'x',
          y: 'y',
          fill: 'colour',
          r: 3,
          stroke: 'var(--card)',
          strokeWidth: 1,
          title: ({ name, k, x, estimate }: (typeof points)[number]) =>
            `${name}, k = ${k}: ${estimateText(estimate)} for ${count(x)} tokens`,
        }),
        // Beside the plot where there is room, else over the line.
        Plot.text(ends, {
          x: narrow ? 'x' : () => most,
          y: narrow ? 'y' : (_: unknown, i: number) => placed[i],
          text: 'name',
          fill: 'colour',
          fontWeight: 600,
          textAnchor: narrow ? 'end' : 'start',
          dx: narrow ? 0 : 12,
          dy: narrow ? -10 : 0,
          stroke: 'var(--card)',
          strokeWidth: 4,
        }),
      ],
    };
  });
}
