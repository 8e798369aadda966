/**
 * All 600 shared CRUXEval records, really executed: each gets a narration that ends in its result. That the results are
 * the recorded ones is test/execution's business.
 */
import { expect, test } from 'vitest';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import { narrateByLine } from '../../src/nlex/line-narrator.js';
import { noSharedData, readSharedRows } from '../support/shared-data.js';

interface CruxRecord {
  readonly id: string;
  readonly code: string;
  readonly input: string;
}

const title = 'every CRUXEval execution gets a narration that ends in its result';
test.skipIf(noSharedData)(noSharedData ? `${title} (${noSharedData})` : title, async () => {
  const records = readSharedRows<CruxRecord>('cruxeval/cruxeval.shared.jsonl.gz');
  expect(records).toHaveLength(600);
  const sandbox = createWasmSandbox({ processes: 2 });
  try {
    const faults: string[] = [];
    await Promise.all(
      records.map(async ({ id, code, input }) => {
        const call = { kind: 'call', expression: `f(${input})` } as const;
        const program = { source: code };
        const [trace] = await sandbox.trace(program, [call]);
        const told = narrateByLine(code, trace!, call);
        if (!told.endsWith(`is ${trace!.execution.result}`)) faults.push(`${id}: ends in ${told.slice(-60)}`);
      }),
    );
    expect(faults).toEqual([]);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
});
