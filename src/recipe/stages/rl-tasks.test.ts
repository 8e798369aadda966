import { expect, test } from 'vitest';
import { doubleProblem, doublePrograms } from '../../../test/support/double-problem.js';
import { createFakeSandbox } from '../../../test/support/fake-sandbox.js';
import { plainStyle } from '../../../test/support/plain-style.js';
import {
  charRenderer,
  createScriptedSampler,
  type ScriptLine,
} from '../../../test/support/scripted-model.js';
import { rollout } from '../../episode/rollout.js';
import type { Problem } from '../../problem/types.js';
import { createPredictions, type PredictionOrigin } from './predictions.js';
import { createTasks } from './rl-tasks.js';

const MIX = { outputPrediction: 0, outputPredictionScale: 0.8, selfRlef: 1, simulatedFeedbackFrom: 0.5 };

async function purposesAt(progress: number, script: readonly ScriptLine[]): Promise<readonly string[]> {
  const [task, ...others] = createTasks(MIX, plainStyle, [doubleProblem], []);
  expect(others).toEqual([]);
  const sandbox = createFakeSandbox(doublePrograms);
  const sampler = createScriptedSampler(script);
  const attempt = await task!.attempt(
    0,
    'seed',
    (episode) => rollout(episode, sampler, charRenderer, sandbox),
    progress,
  );
  if ('kind' in attempt) throw new Error(attempt.reason);
  expect(attempt).toMatchObject({ ending: 'submitted', reward: 1 });
  return attempt.turns.map(({ purpose, trained }) => `${purpose}${trained ? '' : ', untrained'}`);
}

test('Self-RLEF is trained on executed feedback first, and on simulated feedback from its share of the budget on', async () => {
  const executed = ['code twice', 'submit'];
  expect(await purposesAt(0, executed)).toEqual(['solve', 'review']);
  expect(await purposesAt(0.49, executed)).toEqual(['solve', 'review']);
  expect(await purposesAt(0.5, ['code twice', 'out 4', 'out 6', 'submit'])).toEqual([
    'solve',
    'simulate, untrained',
    'simulate, untrained',
    'review',
  ]);
});

test('output prediction is about the programs that the recipe names, each with every public test', async () => {
  const problem: Problem = { ...doubleProblem, programs: [{ source: 'twice', correct: true }] };
  const own = [
    {
      problem: 'double',
      solveRate: 0.5,
      programs: [
        { source: 'almost', right: false, outputs: ['4\n', '6\n'] },
        { source: 'twice ', right: true, outputs: ['4\n', '6\n'] },
      ],
    },
  ];
  const sourcesOf = async (...from: PredictionOrigin[]): Promise<string[]> => {
    const items = await createPredictions(createFakeSandbox(doublePrograms), [problem], 1, { from, own });
    return items.map(
      ({ origin, source, input, output }) => `${origin} ${source}(${input}) = ${output.trim()}`,
    );
  };
  expect(await sourcesOf('reference')).toEqual(['reference twice(2) = 4', 'reference twice(3) = 6']);
  expect(await sourcesOf('own-right', 'own-wrong')).toEqual([
    'own-wrong almost(2) = 4',
    'own-wrong almost(3) = 6',
    'own-right twice (2) = 4',
    'own-right twice (3) = 6',
  ]);
  expect(await sourcesOf('own-right')).toHaveLength(2);
});
