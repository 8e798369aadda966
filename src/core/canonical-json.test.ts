import { expect, test } from 'vitest';
import { canonicalJson, hashJson } from './canonical-json.js';

test('the order of keys and absent fields make no difference', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined })).toBe('{"b":[1,{"c":"x","d":null}]}');
  expect(hashJson({ a: 1, b: 2 })).toBe(hashJson({ b: 2, a: 1, c: undefined }));
  expect(hashJson({ a: 1 })).not.toBe(hashJson({ a: 2 }));
});

test('the hash is the sha256 of the text', () => {
  // printf '{"a":1}' | sha256sum
  expect(hashJson({ a: 1 })).toBe('015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862');
});

test('what JSON cannot hold is refused', () => {
  expect(() => canonicalJson({ a: Number.NaN })).toThrow('NaN has no JSON form');
  expect(() => canonicalJson([() => 1])).toThrow('a function has no JSON form');
});
