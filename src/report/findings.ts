/**
 * What the numbers say, in words. The rule: a difference is called one only when its interval excludes zero; else the
 * sentence says that none can be claimed.
 */
import type { Comparison } from '../evaluation/compare-runs.js';
import type { Difference } from '../evaluation/estimates.js';
import type { SelectionSummary, SettledChoice } from '../evaluation/summarise-selections.js';
import type { SelfRlefSummary } from '../evaluation/summarise-self-rlef.js';
import type { Summary } from '../evaluation/summary.js';
import { counted, directionOf, estimateText, percent, points, pointsInterval, stageLabel } from './format.js';

export interface Findings {
  readonly headline: string;
  /** The interval and the counts behind the headline. */
  readonly evidence: string;
  /** Each a sentence or two, most important first. */
  readonly points: readonly string[];
}

/** The headline is about choosing by simulation when that was measured, else about output prediction. */
export function findings(whole: Summary): Findings {
  const { summary, others } = focus(whole);
  const selection = latest(summary.selections.filter(({ arms }) => arms.simulated.length > 1));
  const sentences = [
    ...(selection ? [gapSentence(selection), shortSentence(selection)] : []),
    ...predictionSentences(summary),
    ...changeSentences(summary),
    ...repairSentences(summary),
  ];
  const lead = selection ? selectionHeadline(selection) : otherHeadline(summary);
  return {
    headline: lead.headline,
    evidence: others === undefined ? lead.evidence : `${lead.evidence} ${others}`,
    points: sentences,
  };
}

/** Of several runs: where they differ, and where no difference can be claimed. */
export function comparisonFindings({ runs, rows }: Comparison): Findings {
  const pairs = rows.flatMap(({ metric, values, differences }) => {
    const base = values.findIndex((value) => value !== null);
    return differences.flatMap((change, i) => {
      const [mine, theirs] = [values[i], values[base]];
      return change && mine && theirs
        ? [{ metric, run: runs[i]!, against: runs[base]!, mine, theirs, change }]
        : [];
    });
  });
  const told = pairs.filter(({ change }) => directionOf(change) !== 'undecided');
  const headline =
    pairs.length === 0
      ? `${counted(runs.length, 'run')} that have no number in common.`
      : told.length === 0
        ? `No difference between ${counted(runs.length, 'run')} can be claimed.`
        : `${counted(runs.length, 'run')} side by side: ${told.length} of ${counted(pairs.length, 'difference')} can be told from zero.`;
  return {
    headline,
    evidence: 'Differences are paired over the problems that both runs have, with 95% intervals.',
    points: told.slice(0, 8).map(({ metric, run, against, mine, theirs, change }) => {
      const rates = `${percent(mine.value)} for ${run}, ${percent(theirs.value)} for ${against}`;
      return `${capital(metric)}: ${rates}; ${signed(change)}, ${counted(change.problems, 'shared problem')}.`;
    }),
  };
}

/** With several models, words are about one of them: the last that chose among programs, else that predicted. */
function focus(summary: Summary): { readonly summary: Summary; readonly others?: string } {
  const all = [...summary.selections, ...summary.predictions, ...summary.selfRlef];
  const models = [...new Set(all.map(({ model }) => model))];
  const chosen = (latest(summary.selections) ?? latest(summary.predictions) ?? latest(summary.selfRlef))
    ?.model;
  if (chosen === undefined || models.length < 2) return { summary };
  const of = <T extends { readonly model: string }>(entries: readonly T[]): T[] =>
    entries.filter(({ model }) => model === chosen);
  return {
    summary: {
      ...summary,
      predictions: of(summary.predictions),
      predictionChanges: of(summary.predictionChanges),
      selections: of(summary.selections),
      selectionChanges: of(summary.selectionChanges),
      selfRlef: of(summary.selfRlef),
      selfRlefContrasts: of(summary.selfRlefContrasts),
    },
    others: `These words are about ${chosen}; the tables have ${counted(models.length - 1, 'other model')} too.`,
  };
}

type Lead = Pick<Findings, 'headline' | 'evidence'>;

