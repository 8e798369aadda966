/** Requests of a bearable size, and what is read from their answers. */
import type { z } from 'zod';
import { InfrastructureError } from '../../../core/errors.js';
import type { Datum } from '../../types.js';
import type { forwardAnswer } from './wire.js';

/** A token with its target, weight, advantage and log-probability is about 50 bytes of JSON, so this is about 6 MB. */
const MOST_TOKENS = 131_072;
const MOST_DATA = 1_024;

/** The data in order, in parts that fit a request each. */
export function chunksOf(data: readonly Datum[]): Datum[][] {
  const chunks: Datum[][] = [];
  let open: Datum[] = [];
  let tokens = 0;
  for (const datum of data) {
    if (open.length > 0 && (tokens + datum.tokens.length > MOST_TOKENS || open.length === MOST_DATA)) {
      chunks.push(open);
      open = [];
      tokens = 0;
    }
    open.push(datum);
    tokens += datum.tokens.length;
  }
  if (open.length > 0) chunks.push(open);
  return chunks;
}

/**
 * Per datum [T]: the log-probabilities of an answer. A server that leaves out a prompt's answers fewer; those it gives are the
 * last, and the others are 0, as for tokens of weight 0 on the embedded engine.
 */
export function readLogprobs(answer: z.output<typeof forwardAnswer>, data: readonly Datum[]): Float32Array[] {
  const { loss_fn_outputs: outputs } = answer;
  if (outputs.length !== data.length) throw mismatch(`${outputs.length} results for ${data.length} data`);
  return data.map(({ tokens }, i) => {
    const given = outputs[i]!.logprobs?.data;
    if (given === undefined) throw mismatch('a result without log-probabilities');
    const logprobs = new Float32Array(tokens.length);
    const last = given.slice(Math.max(0, given.length - tokens.length));
    logprobs.set(last, tokens.length - last.length);
    return logprobs;
  });
}

/** The gradient's norm before clipping, by whichever name the server gives it; NaN when it gives none. */
export function gradNormOf(metrics: Readonly<Record<string, number>>): number {
  const found = Object.entries(metrics).find(([name]) => /grad_norm|grad_l2/.test(name));
  return found?.[1] ?? Number.NaN;
}

function mismatch(what: string): InfrastructureError {
  return new InfrastructureError(`forward: the Tinker server answered ${what}`, {
    code: 'answer-not-understood',
    boundary: 'engine',
    retryable: false,
  });
}
