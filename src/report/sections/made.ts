/**
 * "How it was made": what is needed to make it again.
 */
import { duration, spendingText } from '../format.js';
import { type Html, html } from '../html.js';
import type { RunFacts } from '../types.js';
import { details, section, table } from './parts.js';

export function madeSection(run: RunFacts): Html {
  const seconds = run.stages.reduce((sum, stage) => sum + stage.seconds, 0);
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['run', run.name],
    ['seed', String(run.seed)],
    ['time', run.stages.length > 0 ? duration(seconds) : undefined],
    ['started', run.startedAt],
    ['spent', run.spending && spendingText(run.spending)],
    ['machine', run.machine ?? 'not recorded'],
    ['commit', run.commit],
    [
      'versions',
      Object.entries(run.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ') || undefined,
    ],
    ...Object.entries(run.facts ?? {}),
  ];
  return section(
    'made',
    'How it was made',
    'The same command with the same seed gives the same data and the same evaluation set.',
    html`<pre>${run.command}</pre>
<dl class="facts">${facts.map(([name, value]) => value !== undefined && html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`,
    html`${
      run.stages.length > 0 &&
      table(
        [{ label: 'stage' }, { label: 'time', numeric: true }],
        run.stages.map(({ name, seconds }) => ({ cells: [name, duration(seconds)] })),
      )
    }`,
    details('The whole recipe', html`<pre class="code">${run.recipe}</pre>`),
  );
}
