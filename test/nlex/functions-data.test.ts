/**
 * `data functions` on every eighth file of the TheAlgorithms archive, really run: how many functions give rows, that the
 * template's explanations are all grounded, and that those spoiled in one value are caught.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.js';
import { paperStyle } from '../../src/episode/prompts/paper.js';
import { createSandbox } from '../../src/execution/create-sandbox.js';
import { type GroundedExecution, groundExplanation } from '../../src/nlex/grounding.js';
import { type Narrator, templateNarrator } from '../../src/nlex/narrator.js';
import { addCounts, type Counts, countOf, histogramOf } from '../../src/recipe/factory/counts.js';
import { makeFunctionRows } from '../../src/recipe/factory/function-data.js';
import { readPythonFiles } from '../../src/recipe/factory/python-files.js';
import { noSharedData } from '../support/shared-data.js';
import { spoil } from '../support/spoil.js';

const ARCHIVE = 'functions/TheAlgorithms_Python_subset.tar.gz';

interface Told {
  readonly execution: GroundedExecution;
  readonly explanation: string;
  readonly output: string;
}

describe.skipIf(noSharedData !== undefined)(`functions${noSharedData ? ` (${noSharedData})` : ''}`, () => {
  const sandbox = createSandbox('auto');
  afterAll(() => sandbox[Symbol.asyncDispose]());
  const told: Told[] = [];
  let counts: Counts = {};

  beforeAll(async () => {
    const narrator: Narrator = {
      id: 'template',
      tell: async (execution) => {
        const narration = await templateNarrator.tell(execution);
        if (narration.kind === 'told') told.push({ execution, ...narration });
        return narration;
      },
    };
    const options = {
      ...{ seed: 'test', most: 5, stdinShare: 0.2, style: paperStyle, licence: 'MIT', narrator },
      thresholds: { minScore: 1, minClaims: 1 },
    };
    const making: Promise<Counts>[] = [];
    let at = 0;
    for await (const file of readPythonFiles([join(process.env['DESKCHECK_DATA'] ?? '', ARCHIVE)]))
      if (at++ % 8 === 0) making.push(makeFunctionRows(sandbox, file, options).then((made) => made.counts));
    counts = (await Promise.all(making)).reduce(addCounts, {});
  }, 300_000);

  test('most functions can run by themselves, and most of those give executions', () => {
    const [functions, eligible, traced] = ['functions', 'eligible', 'traced'].map((name) =>
      countOf(counts, name),
    );
    expect(functions).toBeGreaterThan(80);
    expect(eligible! / functions!).toBeGreaterThan(0.6);
    expect(traced! / eligible!).toBeGreaterThan(0.8);
    expect(countOf(counts, 'executions') / traced!).toBeGreaterThan(3);
  });

  test('every narration is grounded', () => {
    expect(told.length).toBeGreaterThan(250);
    const reasons = Object.keys(histogramOf(counts, 'dropped'));
    expect(reasons.filter((reason) => /^unsupported|wrong output|low score/.test(reason))).toEqual([]);
  });

  test('at least 98% of explanations spoiled in one value are caught', () => {
    const rng = createRng('spoiled');
    let [spoiled, caught] = [0, 0];
    for (const { execution, explanation, output } of told) {
      const wrong = spoil(explanation, rng);
      if (wrong === undefined) continue;
      spoiled++;
      if (groundExplanation(execution, wrong.text, output).score < 1) caught++;
    }
    expect(spoiled).toBeGreaterThan(200);
    expect(caught / spoiled).toBeGreaterThanOrEqual(0.98);
  });
});
