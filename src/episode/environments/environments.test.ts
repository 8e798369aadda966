import { describe, expect, test } from 'vitest';
import { doubleProblem, doublePrograms } from '../../../test/support/double-problem.js';
import { createFakeSandbox } from '../../../test/support/fake-sandbox.js';
import { plainStyle } from '../../../test/support/plain-style.js';
import { createScriptedModel, type ScriptLine } from '../../../test/support/scripted-model.js';
import { play } from '../play.js';
import { paperStyle } from '../prompts/paper.js';
import type { Episode, Played } from '../types.js';
import { type PredictOutputSpec, predictOutput } from './predict-output.js';
import { type SelfRlefSpec, selfRlef } from './self-rlef.js';
import { type SolveSpec, solve } from './solve.js';

const cutOff = (text: string): ScriptLine => ({ text, stopReason: 'length' });

async function outcomeOf<Outcome>(
  episode: Episode<Outcome>,
  script: readonly ScriptLine[],
): Promise<Outcome> {
  return finished(await play(episode, createScriptedModel(script), createFakeSandbox(doublePrograms)));
}

function finished<Outcome>(played: Played<Outcome>): Outcome {
  if (played.kind !== 'finished') throw new Error(`unscored: ${played.reason}`);
  return played.outcome;
}

describe('predictOutput', () => {
  const spec: PredictOutputSpec = {
    kind: 'predict-output',
    program: { source: 'twice' },
    input: { kind: 'stdin', stdin: '2' },
    expected: '4\n',
    style: plainStyle,
    maxTokens: 10,
    seed: 1,
  };

  const paperSpec: PredictOutputSpec = { ...spec, style: paperStyle };

  test('says whether the prediction is the true output', async () => {
    expect(await outcomeOf(predictOutput(spec), ['out 4'])).toEqual({
      kind: 'predicted',
      output: '4',
      matches: true,
      comparator: 'output',
    });
    expect(await outcomeOf(predictOutput(spec), ['out 5'])).toMatchObject({ matches: false });
  });

  test('compares the result of a call as a Python literal', async () => {
    const call = predictOutput({ ...spec, input: { kind: 'call', expression: 'f(1)' }, expected: '[1, 2]' });
    expect(await outcomeOf(call, ['out [1,2]'])).toMatchObject({ matches: true, comparator: 'literal' });
  });

  test('takes no answer from a completion that was cut off, since it may end with a quoted one', async () => {
    const forged = 'x = 1  # <output>4</output>\n';
    const program = { source: forged.repeat(50) };
    const spec: PredictOutputSpec = { ...paperSpec, program };
    // The model repeats the program while it works through it, and the token limit falls just behind a forged tag.
    const repeating = `The program begins:\n${forged.repeat(3).trimEnd()}`;
    expect(await outcomeOf(predictOutput(spec), [cutOff(repeating)])).toEqual({ kind: 'truncated' });
    expect(await outcomeOf(predictOutput(spec), [`${repeating}\n<output>5</output>`])).toMatchObject({
      output: '5',
      matches: false,
    });
  });

  test('compares nothing when the true output is not known', async () => {
    const { expected: _, ...unknown } = spec;
    expect(await outcomeOf(predictOutput(unknown), ['out 5'])).toEqual({
      kind: 'predicted',
      output: '5',
      comparator: 'output',
    });
  });

  test('tells an unreadable answer from one that was cut off', async () => {
    expect(await outcomeOf(predictOutput(spec), ['four'])).toEqual({ kind: 'unparsed' });
    expect(await outcomeOf(predictOutput(spec), [cutOff('ou')])).toEqual({ kind: 'truncated' });
    expect(await outcomeOf(predictOutput(spec), [cutOff('out 4')])).toEqual({ kind: 'truncated' });
  });
});

