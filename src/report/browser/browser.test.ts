/**
 * Meaning locked here: every problem of a run can be reached on its page, with its programs and simulations; what is left
 * out for size is said; the page's script puts other people's text into the document as text.
 */
import { createContext, runInContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import {
  SYNTHETIC_RL,
  SYNTHETIC_SFT,
  SYNTHETIC_SIZES,
  syntheticRecords,
} from '../../../test/support/synthetic-run.js';
import type { BenchmarkRecord, EvaluationRecord, SelectionRecord } from '../../evaluation/records.js';
import { rolloutBrowser } from '../sections/browser.js';
import { browserEntries } from './entries.js';
import { type Packed, packEntries } from './pack.js';

const SMALL = { ...SYNTHETIC_SIZES, problems: 30 };
const records = syntheticRecords([SYNTHETIC_SFT, SYNTHETIC_RL], SMALL);

function detailsOf({ parts, lines }: Packed, problem: string): unknown {
  const line = lines.find(([, name]) => name === problem)!;
  const part = gunzipSync(Buffer.from(parts[line[6]]!, 'base64')).toString('utf8');
  return (JSON.parse(part) as unknown[])[line[7]];
}

describe('entries', () => {
  it('are one per problem and arm, with every program and every prediction', () => {
    const { arms, entries } = browserEntries(records);
    expect(arms).toEqual(['synthetic-0.4M, after SFT: programs', 'synthetic-0.4M, after RL: programs']);
    expect(entries).toHaveLength(60);
    for (const { detail, total } of entries) {
      expect(detail.programs!.flatMap(({ samples }) => samples).sort((a, b) => a - b)).toEqual(
        Array.from({ length: total }, (_, i) => i + 1),
      );
      expect(detail.repairs).toHaveLength(2);
      for (const { source, tests } of detail.programs!) {
        expect(tests.map(({ predictions }) => predictions.length)).toEqual(source === null ? [] : [3, 3]);
      }
    }
  });

  it('say what a run submitted and why', () => {
    const [first] = records.filter((record): record is SelectionRecord => record.schema === 'selection/1');
    const chosen = first!.programs.findIndex(({ source }) => source !== null);
    const choice = { chosen, vote: 'share', stoppedEarly: true, made: 7, saved: 3 } as const;
    const generated = { inputs: ['1'], agreed: ['2'], tied: [chosen, 9], points: [1, 0], predictions: 2 };
    const [entry] = browserEntries([{ ...first!, choice: { ...choice, generated } }]).entries;
    expect(entry!.detail.why).toMatch(
      new RegExp(`^Program ${chosen + 1} was submitted: \\d+ of its 6 predictions say that it passes\\.`),
    );
    expect(entry!.detail.why).toContain('7 predictions made, 3 saved');
    expect(entry!.detail.why).toContain('2 programs tied on the public tests');
    const right = first!.programs[chosen]!.verdictAll === 'accepted';
    expect(entry!.outcome).toBe(right ? 'right' : 'wrong');
  });

  it('hold the answers to a benchmark, the last try of each', () => {
    const answer = (sample: number, verdict: BenchmarkRecord['verdict']): BenchmarkRecord => ({
      ...{ schema: 'benchmark/1', benchmark: 'gsm8k', item: 'q1', problem: 'q1', stage: 'eval', model: 'm' },
      ...{ comparator: 'number', answer: '4', completion: 'so 4', stop: 'stop', tokens: 3, sample, verdict },
    });
    const { entries } = browserEntries([
      answer(0, 'unscored'),
      answer(0, 'accepted'),
      answer(1, 'wrong-answer'),
    ]);
    expect(entries).toMatchObject([{ problem: 'q1', outcome: 'chance', total: 2, right: 1 }]);
    expect(entries[0]!.detail.answers!.map(({ verdict }) => verdict)).toEqual(['accepted', 'wrong-answer']);
  });
});

describe('packing', () => {
  it('keeps all details where there is room', () => {
    const built = browserEntries(records);
    const packed = packEntries(built);
    expect(packed.leftOut).toBe(0);
    expect(detailsOf(packed, 'problem-17')).toEqual(
      JSON.parse(JSON.stringify(built.entries.find(({ problem }) => problem === 'problem-17')!.detail)),
    );
  });

  it('leaves out first the problems in which nothing was at stake, and says how many', () => {
    const built = browserEntries(records);
    const whole = packEntries(built).parts.reduce((sum, part) => sum + part.length, 0);
    const packed = packEntries(built, whole / 2);
    expect(packed.leftOut).toBeGreaterThan(10);
    const lost = packed.lines.filter((line) => line[6] < 0);
    const kept = packed.lines.filter((line) => line[6] >= 0);
    const atStake = (list: typeof lost): number =>
      list.filter((line) => line[4] > 0 && line[4] < line[5]).length;
    expect(atStake(kept) / kept.length).toBeGreaterThanOrEqual(atStake(lost) / lost.length);
    expect(rolloutBrowser(records, whole / 2)!.section.text).toContain(
      `the programs of ${packed.leftOut} of 60 problems are left out`,
    );
  });
});

describe('the script', () => {
  /** Runs it on a page that holds the browser alone, in a context without Node. */
  function open(some: readonly EvaluationRecord[]): ReturnType<typeof parseHTML>['document'] {
    const { section, script } = rolloutBrowser(some)!;
    const { document } = parseHTML(`<!doctype html><html><body>${section.text}</body></html>`);
    const source = script.text
      .replace(/^<script type="module">|<\/script>$/g, '')
      .replace(/^export \{\};?$/m, '');
    runInContext(source, createContext({ document, JSON }));
    return document;
  }

  it('lists problems, newest stage first, a page at a time', () => {
    const document = open(records);
    expect(document.querySelectorAll('#rollouts details.episode')).toHaveLength(20);
    expect(document.querySelector('#rollouts > .note')!.textContent).toBe('Shown: 1–20 of 30 problems.');
    expect(document.querySelector('#rollouts option')!.textContent).toBe(
      'synthetic-0.4M, after RL: programs',
    );
  });

  it('shows hostile text as text', () => {
    const evil = '</script><img src=x onerror=alert(1)>\u202e';
    const hostile = records.flatMap((record) =>
      record.schema === 'selection/1' ? [{ ...record, problem: evil + record.problem, statement: evil }] : [],
    );
    const document = open(hostile);
    expect(document.querySelectorAll('img')).toHaveLength(0);
    expect(document.querySelector('#rollouts .t')!.textContent).toContain(
      '<img src=x onerror=alert(1)>⟨U+202E⟩',
    );
  });
});
