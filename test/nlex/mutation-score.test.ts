/**
 * The world's tests, tested by mutants (issue C): of those that differ from their reference program, private tests
 * should catch 95%. Fourteen do (48 of 49 measured); the world's eight do not quite (45 of 49; docs/log.md).
 */
import { expect, test } from 'vitest';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import { measureMutationScore } from '../../src/world/mutation-score.js';

test.each([
  [8, 0.85],
  [14, 0.95],
])(
  '%i private tests catch at least the share %f of the mutants that differ',
  async (privateTests, least) => {
    await using sandbox = createWasmSandbox({ processes: 2 });
    const options = { seed: 'mutation', problems: 16, mutants: 4, probes: 20, privateTests };
    const score = await measureMutationScore(sandbox, options);
    expect(score.problems).toBe(16);
    expect(score.different).toBeGreaterThan(40);
    expect(score.caught / score.different).toBeGreaterThanOrEqual(least);
  },
  240_000,
);
