/**
 * The paper's tables and figures (arXiv 2604.03253, §5–6), filled from what the runs recorded, a row per model and stage; and
 * a word on those for which the runs have no data. Numbers are texts with their intervals, for the page and for Markdown.
 */
import type { PredictionGroupName } from '../evaluation/summarise-predictions.js';
import { TRANSITIONS } from '../evaluation/summarise-self-rlef.js';
import type { Summary } from '../evaluation/summary.js';
import { count, differenceText, estimateText, NO_VALUE, percent } from './format.js';

export interface PaperTable {
  /** Such as `Table 1`. */
  readonly id: string;
  readonly title: string;
  readonly columns: readonly string[];
  /** [row][column], the first of which names it. */
  readonly rows: readonly (readonly string[])[];
}

export interface PaperTables {
  readonly tables: readonly PaperTable[];
  /** What the runs have no data for. */
  readonly absent: readonly string[];
}

type Label = (stage: string, model: string) => string;
type Build = (summary: Summary, label: Label) => Omit<PaperTable, 'id'>;

const BUILDERS: readonly (readonly [string, Build])[] = [
  ['Table 1', outputPrediction],
  ['Table 2', ownPrograms],
  ['Table 3', repair],
  ['Table 5', transitions],
  ['Table 6', publicTests],
  ['Table 7, figure 3', benchmarks],
  ['Tables 4 and 8', stages],
  ['Table 9', budgets],
  ['Figure 4', choosing],
  ['Figures 5, 7, 8, 9', verifiers],
  ['Figure 6', prompts],
];

export function paperTables(summary: Summary, label: Label): PaperTables {
  const built = BUILDERS.map(([id, build]) => ({ id, ...build(summary, label) }));
  return {
    tables: built.filter(({ rows }) => rows.length > 0),
    absent: built.filter(({ rows }) => rows.length === 0).map(({ id, title }) => `${id} (${title})`),
  };
}

function outputPrediction({ predictions }: Summary, label: Label): Omit<PaperTable, 'id'> {
  return {
    title: 'output prediction, pass@1',
    columns: ['', 'all', 'prints what is expected', 'prints something else', 'wishful there', 'predictions'],
    rows: predictions.map(({ stage, model, groups }) => {
      const of = (name: PredictionGroupName) => groups.find(({ group }) => group === name);
      const text = (name: PredictionGroupName, metric: 'accuracy' | 'wishful' = 'accuracy'): string => {
        const found = of(name);
        return found ? estimateText(found[metric]) : NO_VALUE;
      };
      return [
        label(stage, model),
        text('all'),
        text('as-expected'),
        text('differs'),
        text('differs', 'wishful'),
        count(of('all')?.accuracy.items ?? 0),
      ];
    }),
  };
}

function ownPrograms({ ownMixes }: Summary, label: Label): Omit<PaperTable, 'id'> {
  return {
    title: 'predicting its own programs, as often as written',
    columns: ['programs by', 'predicted by', 'pass@1', 'predictions'],
    rows: ownMixes.map(({ stage, model, verifier, accuracy }) => [
      label(stage, model),
      verifier === model ? 'itself' : verifier,
      estimateText(accuracy),
      count(accuracy.items),
    ]),
  };
}

function repair({ selfRlef, selections }: Summary, label: Label): Omit<PaperTable, 'id'> {
  const arms = new Map([...selections, ...selfRlef].map((one) => [label(one.stage, one.model), one]));
  const rows = [...arms].map(([name, { stage, model }]) => {
    const same = (one: { readonly stage: string; readonly model: string }): boolean =>
      one.stage === stage && one.model === model;
    const solved = selections.find(same)?.arms.pass[0];
    const after = (feedback: string): string => {
      const found = selfRlef.find((one) => same(one) && one.feedback === feedback);
      return found ? estimateText(found.allTests.submitted) : NO_VALUE;
    };
    const first = selfRlef.find(same)?.allTests.first;
    return [
      name,
      solved ? estimateText(solved) : NO_VALUE,
      first ? estimateText(first) : NO_VALUE,
      after('simulated'),
      after('executed'),
    ];
  });
  return {
    title: 'solving, and Self-RLEF with simulated and with real outputs (oracle)',
    columns: ['', 'solve pass@1', 'first program', 'Self-RLEF, simulated', 'Self-RLEF, executed'],
    rows: selfRlef.length === 0 ? [] : rows,
  };
}

