/**
 * What one arm of an experiment amounts to, problem by problem: the numbers by which arms are compared (paper tables 1–9,
 * figures 3–9). Everything comes from records; nothing is asked or run.
 *
 * Left out: means and intervals over problems and seeds (over-seeds.ts).
 */

import { leader } from '../selection/agreement.js';
import { replayRace } from '../selection/early-stop.js';
import type { Prediction } from '../selection/types.js';
import { clustersBy } from './estimates.js';
import { ownPredictions } from './own-predictions.js';
import type {
  CandidateRecord,
  EvaluationRecord,
  OutputPredictionRecord,
  PredictionVerdict,
  SelectionRecord,
  SelfRlefRecord,
} from './records.js';
import {
  type Curves,
  curvesOf,
  type SelectionArm,
  scoredPrograms,
  simulatedPasses,
} from './selection-curves.js';
import type { Cluster } from './statistics.js';

/** `share`: in [0, 1]; `points`: a difference of shares; `number`: a plain mean. k is the number of programs sampled. */
export const ARM_METRICS = {
  prediction: { title: 'output prediction, reference programs and mutants', unit: 'share' },
  'prediction-expected': { title: '… where the program prints what is expected', unit: 'share' },
  'prediction-other': { title: '… where it prints something else', unit: 'share' },
  wishful: { title: '… and there, the expected output instead', unit: 'share' },
  'prediction-own': { title: 'output prediction, the programs to choose from', unit: 'share' },
  'wishful-own': { title: '… of those that print something else, the expected output', unit: 'share' },
  'pass@1': { title: 'solved, one program', unit: 'share' },
  'pass@k': { title: 'any of k solves', unit: 'share' },
  'best@k': { title: 'best of k by simulation', unit: 'share' },
  'best@k-executed': { title: 'best of k by execution', unit: 'share' },
  'majority@k': { title: 'best of k by agreement of the simulations alone', unit: 'share' },
  'best@k-unseen': { title: 'best of k by simulating two tests that no prompt shows', unit: 'share' },
  'best@k-agreed': { title: 'best of k, ties decided by agreement on two further inputs', unit: 'share' },
  'short-1@k': { title: 'shortest of k', unit: 'share' },
  'gain@k': { title: 'best of k by simulation − one program', unit: 'points' },
  'gap@k': { title: 'simulation gap at k', unit: 'points' },
  'public-pass@1': { title: 'public tests passed, one program', unit: 'share' },
  'public-pass@k': { title: 'public tests passed, any of k', unit: 'share' },
  first: { title: 'Self-RLEF: first program', unit: 'share' },
  repair: { title: 'Self-RLEF, simulated feedback', unit: 'share' },
  'repair-3': { title: '… at most 3 programs', unit: 'share' },
  'repair-executed': { title: 'Self-RLEF, executed feedback', unit: 'share' },
  'repair-executed-3': { title: '… at most 3 programs', unit: 'share' },
  'repair-fixed': { title: 'wrong first programs that were repaired, of all', unit: 'share' },
  'repair-broken': { title: 'right first programs that were spoiled, of all', unit: 'share' },
  'public-first': { title: 'public tests: first program', unit: 'share' },
  'public-repair': { title: 'public tests: Self-RLEF, simulated feedback', unit: 'share' },
  'public-fixed': { title: 'public tests: fail → pass', unit: 'share' },
  'public-broken': { title: 'public tests: pass → fail', unit: 'share' },
  'repair-programs': { title: 'programs used, simulated feedback', unit: 'number' },
  'repair-programs-3': { title: '… at most 3 programs', unit: 'number' },
  'simulation-tokens': { title: 'tokens of one simulation', unit: 'number' },
  'early-stop-saved': { title: 'simulations saved by early stopping', unit: 'share' },
} as const satisfies Readonly<Record<string, { title: string; unit: 'share' | 'points' | 'number' }>>;

export type MetricName = keyof typeof ARM_METRICS;

/** By problem. A metric that the records say nothing of is absent. */
export type ArmMeasures = ReadonlyMap<MetricName, ReadonlyMap<string, Cluster>>;

/** All metrics of one arm, from the records of one seed. Unscored predictions and programs are left out, not counted as wrong. */
export function measureArm(records: readonly EvaluationRecord[]): ArmMeasures {
  const found = new Map<MetricName, ReadonlyMap<string, Cluster>>();
  const add = (metric: MetricName, clusters: Map<string, Cluster>): void => {
    const filled = new Map([...clusters].filter(([, { count }]) => count > 0));
    if (filled.size > 0) found.set(metric, filled);
  };
  const selections = records.filter((record) => record.schema === 'selection/1');
  addPredictions(records, add);
  addOwnPredictions(selections.flatMap(ownPredictions), add);
  addSelections(selections, add);
  addRepairs(
    records.filter((record) => record.schema === 'self-rlef/1'),
    add,
  );
  return found;
}

type Add = (metric: MetricName, clusters: Map<string, Cluster>) => void;