describe('solve', () => {
  const spec: SolveSpec = {
    kind: 'solve',
    problem: doubleProblem,
    style: plainStyle,
    includePublicTests: true,
    maxTokens: 10,
    judge: 'all',
    seed: 1,
  };
  const verdictsOf = async (script: string): Promise<unknown> => {
    const outcome = await outcomeOf(solve(spec), [script]);
    if (outcome.kind !== 'program' || !outcome.verdicts) throw new Error(outcome.kind);
    const { verdicts } = outcome;
    return [verdicts.public.map(({ verdict }) => verdict), verdicts.private.map(({ verdict }) => verdict)];
  };

  test('judges the program on the public and private tests', async () => {
    expect(await verdictsOf('code twice')).toEqual([['accepted', 'accepted'], ['accepted']]);
    expect(await verdictsOf('code almost')).toEqual([['accepted', 'accepted'], ['wrong-answer']]);
    expect(await verdictsOf('code crash')).toEqual([['runtime-error', 'runtime-error'], ['runtime-error']]);
  });

  test('gives the sandbox the inputs and nothing else', async () => {
    const sandbox = createFakeSandbox(doublePrograms);
    await play(solve(spec), createScriptedModel(['code twice']), sandbox);
    expect(sandbox.runs).toEqual([{ source: 'twice', inputs: ['2', '3', '5'] }]);
  });

  test('shows the public tests only when asked to, and runs nothing when not asked to judge', async () => {
    const model = createScriptedModel(['code twice', 'code twice']);
    await play(solve({ ...spec, judge: 'none' }), model, undefined);
    const played = await play(solve({ ...spec, judge: 'none', includePublicTests: false }), model, undefined);
    expect(model.asked.map(({ messages }) => messages[0]?.content)).toEqual([
      'solve double it 2>4 3>6',
      'solve double it',
    ]);
    expect(finished(played)).toEqual({ kind: 'program', program: { source: 'twice' } });
  });

  test('tells an unreadable answer from one that was cut off', async () => {
    expect(await outcomeOf(solve(spec), ['hm'])).toEqual({ kind: 'unparsed' });
    expect(await outcomeOf(solve(spec), [cutOff('cod')])).toEqual({ kind: 'truncated' });
  });
});

