import { expect, test } from 'vitest';
import { writeFactoryCard, writeSftCard } from './data-card.js';
import { packingOf } from './packing.js';

test('a card says what is in the set, what was left out and why, and names no folder', () => {
  const card = writeFactoryCard({
    title: 'A set',
    command: 'deskcheck data functions code',
    sources: ['code'],
    settings: { sources: ['/home/me/code'], model: 'http://h/v1#m', seed: '0' },
    licence: 'MIT',
    counts: {
      ...{ rows: 1_200, duplicates: 3, functions: 400, eligible: 300, traced: 240, executions: 1_200 },
      dropped: { 'raises ValueError': 30, 'a | b': 10 },
      events: { '16–31': 5, '2–3': 10 },
    },
  });
  expect(card).toContain('- Rows: 1,200 (3 duplicates removed)');
  expect(card).toContain('- Eligible functions: 300 (75.0%)');
  expect(card).toContain('240 (80.0% of the eligible), 5.0 each');
  expect(card).toContain(`| raises ValueError | 30 | 75.0% | ${'█'.repeat(30)} |`);
  expect(card).toContain(`| a \\| b | 10 | 25.0% | ${'█'.repeat(10)} |`);
  // By size, not by count.
  expect(card.indexOf('| 2–3')).toBeLessThan(card.indexOf('| 16–31'));
  expect(card).toContain('http://h/v1#m');
  expect(card).not.toContain('/home/me');
});

test('a mixed set shows each source, its weight and its share of the tokens', () => {
  const facts = { left: { 'no messages': 2 }, read: 102, usable: 100 };
  const card = writeSftCard({
    command: 'deskcheck data sft a=3 b=1',
    sources: [
      { ...facts, path: 'x/a', weight: 3, taken: 150 },
      { ...facts, path: 'x/b', weight: 1, taken: 50 },
    ],
    settings: {},
    counts: { rows: 200, tokens: 1_000, answerTokens: 400, tokensByDataset: { a: 250, b: 750 } },
    packing: packingOf(new Map([[5, 200]]), 10),
    decontaminatedAgainst: ['eval.jsonl'],
  });
  expect(card).toContain('- Tokens: 1,000, of which 400 (40.0%) in answers');
  expect(card).toContain('| a | 3 | 102 | 100 | 150 | 75.0% | 25.0% | 1.50 |');
  expect(card).toContain('| b | 1 | 102 | 100 | 50 | 25.0% | 75.0% | 0.50 |');
  expect(card).toContain('| sequences | 100 |');
  expect(card).toContain('- Decontaminated against: eval.jsonl');
  expect(card).toContain('| a: no messages | 2 | 50.0% |');
});
