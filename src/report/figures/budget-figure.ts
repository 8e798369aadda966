/**
 * Self-RLEF by its budget (paper, table 9): the pass rate of what is submitted against how many programs may be written.
 */
import type { SelfRlefSummary } from '../../evaluation/summarise-self-rlef.js';
import { estimateText, percent } from '../format.js';
import type { Html } from '../html.js';
import { COLOUR, figure, Plot, shareAxis, spread } from './plot.js';

/** `undefined` when no episode wrote a second program. */
export function budgetFigure(entries: readonly SelfRlefSummary[]): Html | undefined {
  const lines = entries
    .filter(({ byBudget }) => byBudget.length > 1)
    .map(({ feedback, byBudget }) => ({
      name: `${feedback} feedback`,
      colour: feedback === 'executed' ? COLOUR.executed : COLOUR.simulated,
      points: byBudget.flatMap(({ budget, submitted, meanProgramsUsed }) =>
        submitted.value === null ? [] : [{ budget, y: submitted.value, submitted, meanProgramsUsed }],
      ),
    }))
    .filter(({ points }) => points.length > 1);
  if (lines.length === 0) return undefined;
  const values = lines.flatMap(({ points }) => points.map(({ y }) => y));
  const low = Math.floor(Math.min(...values) * 20 - 0.2) / 20;
  const high = Math.ceil(Math.max(...values) * 20 + 0.2) / 20;
  const most = Math.max(...lines.flatMap(({ points }) => points.map(({ budget }) => budget)));
  return figure(
    { label: 'Pass rate of the submitted program against the budget of programs' },
    ({ narrow }) => {
      const height = narrow ? 220 : 240;
      const ends = lines.map((line) => ({ ...line, y: line.points.at(-1)!.y }));
      const placed = spread(
        ends.map(({ y }) => y),
        (17 * (high - low)) / (height - 50),
      );
      return {
        height,
        marginLeft: 40,
        marginRight: narrow ? 96 : 220,
        marginTop: 14,
        marginBottom: 38,
        x: {
          domain: [1, most],
          ticks: Array.from({ length: most }, (_, i) => i + 1),
          tickFormat: 'd',
          label: 'programs that may be written',
          labelAnchor: 'center',
          labelArrow: 'none',
          tickSize: 0,
        },
        y: shareAxis(low, high, 4),
        marks: [
          ...lines.flatMap(({ name, colour, points }) => [
            Plot.lineY(points, { x: 'budget', y: 'y', stroke: colour, strokeWidth: 2 }),
            Plot.dot(points, {
              x: 'budget',
              y: 'y',
              r: 3,
              fill: colour,
              title: ({ budget, submitted, meanProgramsUsed }: (typeof points)[number]) =>
                `${name}, ${budget} programs: ${estimateText(submitted)}, ${meanProgramsUsed.toFixed(2)} written`,
            }),
          ]),
          Plot.text(ends, {
            x: most,
            y: (_: unknown, i: number) => placed[i],
            text: ({ name, y }: { name: string; y: number }) =>
              narrow ? `${name.split(' ')[0]} ${percent(y)}` : `${name} ${percent(y)}`,
            fill: 'colour',
            fontWeight: 600,
            textAnchor: 'start',
            dx: 10,
            fontSize: narrow ? 11 : 13,
          }),
        ],
      };
    },
  );
}
