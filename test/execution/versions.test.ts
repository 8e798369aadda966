/**
 * One event model for all interpreters: the trace of a program is the same in the machine's CPython and in Pyodide.
 * Known and left: from 3.14 on a bare annotation (`x: int`) in a class body runs nothing, so it has no event.
 */
import { describe, expect, it } from 'vitest';
import { createNativeSandbox } from '../../src/execution/native/native-sandbox.js';
import { probeBubblewrap, probePython } from '../../src/execution/native/probe.js';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import type { ProgramInput } from '../../src/problem/types.js';
import { noSharedData, readSharedRows } from '../support/shared-data.js';
import { TRACED_PROGRAMS } from './traced-programs.js';

const python = probePython();
const bubblewrap = python.kind === 'found' ? probeBubblewrap(python.found) : python;
const missing = bubblewrap.kind === 'found' ? undefined : bubblewrap.reason;

interface Work {
  readonly name: string;
  readonly source: string;
  readonly input: ProgramInput;
}

async function differences(work: readonly Work[]): Promise<string[]> {
  await using native = createNativeSandbox({ processes: 1 });
  await using wasm = createWasmSandbox({ processes: 1 });
  const found: string[] = [];
  await Promise.all(
    work.map(async ({ name, source, input }) => {
      const [[a], [b]] = await Promise.all([
        native.trace({ source }, [input]),
        wasm.trace({ source }, [input]),
      ]);
      const at =
        a?.events.findIndex((event, i) => JSON.stringify(event) !== JSON.stringify(b?.events[i])) ?? -1;
      if (at >= 0 || a?.events.length !== b?.events.length) {
        const [left, right] = [a?.events[at], b?.events[at]].map((event) =>
          JSON.stringify(event)?.slice(0, 200),
        );
        found.push(`${name}, event ${at}: ${left} | ${right}`);
      }
      if (a?.execution.outcome !== b?.execution.outcome) found.push(`${name}: ${a?.execution.outcome}`);
    }),
  );
  return found.sort();
}

describe.skipIf(missing !== undefined)(
  `traces across versions${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    it('are the same for every kind of statement', async () => {
      const work = TRACED_PROGRAMS.map(({ title, source, stdin }) => ({
        name: title,
        source,
        input: { kind: 'stdin', stdin: stdin ?? '' } as const,
      }));
      expect(await differences(work)).toEqual([]);
    });

    it.skipIf(noSharedData !== undefined)('are the same for CRUXEval', async () => {
      const rows = readSharedRows<{ id: string; code: string; input: string }>(
        'cruxeval/cruxeval.shared.jsonl.gz',
      );
      const work = rows.map((row) => ({
        name: row.id,
        source: row.code,
        input: { kind: 'call', expression: `f(${row.input})` } as const,
      }));
      expect(await differences(work)).toEqual([]);
    });
  },
);
