/**
 * Every problem of a run, as the rollout browser shows it: its programs, what their simulations said beside what really
 * was printed, what was submitted and why, the programs of a repair, the answers to a benchmark's item.
 *
 * Texts are cut to what a reader needs (LONGEST) and characters that act are made visible here, so that the page's script
 * only has to put text into the document.
 */
import { groupBy, modelName } from '../../evaluation/estimates.js';
import type {
  BenchmarkRecord,
  EvaluationRecord,
  SelectionRecord,
  SelfRlefRecord,
} from '../../evaluation/records.js';
import { latest } from '../../evaluation/summarise-benchmarks.js';
import { stageLabel } from '../format.js';
import { makeVisible, shorten } from '../html.js';
import { type ProgramView, selectionView } from './selection-view.js';

/** Most characters of a text. */
export const LONGEST = { title: 120, statement: 5_000, program: 6_000, completion: 3_000 } as const;

/** Whether what was submitted is right: always, never, by chance (a tie), or nobody knows. */
export type Outcome = 'right' | 'wrong' | 'chance' | 'unjudged';

/** A line of the list. */
export interface Entry {
  /** Which model, verifier and prompt: an index into the arms. */
  readonly arm: number;
  readonly problem: string;
  readonly title: string;
  readonly outcome: Outcome;
  /** Programs or answers, and how many of them are right. */
  readonly total: number;
  readonly right: number;
  readonly detail: Detail;
}

/** What opens below the line. */
export interface Detail {
  readonly statement?: string;
  readonly why?: string;
  readonly tests?: readonly { readonly input: string; readonly output: string }[];
  readonly programs?: readonly ProgramView[];
  readonly repairs?: readonly {
    readonly how: string;
    readonly programs: readonly { readonly source: string | null; readonly verdicts: string }[];
  }[];
  readonly answers?: readonly {
    readonly verdict: string;
    readonly answer: string | null;
    readonly completion: string | null;
    readonly note: string;
  }[];
}

/** All entries, by arm and then by problem. */
export function browserEntries(records: readonly EvaluationRecord[]): {
  readonly arms: readonly string[];
  readonly entries: readonly Entry[];
} {
  const arms: string[] = [];
  const armOf = (name: string): number => {
    const known = arms.indexOf(name);
    return known >= 0 ? known : arms.push(name) - 1;
  };
  const selections = records.filter((record) => record.schema === 'selection/1');
  const repairs = groupBy(
    records.filter((record) => record.schema === 'self-rlef/1'),
    (record) => JSON.stringify([modelName(record), record.stage, record.problem]),
  );
  const shown = new Set<string>();
  const entries: Entry[] = [];
  for (const record of selections) {
    const key = JSON.stringify([modelName(record), record.stage, record.problem]);
    // The same repairs are not shown again under another verifier or prompt.
    const own = shown.has(key) ? [] : (repairs.get(key) ?? []);
    shown.add(key);
    const view = selectionView(record);
    entries.push({
      arm: armOf(selectionArm(record)),
      problem: makeVisible(record.problem),
      title: titleOf(record.statement ?? record.problem),
      ...view.line,
      detail: {
        ...statementOf(record.statement),
        ...view.detail,
        ...(own.length > 0 ? { repairs: own.map(repairView) } : {}),
      },
    });
  }
  for (const [key, own] of repairs) {
    if (!shown.has(key)) entries.push(repairEntry(own, armOf(armName(own[0]!, 'repairs'))));
  }
  const answers = latest(records.filter((record) => record.schema === 'benchmark/1'));
  for (const own of groupBy(answers, (record) =>
    JSON.stringify([armOf(benchmarkArm(record)), record.item]),
  ).values()) {
    entries.push(answersEntry(own, armOf(benchmarkArm(own[0]!))));
  }
  return { arms: arms.map(makeVisible), entries: entries.sort(compareEntries) };
}

function compareEntries(a: Entry, b: Entry): number {
  return a.arm - b.arm || a.problem.localeCompare(b.problem, 'en', { numeric: true });
}

function armName(record: { readonly model: string; readonly stage: string }, what: string): string {
  return `${modelName(record)}, ${stageLabel(record.stage)}: ${what}`;
}

function selectionArm(record: SelectionRecord): string {
  const { model, verifier = model, publicTestsInPrompt = true } = record;
  const by = verifier === model ? '' : ` simulated by ${verifier}`;
  return armName(record, `programs${by}${publicTestsInPrompt ? '' : ', no public tests in the prompt'}`);
}

function benchmarkArm(record: BenchmarkRecord): string {
  return armName(record, record.benchmark);
}

function titleOf(text: string): string {
  const line = text.trim().split('\n')[0] ?? '';
  return makeVisible(line.length > LONGEST.title ? `${line.slice(0, LONGEST.title)} …` : line);
}

function statementOf(statement: string | undefined): { readonly statement?: string } {
  return statement === undefined ? {} : { statement: makeVisible(shorten(statement, LONGEST.statement)) };
}

function repairEntry(records: readonly SelfRlefRecord[], arm: number): Entry {
  const ends = records.map(({ programs }) => programs.at(-1)!.allPassed);
  const judged = ends.filter((passed) => passed !== null);
  const right = judged.filter(Boolean).length;
  const [{ problem }] = records as readonly [SelfRlefRecord];
  return {
    arm,
    problem: makeVisible(problem),
    title: titleOf(problem),
    outcome: outcomeOf(right, judged.length),
    total: records.length,
    right,
    detail: { repairs: records.map(repairView) },
  };
}

function repairView({ feedback, sample, programs, submitted }: SelfRlefRecord) {
  const said = (passed: boolean | null): string =>
    passed === null ? 'not judged' : passed ? 'passes' : 'fails';
  return {
    how: `${feedback} feedback${sample ? `, episode ${sample + 1}` : ''}; ${submitted ? 'submitted by the model' : 'not submitted by the model itself'}`,
    programs: programs.map(({ source, publicPassed, allPassed }) => ({
      source: source === null ? null : makeVisible(shorten(source, LONGEST.program)),
      verdicts: `public tests: ${said(publicPassed)}; all tests: ${said(allPassed)}`,
    })),
  };
}

function answersEntry(records: readonly BenchmarkRecord[], arm: number): Entry {
  const scored = records.filter(({ verdict }) => verdict !== 'unscored');
  const right = scored.filter(({ verdict }) => verdict === 'accepted').length;
  const [{ item }] = records as readonly [BenchmarkRecord];
  const shown = (text: string | null): string | null =>
    text === null ? null : makeVisible(shorten(text, LONGEST.completion));
  return {
    arm,
    problem: makeVisible(item),
    title: titleOf(item),
    outcome: outcomeOf(right, scored.length),
    total: records.length,
    right,
    detail: {
      answers: records.map(({ verdict, answer, completion, tokens, stop, reason, weak }) => ({
        verdict,
        answer: shown(answer),
        completion: completion === answer ? null : shown(completion),
        note: makeVisible(
          [
            `${tokens} tokens`,
            ...(stop === 'stop' ? [] : [`stopped by ${stop}`]),
            ...(weak ? ['judged weakly'] : []),
            reason,
          ]
            .filter((part) => part !== undefined)
            .join(', '),
        ),
      })),
    },
  };
}

function outcomeOf(right: number, judged: number): Outcome {
  if (judged === 0) return 'unjudged';
  return right === judged ? 'right' : right === 0 ? 'wrong' : 'chance';
}