function selectionHeadline({ ks, arms, gain, problems, stage, verifier, model }: SelectionSummary): Lead {
  const k = ks.length;
  const difference = gain[k - 1]!;
  const who = verifier === model ? 'by simulating them itself' : `by the simulations of ${verifier}`;
  const numbers = `${percent(arms.simulated[k - 1]!.value)} of problems, against ${percent(arms.pass[0]!.value)} for a single program`;
  const evidence =
    difference.interval === null
      ? `${counted(problems, 'problem')}, ${stageLabel(stage)}.`
      : `Difference ${points(difference.value)} points; 95% interval ${pointsInterval(difference.interval)}; ${counted(problems, 'problem')}, ${stageLabel(stage)}.`;
  const arm = `Choosing among ${k} programs ${who}`;
  switch (directionOf(difference)) {
    case 'higher':
      return { headline: `${arm} solves ${numbers}, and nothing had to be run.`, evidence };
    case 'lower':
      return { headline: `${arm} does harm here: it solves ${numbers}.`, evidence };
    case 'undecided':
      return difference.interval === null
        ? { headline: `Too few problems to say whether choosing by simulation helps: ${numbers}.`, evidence }
        : { headline: `No gain can be claimed. ${arm} solves ${numbers}.`, evidence };
  }
}

/** A run that stopped simulating early has one choice per problem and no curve. */
function settledHeadline(
  { arms, verifier, model, stage }: SelectionSummary,
  { k, right, gain }: SettledChoice,
): Lead {
  const who = verifier === model ? 'by simulating them itself' : `by the simulations of ${verifier}`;
  const numbers = `${percent(right.value)} of problems, against ${percent(arms.pass[0]?.value ?? null)} for a single program`;
  const arm = `Choosing among ${k} programs ${who}`;
  const evidence = `Difference ${signed(gain)}; ${counted(right.problems, 'problem')}, ${stageLabel(stage)}.`;
  switch (directionOf(gain)) {
    case 'higher':
      return { headline: `${arm} solves ${numbers}, and nothing had to be run.`, evidence };
    case 'lower':
      return { headline: `${arm} does harm here: it solves ${numbers}.`, evidence };
    case 'undecided':
      return { headline: `No gain can be claimed. ${arm} solves ${numbers}.`, evidence };
  }
}

function otherHeadline(summary: Summary): Lead {
  const solved = latest(summary.selections);
  if (solved?.settled) return settledHeadline(solved, solved.settled);
  const prediction = latest(summary.predictions);
  const accuracy = prediction?.groups[0]?.accuracy;
  if (prediction && accuracy && accuracy.value !== null) {
    return {
      headline: `The model predicts what a program prints in ${percent(accuracy.value)} of cases.`,
      evidence: `${estimateText(accuracy)}; ${counted(accuracy.items, 'prediction')}, ${counted(accuracy.problems, 'problem')}, ${stageLabel(prediction.stage)}.`,
    };
  }
  const passAt1 = solved?.arms.pass[0];
  if (solved && passAt1) {
    return {
      headline: `One sampled program solves ${percent(passAt1.value)} of problems.`,
      evidence: `${estimateText(passAt1)}; ${counted(passAt1.problems, 'problem')}, ${stageLabel(solved.stage)}.`,
    };
  }
  const repaired = latest(summary.selfRlef);
  if (repaired && repaired.allTests.first.value !== null) return repairHeadline(repaired);
  const [benchmark] = summary.benchmarks;
  const rate = benchmark?.passAtK[0]?.estimate;
  if (benchmark && rate && rate.value !== null) {
    return {
      headline: `${benchmark.model} answers ${percent(rate.value)} of ${benchmark.benchmark} right with one answer each.`,
      evidence: `${estimateText(rate)}; ${counted(rate.problems, 'problem')}, ${counted(benchmark.answers, 'answer')}.`,
    };
  }
  return { headline: 'Nothing was evaluated yet.', evidence: 'The sections below show what there is.' };
}

function repairHeadline({ feedback, allTests, stage, meanProgramsUsed }: SelfRlefSummary): Lead {
  const { first, submitted, gain } = allTests;
  const how = `Repairing programs on ${feedback} outputs`;
  const numbers = `${percent(first.value)} of first programs are right, ${percent(submitted.value)} of those submitted`;
  const evidence = `Difference ${signed(gain)}; ${counted(submitted.problems, 'problem')}, ${meanProgramsUsed.toFixed(2)} programs each, ${stageLabel(stage)}.`;
  switch (directionOf(gain)) {
    case 'higher':
      return { headline: `${how} helps: ${numbers}.`, evidence };
    case 'lower':
      return { headline: `${how} does harm: ${numbers}.`, evidence };
    case 'undecided':
      return { headline: `${how}: no gain can be claimed. ${numbers}.`, evidence };
  }
}

