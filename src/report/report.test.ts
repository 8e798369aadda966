/**
 * Meaning locked here: the page asks for nothing, runs nothing but the browser's script, and shows other people's text as
 * text; findings claim only what their intervals support; a partial run gives a report that says what is missing.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import {
  SYNTHETIC_RL,
  SYNTHETIC_SIZES,
  syntheticMetrics,
  syntheticRecords,
  syntheticSamples,
} from '../../test/support/synthetic-run.js';
import type { EvaluationRecord, SelectionRecord } from '../evaluation/records.js';
import { summarise } from '../evaluation/summary.js';
import { calibrationError } from './figures/agreement-figure.js';
import { spread, thin } from './figures/plot.js';
import { findings } from './findings.js';
import { firstDifference } from './first-difference.js';
import { directionOf, duration, points } from './format.js';
import { buildReport, writeReport } from './report.js';
import { pickChoices } from './sections/choices.js';
import type { ReportInput } from './types.js';

const RUN: ReportInput['run'] = {
  name: 'synthetic',
  command: 'deskcheck run recipes/tiny.yaml',
  seed: 1,
  recipe: 'name: synthetic',
  versions: { deskcheck: '0.1.0' },
  stages: [{ name: 'sft', seconds: 421 }],
};

const input = (records: readonly EvaluationRecord[], more: Partial<ReportInput> = {}): ReportInput => ({
  title: 'Synthetic run',
  run: RUN,
  records,
  metrics: [],
  ...more,
});

/** The page without the browser's script and data. */
const textOf = (page: string): string => page.replace(/<script[^>]*>[\s\S]*?<\/script>/g, '');

const SMALL = { ...SYNTHETIC_SIZES, problems: 40 };
const FAST = { resamples: 200 };
const whole = buildReport(
  input([...syntheticRecords(undefined, SMALL), ...syntheticSamples()], { metrics: syntheticMetrics() }),
  FAST,
);

