/**
 * `deskcheck simulate`: a model predicts what a program prints; with `--check` the program is also run for real, and the first
 * step is shown in which the simulation leaves the real execution: step by step for a terse narration, and for prose by the
 * first value that it states and the trace does not bear out (src/nlex/grounding.ts).
 */
import type { Command } from 'commander';
import { InfrastructureError } from '../core/errors.js';
import { predictOutput } from '../episode/environments/predict-output.js';
import { play } from '../episode/play.js';
import { withoutThinking } from '../episode/prompts/answers.js';
import { outputsMatch } from '../execution/comparators.js';
import type { Trace } from '../execution/types.js';
import { MODEL_SYNTAX } from '../model/model-spec.js';
import type { ChatModel } from '../model/types.js';
import {
  compareNarrations,
  isTerse,
  type NarrationComparison,
  narrationOf,
} from '../nlex/compare-narrations.js';
import { groundExplanation } from '../nlex/grounding.js';
import { parsePython } from '../nlex/python-source.js';
import { narrateTersely } from '../nlex/terse-narrator.js';
import type { Program, ProgramInput } from '../problem/types.js';
import { MAX_TOKENS } from '../recipe/context.js';
import { openChatModel } from '../recipe/open-model.js';
import { checkedModel, countFrom, numberFrom } from './model-options.js';
import { addInputOptions, type InputOptions, readProgramInput, traceOnce } from './program-input.js';

interface SimulateOptions extends InputOptions {
  readonly model: string;
  readonly temperature: number;
  readonly maxTokens?: number;
  readonly seed: number;
  readonly check?: boolean;
  readonly json?: boolean;
}

export function addSimulateCommand(program: Command): void {
  addInputOptions(program.command('simulate').description('a model predicts what a Python file prints'))
    .option('--model <model>', `who simulates: ${MODEL_SYNTAX}`, checkedModel, 'runs/tiny')
    .option('--temperature <number>', '0 is greedy', numberFrom(0), 0)
    .option('--max-tokens <number>', 'most tokens of the answer (default: what fits the model)', countFrom(1))
    .option('--seed <number>', 'of sampling', countFrom(0), 0)
    .option('--check', 'run the program too, and compare (exit code 1 when they differ)')
    .option('--json', 'machine-readable output')
    .action(simulate);
}

async function simulate(file: string, options: SimulateOptions): Promise<void> {
  const { program, input } = await readProgramInput(file, options);
  const { temperature, seed } = options;
  const trace = options.check ? await traceOnce(program, input) : undefined;
  await using opened = await openChatModel(options.model);
  const { listening, completion } = listenTo(opened.model);
  const terse = opened.style.id === 'terse';
  const episode = predictOutput({
    kind: 'predict-output',
    program,
    input,
    style: opened.style,
    maxTokens: options.maxTokens ?? (terse ? MAX_TOKENS.simulate : 8_192),
    seed,
  });
  const played = await play(episode, listening, undefined, { sampling: { temperature } });
  if (played.kind === 'unscored') {
    throw new InfrastructureError(played.reason, { code: 'no-answer', boundary: 'model', retryable: false });
  }
  const { outcome } = played;
  const simulated = outcome.kind === 'predicted' ? outcome.output.trimEnd() : undefined;
  const checked = trace && check(program, input, trace, simulated, completion());
  if (options.json) {
    const row = {
      model: opened.model.id,
      explanation: completion(),
      simulated: simulated ?? null,
      ...checked,
    };
    process.stdout.write(`${JSON.stringify(row)}\n`);
  } else {
    process.stdout.write(`${completion()}\n\nsimulated: ${simulated ?? `no answer (${outcome.kind})`}\n`);
    if (checked) process.stdout.write(describe(checked));
  }
  if (checked && !checked.matches) process.exitCode = 1;
}

interface Checked {
  /** What was really printed or returned; absent when the program failed. */
  readonly executed?: string;
  readonly executedOutcome: Trace['execution']['outcome'];
  readonly error?: NonNullable<Trace['execution']['error']>;
  readonly matches: boolean;
  /** The narrations compared; or why they cannot be. */
  readonly steps: StepCheck;
}