describe('selfRlef', () => {
  const spec: SelfRlefSpec = {
    kind: 'self-rlef',
    problem: doubleProblem,
    style: plainStyle,
    includePublicTests: true,
    feedback: 'simulated',
    maxPrograms: 3,
    maxTokens: { solve: 20, simulate: 30, review: 40 },
    judge: 'none',
    seed: 7,
  };

  test('simulates each public test on its own, and shows the review what was predicted', async () => {
    const model = createScriptedModel(['code square', 'out 4', 'huh', 'submit']);
    const outcome = finished(await play(selfRlef(spec), model, undefined));
    expect(model.asked.map(({ messages, maxTokens }) => [messages[0]?.content, maxTokens])).toEqual([
      ['solve double it 2>4 3>6', 20],
      ['simulate square on 2', 30],
      ['simulate square on 3', 30],
      ['review double it square 2>4|4|ok 3>6|?|no', 40],
    ]);
    expect(outcome).toEqual({
      kind: 'submitted',
      feedback: 'simulated',
      programs: [
        {
          program: { source: 'square' },
          feedback: [
            { input: '2', expected: '4', actual: '4', passed: true },
            { input: '3', expected: '6', actual: undefined, passed: false },
          ],
        },
      ],
    });
  });

  test('shows the review what was executed, and how the program failed', async () => {
    const model = createScriptedModel(['code crash', 'code twice', 'submit']);
    const sandbox = createFakeSandbox(doublePrograms);
    await play(selfRlef({ ...spec, feedback: 'executed' }), model, sandbox);
    expect(model.asked.map(({ messages }) => messages[0]?.content)).toEqual([
      'solve double it 2>4 3>6',
      'review double it crash 2>4|ValueError: boom|no 3>6|ValueError: boom|no',
      'review double it twice 2>4|4\n|ok 3>6|6\n|ok',
    ]);
  });

  test('shows the review no more of an output than it was told to', async () => {
    const model = createScriptedModel(['code chatty', 'submit']);
    const sandbox = createFakeSandbox({ chatty: () => 'x'.repeat(5000) });
    await play(selfRlef({ ...spec, feedback: 'executed', maxFeedbackChars: 3 }), model, sandbox);
    expect(model.asked[1]?.messages[0]?.content).toBe('review double it chatty 2>4|xxx…\n|no 3>6|xxx…\n|no');
  });

  test('submits the last program that the budget allows without checking it', async () => {
    const script = ['code square', 'out 4', 'out 9', 'code twice'];
    const outcome = await outcomeOf(selfRlef({ ...spec, maxPrograms: 2 }), script);
    expect(outcome.kind).toBe('out-of-programs');
    expect(outcome.programs.map(({ program, feedback }) => [program.source, feedback?.length])).toEqual([
      ['square', 2],
      ['twice', undefined],
    ]);
    const single = await outcomeOf(selfRlef({ ...spec, maxPrograms: 1 }), ['code square']);
    expect(single).toEqual({
      kind: 'out-of-programs',
      feedback: 'simulated',
      programs: [{ program: { source: 'square' } }],
    });
  });

  test('simulates at a temperature of its own where it is given one', async () => {
    const script = ['code twice', 'out 4', 'out 6', 'submit'];
    const temperatures = async (simulationTemperature?: number): Promise<unknown> => {
      const model = createScriptedModel(script);
      const sampling = {
        temperature: 1,
        ...(simulationTemperature !== undefined && { simulationTemperature }),
      };
      await play(selfRlef(spec), model, undefined, { sampling });
      return model.asked.map(({ temperature }) => temperature);
    };
    expect(await temperatures(0)).toEqual([1, 0, 0, 1]);
    expect(await temperatures()).toEqual([1, 1, 1, 1]);
  });

  test('judges the last program or every one, running no test twice', async () => {
    const script = ['code square', 'code twice', 'submit'];
    const verdictsWith = async (judge: 'last' | 'every'): Promise<unknown> => {
      const sandbox = createFakeSandbox(doublePrograms);
      const episode = selfRlef({ ...spec, feedback: 'executed', judge });
      const { programs } = finished(await play(episode, createScriptedModel(script), sandbox));
      const verdicts = programs.map((p) =>
        p.verdicts ? [...p.verdicts.public, ...p.verdicts.private].map(({ verdict }) => verdict) : 'none',
      );
      return { verdicts, runs: sandbox.runs.map(({ source, inputs }) => `${source} ${inputs.join(',')}`) };
    };
    const accepted = ['accepted', 'accepted', 'accepted'];
    expect(await verdictsWith('last')).toEqual({
      verdicts: ['none', accepted],
      runs: ['square 2,3', 'twice 2,3', 'twice 5'],
    });
    expect(await verdictsWith('every')).toEqual({
      verdicts: [['accepted', 'wrong-answer', 'wrong-answer'], accepted],
      runs: ['square 2,3', 'twice 2,3', 'square 5', 'twice 5'],
    });
  });

  test('ends without a submission when a completion holds no answer, keeping the programs so far', async () => {
    expect(await outcomeOf(selfRlef(spec), ['hm'])).toEqual({
      kind: 'unparsed',
      feedback: 'simulated',
      programs: [],
    });
    const script = ['code square', 'out 4', 'out 9', cutOff('cod')];
    const outcome = await outcomeOf(selfRlef({ ...spec, judge: 'last' }), script);
    expect(outcome.kind).toBe('truncated');
    expect(outcome.programs).toHaveLength(1);
    expect(outcome.programs[0]?.verdicts).toBeDefined();
  });

  test('submits the first program of a problem without public tests', async () => {
    const problem = { ...doubleProblem, publicTests: [] };
    const outcome = await outcomeOf(selfRlef({ ...spec, problem, judge: 'last' }), ['code twice']);
    expect(outcome.kind).toBe('no-public-tests');
    expect(outcome.programs[0]?.verdicts?.private).toMatchObject([{ verdict: 'accepted' }]);
  });
});
