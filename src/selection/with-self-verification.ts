/**
 * `withSelfVerification`: an AI SDK language model that samples several answers to the application's own prompt, simulates
 * the programs in them on the public tests, and gives the answer whose program it chose. An application changes one line.
 *
 * Public tests come from the call's `providerOptions.deskcheck.publicTests`, or from the `tests` option, or are read from the
 * prompt (`readExamples`). Where an answer holds no program (a last fenced block), where there are no tests, and in calls with
 * tools, there is nothing to verify: the first answer is given as it is, with a warning.
 */
import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3Content,
  LanguageModelV3GenerateResult,
  LanguageModelV3StreamPart,
  LanguageModelV3Usage,
} from '@ai-sdk/provider';
import { z } from 'zod';
import { play } from '../episode/play.js';
import { readProgram } from '../episode/prompts/answers.js';
import { createMeter } from '../model/meter.js';
import { toChatModel } from '../model/to-chat-model.js';
import { readExamples } from '../problem/read-examples.js';
import type { TestCase } from '../problem/types.js';
import { chooseBySimulation, type Outcome, playOptions, type SelfVerifyOptions } from './self-verify.js';

export interface WithSelfVerificationOptions
  extends Omit<SelfVerifyOptions, 'model' | 'problem' | 'signal' | 'publicTestsInPrompt'> {
  /** The public tests of a prompt's problem; default: the examples found in its text. */
  readonly tests?: (promptText: string) => readonly TestCase[];
}

const callOptions = z
  .object({ publicTests: z.array(z.object({ input: z.string(), output: z.string() })).optional() })
  .optional();

/** Wraps a model. What was chosen, and why, is in `providerMetadata.deskcheck` of each answer. */
export function withSelfVerification(
  model: LanguageModelV3,
  options: WithSelfVerificationOptions = {},
): LanguageModelV3 {
  const doGenerate = (call: LanguageModelV3CallOptions): Promise<LanguageModelV3GenerateResult> =>
    generateVerified(model, call, options);
  return {
    specificationVersion: 'v3',
    provider: model.provider,
    modelId: model.modelId,
    supportedUrls: model.supportedUrls,
    doGenerate,
    // Nothing can be streamed before the choice is made.
    doStream: async (call) => {
      const result = await doGenerate(call);
      return { stream: streamOf(result) };
    },
  };
}

async function generateVerified(
  model: LanguageModelV3,
  call: LanguageModelV3CallOptions,
  options: WithSelfVerificationOptions,
): Promise<LanguageModelV3GenerateResult> {
  const publicTests = testsOf(call, options);
  if (publicTests.length === 0 || (call.tools?.length ?? 0) > 0) {
    const reason = publicTests.length === 0 ? 'the prompt names no public tests' : 'the call has tools';
    return withWarning(await model.doGenerate(call), `not self-verified: ${reason}`);
  }
  const answers = await sampleAnswers(model, call, options.samples ?? 8);
  const outcomes = answers.map(({ content }): Outcome => {
    const program = readProgram(textOf(content));
    return program ? { kind: 'program', program } : { kind: 'unparsed' };
  });
  const meter = createMeter();
  const writer = meter.count(toChatModel(model, options));
  const verifier = options.verifier ? meter.count(toChatModel(options.verifier, options)) : writer;
  const playing = playOptions({
    ...options,
    model,
    problem: { statement: '', publicTests },
    ...(call.abortSignal === undefined ? {} : { signal: call.abortSignal }),
  });
  const { index, candidates, predictionsMade, predictionsSaved } = await chooseBySimulation(
    { ...options, problem: { statement: promptText(call), publicTests } },
    outcomes,
    (episode) => play(episode, writer, undefined, playing),
    (episode) => play(episode, verifier, undefined, playing),
  );
  const chosen = answers[index ?? 0]!;
  const { promptTokens, completionTokens } = meter.spending();
  const result: LanguageModelV3GenerateResult = {
    ...chosen,
    usage: totalUsage(answers, promptTokens, completionTokens),
    providerMetadata: {
      ...chosen.providerMetadata,
      deskcheck: {
        chosen: index ?? null,
        samples: answers.length,
        tests: publicTests.length,
        scores: candidates.map((candidate) => (candidate.kind === 'program' ? candidate.score.least : null)),
        predictionsMade,
        predictionsSaved,
      },
    },
  };
  return index === undefined ? withWarning(result, 'not self-verified: no answer holds a program') : result;
}

