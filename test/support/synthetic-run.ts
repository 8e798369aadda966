/**
 * A made-up run, for tests of the summaries and of the report: records drawn from known error rates. Nothing here was
 * measured; every model is called `synthetic`.
 */
import { createRng, type Rng } from '../../src/core/rng.js';
import type {
  CandidateRecord,
  EpisodeSample,
  EvaluationRecord,
  OutputPredictionRecord,
  SelectionRecord,
  SelfRlefRecord,
  TrainingMetric,
} from '../../src/evaluation/records.js';

export interface SyntheticRates {
  readonly stage: string;
  /** Mean probability that a program is right; problems differ around it. */
  readonly solve: number;
  /** Probability that a prediction is right. */
  readonly simulate: number;
  /** Probability that a wrong prediction about a wrong program is the expected output. */
  readonly wishful: number;
}

export interface SyntheticSizes {
  readonly problems: number;
  readonly programs: number;
  readonly tests: number;
  readonly draws: number;
}

export const SYNTHETIC_SFT: SyntheticRates = { stage: 'sft', solve: 0.42, simulate: 0.78, wishful: 0.4 };
export const SYNTHETIC_RL: SyntheticRates = { stage: 'rl', solve: 0.5, simulate: 0.84, wishful: 0.25 };
export const SYNTHETIC_SIZES: SyntheticSizes = { problems: 240, programs: 10, tests: 2, draws: 3 };

const MODEL = 'synthetic-0.4M';
const COMMON = { model: MODEL, comparator: 'output' } as const;

export function syntheticRecords(
  stages: readonly SyntheticRates[] = [SYNTHETIC_SFT, SYNTHETIC_RL],
  sizes: SyntheticSizes = SYNTHETIC_SIZES,
  seed = 'synthetic',
): EvaluationRecord[] {
  const rng = createRng(seed);
  return stages.flatMap((rates) => {
    const own = rng.fork(rates.stage);
    return [
      ...syntheticPredictions(rates, sizes, own.fork('predictions')),
      ...syntheticSelections(rates, sizes, own.fork('selections')),
      ...syntheticRepairs(rates, sizes, own.fork('repairs')),
    ];
  });
}

export function syntheticPredictions(rates: SyntheticRates, sizes: SyntheticSizes, rng: Rng) {
  const records: OutputPredictionRecord[] = [];
  for (let p = 0; p < sizes.problems; p++) {
    for (const origin of ['reference', 'mutant', 'own'] as const) {
      const asExpected = origin === 'reference' || (origin === 'own' && rng.chance(rates.solve));
      const expected = String(rng.int(10, 99));
      const actual = asExpected ? expected : `${expected}0`;
      records.push({
        schema: 'output-prediction/1',
        ...COMMON,
        problem: `problem-${p}`,
        stage: rates.stage,
        programId: origin,
        programSource: programSource(p),
        programCorrect: asExpected,
        origin,
        input: `${p} ${p + 1}`,
        expected,
        actual,
        asExpected,
        predictions: Array.from({ length: sizes.draws }, () => {
          const tokens = rng.int(60, 160);
          if (rng.chance(0.02))
            return { output: null, stop: 'length', tokens, verdict: 'truncated' } as const;
          const stop = 'stop' as const;
          if (rng.chance(rates.simulate))
            return { output: actual, stop, tokens, verdict: 'correct' } as const;
          if (!asExpected && rng.chance(rates.wishful))
            return { output: expected, stop, tokens, verdict: 'wishful' } as const;
          return { output: `-${rng.int(1, 9)}`, stop, tokens, verdict: 'wrong' } as const;
        }),
      });
    }
  }
  return records;
}

export function syntheticSelections(rates: SyntheticRates, sizes: SyntheticSizes, rng: Rng) {
  return Array.from({ length: sizes.problems }, (_, p): SelectionRecord => {
    // The mean of √u-like difficulty stays at the solve rate, and problems differ a good deal.
    const ease = Math.min(1, Math.max(0, rates.solve + (rng.next() - 0.5) * 0.9));
    const tests = Array.from({ length: sizes.tests }, (_, t) => ({
      input: `${p} ${t}\n`,
      output: `${p * 3 + t}\n`,
    }));
    return {
      schema: 'selection/1',
      ...COMMON,
      problem: `problem-${p}`,
      stage: rates.stage,
      statement: `Read two numbers. Print what problem ${p} asks for.`,
      tests,
      programs: Array.from({ length: sizes.programs }, () =>
        candidate(p, ease, tests, rates, sizes.draws, rng),
      ),
    };
  });
}

function candidate(
  p: number,
  ease: number,
  tests: readonly { readonly input: string; readonly output: string }[],
  rates: SyntheticRates,
  draws: number,
  rng: Rng,
): CandidateRecord {
  const responseTokens = rng.int(40, 90);
  if (rng.chance(0.03)) {
    return { source: null, verdictPublic: [], verdictAll: 'unparsed', responseTokens, simulations: [] };
  }
  const right = rng.chance(ease);
  const passes = tests.map(() => right || rng.chance(0.15));
  const outputs = tests.map((test, t) => (passes[t] ? test.output : `${Number(test.output) + 7}\n`));
  return {
    source: programSource(p),
    verdictPublic: passes.map((pass) => (pass ? 'accepted' : 'wrong-answer')),
    verdictAll: right ? 'accepted' : 'wrong-answer',
    outputs,
    responseTokens,
    simulations: tests.map((test, t) => {
      const predictions = Array.from({ length: draws }, () => {
        if (rng.chance(rates.simulate)) return outputs[t]!;
        return !passes[t] && rng.chance(rates.wishful) ? test.output : `-${rng.int(1, 9)}\n`;
      });
      return {
        test: t,
        predictions,
        passed: predictions.map((prediction) => prediction === test.output),
        tokens: predictions.map(() => rng.int(60, 160)),
      };
    }),
  };
}