function addPredictions(records: readonly EvaluationRecord[], add: Add): void {
  const fixed = records.filter(
    (record): record is OutputPredictionRecord =>
      record.schema === 'output-prediction/1' && record.origin !== 'own',
  );
  const other = fixed.filter(({ asExpected }) => !asExpected);
  add('prediction', shareOf(fixed, 'correct'));
  add(
    'prediction-expected',
    shareOf(
      fixed.filter(({ asExpected }) => asExpected),
      'correct',
    ),
  );
  add('prediction-other', shareOf(other, 'correct'));
  add('wishful', shareOf(other, 'wishful'));
}

function addOwnPredictions(own: readonly OutputPredictionRecord[], add: Add): void {
  add('prediction-own', shareOf(own, 'correct'));
  add(
    'wishful-own',
    shareOf(
      own.filter(({ asExpected }) => !asExpected),
      'wishful',
    ),
  );
  add(
    'simulation-tokens',
    clustersBy(own, ({ predictions }) => predictions.map(({ tokens }) => tokens)),
  );
}

function shareOf(records: readonly OutputPredictionRecord[], verdict: PredictionVerdict) {
  return clustersBy(records, ({ predictions }) =>
    predictions.map((prediction) =>
      prediction.verdict === 'unscored' ? null : prediction.verdict === verdict ? 1 : 0,
    ),
  );
}

function addSelections(records: readonly SelectionRecord[], add: Add): void {
  const { k, problems } = whollyScored(records);
  if (k === 0) return;
  const curves = problems.map(({ problem, programs }) => curvesOf(problem, programs, [1, k]));
  const values: readonly (readonly [MetricName, (curve: Curves) => number | null])[] = [
    ['pass@1', ({ pass }) => pass[0]!],
    ['pass@k', ({ pass }) => pass[1]!],
    ['public-pass@1', ({ publicPass }) => publicPass[0]!],
    ['public-pass@k', ({ publicPass }) => publicPass[1]!],
    ['best@k', ({ simulated }) => simulated?.[1] ?? null],
    ['best@k-executed', ({ executed }) => executed[1]!],
    ['majority@k', ({ majority }) => majority?.[1] ?? null],
    ['short-1@k', ({ short }) => short[1]!],
    ['gap@k', ({ executed, simulated }) => (simulated ? executed[1]! - simulated[1]! : null)],
    ['gain@k', ({ pass, simulated }) => (simulated ? simulated[1]! - pass[0]! : null)],
  ];
  for (const [metric, value] of values)
    add(
      metric,
      clustersBy(curves, (curve) => [value(curve)]),
    );
  add(
    'best@k-unseen',
    clustersBy(problems, ({ programs }) => [bestBy(programs, (program) => [unseenPasses(program)])]),
  );
  add(
    'best@k-agreed',
    clustersBy(problems, ({ programs }) => {
      const points = agreedPoints(programs);
      return [bestBy(programs, (program, i) => [simulatedPasses(program, 0), points?.[i]])];
    }),
  );
  add(
    'early-stop-saved',
    clustersBy(records, (record) => [savedByStopping(record)]),
  );
}

/** One set of problems for all rules of choosing: those whose `k` programs are all scored, `k` being the most that any has. */
function whollyScored(records: readonly SelectionRecord[]): {
  readonly k: number;
  readonly problems: readonly Pick<SelectionRecord, 'problem' | 'programs'>[];
} {
  const scored = records.map(({ problem, programs }) => ({ problem, programs: scoredPrograms(programs) }));
  const k = scored.reduce((most, { programs }) => Math.max(most, programs.length), 0);
  return { k, problems: scored.filter(({ programs }) => programs.length === k) };
}

/** What is submitted of all, by the first draw: best by the first rank, then the next; ties at random. `null` without ranks. */
function bestBy(
  programs: readonly CandidateRecord[],
  ranksOf: (program: CandidateRecord, place: number) => readonly (number | undefined)[],
): number | null {
  const ranked = programs.map((program, place) => ({
    score: program.verdictAll === 'accepted' ? 1 : 0,
    ranks: program.source === null ? [-1, -1] : ranksOf(program, place),
  }));
  if (ranked.some(({ ranks }) => ranks.includes(undefined))) return null;
  const compare = (a: (typeof ranked)[number], b: (typeof ranked)[number]): number =>
    a.ranks.map((rank, i) => rank! - b.ranks[i]!).find((difference) => difference !== 0) ?? 0;
  const best = ranked.reduce((a, b) => (compare(b, a) > 0 ? b : a));
  const tied = ranked.filter((one) => compare(one, best) === 0);
  return tied.reduce((sum, { score }) => sum + score, 0) / tied.length;
}

function unseenPasses({ unseen }: CandidateRecord): number | undefined {
  return unseen?.filter(({ passed }) => passed[0] === true).length;
}

/** [program] on how many further inputs it is simulated to print what most programs are; `undefined` without any. */
function agreedPoints(programs: readonly CandidateRecord[]): number[] | undefined {
  const outputs = programs.map(({ unseen }) => unseen?.map(({ predictions }) => predictions[0]?.trimEnd()));
  const inputs = outputs.find((list) => list !== undefined)?.length ?? 0;
  if (inputs === 0) return undefined;
  const agreed = Array.from({ length: inputs }, (_, i) => leader(outputs.map((list) => list?.[i])));
  return outputs.map(
    (list) => agreed.filter((output, i) => output !== undefined && list?.[i] === output).length,
  );
}

