/**
 * "Can it choose its best program without running any?"
 */
import type { SelectionSummary, SettledChoice } from '../../evaluation/summarise-selections.js';
import { armFigure } from '../figures/arm-figure.js';
import { costFigure } from '../figures/cost-figure.js';
import { selectionFigure } from '../figures/selection-figure.js';
import { count, counted, differenceText, estimateText, percent } from '../format.js';
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

export function selectionSection(context: SectionContext): Html | null {
  const { selections, selectionChanges } = context.summary;
  if (selections.length === 0) return null;
  // The newest stage is the finding; earlier ones follow, closed.
  const newestFirst = [...selections].reverse();
  return section(
    'selection',
    'Can it choose its best program without running any?',
    'Of k sampled programs, submit the one that passes most public tests by the model’s own simulation. The same choice by real execution is the oracle: the distance between the two is the simulation gap. “Any of them right” (pass@k) is what a perfect chooser would reach; “most agreed outputs” (majority@k) looks at no expected output, only at what most programs are predicted to print; “the shortest” needs no simulation at all.',
    html`${newestFirst.map((selection, i) =>
      i === 0
        ? panel(context, selection)
        : details(
            `The same curves, ${context.label(selection.stage, selection.model)}${armOf(selection)}`,
            panel(context, selection),
          ),
    )}`,
    html`${armTable(context, selections)}`,
    html`${
      selectionChanges.length > 0 &&
      details(
        'From one stage to the next',
        table(
          [
            { label: 'change, in points' },
            { label: 'pass@1', numeric: true },
            { label: 'pass@k', numeric: true },
            { label: 'best@k by simulation', numeric: true },
            { label: 'k', numeric: true },
            { label: 'problems', numeric: true },
          ],
          selectionChanges.map(({ from, to, k, passAt1, passAtK, bestAtKSimulated }) => ({
            cells: [
              `${from.toUpperCase()} → ${to.toUpperCase()}`,
              differenceCell(passAt1),
              differenceCell(passAtK),
              differenceCell(bestAtKSimulated),
              k,
              count(passAt1.problems),
            ],
          })),
        ),
      )
    }`,
    provenance(context, selections),
  );
}

/** What sets it apart from other curves of the same model and stage (paper, figures 5 to 9). */
function armOf({ model, verifier, publicTestsInPrompt }: SelectionSummary): string {
  return `${verifier === model ? '' : `, simulated by ${verifier}`}${publicTestsInPrompt ? '' : ', no public tests in the prompt'}`;
}

/** Paper, figures 5 to 9: who simulates for whom, and prompts with and without public tests, side by side. */
function armTable(context: SectionContext, selections: readonly SelectionSummary[]): Html | null {
  if (selections.length < 2) return null;
  const drawn = armFigure(
    selections.map((summary) => ({
      label: `${context.label(summary.stage, summary.model)}${armOf(summary)}`,
      summary,
    })),
  );
  const numbers = details(
    'Who simulates for whom: the numbers',
    table(
      [
        { label: 'programs by' },
        { label: 'simulated by' },
        { label: 'public tests in the prompt' },
        { label: 'k', numeric: true },
        { label: 'pass@1', numeric: true },
        { label: 'best@k by simulation', numeric: true },
        { label: 'gain over pass@1', numeric: true },
        { label: 'simulation gap', numeric: true },
        { label: 'problems', numeric: true },
      ],
      selections.flatMap((selection) => {
        const { arms, ks, gain, gap, model, verifier, stage, problems } = selection;
        const at = ks.length - 1;
        if (at < 0) return [];
        return [
          {
            cells: [
              context.label(stage, model),
              verifier === model ? 'itself' : verifier,
              selection.publicTestsInPrompt ? 'yes' : 'no',
              ks.length,
              estimateCell(arms.pass[0]!),
              arms.simulated[at] ? estimateCell(arms.simulated[at]) : '–',
              gain[at] ? differenceCell(gain[at]) : '–',
              gap[at] ? differenceCell(gap[at]) : '–',
              count(problems),
            ],
          },
        ];
      }),
    ),
  );
  if (drawn === undefined) return numbers;
  return html`<div class="card"><h3>Who simulates for whom</h3>${drawn}<p class="note">Hollow: one program (pass@1). Filled: chosen by simulation, with its 95% interval as a band. Bar: chosen by execution, the oracle.</p></div>${numbers}`;
}

function panel(context: SectionContext, selection: SelectionSummary): Html {
  const { stage, model, verifier, ks, problems, programsPerProblem, draws, publicTestsInPrompt } = selection;
  const { min, max } = programsPerProblem;
  const facts = [
    counted(problems, 'problem'),
    `${min === max ? min : `${min}–${max}`} programs each`,
    draws === 0
      ? selection.settled?.stoppedEarly
        ? 'simulated until the choice was settled'
        : 'not simulated'
      : `${counted(draws, 'prediction')} per program and test`,
    ...(verifier === model ? [] : [`simulated by ${verifier}`]),
    ...(publicTestsInPrompt ? [] : ['solved without public tests in the prompt']),
  ];
  const title = html`<h3>${capital(context.label(stage, model))} <span class="dim">· ${facts.join(' · ')}</span></h3>`;
  if (problems === 0 || ks.length === 0)
    return html`<div class="card">${title}<p class="note">No problem has enough scored programs.</p>${leftOut(selection)}</div>`;
  const cost = costFigure(selection);
  const { settled } = selection;
  return html`<div class="card">${title}${selectionFigure(selection)}
${settled && settledNote(settled)}
${cost && details('At equal cost: accuracy against tokens spent', html`${cost}${costNote(selection)}`)}
${details('The numbers', numbers(selection))}${selection.draws > 0 && details('How well simulation tells a passing program from a failing one', confusion(selection))}${leftOut(selection)}</div>`;
}

