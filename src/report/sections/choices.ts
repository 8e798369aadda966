/**
 * "Choices explained": for a few problems, all candidate programs, what their simulations said, what execution says, and
 * which was chosen. Shown are choices that had something to win: some right by simulation, some misled by it.
 */

import { compareStages } from '../../evaluation/estimates.js';
import type { CandidateRecord, SelectionRecord } from '../../evaluation/records.js';
import { count, stageLabel } from '../format.js';
import { type Html, html, shorten } from '../html.js';
import { comparison } from './episodes.js';
import { section, table, verdictPill } from './parts.js';

interface Choice {
  readonly record: SelectionRecord;
  /** Public tests passed by the first draw of simulations; −1 without a program. */
  readonly simulatedPasses: readonly number[];
  readonly executedPasses: readonly number[];
  /** Indices of the programs that share the highest simulated rank; one of them is submitted, at random. */
  readonly chosen: readonly number[];
  /** Chance that the submitted program is right. */
  readonly right: number;
  /** Share of all programs that are right. */
  readonly base: number;
}

const EACH = 3;
const MOST_CHARACTERS = 6_000;

export function choiceSection(records: readonly SelectionRecord[]): Html | null {
  const shown = pickChoices(records);
  if (shown.length === 0) return null;
  return section(
    'choices',
    'Choices explained',
    'Single problems from the last stage, picked for the most extreme outcomes (not typical ones): where choosing by simulation helped most, and where it was misled although a right program was there.',
    html`${shown.map((choice) => choiceCard(choice))}`,
  );
}

/** The most helpful and the most misleading choices of the last stage that has simulations and statements. */
export function pickChoices(records: readonly SelectionRecord[]): Choice[] {
  const stages = [...new Set(records.map(({ stage }) => stage))].sort(compareStages);
  const choices = records
    .filter((record) => record.stage === stages.at(-1) && record.statement !== undefined)
    .flatMap((record) => explain(record) ?? [])
    .filter(({ base }) => base > 0 && base < 1)
    .sort((a, b) => (a.record.problem < b.record.problem ? -1 : 1));
  const gain = ({ right, base }: Choice): number => right - base;
  const helped = choices.filter((choice) => gain(choice) > 0).sort((a, b) => gain(b) - gain(a));
  const misled = choices.filter((choice) => gain(choice) < 0).sort((a, b) => gain(a) - gain(b));
  return [...helped.slice(0, EACH), ...misled.slice(0, EACH)];
}

function explain(record: SelectionRecord): Choice | undefined {
  const scored = record.programs.every((program) => program.verdictAll !== 'unscored');
  const complete = record.programs.every(
    ({ source, verdictPublic, simulations }) =>
      source === null ||
      (simulations.length > 0 &&
        simulations.length >= verdictPublic.length &&
        simulations.every(({ passed }) => typeof passed[0] === 'boolean')),
  );
  if (!scored || !complete || record.programs.length < 2) return undefined;
  const simulatedPasses = record.programs.map(({ source, simulations }) =>
    source === null ? -1 : simulations.filter(({ passed }) => passed[0] === true).length,
  );
  const executedPasses = record.programs.map(({ source, verdictPublic }) =>
    source === null ? -1 : verdictPublic.filter((verdict) => verdict === 'accepted').length,
  );
  const best = simulatedPasses.reduce((a, b) => Math.max(a, b), -1);
  const chosen = simulatedPasses.flatMap((passes, i) => (passes === best ? [i] : []));
  const isRight = (i: number): boolean => record.programs[i]!.verdictAll === 'accepted';
  const all = record.programs.map((_, i) => i);
  return {
    record,
    simulatedPasses,
    executedPasses,
    chosen,
    right: chosen.filter(isRight).length / chosen.length,
    base: all.filter(isRight).length / all.length,
  };
}

function choiceCard({ record, simulatedPasses, executedPasses, chosen, right, base }: Choice): Html {
  const tests =
    record.tests?.length ?? Math.max(0, ...record.programs.map(({ verdictPublic }) => verdictPublic.length));
  const rightPrograms = Math.round(base * record.programs.length);
  const outcome =
    right === 1
      ? html`<span class="pill good">right</span>`
      : right === 0
        ? html`<span class="pill bad">wrong</span>`
        : html`<span class="pill">right ${Math.round(100 * right)} times in 100</span>`;
  const numbers = chosen.map((i) => i + 1).join(', ');
  const why =
    chosen.length === 1
      ? `Program ${numbers} is chosen: it alone passes ${simulatedPasses[chosen[0]!]} of ${tests} public tests by simulation.`
      : `Programs ${numbers} share the most public tests passed by simulation, ${Math.max(0, simulatedPasses[chosen[0]!]!)} of ${tests}; one of them is chosen at random.`;
  const rows = record.programs.map((program, i) => ({
    className: chosen.includes(i) ? 'chosen' : '',
    cells: [
      i + 1,
      passes(simulatedPasses[i]!, tests),
      passes(executedPasses[i]!, tests),
      verdictPill(program.verdictAll),
      count(program.responseTokens),
      chosen.includes(i) ? 'chosen' : '',
    ],
  }));
  return html`<details class="episode"><summary><span class="t">${shorten(firstLine(record.statement ?? record.problem), 110)}</span>${outcome}</summary>
<p class="note">${record.problem} · ${stageLabel(record.stage)} · ${rightPrograms} of ${record.programs.length} programs are right</p>
<pre>${shorten(record.statement ?? '', MOST_CHARACTERS)}</pre><p>${why}</p>
${table(
  [
    { label: 'program', numeric: true },
    { label: 'passes by simulation', numeric: true },
    { label: 'really passes', numeric: true },
    { label: 'on all tests' },
    { label: 'tokens', numeric: true },
    { label: '' },
  ],
  rows,
)}
${shownPrograms(record, chosen).map(({ program, numbers }) => programDetails(record, program, numbers))}</details>`;
}

/** Equal programs are shown once, the chosen ones first. */
function shownPrograms(record: SelectionRecord, chosen: readonly number[]) {
  const order = [...chosen, ...record.programs.map((_, i) => i).filter((i) => !chosen.includes(i))];
  const distinct = new Map<string, { program: CandidateRecord; numbers: number[] }>();
  for (const i of order) {
    const program = record.programs[i]!;
    if (program.source === null) continue;
    const known = distinct.get(program.source);
    if (known === undefined) distinct.set(program.source, { program, numbers: [i + 1] });
    else known.numbers.push(i + 1);
  }
  return [...distinct.values()].slice(0, 5);
}

function programDetails(record: SelectionRecord, program: CandidateRecord, numbers: readonly number[]): Html {
  return html`<details><summary>Program ${numbers.join(', ')} ${verdictPill(program.verdictAll)}</summary>
<pre class="code">${shorten(program.source ?? '', MOST_CHARACTERS)}</pre>
${program.simulations.slice(0, 4).map(({ test, predictions }) => {
  const known = record.tests?.[test];
  if (!known || program.outputs === undefined) return null;
  return comparison({
    input: known.input,
    simulated: predictions[0] ?? null,
    executed: program.outputs[test] ?? null,
    expected: known.output,
  });
})}</details>`;
}

function passes(number: number, tests: number): Html {
  if (number < 0) return html`<span class="dim">no program</span>`;
  return html`${number} of ${tests}`;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