/** The share of a full simulation that a race among the distinct programs would not have made. */
function savedByStopping({ programs }: SelectionRecord): number | null {
  const distinct = new Map(
    programs.flatMap((program) => (program.source === null ? [] : [[program.source, program] as const])),
  );
  const predictions = [...distinct.values()].map(({ simulations }) =>
    simulations.map(({ predictions: outputs, passed }) =>
      outputs.map(
        (output, draw): Prediction =>
          output === null
            ? { kind: 'unparsed' }
            : { kind: 'predicted', output, matches: passed[draw] === true },
      ),
    ),
  );
  const draws = predictions[0]?.[0]?.length ?? 0;
  if (draws === 0) return null;
  const { made, total } = replayRace(predictions, draws);
  return 1 - made / total;
}

const SHORT_RUN = 3;

function addRepairs(records: readonly SelfRlefRecord[], add: Add): void {
  const simulated = records.filter(({ feedback }) => feedback === 'simulated');
  const executed = records.filter(({ feedback }) => feedback === 'executed');
  add('first', passed(simulated, 1));
  add('repair', passed(simulated, Infinity));
  add('repair-3', passed(simulated, SHORT_RUN));
  add('repair-fixed', turned(simulated, 'allPassed', false));
  add('repair-broken', turned(simulated, 'allPassed', true));
  add('public-first', passed(simulated, 1, 'publicPassed'));
  add('public-repair', passed(simulated, Infinity, 'publicPassed'));
  add('public-fixed', turned(simulated, 'publicPassed', false));
  add('public-broken', turned(simulated, 'publicPassed', true));
  add('repair-executed', passed(executed, Infinity));
  add('repair-executed-3', passed(executed, SHORT_RUN));
  add(
    'repair-programs',
    clustersBy(simulated, ({ programs }) => [programs.length]),
  );
  add(
    'repair-programs-3',
    clustersBy(simulated, ({ programs }) => [Math.min(SHORT_RUN, programs.length)]),
  );
}

/**
 * An episode of at most `most` programs is the beginning of the longer one: its last program is submitted unchecked, as the
 * paper's is, and its turns have the same seeds.
 */
function passed(
  records: readonly SelfRlefRecord[],
  most: number,
  field: 'allPassed' | 'publicPassed' = 'allPassed',
): Map<string, Cluster> {
  return clustersBy(records, ({ programs }) => {
    const result = programs[Math.min(most, programs.length) - 1]![field];
    return [result === null ? null : Number(result)];
  });
}

/** The share of episodes that began so and ended otherwise (paper, table 5). */
function turned(
  records: readonly SelfRlefRecord[],
  field: 'allPassed' | 'publicPassed',
  from: boolean,
): Map<string, Cluster> {
  return clustersBy(records, ({ programs }) => {
    const [first, last] = [programs[0]![field], programs.at(-1)![field]];
    return [first === null || last === null ? null : Number(first === from && last !== from)];
  });
}

/** By curve, then [k − 1], by problem: choosing among k programs (paper, figure 4). */
export function curvesOfArm(
  records: readonly EvaluationRecord[],
): Readonly<Record<SelectionArm, readonly ReadonlyMap<string, Cluster>[]>> {
  const { k, problems } = whollyScored(records.filter((record) => record.schema === 'selection/1'));
  const ks = Array.from({ length: k }, (_, i) => i + 1);
  const curves = problems.map(({ problem, programs }) => curvesOf(problem, programs, ks));
  const curve = (name: SelectionArm): Map<string, Cluster>[] =>
    ks.map((_, i) => clustersBy(curves, (one) => [one[name]?.[i] ?? null]));
  return {
    pass: curve('pass'),
    executed: curve('executed'),
    simulated: curve('simulated'),
    majority: curve('majority'),
    short: curve('short'),
  };
}

/** Whether simulations are right, by their length: [bin] by problem, bins of `width` tokens. */
export function correctByLength(
  records: readonly EvaluationRecord[],
  width: number,
): ReadonlyMap<number, ReadonlyMap<string, Cluster>> {
  const own = records.filter((record) => record.schema === 'selection/1').flatMap(ownPredictions);
  const fixed = records.filter(
    (record): record is OutputPredictionRecord => record.schema === 'output-prediction/1',
  );
  const all = [...own, ...fixed].flatMap(({ problem, predictions }) =>
    predictions
      .filter(({ verdict }) => verdict !== 'unscored')
      .map(({ tokens, verdict }) => ({
        problem,
        bin: Math.floor(tokens / width),
        right: verdict === 'correct',
      })),
  );
  const bins = [...new Set(all.map(({ bin }) => bin))].sort((a, b) => a - b);
  return new Map(
    bins.map((bin) => [
      bin,
      clustersBy(
        all.filter((one) => one.bin === bin),
        ({ right }) => [Number(right)],
      ),
    ]),
  );
}
