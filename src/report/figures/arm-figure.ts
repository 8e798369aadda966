/**
 * All arms of choosing in one figure (paper, figures 5 to 9): whose programs, simulated by whom, from which prompt. Per arm
 * pass@1, best@k by simulation with its interval, and best@k by execution.
 */
import type { SelectionSummary } from '../../evaluation/summarise-selections.js';
import { estimateText, percent } from '../format.js';
import type { Html } from '../html.js';
import { COLOUR, figure, Plot, shareAxis } from './plot.js';

export interface ArmRow {
  readonly label: string;
  readonly summary: SelectionSummary;
}

/** `undefined` when fewer than two arms were simulated. */
export function armFigure(rows: readonly ArmRow[]): Html | undefined {
  const marks = rows.flatMap(({ label, summary: { ks, arms, settled } }) => {
    const at = ks.length - 1;
    const simulated = arms.simulated[at] ?? settled?.right;
    const [first, executed] = [arms.pass[0], arms.executed[at]];
    if (simulated?.value == null || first?.value == null || executed?.value == null) return [];
    const { low, high } = simulated.interval ?? { low: simulated.value, high: simulated.value };
    return [
      {
        label,
        first: first.value,
        executed: executed.value,
        simulated: simulated.value,
        ...{ low, high },
        text: `${percent(first.value)} → ${percent(simulated.value)} of ${percent(executed.value)}`,
        title: `${label}: pass@1 ${estimateText(first)}, best@${ks.length} by simulation ${estimateText(simulated)}, by execution ${estimateText(executed)}`,
      },
    ];
  });
  if (marks.length < 2) return undefined;
  const values = marks.flatMap(({ first, executed, low, high }) => [first, executed, low, high]);
  const low = Math.floor(Math.min(...values) * 10 - 0.3) / 10;
  const high = Math.ceil(Math.max(...values) * 10 + 0.3) / 10;
  const longest = marks.reduce((most, { label }) => Math.max(most, label.length), 0);
  return figure({ label: 'pass@1, best@k by simulation and by execution, per arm' }, ({ narrow }) => ({
    height: (narrow ? 62 : 42) * marks.length + 36,
    marginLeft: narrow ? 12 : Math.min(320, 20 + longest * 6.6),
    marginRight: narrow ? 12 : 190,
    marginTop: 10,
    marginBottom: 28,
    x: shareAxis(low, high, narrow ? 4 : 6),
    y: { domain: marks.map(({ label }) => label), label: null, axis: null },
    marks: [
      ...(narrow ? [] : [Plot.axisY({ tickSize: 0, fontSize: 13, lineWidth: 24 })]),
      Plot.ruleY(marks, {
        y: 'label',
        x1: 'first',
        x2: 'executed',
        stroke: COLOUR.muted,
        strokeOpacity: 0.5,
      }),
      Plot.ruleY(marks, {
        y: 'label',
        x1: 'low',
        x2: 'high',
        stroke: COLOUR.simulated,
        strokeWidth: 9,
        strokeOpacity: 0.18,
        strokeLinecap: 'round',
      }),
      Plot.dot(marks, {
        x: 'first',
        y: 'label',
        r: 4.5,
        stroke: COLOUR.plain,
        strokeWidth: 2,
        fill: 'var(--card)',
        title: 'title',
      }),
      Plot.tickX(marks, {
        x: 'executed',
        y: 'label',
        stroke: COLOUR.executed,
        strokeWidth: 3,
        title: 'title',
      }),
      Plot.dot(marks, { x: 'simulated', y: 'label', r: 5.5, fill: COLOUR.simulated, title: 'title' }),
      Plot.text(marks, {
        y: 'label',
        frameAnchor: narrow ? 'left' : 'right',
        dx: narrow ? 0 : 182,
        dy: narrow ? -19 : 0,
        text: narrow ? ({ label, text }: { label: string; text: string }) => `${label}: ${text}` : 'text',
        textAnchor: narrow ? 'start' : 'end',
        fontWeight: 600,
        fill: COLOUR.ink,
      }),
    ],
  }));
}