type StepCheck =
  | NarrationComparison
  /** Prose: how many of the values that it states the trace bears out, and the first that it does not. */
  | {
      readonly kind: 'prose';
      readonly claims: number;
      readonly supported: number;
      readonly unsupported?: { readonly line: number; readonly text: string };
    }
  | { readonly kind: 'not-comparable'; readonly reason: string };

function check(
  program: Program,
  input: ProgramInput,
  trace: Trace,
  simulated: string | undefined,
  completion: string,
): Checked {
  const { execution } = trace;
  const executed = input.kind === 'stdin' ? execution.stdout.trimEnd() : execution.result;
  const comparator = input.kind === 'stdin' ? 'output' : 'literal';
  const completed = execution.outcome === 'completed';
  return {
    ...(completed && executed !== undefined ? { executed } : {}),
    executedOutcome: execution.outcome,
    ...(execution.error ? { error: execution.error } : {}),
    matches:
      completed &&
      simulated !== undefined &&
      executed !== undefined &&
      outputsMatch(comparator, simulated, executed),
    steps: compareSteps({ program, input, trace }, narrationOf(withoutThinking(completion) ?? completion)),
  };
}

interface Traced {
  readonly program: Program;
  readonly input: ProgramInput;
  readonly trace: Trace;
}

function compareSteps({ program, input, trace }: Traced, narration: string): StepCheck {
  if (trace.excluded !== undefined) {
    return { kind: 'not-comparable', reason: 'the real execution is too long to be recorded' };
  }
  if (!isTerse(narration)) return checkProse({ program, input, trace }, narration);
  const real = narrateTersely(parsePython(program.source), trace);
  if (real === undefined) {
    return { kind: 'not-comparable', reason: 'the real execution has no terse narration to compare with' };
  }
  return compareNarrations(narration, real);
}

function checkProse({ program, input, trace }: Traced, narration: string): StepCheck {
  const { claims, score, unsupported } = groundExplanation(
    { source: program.source, input, trace },
    narration,
  );
  if (claims === 0)
    return { kind: 'not-comparable', reason: 'the explanation states no value of a variable' };
  return {
    kind: 'prose',
    claims,
    supported: Math.round(score * claims),
    ...(unsupported && { unsupported: { line: unsupported.line, text: unsupported.text } }),
  };
}

function describe({ executed, executedOutcome, error, matches, steps }: Checked): string {
  const failed = error ? `${error.type}: ${error.message}` : executedOutcome;
  const lines = [`executed:  ${executed ?? failed}`, matches ? 'they agree' : 'they differ'];
  switch (steps.kind) {
    case 'same':
      lines.push(`all ${steps.steps} steps are as in the real execution`);
      break;
    case 'prose':
      lines.push(
        `of ${steps.claims} values that the explanation states, ${steps.supported} are those of the real execution`,
        ...(steps.unsupported
          ? [`the first that is not, in line ${steps.unsupported.line}: ${steps.unsupported.text.trim()}`]
          : []),
      );
      break;
    case 'not-comparable':
      lines.push(`steps not compared: ${steps.reason}`);
      break;
    case 'differs':
      lines.push(
        `the simulation leaves the real execution at step ${steps.step}:`,
        ...steps.before.map(({ text }) => `    both       ${text}`),
        `    simulated  ${steps.simulated?.text ?? '(has ended)'}`,
        `    executed   ${steps.executed?.text ?? '(has ended)'}`,
      );
      break;
    default:
      steps satisfies never;
  }
  return `${lines.join('\n')}\n`;
}

/** The model, and the last text that it answered. */
function listenTo(model: ChatModel): { readonly listening: ChatModel; readonly completion: () => string } {
  let text = '';
  const listening: ChatModel = {
    id: model.id,
    generate: async (request) => {
      const response = await model.generate(request);
      text = response.text;
      return response;
    },
  };
  return { listening, completion: () => text };
}