export function syntheticRepairs(rates: SyntheticRates, sizes: SyntheticSizes, rng: Rng): SelfRlefRecord[] {
  return (['simulated', 'executed'] as const).flatMap((feedback) =>
    Array.from({ length: sizes.problems }, (_, p): SelfRlefRecord => {
      const programs = [repairProgram(p, rng.chance(rates.solve))];
      let submitted = false;
      while (programs.length < 4 && !submitted) {
        const right = programs.at(-1)!.allPassed;
        const seen = rng.chance(feedback === 'executed' ? 1 : rates.simulate) ? right : !right;
        submitted = seen;
        if (!submitted) programs.push(repairProgram(p, rng.chance(right ? 0.7 : rates.solve / 2)));
      }
      return {
        schema: 'self-rlef/1',
        ...COMMON,
        problem: `problem-${p}`,
        stage: rates.stage,
        feedback,
        programs,
        submitted,
        completionTokens: 200 * programs.length,
      };
    }),
  );
}

function repairProgram(p: number, right: boolean) {
  return { source: programSource(p), publicPassed: right, allPassed: right };
}

export function syntheticMetrics(): TrainingMetric[] {
  const rng = createRng('metrics');
  const sft = Array.from({ length: 120 }, (_, i): TrainingMetric => {
    const share = i / 119;
    return {
      stage: 'sft',
      step: i * 60,
      tokens: i * 108_000,
      elapsedSeconds: i * 4,
      lossPerToken: 0.06 + 2.4 * Math.exp(-6 * share) + 0.02 * rng.next(),
      tokensPerSecond: 26_000 + 1_500 * rng.next(),
      ...(i % 10 === 9
        ? {
            validation: {
              simulate: 0.78 * (1 - Math.exp(-3 * share)),
              solve: 0.42 * (1 - Math.exp(-2 * share)),
            },
          }
        : {}),
    };
  });
  const rl = Array.from(
    { length: 40 },
    (_, i): TrainingMetric => ({
      stage: 'rl',
      step: i,
      tokens: i * 32_000,
      elapsedSeconds: i * 5,
      reward: {
        predict: 0.55 + 0.12 * (i / 39) + 0.05 * rng.next(),
        solve: -0.2 + 0.3 * (i / 39) + 0.1 * rng.next(),
      },
      ...(i % 10 === 9
        ? { validation: { simulate: 0.78 + 0.05 * (i / 39), solve: 0.42 + 0.08 * (i / 39) } }
        : {}),
    }),
  );
  return [...sft, ...rl];
}

export function syntheticSamples(): EpisodeSample[] {
  const source = [
    'n = int(input())',
    'total = 0',
    'for v in range(1, n + 1):',
    '    if v % 3 == 0:',
    '        v = v * 2',
    '    total += v',
    'print(total)',
  ].join('\n');
  const prompt = `Simulate this program step by step.\n\n${source}\n\nInput:\n7`;
  const executed = 'line one\nline two\nsum 37\nlast line';
  return [
    {
      schema: 'episode-sample/1',
      title: 'A repair that worked',
      stage: 'rl',
      model: MODEL,
      problem: 'problem-17',
      statement:
        'Read a number n. Take the numbers from 1 to n. Double those that are multiples of 3. Print their sum.\n\nExample\nInput:\n7\nOutput:\n37',
      turns: [
        { purpose: 'solve', prompt: 'Write a program …', completion: source, program: source },
        {
          purpose: 'simulate',
          prompt,
          completion: 'take 1 … add … total 36',
          note: 'The seventh step is dropped.',
          comparison: {
            input: '7',
            simulated: 'line one\nline two\nsum 36\nlast line',
            executed,
            expected: executed,
          },
        },
        { purpose: 'review', prompt: 'Submit or fix …', completion: '#SUBMIT' },
      ],
      verdicts: [
        { label: 'first program, public tests', verdict: 'accepted' },
        { label: 'submitted program, all tests', verdict: 'accepted' },
      ],
    },
    {
      schema: 'episode-sample/1',
      title: 'Wishful thinking',
      stage: 'sft',
      model: MODEL,
      problem: 'problem-23',
      statement: 'Read a word. Print it reversed.',
      turns: [
        {
          purpose: 'predict',
          prompt: 'word = input()\nprint(word)\n\nInput:\nabcd',
          completion: 'the word is reversed: dcba',
          program: 'word = input()\nprint(word)',
          comparison: { input: 'abcd', simulated: 'dcba', executed: 'abcd', expected: 'dcba' },
        },
        {
          purpose: 'predict',
          prompt: 'print(1)',
          completion: '…',
          comparison: { input: '', simulated: null, executed: '1' },
        },
      ],
      verdicts: [{ label: 'prediction', verdict: 'wishful' }],
    },
  ];
}

function programSource(p: number): string {
  return `a, b = map(int, input().split())\nprint(a * ${p % 7} + b)`;
}
