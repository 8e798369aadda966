/**
 * "Can it predict what programs print?"
 */
import type { PredictionGroupName, PredictionSummary } from '../../evaluation/summarise-predictions.js';
import { agreementFigure, calibrationError } from '../figures/agreement-figure.js';
import { PREDICTION_LEGEND, predictionFigure } from '../figures/prediction-figure.js';
import { count, counted, percent, points } from '../format.js';
import { type Html, html } from '../html.js';
import {
  details,
  differenceCell,
  estimateCell,
  legend,
  provenance,
  type SectionContext,
  section,
  table,
} from './parts.js';

const FIGURES: readonly { readonly group: PredictionGroupName; readonly title: string }[] = [
  { group: 'as-expected', title: 'Programs that print what the test expects' },
  { group: 'differs', title: 'Programs that print something else' },
];

const GROUP_NAMES: Readonly<Record<PredictionGroupName, string>> = {
  all: 'all programs',
  'as-expected': 'prints what the test expects',
  differs: 'prints something else',
  reference: 'reference programs',
  mutant: 'mutants of them',
  own: 'written by the model itself',
};

export function predictionSection(context: SectionContext): Html | null {
  const { predictions, predictionChanges } = context.summary;
  if (predictions.length === 0) return null;
  const figures = FIGURES.map(({ group, title }) => {
    const bars = predictions.flatMap((entry) => {
      const found = entry.groups.find((candidate) => candidate.group === group);
      return found ? [{ label: context.label(entry.stage, entry.model), group: found }] : [];
    });
    if (bars.length === 0) return null;
    const items = bars.map(({ group: { accuracy } }) => count(accuracy.items)).join(' and ');
    return html`<h4>${title} <span class="dim">· ${items} predictions</span></h4>${predictionFigure(title, bars)}`;
  });
  const rows = predictions.flatMap((entry) =>
    entry.groups.map(({ group, accuracy, wishful, counts }, i) => ({
      indent: false,
      cells: [
        i === 0 ? context.label(entry.stage, entry.model) : '',
        GROUP_NAMES[group],
        estimateCell(accuracy),
        group === 'as-expected' || group === 'reference' ? '' : estimateCell(wishful),
        count(counts.truncated + counts.unparsed),
        count(accuracy.problems),
        count(accuracy.items),
        count(counts.unscored),
      ],
    })),
  );
  return section(
    'predictions',
    'Can it predict what programs print?',
    'The model reads a program and its input, executes it step by step in words, and states the output. A wishful answer is the output that the program should have printed, given for a program that prints something else: it shows a model that guesses the purpose instead of following the code.',
    html`<div class="card">${legend(PREDICTION_LEGEND)}${figures}<p class="note">The thin line is the 95% interval of the correct share.</p></div>`,
    details(
      'The numbers',
      html`${table(
        [
          { label: 'stage' },
          { label: 'programs' },
          { label: 'predicted right', numeric: true },
          { label: 'wishful', numeric: true },
          { label: 'no answer', numeric: true },
          { label: 'problems', numeric: true },
          { label: 'predictions', numeric: true },
          { label: 'unscored', numeric: true },
        ],
        rows,
      )}${
        predictionChanges.length > 0 &&
        table(
          [
            { label: 'change, in points' },
            { label: 'programs' },
            { label: 'predicted right', numeric: true },
            { label: 'wishful', numeric: true },
            { label: 'problems', numeric: true },
          ],
          predictionChanges.map(({ from, to, group, accuracy, wishful }) => ({
            cells: [
              `${from.toUpperCase()} → ${to.toUpperCase()}`,
              GROUP_NAMES[group],
              differenceCell(accuracy),
              group === 'as-expected' || group === 'reference' ? '' : differenceCell(wishful),
              count(accuracy.problems),
            ],
          })),
        )
      }`,
    ),
    ...ownMix(context),
    ...agreement(context, predictions),
    ...unscoredNotes(context, predictions),
    provenance(context, predictions),
  );
}

/** Paper, table 2. */
function ownMix(context: SectionContext): Html[] {
  const { ownMixes } = context.summary;
  if (ownMixes.length === 0) return [];
  return [
    details(
      'Predicting its own programs, each as often as it was written',
      html`<p class="note">Every sample on every public test, read off the simulations made for choosing (paper, table 2). The row “written by the model itself” above counts distinct programs once; in a recipe those are one right and one wrong program per problem, so that their mix does not follow the solve rate.</p>${table(
        [
          { label: 'stage' },
          { label: 'predicted by' },
          { label: 'all', numeric: true },
          { label: 'prints what is expected', numeric: true },
          { label: 'prints something else', numeric: true },
          { label: 'wishful there', numeric: true },
          { label: 'problems', numeric: true },
          { label: 'predictions', numeric: true },
        ],
        ownMixes.map(({ stage, model, verifier, accuracy, asExpected, differs, wishful }) => ({
          cells: [
            context.label(stage, model),
            verifier === model ? 'itself' : verifier,
            estimateCell(accuracy),
            estimateCell(asExpected),
            estimateCell(differs),
            estimateCell(wishful),
            count(accuracy.problems),
            count(accuracy.items),
          ],
        })),
      )}`,
    ),
  ];
}

function agreement(context: SectionContext, predictions: readonly PredictionSummary[]): Html[] {
  return predictions
    .filter((entry) => entry.agreement.length > 0)
    .map((entry) =>
      details(
        `Does agreement among repeated predictions tell a right one? (${context.label(entry.stage, entry.model)})`,
        html`${agreementFigure(entry.agreement)}<p class="note">Each point is a bin of programs, the larger the more; on the dashed line agreement would be worth what it says. Expected calibration error: ${points(calibrationError(entry.agreement)).replace('+', '')} points.</p>${table(
          [
            { label: 'share of predictions that agree' },
            { label: 'mean agreement', numeric: true },
            { label: 'most frequent answer is right', numeric: true },
            { label: 'programs', numeric: true },
          ],
          entry.agreement.map((bin) => ({
            cells: [
              `over ${Math.round(100 * bin.upTo - 20)}%, up to ${Math.round(100 * bin.upTo)}%`,
              percent(bin.agreement),
              percent(bin.accuracy),
              count(bin.items),
            ],
          })),
        )}`,
      ),
    );
}

function unscoredNotes(context: SectionContext, predictions: readonly PredictionSummary[]): Html[] {
  return predictions.flatMap(({ stage, model, groups, bounds }) => {
    const unscored = groups[0]?.counts.unscored ?? 0;
    if (unscored === 0 || bounds === null) return [];
    return [
      html`<p class="note">${context.label(stage, model)}: ${counted(unscored, 'prediction')} could not be scored, because the machinery failed. Had they all been wrong, accuracy would be ${percent(bounds.worst)}; had they all been right, ${percent(bounds.best)}.</p>`,
    ];
  });
}