/** The answers that could be had. Throws what was thrown when there is none; the caller's retries are then worth while. */
async function sampleAnswers(
  model: LanguageModelV3,
  call: LanguageModelV3CallOptions,
  samples: number,
): Promise<LanguageModelV3GenerateResult[]> {
  const settled = await Promise.allSettled(
    Array.from({ length: samples }, async (_, sample) =>
      model.doGenerate(call.seed === undefined ? call : { ...call, seed: call.seed + sample }),
    ),
  );
  call.abortSignal?.throwIfAborted();
  const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failure = settled.find((one) => one.status === 'rejected');
  if (answers.length === 0 && failure) throw failure.reason;
  return answers;
}

function testsOf(
  call: LanguageModelV3CallOptions,
  options: WithSelfVerificationOptions,
): readonly TestCase[] {
  const named = callOptions.safeParse(call.providerOptions?.['deskcheck']).data?.publicTests;
  if (named) return named;
  const text = promptText(call);
  return options.tests ? options.tests(text) : readExamples(text);
}

function promptText({ prompt }: LanguageModelV3CallOptions): string {
  return prompt
    .filter(({ role }) => role === 'user')
    .map(({ content }) => (typeof content === 'string' ? content : textOf(content)))
    .join('\n\n');
}

function textOf(content: readonly { readonly type: string }[]): string {
  return content
    .map((part) => (part.type === 'text' && 'text' in part && typeof part.text === 'string' ? part.text : ''))
    .join('');
}

function withWarning(result: LanguageModelV3GenerateResult, message: string): LanguageModelV3GenerateResult {
  return { ...result, warnings: [...result.warnings, { type: 'other', message }] };
}

/** What everything cost: the answers, and the simulations. */
function totalUsage(
  answers: readonly LanguageModelV3GenerateResult[],
  simulationPrompt: number,
  simulationCompletion: number,
): LanguageModelV3Usage {
  const sum = (of: (usage: LanguageModelV3Usage) => number | undefined): number =>
    answers.reduce((total, { usage }) => total + (of(usage) ?? 0), 0);
  return {
    inputTokens: {
      total: sum(({ inputTokens }) => inputTokens.total) + simulationPrompt,
      noCache: undefined,
      cacheRead: undefined,
      cacheWrite: undefined,
    },
    outputTokens: {
      total: sum(({ outputTokens }) => outputTokens.total) + simulationCompletion,
      text: undefined,
      reasoning: undefined,
    },
  };
}

function streamOf(result: LanguageModelV3GenerateResult): ReadableStream<LanguageModelV3StreamPart> {
  const { warnings, content, usage, finishReason, providerMetadata } = result;
  const parts: LanguageModelV3StreamPart[] = [{ type: 'stream-start', warnings }];
  for (const [at, part] of content.entries()) parts.push(...streamPart(part, String(at)));
  parts.push({ type: 'finish', usage, finishReason, ...(providerMetadata && { providerMetadata }) });
  return new ReadableStream({
    start: (controller) => {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
}

function streamPart(part: LanguageModelV3Content, id: string): LanguageModelV3StreamPart[] {
  if (part.type !== 'text' && part.type !== 'reasoning') return [part];
  const { type, text: delta } = part;
  return [
    { type: `${type}-start`, id },
    { type: `${type}-delta`, id, delta },
    { type: `${type}-end`, id },
  ];
}