describe('the page', () => {
  it('is one file that asks for nothing and runs one script, which its policy names by hash', () => {
    const { document } = parseHTML(whole.html);
    expect(document.querySelectorAll('link, iframe, img, object, embed, base, form')).toHaveLength(0);
    const scripts = [...document.querySelectorAll('script')];
    const run = scripts.filter((script) => !['application/json', 'text/plain'].includes(script.type));
    expect(run).toHaveLength(1);
    const hash = createHash('sha256').update(run[0]!.textContent).digest('base64');
    expect(whole.html).toContain(`script-src 'sha256-${hash}'; style-src`);
    expect(scripts.every((script) => !script.hasAttribute('src'))).toBe(true);
    expect(document.querySelectorAll('[onload], [onerror], [onclick]')).toHaveLength(0);
    for (const anchor of document.querySelectorAll('a')) expect(anchor.getAttribute('href')).toMatch(/^#/);
    expect(textOf(whole.html)).not.toMatch(/@import|url\(/);
    expect(whole.html).toContain("default-src 'none'");
  });

  it('has a section for everything that was recorded, and every link in it leads somewhere', () => {
    const { document } = parseHTML(whole.html);
    const ids = [...document.querySelectorAll('section')].map((element) => element.id);
    expect(ids).toEqual([
      'predictions',
      'selection',
      'self-repair',
      'choices',
      'browser',
      'episodes',
      'training',
      'paper',
      'numbers',
      'made',
    ]);
    const named = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(named).size).toBe(named.length);
    for (const anchor of document.querySelectorAll('a'))
      expect(document.querySelector(anchor.getAttribute('href')!)).not.toBeNull();
    expect(document.querySelectorAll('svg').length).toBeGreaterThan(10);
    expect(textOf(whole.html)).not.toMatch(/NaN|undefined|\[object/);
    expect(document.querySelector('.pill')!.textContent).toBe('complete');
  });

  it('is the same for the same records', () => {
    const again = buildReport(
      input([...syntheticRecords(undefined, SMALL), ...syntheticSamples()], { metrics: syntheticMetrics() }),
      FAST,
    );
    expect(again).toEqual(whole);
  });

  it('shows hostile text as text, wherever it comes from', () => {
    const evil =
      '</pre></style><script>alert(1)</script><img src=x onerror=alert(1)>"\'`$&lt;\u0000\u202e\u001b[31m';
    const hostile = syntheticRecords([{ ...SYNTHETIC_RL, stage: evil }], SMALL).map((record) => {
      const model = evil;
      if (record.schema === 'selection/1') {
        return {
          ...record,
          model,
          problem: evil + record.problem,
          statement: evil,
          tests: record.tests!.map(() => ({ input: evil, output: evil })),
          programs: record.programs.map((program) => ({
            ...program,
            source: program.source === null ? null : evil,
            outputs: record.tests!.map(() => evil),
          })),
        };
      }
      return {
        ...record,
        model,
        problem: evil + ('problem' in record ? record.problem : ''),
      } as EvaluationRecord;
    });
    const samples = syntheticSamples().map((sample) => ({
      ...sample,
      title: evil,
      statement: evil,
      model: evil,
      turns: sample.turns.map((turn) => ({
        ...turn,
        purpose: evil,
        prompt: evil,
        completion: evil,
        note: evil,
        program: evil,
        comparison: { input: evil, simulated: evil, executed: `${evil}x`, expected: evil },
      })),
      verdicts: [{ label: evil, verdict: evil }],
    }));
    const report = buildReport(
      input([...hostile, ...samples], {
        title: evil,
        about: evil,
        missing: [evil],
        run: {
          ...RUN,
          name: evil,
          command: evil,
          recipe: evil,
          versions: { [evil]: evil },
          stages: [{ name: evil, seconds: 1 }],
        },
        metrics: syntheticMetrics().map((row) => ({
          ...row,
          ...(row.reward && { reward: { [evil]: 0.5 } }),
        })),
      }),
      FAST,
    );
    const { document } = parseHTML(report.html);
    expect(document.querySelectorAll('img')).toHaveLength(0);
    expect(document.querySelectorAll('script[type=module]')).toHaveLength(1);
    expect(report.html).not.toContain('<script>');
    expect(report.html).not.toContain('<img');
    for (const text of [report.html, report.markdown, report.terminalSummary])
      expect(text).not.toMatch(/[\u0000\u001b\u202e]/);
    expect(report.markdown.replace(/```[\s\S]*?```/g, '')).not.toContain('<script');
  });

  it('marks the first difference between a simulated and an executed output', () => {
    const { document } = parseHTML(whole.html);
    const marks = [...document.querySelectorAll('.sides mark.line mark')].map((mark) => mark.textContent);
    expect(marks).toContain('6');
    expect(marks).toContain('7');
    expect(whole.html).toContain('wishful: this is what the test expects');
  });
});

describe('a partial run', () => {
  it('gives a report that says what is missing, one line each', () => {
    const report = buildReport(input([]), FAST);
    expect(report.html).toContain('This report is partial.');
    expect(report.html).toContain('Nothing was evaluated yet.');
    for (const part of ['no SFT metrics', 'no predictions', 'no samples', 'Self-RLEF', 'Episodes to read'])
      expect(report.html).toContain(part);
    expect(report.terminalSummary).toContain('Partial');
  });

  it('works with any one kind of record alone', () => {
    for (const schema of ['output-prediction/1', 'selection/1', 'self-rlef/1'] as const) {
      const records = syntheticRecords([SYNTHETIC_RL], SMALL).filter((record) => record.schema === schema);
      const report = buildReport(input(records), FAST);
      expect(textOf(report.html)).not.toMatch(/NaN|undefined/);
      expect(report.html).toContain('This report is partial.');
    }
  });

  it('works with a single problem, a single program, and nothing that could be scored', () => {
    const one = syntheticRecords([SYNTHETIC_RL], { problems: 1, programs: 1, tests: 1, draws: 1 });
    expect(textOf(buildReport(input(one), FAST).html)).not.toMatch(/NaN|undefined|Infinity/);
    const unscored = syntheticRecords([SYNTHETIC_RL], SMALL).map((record): EvaluationRecord => {
      if (record.schema === 'selection/1')
        return {
          ...record,
          programs: record.programs.map((program) => ({ ...program, verdictAll: 'unscored' as const })),
        };
      if (record.schema === 'self-rlef/1')
        return {
          ...record,
          programs: record.programs.map((p) => ({ ...p, publicPassed: null, allPassed: null })),
        };
      if (record.schema === 'output-prediction/1')
        return { ...record, predictions: record.predictions.map((p) => ({ ...p, verdict: 'unscored' })) };
      return record;
    });
    const report = buildReport(input(unscored), FAST);
    expect(textOf(report.html)).not.toMatch(/NaN|undefined|Infinity/);
    expect(report.html).toContain('Nothing was evaluated yet.');
  });
});

describe('findings', () => {
  it('claim a gain where the interval excludes zero', () => {
    const { headline, evidence } = findings(summarise(syntheticRecords([SYNTHETIC_RL], SMALL), FAST));
    expect(headline).toMatch(
      /^Choosing among 10 programs by simulating them itself solves .* and nothing had to be run\.$/,
    );
    expect(evidence).toContain('40 problems');
  });

  it('claim none where simulation is a coin toss', () => {
    // Every prediction is wrong, so all programs tie; responses without a program would still be told apart.
    const useless = syntheticRecords([{ stage: 'rl', solve: 0.5, simulate: 0, wishful: 0 }], SMALL).map(
      (record): EvaluationRecord =>
        record.schema !== 'selection/1'
          ? record
          : {
              ...record,
              programs: record.programs.map((program) =>
                program.source === null ? record.programs.find(({ source }) => source !== null)! : program,
              ),
            },
    );
    expect(findings(summarise(useless, FAST)).headline).toMatch(/^No gain can be claimed/);
  });

  it('are about one model where there are several, and say which', () => {
    const mine = syntheticRecords([SYNTHETIC_RL], SMALL);
    const other = mine.map((record) => ({ ...record, model: 'another' }) as EvaluationRecord);
    const { evidence, points: sentences } = findings(summarise([...mine, ...other], FAST));
    expect(evidence).toContain('These words are about another; the tables have 1 other model too.');
    expect(sentences.filter((sentence) => sentence.startsWith('Self-repair with simulated'))).toHaveLength(1);
  });

  it('are about repair where nothing else was evaluated', () => {
    const repairs = syntheticRecords([SYNTHETIC_RL], SMALL).filter(
      (record) => record.schema === 'self-rlef/1' && record.feedback === 'executed',
    );
    expect(findings(summarise(repairs, FAST)).headline).toMatch(
      /^Repairing programs on executed outputs helps: \d+\.\d% of first programs are right, /,
    );
  });

  it('claim nothing from one problem', () => {
    const one = syntheticRecords([SYNTHETIC_RL], { ...SMALL, problems: 1 });
    expect(findings(summarise(one, FAST)).headline).toMatch(/^Too few problems/);
  });

  it('never call a difference one whose interval, as shown, touches zero', () => {
    expect(directionOf({ interval: { low: 0.0004, high: 0.1 } })).toBe('undecided');
    expect(directionOf({ interval: { low: 0.0006, high: 0.1 } })).toBe('higher');
    expect(directionOf({ interval: { low: -0.1, high: -0.0004 } })).toBe('undecided');
    expect(directionOf({ interval: null })).toBe('undecided');
  });
});

describe('choices explained', () => {
  it('shows where simulation helped most and where it misled, and no problem without both kinds of programs', () => {
    const records = syntheticRecords([SYNTHETIC_RL], SMALL).filter(
      (record): record is SelectionRecord => record.schema === 'selection/1',
    );
    const choices = pickChoices(records);
    expect(choices.length).toBeGreaterThan(0);
    for (const { base, right } of choices) {
      expect(base).toBeGreaterThan(0);
      expect(base).toBeLessThan(1);
      expect(right).not.toBe(base);
    }
    expect(choices[0]!.right).toBe(1);
  });
});

describe('Markdown, CSV and terminal', () => {
  it('hold the same numbers', () => {
    const row = whole.terminalSummary.split('\n').find((line) => line.startsWith('solve pass@10'))!;
    const value = /\d+\.\d%/.exec(row)![0];
    expect(whole.markdown).toContain(value);
    const numbers = whole.csv.find(({ name }) => name === 'numbers.csv')!.text;
    const cells = numbers
      .split('\n')
      .map((line) => line.split(','))
      .find(
        ([table, stage, , , metric, , k]) =>
          table === 'selection' && stage === 'sft' && metric === 'pass' && k === '10',
      )!;
    expect(`${(100 * Number(cells[7])).toFixed(1)}%`).toBe(value);
  });

  it('write a row per estimate with its counts, comparator and seed', () => {
    const [header, ...rows] = whole.csv[0]!.text.trim().split('\n');
    expect(header).toBe(
      'table,stage,model,arm,metric,group,k,value,low,high,problems,items,unscored,comparator,seed',
    );
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.every((row) => row.split(',').length === 15)).toBe(true);
  });

  it('disarm a text that a spreadsheet would run as a formula', () => {
    const records = syntheticRecords([SYNTHETIC_RL], SMALL).map(
      (r) => ({ ...r, model: '=cmd|"x"' }) as EvaluationRecord,
    );
    expect(buildReport(input(records), FAST).csv[0]!.text).toContain(`"'=cmd|""x"""`);
  });

  it('go into a folder together with the page', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deskcheck-report-'));
    try {
      expect(await writeReport(join(folder, 'report'), whole)).toBe(join(folder, 'report', 'index.html'));
      expect((await readdir(join(folder, 'report'))).sort()).toEqual([
        'index.html',
        'numbers.csv',
        'report.md',
        'training.csv',
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('small parts', () => {
  it('finds the first differing line and character', () => {
    expect(firstDifference('a\nbcd\n', 'a\nbxd')).toEqual({ line: 1, column: 1 });
    expect(firstDifference('a', 'a\nb')).toEqual({ line: 1, column: 0 });
    expect(firstDifference('a\r\n', 'a')).toBeNull();
  });

  it('moves labels apart, keeping their order and staying around their mean', () => {
    expect(spread([10, 10, 50], 8)).toEqual([6, 14, 50]);
    const placed = spread([3, 1, 2], 5);
    expect(placed).toEqual([7, -3, 2]);
  });

  it('thins a long curve to means of neighbours', () => {
    const series = Array.from({ length: 1000 }, (_, x) => ({ x, y: 2 * x }));
    const few = thin(series, 100);
    expect(few).toHaveLength(100);
    expect(few[0]).toEqual({ x: 4.5, y: 9 });
  });

  it('measures calibration by hand-worked bins', () => {
    const bins = [
      { upTo: 0.6, items: 30, agreement: 0.5, accuracy: 0.4 },
      { upTo: 1, items: 10, agreement: 1, accuracy: 0.8 },
    ];
    // (30 · 0.1 + 10 · 0.2) / 40
    expect(calibrationError(bins)).toBeCloseTo(0.125, 12);
  });

  it('writes durations and points as people do', () => {
    expect(duration(500)).toBe('8 min 20 s');
    expect(duration(3.21)).toBe('3.2 s');
    expect(duration(7300)).toBe('2 h 1 min');
    expect(points(-0.0712)).toBe('−7.1');
    expect(points(0.0001)).toBe('0.0');
  });
});
