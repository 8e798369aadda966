/**
 * Compositions: drawing one, writing it as English and as Python, and splitting compositions into train, validation
 * and test so that the sets are disjoint by composition and not only by text.
 */
import { hash32, type Rng } from '../core/rng.js';
import {
  ACCUMULATORS,
  type Accumulator,
  FINISHES,
  type Finish,
  INPUT_KINDS,
  type InputKind,
  type Params,
  STAGES,
  type Stage,
} from './operations.js';

export type Split = 'train' | 'validation' | 'test';

export interface Composition {
  readonly input: InputKind;
  readonly stages: readonly { readonly stage: Stage; readonly params: Params }[];
  readonly accumulator: Accumulator;
  readonly finish: { readonly finish: Finish; readonly params: Params };
}

/** How often 0, 1, 2 and 3 stages are drawn. */
export type DepthWeights = readonly [number, number, number, number];

export const DEFAULT_DEPTH_WEIGHTS: DepthWeights = [0.08, 0.27, 0.4, 0.25];

/** The same stage twice in a row says little; everything else is allowed. */
export function drawComposition(rng: Rng, depth: DepthWeights = DEFAULT_DEPTH_WEIGHTS): Composition {
  const input = rng.chance(0.3) ? INPUT_KINDS[3]! : rng.pick(INPUT_KINDS.slice(0, 3));
  const choices = STAGES.filter((stage) => stage.items === input.items);
  const stages: { stage: Stage; params: Params }[] = [];
  for (let left = drawDepth(rng, depth); left > 0; ) {
    const stage = rng.pick(choices);
    if (stages.some((earlier) => earlier.stage === stage)) continue;
    stages.push({ stage, params: stage.draw(rng) });
    left--;
  }
  // A doubled letter is no letter any more: what the English says of letters would no longer hold of it.
  stages.sort((a, b) => Number(a.stage.name === 'double') - Number(b.stage.name === 'double'));
  const accumulator = rng.pick(ACCUMULATORS.filter((candidate) => candidate.items === input.items));
  const finish = rng.chance(0.5)
    ? FINISHES[0]!
    : rng.pick(FINISHES.filter((candidate) => candidate.result.includes(accumulator.result)));
  return { input, stages, accumulator, finish: { finish, params: finish.draw(rng) } };
}

function drawDepth(rng: Rng, weights: DepthWeights): number {
  let u = rng.next() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let depth = 0; depth < weights.length; depth++) {
    u -= weights[depth]!;
    if (u < 0) return depth;
  }
  return weights.length - 1;
}

/** What identifies a composition for the split: the ordered stages and the accumulator, without parameters. */
export function compositionKey(composition: Composition): string {
  return [...composition.stages.map(({ stage }) => stage.name), composition.accumulator.name].join('>');
}

/**
 * Which set a composition belongs to. Compositions of fewer than two stages are always training: they teach the
 * operations; what is held out is how operations are put together.
 */
export function splitOf(composition: Composition): Split {
  if (composition.stages.length < 2) return 'train';
  const bucket = hash32(`split:${compositionKey(composition)}`) % 100;
  if (bucket < 70) return 'train';
  return bucket < 80 ? 'validation' : 'test';
}

/** The task in words. Which phrasing is used, and whether the steps are told first to last, is drawn. */
export function writeStatement(composition: Composition, rng: Rng): string {
  const steps = composition.stages.map(({ stage, params }) => fill(rng.pick(stage.phrases), params));
  const { finish, params } = composition.finish;
  const result = [fill(rng.pick(composition.accumulator.phrases), []), fill(rng.pick(finish.phrases), params)]
    .filter((part) => part !== '')
    .join(', ');
  if (steps.length > 0 && rng.chance(0.3)) {
    const before = [...steps].reverse().map((step) => `Before that, ${step}.`);
    return `${composition.input.phrase}. Finally print ${result}. ${before.join(' ')}`;
  }
  const inOrder = steps.map((step, index) => (index === 0 ? `First ${step}.` : `Then ${step}.`));
  return [`${composition.input.phrase}.`, ...inOrder, `Print ${result}.`].join(' ');
}

/** The reference program, reading standard input. */
export function writeProgram(composition: Composition): string {
  const output = composition.accumulator.result === 'list' && composition.finish.finish.name !== 'length';
  return lines([...composition.input.read, ...body(composition), output ? 'print(*r)' : 'print(r)']);
}

/** The same as a function `f` of one argument that returns the result. */
export function writeFunction(composition: Composition): string {
  const inner = [...body(composition), 'return r'];
  return lines([`def f(${composition.input.parameter}):`, ...inner.map((line) => `    ${line}`)]);
}

function body(composition: Composition): string[] {
  const { input, accumulator, stages, finish } = composition;
  const loop = [...stages]
    .reverse()
    .reduce<string[]>((inner, { stage, params }) => stage.wrap(params, inner), [...accumulator.step]);
  const finishLine = finish.finish.line(finish.params);
  return [
    ...accumulator.init,
    input.header,
    ...loop.map((line) => `    ${line}`),
    ...(finishLine === '' ? [] : [finishLine]),
  ];
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

function fill(phrase: string, params: Params): string {
  return phrase.replace(/\{(\d)\}/g, (_, index: string) => String(params[Number(index)]));
}
