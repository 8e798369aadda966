import { expect, test } from 'vitest';
import { hashJson } from '../../core/canonical-json.js';
import { createIdSet } from './id-set.js';

test('every id is new once, through all growing', () => {
  const set = createIdSet();
  const ids = Array.from({ length: 20_000 }, (_, i) => hashJson(i).slice(0, 24));
  expect(ids.every((id) => set.add(id))).toBe(true);
  expect(ids.some((id) => set.add(id))).toBe(false);
  expect(set.size).toBe(20_000);
  expect(set.add('000000000000')).toBe(true);
  expect(set.add('000000000000')).toBe(false);
});

test('what is no hash is refused', () => {
  for (const id of ['u7', 'not hexadecimal', '']) expect(() => createIdSet().add(id)).toThrow(/is no hash/);
});
