/**
 * CRUXEval, for real: every record evaluates to its recorded output, and tracing does not change that.
 * The data: cruxeval/cruxeval.shared.jsonl.gz of the shared folder (600 of the 800 published records).
 */
import { afterAll, describe, expect, it } from 'vitest';
import { outputsMatch } from '../../src/execution/comparators.js';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import { noSharedData, readSharedRows } from '../support/shared-data.js';

interface Row {
  readonly id: string;
  readonly code: string;
  readonly input: string;
  readonly output: string;
}

describe.skipIf(noSharedData !== undefined)(
  `CRUXEval${noSharedData === undefined ? '' : ` (${noSharedData})`}`,
  () => {
    const sandbox = createWasmSandbox({ processes: 2 });
    afterAll(() => sandbox[Symbol.asyncDispose]());

    it('evaluates all 600 records to their outputs, traced or not', async () => {
      const rows = readSharedRows<Row>('cruxeval/cruxeval.shared.jsonl.gz');
      expect(rows).toHaveLength(600);
      const failures: string[] = [];
      await Promise.all(
        rows.map(async (row) => {
          const input = { kind: 'call', expression: `f(${row.input})` } as const;
          const [plain] = await sandbox.run({ source: row.code }, [input]);
          const [trace] = await sandbox.trace({ source: row.code }, [input]);
          const result = plain?.result ?? '';
          if (!outputsMatch('literal', result, row.output))
            failures.push(`${row.id}: ${result} is not ${row.output}`);
          const last = trace?.events.at(-1);
          const same =
            trace?.execution.result === plain?.result &&
            trace?.execution.stdout === plain?.stdout &&
            (trace?.excluded !== undefined || last?.kind === 'return');
          if (!same) failures.push(`${row.id}: traced ${trace?.execution.result}, untraced ${result}`);
        }),
      );
      expect(failures).toEqual([]);
    });
  },
);