function transitions({ selfRlef }: Summary, label: Label): Omit<PaperTable, 'id'> {
  return {
    title: 'first program → submitted program',
    columns: ['', 'tests', 'fail → fail', 'fail → pass', 'pass → fail', 'pass → pass', 'first → submitted'],
    rows: selfRlef.flatMap(({ stage, model, feedback, publicTests: shown, allTests }) =>
      (
        [
          ['public', shown],
          ['public and private', allTests],
        ] as const
      ).map(([tests, outcome]) => [
        `${label(stage, model)}, ${feedback} feedback`,
        tests,
        ...TRANSITIONS.map((name) => percent(outcome.transitions[name].value)),
        `${percent(outcome.first.value)} → ${percent(outcome.submitted.value)}`,
      ]),
    ),
  };
}

function publicTests({ selections }: Summary, label: Label): Omit<PaperTable, 'id'> {
  const most = selections.reduce((k, { ks }) => Math.max(k, ks.length), 0);
  return {
    title: 'programs that pass all public tests',
    columns: ['', 'pass@1', `pass@${most}`, 'of those, right on all tests at k = 1'],
    rows: selections.flatMap(({ stage, model, publicPass, arms }) => {
      const [first] = publicPass;
      if (!first) return [];
      const right = arms.pass[0]?.value ?? null;
      const share = first.value === null || right === null || first.value === 0 ? null : right / first.value;
      return [
        [
          label(stage, model),
          estimateText(first),
          publicPass.length === most ? estimateText(publicPass.at(-1)!) : NO_VALUE,
          percent(share),
        ],
      ];
    }),
  };
}

function benchmarks({ benchmarks: found }: Summary, label: Label): Omit<PaperTable, 'id'> {
  const names = [...new Set(found.map(({ benchmark }) => benchmark))];
  const models = new Map(found.map((one) => [label(one.stage, one.model), one]));
  return {
    title: 'benchmarks, pass@1',
    columns: ['', ...names],
    rows: [...models].map(([name, { stage, model }]) => [
      name,
      ...names.map((benchmark) => {
        const one = found.find((f) => f.benchmark === benchmark && f.stage === stage && f.model === model);
        const rate = one?.passAtK[0]?.estimate;
        return rate ? estimateText(rate) : NO_VALUE;
      }),
    ]),
  };
}

function stages(summary: Summary, label: Label): Omit<PaperTable, 'id'> {
  const predicted = summary.predictionChanges
    .filter(({ group }) => group === 'all')
    .map(({ from, to, model, accuracy }) => [
      `${label(to, model)}, from ${from}`,
      'output prediction',
      differenceText(accuracy),
    ]);
  const solved = summary.selectionChanges.flatMap(({ from, to, model, passAt1, bestAtKSimulated, k }) => [
    [`${label(to, model)}, from ${from}`, 'solve pass@1', differenceText(passAt1)],
    ...(bestAtKSimulated.value === null
      ? []
      : [[`${label(to, model)}, from ${from}`, `best@${k} by simulation`, differenceText(bestAtKSimulated)]]),
  ]);
  const scaffold = summary.selfRlef
    .filter(({ feedback }) => feedback === 'simulated')
    .map(({ stage, model, allTests }) => [
      label(stage, model),
      'Self-RLEF with simulated feedback, submitted − first',
      differenceText(allTests.gain),
    ]);
  return {
    title: 'the Self-RLEF scaffold before and after training, and what RL changes, in points',
    columns: ['', 'what', 'difference'],
    rows: [...predicted, ...solved, ...scaffold],
  };
}

