/**
 * All 600 shared CRUXEval records, really executed: each gets a narration that ends in its result and that grounding
 * accepts; narrations spoiled in one value are caught. That the results are the recorded ones is test/execution's
 * business.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.js';
import type { Trace } from '../../src/execution/types.js';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import { groundExplanation } from '../../src/nlex/grounding.js';
import { narrateByLine } from '../../src/nlex/line-narrator.js';
import { noSharedData, readSharedRows } from '../support/shared-data.js';
import { spoil } from '../support/spoil.js';

interface CruxRecord {
  readonly id: string;
  readonly code: string;
  readonly input: string;
}

interface Told {
  readonly id: string;
  readonly source: string;
  readonly input: { readonly kind: 'call'; readonly expression: string };
  readonly trace: Trace;
  readonly explanation: string;
}

describe.skipIf(noSharedData !== undefined)(`CRUXEval${noSharedData ? ` (${noSharedData})` : ''}`, () => {
  const sandbox = createWasmSandbox({ processes: 2 });
  afterAll(() => sandbox[Symbol.asyncDispose]());
  let told: Told[] = [];

  beforeAll(async () => {
    const records = readSharedRows<CruxRecord>('cruxeval/cruxeval.shared.jsonl.gz');
    told = await Promise.all(
      records.map(async ({ id, code: source, input: args }) => {
        const input = { kind: 'call', expression: `f(${args})` } as const;
        const [trace] = await sandbox.trace({ source }, [input]);
        return { id, source, input, trace: trace!, explanation: narrateByLine(source, trace!, input) };
      }),
    );
  }, 300_000);

  test('every execution gets a narration that ends in its result', () => {
    expect(told).toHaveLength(600);
    const faults = told.filter(
      ({ explanation, trace }) => !explanation.endsWith(`is ${trace.execution.result}`),
    );
    expect(faults.map(({ id }) => id)).toEqual([]);
  });

  test('every narration is grounded', () => {
    const faults = told.flatMap((one) => {
      const { score, outputMatches, unsupported } = groundExplanation(one, one.explanation);
      return score === 1 && outputMatches === true ? [] : [`${one.id}: ${JSON.stringify(unsupported)}`];
    });
    expect(faults).toEqual([]);
  });

  test('at least 98% of narrations spoiled in one value are caught, and located', () => {
    const rng = createRng('spoiled');
    let spoiled = 0;
    let caught = 0;
    let located = 0;
    for (const one of told) {
      const { explanation } = one;
      const wrong = spoil(explanation, rng);
      if (wrong === undefined) continue;
      spoiled++;
      const grounding = groundExplanation(one, wrong.text);
      if (grounding.score === 1 && grounding.outputMatches === true) continue;
      caught++;
      const line = wrong.text.slice(0, wrong.at).split('\n').length;
      if (grounding.unsupported?.line === line || grounding.outputMatches === false) located++;
    }
    expect(spoiled).toBeGreaterThan(550);
    expect(caught / spoiled).toBeGreaterThanOrEqual(0.98);
    expect(located / spoiled).toBeGreaterThanOrEqual(0.95);
  });
});
