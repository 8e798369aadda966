/**
 * "Can it repair its programs without running them?"
 */
import { type SelfRlefSummary, TRANSITIONS, type Transition } from '../../evaluation/summarise-self-rlef.js';
import { budgetFigure } from '../figures/budget-figure.js';
import { selfRlefFigure } from '../figures/self-rlef-figure.js';
import { count, differenceText, percent } from '../format.js';
import { type Html, html } from '../html.js';
import {
  details,
  differenceCell,
  estimateCell,
  provenance,
  type SectionContext,
  section,
  table,
} from './parts.js';

const FEEDBACK: Readonly<Record<SelfRlefSummary['feedback'], string>> = {
  none: 'no feedback',
  simulated: 'simulated feedback',
  executed: 'executed feedback',
};

const TRANSITION_NAMES: Readonly<Record<Transition, string>> = {
  failFail: 'fail → fail',
  failPass: 'fail → pass',
  passFail: 'pass → fail',
  passPass: 'pass → pass',
};

export function selfRlefSection(context: SectionContext): Html | null {
  const { selfRlef, selfRlefContrasts } = context.summary;
  if (selfRlef.length === 0) return null;
  const name = ({ stage, model, feedback }: Pick<SelfRlefSummary, 'stage' | 'model' | 'feedback'>): string =>
    `${context.label(stage, model)}, ${FEEDBACK[feedback]}`;
  const newest = selfRlef.at(-1)!;
  const latest = selfRlef.filter(({ stage, model }) => stage === newest.stage && model === newest.model);
  const budget = budgetFigure(latest);
  return section(
    'self-repair',
    'Can it repair its programs without running them?',
    'Self-RLEF: the model writes a program, predicts its outputs on the public tests, compares them with the expected ones, and either submits the program or writes another. With executed feedback it sees the real outputs instead. Rates are over all tests, private ones included.',
    html`<div class="card"><h3>From the first program to the submitted one</h3>${selfRlefFigure(selfRlef.map((summary) => ({ label: name(summary), summary })))}
<p class="note">Hollow: the first program. Filled: the submitted one, with its 95% interval as a band.</p></div>
<div class="grid">${latest.map(
      (entry) =>
        html`<div class="card"><h3>What became of first programs: ${FEEDBACK[entry.feedback]}</h3>${flow(entry)}<p class="note">${capital(context.label(entry.stage, entry.model))}; all tests; ${count(entry.allTests.first.items)} episodes.</p></div>`,
    )}</div>`,
    html`${budget && html`<div class="card"><h3>By how many programs it may write <span class="dim">· ${context.label(newest.stage, newest.model)}</span></h3>${budget}<p class="note">Read off the same episodes: under a smaller budget each ends earlier, and its last program is submitted unchecked.</p></div>`}`,
    table(
      [
        { label: 'stage and feedback' },
        { label: 'first → submitted', numeric: true },
        { label: 'gain', numeric: true },
        { label: 'programs used (most)', numeric: true },
        { label: 'submitted by itself', numeric: true },
        { label: 'tokens per episode', numeric: true },
      ],
      selfRlef.map((entry) => ({
        cells: [
          name(entry),
          `${percent(entry.allTests.first.value)} → ${percent(entry.allTests.submitted.value)}`,
          differenceCell(entry.allTests.gain),
          `${entry.meanProgramsUsed.toFixed(2)} (${entry.mostProgramsUsed})`,
          percent(entry.submittedShare.value),
          entry.meanCompletionTokens === null ? '–' : count(entry.meanCompletionTokens),
        ],
      })),
    ),
    html`${selfRlefContrasts.map(
      ({ stage, model, feedback, against, allTests }) =>
        html`<p class="note">${capital(context.label(stage, model))}, submitted program: ${feedback} − ${against} feedback = ${differenceText(allTests)} points, over ${count(allTests.problems)} problems.</p>`,
    )}`,
    details('The numbers: first program → submitted program', numbers(selfRlef, name)),
    provenance(context, selfRlef),
  );
}

function numbers(selfRlef: readonly SelfRlefSummary[], name: (entry: SelfRlefSummary) => string): Html {
  const entries = selfRlef.flatMap((entry) => [
    { label: name(entry), tests: 'all', outcome: entry.allTests },
    { label: '', tests: 'public', outcome: entry.publicTests },
  ]);
  const place = [{ label: 'stage and feedback' }, { label: 'tests' }];
  const rates = table(
    [
      ...place,
      { label: 'first passes', numeric: true },
      { label: 'submitted passes', numeric: true },
      { label: 'gain, in points', numeric: true },
      { label: 'problems', numeric: true },
      { label: 'episodes', numeric: true },
      { label: 'unscored', numeric: true },
    ],
    entries.map(({ label, tests, outcome: { first, submitted, gain } }) => ({
      cells: [
        label,
        tests,
        estimateCell(first),
        estimateCell(submitted),
        differenceCell(gain),
        count(first.problems),
        count(first.items),
        count(first.unscored),
      ],
    })),
  );
  const transitions = table(
    [...place, ...TRANSITIONS.map((transition) => ({ label: TRANSITION_NAMES[transition], numeric: true }))],
    entries.map(({ label, tests, outcome }) => ({
      cells: [
        label,
        tests,
        ...TRANSITIONS.map((transition) => estimateCell(outcome.transitions[transition])),
      ],
    })),
  );
  return html`${rates}${transitions}`;
}

/** Table 5 of the paper, as a square. */
function flow({ allTests: { transitions } }: SelfRlefSummary): Html {
  const cell = (name: Transition, tone: string, words: string): Html =>
    html`<div class="cell" style="background:var(--${tone})"><b>${percent(transitions[name].value)}</b><span>${words}</span></div>`;
  return html`<div class="flow"><span></span><span class="head">submitted fails</span><span class="head">submitted passes</span>
<span class="side dim">first fails</span>${cell('failFail', 'soft', 'not repaired')}${cell('failPass', 'good-soft', 'repaired')}
<span class="side dim">first passes</span>${cell('passFail', 'bad-soft', 'broken')}${cell('passPass', 'soft', 'kept')}</div>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
