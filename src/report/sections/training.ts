/**
 * "How training went"
 */
import type { TrainingMetric } from '../../evaluation/records.js';
import { curveFigure, trainingCurves } from '../figures/training-figure.js';
import { count, duration } from '../format.js';
import { type Html, html } from '../html.js';
import { section, table } from './parts.js';

export function trainingSection(metrics: readonly TrainingMetric[]): Html | null {
  const curves = trainingCurves(metrics);
  if (curves.length === 0) return null;
  const stages = (['sft', 'rl'] as const).flatMap((stage) => {
    const rows = metrics.filter((row) => row.stage === stage);
    return rows.length === 0 ? [] : [{ stage, rows }];
  });
  return section(
    'training',
    'How training went',
    'Supervised fine-tuning on narrated executions and solutions comes first, then reinforcement learning on verified rewards. Validation problems are others than those of the results above.',
    html`<div class="grid">${curves.map((curve) => html`<div class="card"><h4>${curve.title}</h4>${curveFigure(curve)}</div>`)}</div>`,
    table(
      [
        { label: 'stage' },
        { label: 'optimizer steps', numeric: true },
        { label: 'tokens', numeric: true },
        { label: 'time', numeric: true },
        { label: 'tokens per second', numeric: true },
        { label: 'rows logged', numeric: true },
      ],
      stages.map(({ stage, rows }) => {
        const most = (pick: (row: TrainingMetric) => number): number =>
          rows.reduce((a, row) => Math.max(a, pick(row)), 0);
        const tokens = most((row) => row.tokens);
        const seconds = most((row) => row.elapsedSeconds);
        return {
          cells: [
            stage.toUpperCase(),
            count(most((row) => row.step)),
            count(tokens),
            duration(seconds),
            seconds > 0 ? count(tokens / seconds) : '–',
            count(rows.length),
          ],
        };
      }),
    ),
  );
}
