import { describe, expect, it } from 'vitest';
import { UsageError } from '../core/errors.js';
import { judgePrediction, parseEvaluationRecord, safeParseTrainingMetric } from './records.js';

const same = (a: string, b: string): boolean => a.trim() === b.trim();

describe('judgePrediction', () => {
  const truth = { expected: '6', actual: '7' };

  it('calls the expected output wishful when the program prints another', () => {
    expect(judgePrediction({ output: '6\n', stop: 'stop' }, truth, same)).toBe('wishful');
  });

  it('calls the real output correct, also where it is the expected one', () => {
    expect(judgePrediction({ output: '7', stop: 'stop' }, truth, same)).toBe('correct');
    expect(judgePrediction({ output: '6', stop: 'stop' }, { expected: '6', actual: '6' }, same)).toBe(
      'correct',
    );
  });

  it('tells a truncated answer from an unreadable one', () => {
    expect(judgePrediction({ output: null, stop: 'length' }, truth, same)).toBe('truncated');
    expect(judgePrediction({ output: null, stop: 'stop' }, truth, same)).toBe('unparsed');
  });
});

describe('parseEvaluationRecord', () => {
  const row = {
    schema: 'self-rlef/1',
    problem: 'p',
    stage: 'rl',
    model: 'm',
    feedback: 'simulated',
    comparator: 'output',
    programs: [{ source: 'print(1)', publicPassed: true, allPassed: false }],
    submitted: true,
  };

  it('reads a row by its schema tag', () => {
    expect(parseEvaluationRecord(row, 'x.jsonl:1')).toEqual(row);
  });

  it('names the place and the field of a bad row', () => {
    const read = () => parseEvaluationRecord({ ...row, feedback: 'psychic' }, 'x.jsonl:3');
    expect(read).toThrow(UsageError);
    expect(read).toThrow(/x\.jsonl:3.*feedback/s);
  });

  it('refuses a version it does not know', () => {
    expect(() => parseEvaluationRecord({ ...row, schema: 'self-rlef/2' }, 'x.jsonl:1')).toThrow(UsageError);
  });
});

describe('safeParseTrainingMetric', () => {
  it('keeps further numbers, and passes over rows of other stages', () => {
    const row = { stage: 'sft', step: 10, tokens: 4000, elapsedSeconds: 1.5, gradNorm: 0.7 };
    expect(safeParseTrainingMetric(row)).toEqual(row);
    expect(safeParseTrainingMetric({ stage: 'data', step: 1, tokens: 0, elapsedSeconds: 0 })).toBeUndefined();
  });
});
