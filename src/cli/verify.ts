/**
 * `deskcheck verify`: best@k by simulation (paper §3).
 */
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { type ChoiceOutcome, runVerify } from '../recipe/verify.js';
import type { Vote } from '../selection/early-stop.js';
import { checkedModel, countFrom } from './model-options.js';
import {
  addRunOverOptions,
  commonSettings,
  type RunOverOptions,
  runAndPresent,
  share,
} from './run-options.js';

interface VerifyOptions extends RunOverOptions {
  readonly verifier?: string;
  readonly samples: number;
  readonly predictions: number;
  readonly vote: Vote;
  readonly earlyStop?: boolean;
  readonly generatedTests?: number;
}

export function addVerifyCommand(program: Command): void {
  const command = program
    .command('verify')
    .description(
      'sample programs, simulate them on the public tests, choose one: best@k without running them',
    );
  addRunOverOptions(command)
    .option('--verifier <model>', 'who simulates, if it is another model', checkedModel)
    .option('--samples <number>', 'programs per problem', countFrom(1), 20)
    .option('--predictions <number>', 'predictions per program and public test', countFrom(1), 5)
    .addOption(
      new Option('--vote <rule>', 'how several predictions of one test count')
        .choices(['share', 'majority'])
        .default('share'),
    )
    .option(
      '--early-stop',
      'stop simulating once the choice is settled: the same choice for fewer tokens, but no curve by simulation',
    )
    .option(
      '--generated-tests <number>',
      'with --early-stop: inputs that the model writes, to choose among programs that tie',
      countFrom(1),
    )
    .action((path: string, options: VerifyOptions) => {
      const { verifier, samples, predictions, vote, earlyStop = false, generatedTests } = options;
      if (generatedTests !== undefined && !earlyStop) {
        throw new UsageError('--generated-tests decides one choice per problem; give --early-stop with it');
      }
      const settings = {
        command: 'verify',
        ...commonSettings(options),
        ...(verifier === undefined ? {} : { verifier }),
        ...{ samples, predictions, vote, earlyStop },
        ...(generatedTests === undefined ? {} : { generatedTests }),
      } as const;
      return runAndPresent(path, options, settings, runVerify, (outcomes) => describe(outcomes, earlyStop));
    });
}

function describe(
  outcomes: readonly ChoiceOutcome[],
  earlyStop: boolean,
): { readonly text: string; readonly numbers: object } {
  const chosen = outcomes.filter((outcome) => outcome.chosen !== null);
  const judged = outcomes.filter(({ verdict }) => verdict !== 'unscored');
  const right = judged.filter(({ verdict }) => verdict === 'accepted').length;
  const sum = (of: (outcome: ChoiceOutcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const saved = sum((outcome) => outcome.saved);
  const total = sum((outcome) => outcome.predictions) + (earlyStop ? saved : 0);
  const saving = earlyStop
    ? `stopping early saved ${share(saved, total)}`
    : `stopping early would have saved ${share(saved, total)}`;
  const asked = outcomes.filter(({ tie }) => tie !== undefined).length;
  const broken = outcomes.filter(({ tie }) => tie === 'broken').length;
  const lines = [
    `chosen by simulation: a program for ${share(chosen.length, outcomes.length)} problems`,
    judged.length === 0
      ? 'not judged: nothing was run'
      : `of the chosen programs right (all predictions counted together): ${share(right, judged.length)}; ${outcomes.length - judged.length} unscored`,
    `predictions (equal programs simulated once): ${saving}`,
    ...(asked > 0
      ? [`ties on the public tests decided by the model's own inputs: ${share(broken, asked)}`]
      : []),
  ];
  const numbers = {
    chosen: chosen.length,
    judged: judged.length,
    right,
    predictions: total,
    predictionsSaved: saved,
    tiesAsked: asked,
    tiesBroken: broken,
  };
  return { text: lines.join('\n'), numbers };
}
