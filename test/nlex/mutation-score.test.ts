/**
 * The world's private tests are good enough to tell right from wrong: issue C asks for 95% of the mutants that differ.
 */
import { expect, test } from 'vitest';
import { createWasmSandbox } from '../../src/execution/wasm/wasm-sandbox.js';
import { measureMutationScore } from '../../src/world/mutation-score.js';

test('private tests catch at least 95% of the mutants that differ from their reference program', async () => {
  await using sandbox = createWasmSandbox({ processes: 2 });
  const score = await measureMutationScore(sandbox, {
    seed: 'mutation',
    problems: 20,
    mutants: 4,
    probes: 30,
  });
  expect(score.problems).toBe(20);
  expect(score.different).toBeGreaterThan(40);
  expect(score.caught / score.different).toBeGreaterThanOrEqual(0.95);
});
