/**
 * The world's tests, tested by mutants: of those that differ from their reference program, private tests catch 95%.
 */
import { expect, test } from 'vitest';
import { createWasmSandbox } from '../execution/wasm/wasm-sandbox.js';
import { measureMutationScore } from './mutation-score.js';

test('private tests catch at least 95% of the mutants that differ', async () => {
  await using sandbox = createWasmSandbox({ processes: 2, isolation: 'none' });
  const score = await measureMutationScore(sandbox, {
    seed: 'mutation',
    problems: 30,
    mutants: 6,
    probes: 30,
  });
  expect(score.problems).toBe(30);
  expect(score.different).toBeGreaterThan(100);
  expect(score.caught / score.different).toBeGreaterThanOrEqual(0.95);
}, 240_000);
