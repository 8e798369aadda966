/**
 * The top of the page: what was found, in words and in a handful of numbers, and what is missing.
 */
import type { Estimate } from '../../evaluation/estimates.js';
import type { Findings } from '../findings.js';
import { counted, percent, percentInterval } from '../format.js';
import { type Html, html } from '../html.js';
import type { ReportInput } from '../types.js';
import type { SectionContext } from './parts.js';

export function header(input: ReportInput, found: Findings, missing: readonly string[]): Html {
  return html`<header>
<div class="eyebrow"><span class="brand">Deskcheck</span><span>run report</span><span class="pill ${missing.length === 0 ? 'good' : 'bad'}">${missing.length === 0 ? 'complete' : 'partial'}</span></div>
<h1>${input.title}</h1>
<p class="headline">${found.headline}</p>
<p class="evidence">${found.evidence}</p>
${input.about && html`<p class="about">${input.about}</p>`}
</header>`;
}

export function missingBox(missing: readonly string[]): Html | null {
  if (missing.length === 0) return null;
  return html`<div class="missing"><strong>This report is partial.</strong><ul>${missing.map((line) => html`<li>${line}</li>`)}</ul></div>`;
}

export function tiles({ summary, label }: SectionContext): Html | null {
  const entries: { name: string; estimate: Estimate; colour: string }[] = [];
  const selection = summary.selections.at(-1);
  const add = (name: string, estimate: Estimate | undefined, colour: string): void => {
    if (estimate && estimate.value !== null) entries.push({ name, estimate, colour });
  };
  if (selection) {
    const k = selection.ks.length;
    add('Solved by one program (pass@1)', selection.arms.pass[0], 'plain');
    add(`Solved choosing among ${k} by simulation`, selection.arms.simulated[k - 1], 'simulated');
    add(`Solved choosing among ${k} by execution (oracle)`, selection.arms.executed[k - 1], 'executed');
  }
  const prediction = summary.predictions.at(-1);
  const of = (name: string) => prediction?.groups.find(({ group }) => group === name);
  add('Outputs predicted right', of('all')?.accuracy, 'simulated');
  add('Wishful answers, where the program is wrong', of('differs')?.wishful, 'wishful');
  const last = summary.selfRlef.at(-1);
  const repair = summary.selfRlef.find(
    ({ stage, feedback }) => stage === last?.stage && feedback === 'simulated',
  );
  add('Solved after self-repair on simulated feedback', repair?.allTests.submitted, 'simulated');
  if (entries.length === 0) return null;
  const newest = selection ?? prediction ?? last;
  return html`<div class="tiles">${entries.map(tile)}</div>
<p class="note">All tiles: ${newest ? label(newest.stage, newest.model) : ''}. The small print is the 95% interval over problems, the pale end of a bar too.</p>`;
}

function tile({ name, estimate, colour }: { name: string; estimate: Estimate; colour: string }): Html {
  const { value, interval, problems } = estimate;
  const at = (share: number): string => `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;
  return html`<div class="tile"><div class="name">${name}</div><div class="value">${percent(value)}</div>
<div class="range">${interval && `${percentInterval(interval)} · `}${counted(problems, 'problem')}</div>
<div class="gauge" style="color:var(--c-${colour})"><i style="width:${at(value ?? 0)}"></i>${
    interval && html`<b style="left:${at(interval.low)};width:${at(interval.high - interval.low)}"></b>`
  }</div></div>`;
}

export function findingList(found: Findings): Html | null {
  if (found.points.length === 0) return null;
  return html`<ul class="points">${found.points.map((point) => html`<li>${point}</li>`)}</ul>`;
}
