/**
 * "Can it repair its programs without running them?"
 */
import { type SelfRlefSummary, TRANSITIONS, type Transition } from '../../evaluation/summarise-self-rlef.js';
import { selfRlefFigure } from '../figures/self-rlef-figure.js';
import { count, differenceText, estimateText, percent } from '../format.js';
import { type Html, html } from '../html.js';
import { details, provenance, type SectionContext, section, table } from './parts.js';

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
  const shown =
    selfRlef.findLast(
      ({ stage, model, feedback }) =>
        stage === newest.stage && model === newest.model && feedback === 'simulated',
    ) ?? newest;
  return section(
    'self-repair',
    'Can it repair its programs without running them?',
    'Self-RLEF: the model writes a program, predicts its outputs on the public tests, compares them with the expected ones, and either submits the program or writes another. With executed feedback it sees the real outputs instead. Rates are over all tests, private ones included.',
    html`<div class="card"><h3>From the first program to the submitted one</h3>${selfRlefFigure(selfRlef.map((summary) => ({ label: name(summary), summary })))}
<p class="note">Hollow: the first program. Filled: the submitted one, with its 95% interval as a band.</p></div>
<div class="grid"><div class="card"><h3>What became of first programs</h3>${flow(shown)}<p class="note">${capital(name(shown))}; all tests; ${count(shown.episodes)} episodes.</p></div>
<div class="card"><h3>How it went</h3>${table(
      [
        { label: '' },
        { label: 'programs used, mean (most)', numeric: true },
        { label: 'ended by submitting', numeric: true },
        { label: 'tokens', numeric: true },
      ],
      selfRlef.map((entry) => ({
        cells: [
          name(entry),
          `${entry.meanProgramsUsed.toFixed(2)} (${entry.mostProgramsUsed})`,
          percent(entry.submittedShare.value),
          entry.meanCompletionTokens === null ? '–' : count(entry.meanCompletionTokens),
        ],
      })),
    )}${
      selfRlefContrasts.length > 0 &&
      table(
        [{ label: 'submitted program, in points' }, { label: 'difference', numeric: true }],
        selfRlefContrasts.map(({ stage, model, feedback, against, allTests }) => ({
          cells: [`${context.label(stage, model)}: ${feedback} − ${against}`, differenceText(allTests)],
        })),
      )
    }</div></div>`,
    details(
      'The numbers: first program → submitted program',
      table(
        [
          { label: 'stage and feedback' },
          { label: 'tests' },
          { label: 'first', numeric: true },
          { label: 'submitted', numeric: true },
          { label: 'gain', numeric: true },
          ...TRANSITIONS.map((transition) => ({ label: TRANSITION_NAMES[transition], numeric: true })),
          { label: 'episodes', numeric: true },
          { label: 'unscored', numeric: true },
        ],
        selfRlef.flatMap((entry) =>
          (
            [
              ['all', entry.allTests],
              ['public', entry.publicTests],
            ] as const
          ).map(([tests, outcome], i) => ({
            cells: [
              i === 0 ? name(entry) : '',
              tests,
              estimateText(outcome.first),
              estimateText(outcome.submitted),
              differenceText(outcome.gain),
              ...TRANSITIONS.map((transition) => estimateText(outcome.transitions[transition])),
              count(outcome.first.items),
              count(outcome.first.unscored),
            ],
          })),
        ),
      ),
    ),
    provenance(context, selfRlef),
  );
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
