/**
 * All 600 shared CRUXEval records through the real sandbox: the executed result equals the recorded output, tracing
 * changes nothing, and each execution gets a narration that ends in its result.
 */
import { expect, test } from 'vitest';
import { outputsMatch } from '../src/execution/comparators.js';
import { createWasmSandbox } from '../src/execution/wasm/wasm-sandbox.js';
import { narrateByLine } from '../src/nlex/line-narrator.js';
import { noSharedData, readSharedRows } from './support/shared-data.js';

interface CruxRecord {
  readonly id: string;
  readonly code: string;
  readonly input: string;
  readonly output: string;
}

const title = 'CRUXEval runs, traces and is narrated as recorded';
test.skipIf(noSharedData)(noSharedData ? `${title} (${noSharedData})` : title, async () => {
  const records = readSharedRows<CruxRecord>('cruxeval/cruxeval.shared.jsonl.gz');
  expect(records).toHaveLength(600);
  const sandbox = createWasmSandbox({ processes: 2 });
  try {
    const faults: string[] = [];
    await Promise.all(
      records.map(async ({ id, code, input, output }) => {
        const call = { kind: 'call', expression: `f(${input})` } as const;
        const program = { source: code };
        const [[execution], [trace]] = await Promise.all([
          sandbox.run(program, [call]),
          sandbox.trace(program, [call]),
        ]);
        const result = execution?.result;
        if (result === undefined || !outputsMatch('literal', result, output)) faults.push(`${id}: ${result}`);
        if (trace?.execution.result !== result) faults.push(`${id}: traced ${trace?.execution.result}`);
        const told = narrateByLine(code, trace!, call);
        if (!told.endsWith(`is ${result}`)) faults.push(`${id}: narration ends in ${told.slice(-60)}`);
      }),
    );
    expect(faults).toEqual([]);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
});
