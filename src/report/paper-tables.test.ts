import { expect, test } from 'vitest';
import {
  SYNTHETIC_RL,
  SYNTHETIC_SFT,
  SYNTHETIC_SIZES,
  syntheticRecords,
} from '../../test/support/synthetic-run.js';
import type { EvaluationRecord } from '../evaluation/records.js';
import { summarise } from '../evaluation/summary.js';
import { paperTables } from './paper-tables.js';

const label = (stage: string, model: string): string => `${model}/${stage}`;
const records = syntheticRecords([SYNTHETIC_SFT, SYNTHETIC_RL], { ...SYNTHETIC_SIZES, problems: 30 });
const FAST = { resamples: 100 };

test('every table that the records have data for is there, and the others are named', () => {
  const { tables, absent } = paperTables(summarise(records, FAST), label);
  expect(tables.map(({ id }) => id)).toEqual([
    'Table 1',
    'Table 2',
    'Table 3',
    'Table 5',
    'Table 6',
    'Tables 4 and 8',
    'Table 9',
    'Figure 4',
  ]);
  expect(absent).toHaveLength(3);
  for (const { columns, rows } of tables) {
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every((row) => row.length === columns.length)).toBe(true);
    expect(JSON.stringify(rows)).not.toMatch(/NaN|undefined|null/);
  }
});

test('the four transitions of a row are a whole', () => {
  const { tables } = paperTables(summarise(records, FAST), label);
  for (const row of tables.find(({ id }) => id === 'Table 5')!.rows) {
    const shares = row.slice(2, 6).map((text) => Number(text.replace('%', '')));
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(100, 0);
  }
});

test('another verifier and prompts without public tests fill figures 5 to 9', () => {
  const more = records.flatMap((record): EvaluationRecord[] =>
    record.schema === 'selection/1'
      ? [record, { ...record, verifier: 'other' }, { ...record, publicTestsInPrompt: false }]
      : [record],
  );
  const { tables } = paperTables(summarise(more, FAST), label);
  const figure = (id: string) => tables.find((table) => table.id === id)!;
  expect(figure('Figures 5, 7, 8, 9').rows.map(([, verifier]) => verifier)).toEqual(['other', 'other']);
  expect(figure('Figure 6').rows).toHaveLength(2);
});

test('no records give no tables', () => {
  const { tables, absent } = paperTables(summarise([], FAST), label);
  expect(tables).toEqual([]);
  expect(absent).toHaveLength(11);
});