function gapSentence({ ks, arms, gap }: SelectionSummary): string {
  const k = ks.length;
  const executed = arms.executed[k - 1]!;
  const difference = gap[k - 1]!;
  const runs = `Really running the public tests instead, as an oracle would, solves ${percent(executed.value)}`;
  return directionOf(difference) === 'undecided'
    ? `${runs}; the simulation gap cannot be told from zero: ${signed(difference)}.`
    : `${runs}. That simulation gap is ${unsigned(difference)}.`;
}

function shortSentence({ ks, arms, overShort }: SelectionSummary): string {
  const k = ks.length;
  const difference = overShort[k - 1]!;
  const short = `taking the shortest of ${k} responses (${percent(arms.short[k - 1]!.value)})`;
  switch (directionOf(difference)) {
    case 'higher':
      return `Simulation beats ${short} by ${unsigned(difference)}.`;
    case 'lower':
      return `Simulation falls behind ${short} by ${unsigned(difference)}.`;
    case 'undecided':
      return `Simulation and ${short} cannot be told apart: ${signed(difference)}.`;
  }
}

function predictionSentences(summary: Summary): string[] {
  const prediction = latest(summary.predictions);
  const all = prediction?.groups.find(({ group }) => group === 'all');
  if (!prediction || !all) return [];
  const right = prediction.groups.find(({ group }) => group === 'as-expected');
  const wrong = prediction.groups.find(({ group }) => group === 'differs');
  const sentences = [
    `${capital(`${timeOf(prediction.stage)}its predicted outputs`)} are right in ${estimateText(all.accuracy)} of ${counted(all.accuracy.items, 'prediction')}.`,
  ];
  if (right && wrong) {
    sentences.push(
      `Programs that print what the test expects: ${percent(right.accuracy.value)} predicted right. Programs that print something else: ` +
        `${percent(wrong.accuracy.value)}, and in ${estimateText(wrong.wishful)} it answered wishfully, with the output the program should have had.`,
    );
  }
  return sentences;
}

function changeSentences(summary: Summary): string[] {
  const prediction = summary.predictionChanges.filter(({ group }) => group === 'all').at(-1);
  const solving = summary.selectionChanges.at(-1);
  return [
    ...(prediction
      ? [changeSentence('output prediction', prediction.from, prediction.to, prediction.accuracy)]
      : []),
    ...(solving
      ? [changeSentence('solving with one program', solving.from, solving.to, solving.passAt1)]
      : []),
    ...(solving && solving.k > 1 && solving.bestAtKSimulated.value !== null
      ? [
          changeSentence(
            `best@${solving.k} by simulation`,
            solving.from,
            solving.to,
            solving.bestAtKSimulated,
          ),
        ]
      : []),
  ];
}

function changeSentence(what: string, from: string, to: string, difference: Difference): string {
  const step = `From ${from.toUpperCase()} to ${to.toUpperCase()}, ${what}`;
  switch (directionOf(difference)) {
    case 'higher':
      return `${step} rose by ${unsigned(difference)}.`;
    case 'lower':
      return `${step} fell by ${unsigned(difference)}.`;
    case 'undecided':
      return `${step} shows no change that can be claimed: ${signed(difference)}.`;
  }
}

function repairSentences(summary: Summary): string[] {
  const stage = latest(summary.selfRlef)?.stage;
  return summary.selfRlef
    .filter((entry) => entry.stage === stage && entry.feedback !== 'none')
    .map(repairSentence);
}

function repairSentence({ feedback, allTests: { first, submitted, gain } }: SelfRlefSummary): string {
  const rates = `${percent(first.value)} → ${percent(submitted.value)}`;
  const how = `Self-repair with ${feedback} feedback`;
  switch (directionOf(gain)) {
    case 'higher':
      return `${how} helps: ${rates}, ${signed(gain)}.`;
    case 'lower':
      return `${how} does harm: ${rates}, ${signed(gain)}.`;
    case 'undecided':
      return `${how}: ${rates}, no difference that can be claimed: ${signed(gain)}.`;
  }
}

/** `+4.8 points (95% interval +3.4 to +6.4)` */
function signed({ value, interval }: Difference): string {
  return `${points(value)} points${interval === null ? '' : ` (95% interval ${pointsInterval(interval)})`}`;
}

/** The same without a sign, where the sentence has said the direction. */
function unsigned(difference: Difference): string {
  return signed(difference).replace(/^[+−]/, '');
}

/** `after RL, `; nothing for stages that are no time, such as `verify`. */
function timeOf(stage: string): string {
  const label = stageLabel(stage);
  return label === stage ? '' : `${label}, `;
}

/** The last entry: summaries come in the order of the stages. */
function latest<T>(entries: readonly T[]): T | undefined {
  return entries.at(-1);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