function budgets({ selfRlef }: Summary, label: Label): Omit<PaperTable, 'id'> {
  const shown = [1, 2, 3, 5, 10];
  const most = selfRlef.reduce((a, { byBudget }) => Math.max(a, byBudget.length), 0);
  const wanted = [...new Set([...shown.filter((budget) => budget <= most), most])].filter((n) => n > 0);
  return {
    title: 'Self-RLEF by how many programs it may write (mean number written)',
    columns: ['', ...wanted.map((budget) => `${budget} program${budget === 1 ? '' : 's'}`)],
    rows: selfRlef.map(({ stage, model, feedback, byBudget }) => [
      `${label(stage, model)}, ${feedback} feedback`,
      ...wanted.map((budget) => {
        const at = byBudget[Math.min(budget, byBudget.length) - 1];
        return at ? `${percent(at.submitted.value)} (${at.meanProgramsUsed.toFixed(2)})` : NO_VALUE;
      }),
    ]),
  };
}

function choosing({ selections }: Summary, label: Label): Omit<PaperTable, 'id'> {
  return {
    title: 'choosing among k programs, at the largest k',
    columns: [
      '',
      'k',
      'pass@1',
      'pass@k',
      'best@k executed',
      'best@k simulated',
      'majority@k',
      'short-1@k',
      'simulation gap',
    ],
    rows: selections.flatMap(({ stage, model, ks, arms, gap }) => {
      const at = ks.length - 1;
      const text = (arm: keyof typeof arms): string =>
        arms[arm][at] ? estimateText(arms[arm][at]) : NO_VALUE;
      if (at < 0) return [];
      return [
        [
          label(stage, model),
          String(ks.length),
          estimateText(arms.pass[0]!),
          ...(['pass', 'executed', 'simulated', 'majority', 'short'] as const).map(text),
          gap[at] ? differenceText(gap[at]) : NO_VALUE,
        ],
      ];
    }),
  };
}

function verifiers({ selections }: Summary, label: Label): Omit<PaperTable, 'id'> {
  const others = selections.filter(({ verifier, model }) => verifier !== model);
  return {
    title: 'a verifier for other models’ programs',
    columns: ['programs by', 'simulated by', 'k', 'best@k simulated', 'gain over pass@1', 'simulation gap'],
    rows: others.flatMap(({ stage, model, verifier, ks, arms, gain, gap, settled }) => {
      const at = ks.length - 1;
      const best = arms.simulated[at] ?? settled?.right;
      if (!best) return [];
      const [over, under] = [gain[at] ?? settled?.gain, gap[at] ?? settled?.gap];
      return [
        [
          label(stage, model),
          verifier,
          String(ks.length),
          estimateText(best),
          over ? differenceText(over) : NO_VALUE,
          under ? differenceText(under) : NO_VALUE,
        ],
      ];
    }),
  };
}

function prompts({ selections }: Summary, label: Label): Omit<PaperTable, 'id'> {
  const without = selections.filter(({ publicTestsInPrompt }) => !publicTestsInPrompt);
  return {
    title: 'without public tests in the prompt',
    columns: ['', 'k', 'pass@1', 'best@k executed', 'best@k simulated', 'simulation gap'],
    rows: without.flatMap(({ stage, model, ks, arms, gap }) => {
      const at = ks.length - 1;
      if (at < 0) return [];
      return [
        [
          label(stage, model),
          String(ks.length),
          estimateText(arms.pass[0]!),
          estimateText(arms.executed[at]!),
          arms.simulated[at] ? estimateText(arms.simulated[at]) : NO_VALUE,
          gap[at] ? differenceText(gap[at]) : NO_VALUE,
        ],
      ];
    }),
  };
}