function costNote({ costs }: SelectionSummary): Html | null {
  const last = costs.at(-1);
  if (last === undefined || last.simulations === null || last.settled === null) return null;
  const { k, responses, simulations, settled, predictions } = last;
  const saved = 1 - predictions.settled / Math.max(1e-9, predictions.all);
  return html`<p class="note">Mean completion tokens per problem at k = ${k}: ${count(responses)} for the responses; ${count(simulations)} more to simulate every distinct program on every public test once, ${count(settled)} where simulating stops once the choice is settled (the same choice, with ${percent(saved)} of the predictions saved). Execution counts nothing for running the tests. Prompts are not counted.</p>`;
}

/** What the run itself submitted: one choice per problem, by all its predictions together. */
function settledNote({ stoppedEarly, right, gain, gap, ...counts }: SettledChoice): Html {
  const { k, predictionsMade: made, predictionsSaved: saved, tiesAsked, tiesBroken } = counts;
  const whole = made + (stoppedEarly ? saved : 0);
  const saving = `${count(saved)} of ${counted(whole, 'prediction')} (${percent(saved / Math.max(1, whole))})`;
  return html`<p>What the run submitted, one of ${k} programs per problem by all predictions together: right for ${estimateText(right)} of ${counted(right.problems, 'problem')}; ${differenceText(gain)} points against pass@1; execution differs from it by ${differenceText(gap)}. ${
    stoppedEarly
      ? `Simulating stopped once the choice was settled and saved ${saving}; so there is this one point by simulation, and no curve.`
      : `Stopping once the choice was settled would have saved ${saving}.`
  }${tiesAsked > 0 && ` ${counted(tiesAsked, 'tie')} on the public tests went to inputs written by the model; there the agreement of simulated outputs decided ${count(tiesBroken)}.`}</p>`;
}

function numbers({ ks, arms, gap, gain, overShort, publicPass }: SelectionSummary): Html {
  const k = { label: 'k', numeric: true };
  const values = table(
    [
      k,
      { label: 'any right (pass@k)', numeric: true },
      { label: 'best@k by execution', numeric: true },
      { label: 'best@k by simulation', numeric: true },
      { label: 'majority@k', numeric: true },
      { label: 'short-1@k', numeric: true },
      { label: 'any passes all public tests', numeric: true },
    ],
    ks.map((k, i) => ({
      cells: [
        k,
        estimateCell(arms.pass[i]!),
        estimateCell(arms.executed[i]!),
        arms.simulated[i] ? estimateCell(arms.simulated[i]) : '',
        arms.majority[i] ? estimateCell(arms.majority[i]) : '',
        estimateCell(arms.short[i]!),
        estimateCell(publicPass[i]!),
      ],
    })),
  );
  if (gap.length === 0) return values;
  const differences = table(
    [
      k,
      { label: 'simulation gap', numeric: true },
      { label: 'gain over pass@1', numeric: true },
      { label: 'gain over short-1@k', numeric: true },
    ],
    ks.map((k, i) => ({
      cells: [k, differenceCell(gap[i]!), differenceCell(gain[i]!), differenceCell(overShort[i]!)],
    })),
  );
  return html`${values}<h4>Differences, in points</h4>${differences}`;
}

function confusion({ confusion: { truePass, falsePass, falseFail, trueFail } }: SelectionSummary): Html {
  const share = (part: number, whole: number): string => (whole === 0 ? '–' : percent(part / whole));
  return table(
    [
      { label: 'a program on a public test' },
      { label: 'simulated: passes', numeric: true },
      { label: 'simulated: fails', numeric: true },
      { label: 'told right', numeric: true },
    ],
    [
      {
        cells: ['really passes', count(truePass), count(falseFail), share(truePass, truePass + falseFail)],
      },
      {
        cells: ['really fails', count(falsePass), count(trueFail), share(trueFail, falsePass + trueFail)],
      },
    ],
  );
}

function leftOut({
  leftOut: out,
  unscoredPrograms,
  unscoredPredictions,
  passAt1Bounds,
}: SelectionSummary): Html | null {
  const lines = [
    ...(out.tooFewScoredPrograms > 0
      ? [`${counted(out.tooFewScoredPrograms, 'problem')} left out for having too few scored programs`]
      : []),
    ...(out.simulationsIncomplete > 0
      ? [`${counted(out.simulationsIncomplete, 'problem')} left out for incomplete simulations`]
      : []),
    ...(unscoredPredictions > 0 ? [`${counted(unscoredPredictions, 'prediction')} unscored`] : []),
    ...(unscoredPrograms > 0 && passAt1Bounds
      ? [
          `${counted(unscoredPrograms, 'program')} unscored (pass@1 between ${percent(passAt1Bounds.worst)} and ${percent(passAt1Bounds.best)}, had they all been wrong or all right)`,
        ]
      : []),
  ];
  return lines.length === 0 ? null : html`<p class="note">${lines.join('; ')}.</p>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
