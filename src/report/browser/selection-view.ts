/**
 * One problem's choice among programs, to be read: what each program's simulations said beside what it really prints, which
 * was submitted, and why. Equal programs are one view, with the numbers of the samples that wrote them.
 */
import { groupBy } from '../../evaluation/estimates.js';
import type { CandidateRecord, SelectionRecord } from '../../evaluation/records.js';
import { executedPasses, simulatedPasses } from '../../evaluation/selection-curves.js';
import { makeVisible, shorten } from '../html.js';
import type { Detail, Outcome } from './entries.js';

const LONGEST = { program: 6_000, text: 1_500, prediction: 400 } as const;

export interface ProgramView {
  /** Numbers of the samples, from 1. */
  readonly samples: readonly number[];
  readonly source: string | null;
  readonly verdict: string;
  /** Public tests passed: by simulation (mean over the predictions), and really. */
  readonly simulated: number | null;
  readonly executed: number | null;
  readonly tokens: number;
  readonly chosen: boolean;
  readonly tests: readonly TestView[];
}

export interface TestView {
  readonly verdict: string;
  /** What really was printed; `null` where the program failed or was not run. */
  readonly executed: string | null;
  /** One per prediction. */
  readonly predictions: readonly PredictionView[];
  readonly departure?: {
    readonly draw: number;
    readonly step: number;
    readonly before: readonly string[];
    readonly simulated: string | null;
    readonly executed: string | null;
  };
}

export interface PredictionView {
  /** `null` when none could be read. */
  readonly output: string | null;
  /** Said to pass the test; `null` where the machinery failed. */
  readonly passes: boolean | null;
}

interface Chosen {
  /** Places of the programs that were, or could be, submitted. */
  readonly places: readonly number[];
  readonly why: string;
}

export function selectionView(record: SelectionRecord): {
  readonly line: { readonly outcome: Outcome; readonly total: number; readonly right: number };
  readonly detail: Pick<Detail, 'why' | 'tests' | 'programs'>;
} {
  const { programs, tests } = record;
  const chosen = chosenOf(record);
  const copies = groupBy(
    programs.map((program, place) => ({ program, place })),
    ({ program }) => program.source ?? '\u0000none',
  );
  const views = [...copies.values()].map((same) => programView(same, chosen.places));
  return {
    line: {
      outcome: outcomeOf(chosen.places.map((place) => programs[place]!)),
      total: programs.length,
      right: programs.filter(({ verdictAll }) => verdictAll === 'accepted').length,
    },
    detail: {
      why: chosen.why,
      programs: views.sort((a, b) => Number(b.chosen) - Number(a.chosen) || a.samples[0]! - b.samples[0]!),
      ...(tests && {
        tests: tests.map(({ input, output }) => ({
          input: shown(input, LONGEST.text),
          output: shown(output, LONGEST.text),
        })),
      }),
    },
  };
}

function outcomeOf(submitted: readonly CandidateRecord[]): Outcome {
  if (submitted.some(({ verdictAll }) => verdictAll === 'unscored')) return 'unjudged';
  const right = submitted.filter(({ verdictAll }) => verdictAll === 'accepted').length;
  if (right === 0) return 'wrong';
  return right === submitted.length ? 'right' : 'chance';
}

function programView(
  same: readonly { readonly program: CandidateRecord; readonly place: number }[],
  chosen: readonly number[],
): ProgramView {
  const { program } = same[0]!;
  const draws = program.simulations.reduce((most, { passed }) => Math.max(most, passed.length), 0);
  const passes = Array.from({ length: draws }, (_, draw) => simulatedPasses(program, draw));
  return {
    samples: same.map(({ place }) => place + 1),
    source: program.source === null ? null : shown(program.source, LONGEST.program),
    verdict: program.verdictAll,
    simulated: passes.length === 0 ? null : passes.reduce((a, b) => a + b, 0) / passes.length,
    executed: program.source === null || program.verdictAll === 'unscored' ? null : executedPasses(program),
    tokens: Math.round(same.reduce((sum, one) => sum + one.program.responseTokens, 0) / same.length),
    chosen: same.some(({ place }) => chosen.includes(place)),
    tests: program.simulations.map(({ test, predictions, passed, departure }) => {
      const executed = program.outputs?.[test] ?? null;
      return {
        verdict: program.verdictPublic[test] ?? 'unscored',
        executed: executed === null ? null : shown(executed, LONGEST.text),
        predictions: predictions.map((output, draw) => ({
          output: output === null ? null : shown(output, LONGEST.prediction),
          passes: passed[draw] ?? null,
        })),
        ...(departure && {
          departure: {
            ...departure,
            before: departure.before.map(makeVisible),
            simulated: departure.simulated && makeVisible(departure.simulated),
            executed: departure.executed && makeVisible(departure.executed),
          },
        }),
      };
    }),
  };
}

function chosenOf(record: SelectionRecord): Chosen {
  const { programs, choice, tests } = record;
  const readable = programs.flatMap(({ source }, place) => (source === null ? [] : [place]));
  if (readable.length === 0) return { places: [], why: 'No sample held a program.' };
  if (choice) return chosenByRun(record, choice);
  const scores = programs.map((program) => simulatedPasses(program, 0));
  if (readable.every((place) => programs[place]!.simulations.length === 0)) {
    return { places: readable, why: 'Nothing was simulated: any program may be submitted.' };
  }
  const best = scores.reduce((a, b) => Math.max(a, b), -1);
  const places = scores.flatMap((score, place) => (score === best ? [place] : []));
  const many = tests?.length ?? programs[readable[0]!]!.simulations.length;
  const numbers = places.map((place) => place + 1).join(', ');
  const why =
    places.length === 1
      ? `Program ${numbers} is submitted: it alone passes ${best} of ${many} public tests by simulation.`
      : `Programs ${numbers} share the most public tests passed by simulation, ${Math.max(0, best)} of ${many}; one of them is submitted at random.`;
  return { places, why: `${why} (By the first prediction of each; the curves average over all.)` };
}

function chosenByRun({ programs }: SelectionRecord, choice: NonNullable<SelectionRecord['choice']>): Chosen {
  const { chosen, vote, stoppedEarly, made, saved, generated } = choice;
  if (chosen === null) return { places: [], why: 'No sample held a program.' };
  const said = programs[chosen]!.simulations.flatMap(({ passed }) => passed);
  const passes = said.filter((passed) => passed === true).length;
  const points = `${passes} of its ${said.length} predictions say that it passes`;
  const how = vote === 'majority' ? `${points}; per test the most frequent prediction counts` : points;
  const early = stoppedEarly
    ? ` Simulating stopped once the choice was settled: ${made} predictions made, ${saved} saved.`
    : '';
  const tie = generated
    ? ` ${generated.tied.length} programs tied on the public tests; on ${generated.inputs.length} inputs that the model wrote, they agree with the majority of simulated outputs ${generated.points.map((value, at) => `${value} times (program ${generated.tied[at]! + 1})`).join(', ')}.`
    : '';
  return {
    places: [chosen],
    why: `Program ${chosen + 1} was submitted: ${how}. Ties are broken at random.${early}${tie}`,
  };
}

function shown(text: string, most: number): string {
  return makeVisible(shorten(text, most));
}
