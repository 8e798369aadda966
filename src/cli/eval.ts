/**
 * `deskcheck eval`: a published benchmark, read from its file as published, for any model, or for generations that somebody
 * has recorded.
 */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { createTerminalProgress } from '../core/progress.js';
import type { BenchmarkName } from '../evaluation/benchmarks/benchmark.js';
import { BENCHMARK_NAMES, BENCHMARK_SOURCES } from '../evaluation/benchmarks/load.js';
import type { BenchmarkSummary } from '../evaluation/summarise-benchmarks.js';
import { COMPARATOR_NAMES, type ComparatorName } from '../execution/comparators.js';
import { SANDBOX_KINDS, type SandboxKind } from '../execution/create-sandbox.js';
import type { TokenPrice } from '../model/meter.js';
import { MODEL_SYNTAX } from '../model/model-spec.js';
import { type EvalResult, runEval } from '../recipe/eval.js';
import { count, counted, percent, percentInterval } from '../report/format.js';
import {
  checkedModel,
  countFrom,
  describeSpending,
  numberFrom,
  parsePrice,
  untilStopped,
} from './model-options.js';

interface Options {
  readonly data?: string;
  readonly model?: string;
  readonly generations?: string;
  readonly raw?: boolean;
  readonly name?: string;
  readonly programs?: string;
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly seed: string;
  readonly limit?: number;
  readonly comparator?: ComparatorName;
  readonly publicTests: boolean;
  readonly sandbox: SandboxKind;
  readonly rescore?: boolean;
  readonly concurrency: number;
  readonly timeout: number;
  readonly maxTokensTotal?: number;
  readonly price?: TokenPrice;
  readonly out?: string;
  readonly json?: boolean;
}

export function addEvalCommand(program: Command): void {
  program
    .command('eval')
    .description('a benchmark, from its file as published')
    .argument('<benchmark>', BENCHMARK_NAMES.join(' | '))
    .option('--data <file>', 'the benchmark’s file, gzipped or not')
    .option('--model <model>', MODEL_SYNTAX, checkedModel)
    .option('--generations <file>', 'score these recorded generations instead of asking a model')
    .option('--raw', 'the generations are answers in the benchmark’s own form, not chat completions')
    .option('--name <name>', 'what records call the model')
    .option('--programs <file>', 'for lcb-io-out and dmc-out: rows of {problem, source} to predict')
    .option('--samples <n>', 'answers per item', countFrom(1), 1)
    .option('--temperature <number>', '0 is greedy', numberFrom(0), 1)
    .option('--top-p <number>', 'nucleus mass, up to 1', numberFrom(0, 1), 0.95)
    .option('--max-tokens <n>', 'most tokens of one answer', countFrom(1), 8_192)
    .option('--seed <seed>', 'of sampling and intervals', '0')
    .option('--limit <n>', 'the first so many items (problems) only', countFrom(1))
    .addOption(
      new Option('--comparator <name>', 'in place of the benchmark’s own, for stdin problems').choices([
        ...COMPARATOR_NAMES,
      ]),
    )
    .option('--no-public-tests', 'leave the public tests out of solve prompts')
    .addOption(
      new Option('--sandbox <kind>', 'where programs run').choices([...SANDBOX_KINDS]).default('auto'),
    )
    .option('--rescore', 'judge the stored answers again; nothing is asked')
    .option('--concurrency <n>', 'calls in flight', countFrom(1), 16)
    .option('--timeout <seconds>', 'of one call', numberFrom(0.001), 600)
    .option(
      '--max-tokens-total <n>',
      'stop before so many tokens are spent, prompts and earlier sessions included',
      countFrom(1),
    )
    .option('--price <prompt,completion>', 'money per million tokens, such as 0.15,0.60', parsePrice)
    .option('--out <folder>', 'where answers and the report go (default runs/eval-<benchmark>-<model>)')
    .option('--json', 'machine-readable output')
    .action(evaluate);
}

async function evaluate(name: string, options: Options): Promise<void> {
  if (!(BENCHMARK_NAMES as readonly string[]).includes(name)) {
    throw new UsageError(`there is no benchmark "${name}"; there are ${BENCHMARK_NAMES.join(', ')}`);
  }
  const benchmark = name as BenchmarkName;
  if (options.data === undefined) {
    throw new UsageError(`--data names the benchmark's file. ${BENCHMARK_SOURCES[benchmark]}`);
  }
  const { publicTests, out, json, timeout, data, ...rest } = options;
  const who = options.name ?? options.model ?? options.generations ?? '';
  const result = await untilStopped((signal) =>
    runEval({
      ...rest,
      benchmark,
      data,
      publicTestsInPrompt: publicTests,
      timeoutMs: timeout * 1000,
      folder: out ?? join('runs', `eval-${benchmark}-${who.replace(/[^\w.-]+/g, '_')}`),
      progress: createTerminalProgress(process.stderr),
      signal,
    }),
  );
  process.stdout.write(json ? `${JSON.stringify({ benchmark, ...result })}\n` : tell(benchmark, result));
  if (result.stopped !== undefined) process.exitCode = 1;
}

function tell(benchmark: BenchmarkName, { summary, leftOut, stopped, spending, page }: EvalResult): string {
  const lines = summary ? tellSummary(summary) : ['nothing was answered'];
  const unused = Object.entries(leftOut).map(([reason, number]) => `${counted(number, 'row')} ${reason}`);
  return `${[
    `${benchmark}${summary ? `, ${summary.model}, comparator ${summary.comparators.join(', ')}` : ''}`,
    ...lines,
    ...(unused.length > 0 ? [`left out: ${unused.join('; ')}`] : []),
    ...(spending.calls > 0 ? [`spent: ${describeSpending(spending)}`] : []),
    ...(stopped === undefined ? [] : [`stopped: ${stopped}; the same command goes on`]),
    page,
  ].join('\n')}\n`;
}

function tellSummary({
  passAtK,
  majorityAtK,
  counts,
  items,
  answers,
  weak,
  bounds,
}: BenchmarkSummary): string[] {
  const unscored = counts.unscored ?? 0;
  const rates = passAtK.map(({ k, estimate, leftOut }) => {
    const without = leftOut > 0 ? `, ${counted(leftOut, 'item')} with fewer scored answers left out` : '';
    return `${`pass@${k}`.padEnd(13)}${percent(estimate.value)} (${percentInterval(estimate.interval)})${without}`;
  });
  const majorities = majorityAtK.map(
    ({ k, estimate }) =>
      `${`majority@${k}`.padEnd(13)}${percent(estimate.value)} (${percentInterval(estimate.interval)})`,
  );
  const verdicts = Object.entries(counts)
    .map(([verdict, number]) => `${verdict} ${count(number)}`)
    .join(', ');
  return [
    ...rates,
    ...majorities,
    `${counted(items, 'item')}, ${counted(answers, 'answer')}: ${verdicts}`,
    ...(unscored > 0 && bounds
      ? [
          `${counted(unscored, 'answer')} unscored; pass@1 between ${percent(bounds.worst)} and ${percent(bounds.best)}`,
        ]
      : []),
    ...(weak > 0 ? [`${counted(weak, 'answer')} judged weakly, tests and program in one process`] : []),
  ];
}
