/**
 * Golden cases. Locked here: what each judge says where the judges differ (field-notes F), worked out from their
 * source by hand.
 */
import { describe, expect, it } from 'vitest';
import { COMPARATOR_NAMES, outputsMatch } from './comparators.js';

/** [actual, expected, the comparators that accept it] */
const CASES: readonly (readonly [string, string, string])[] = [
  ['42\n', '42', 'codecontests output livecodebench livecodebench-tolerant literal'],
  ['yes', 'YES', 'codecontests output'],
  ['1 2\n3', '1 2 3', 'codecontests output'],
  ['1\n\n2', '1\n2', 'codecontests output'],
  ['  1   2  ', '1 2', 'codecontests output livecodebench livecodebench-tolerant'],
  ['a  b', 'a b', 'codecontests output'],
  ['0.3333331', '0.3333336', 'codecontests output livecodebench-tolerant'],
  ['0.33334', '0.33333', ''], // 1e-5 apart as doubles, and a little more: not below the tolerance
  ['0.333334', '0.333331', 'codecontests output'],
  ['1.0', '1', 'codecontests output livecodebench livecodebench-tolerant literal'],
  ['100000000000000001', '100000000000000000', 'codecontests livecodebench-tolerant'],
  ['1000000.5', '1000000.6', 'livecodebench-tolerant'],
  ['007', '7', 'codecontests output livecodebench livecodebench-tolerant'],
  ['1e3', '1000', 'codecontests output livecodebench livecodebench-tolerant literal'],
  ['-0', '0', 'codecontests output livecodebench livecodebench-tolerant literal'],
  ['nan', 'nan', 'codecontests output livecodebench livecodebench-tolerant'],
  ['nan 1', 'nan  1', 'codecontests output'],
  ['inf', 'Infinity', 'livecodebench livecodebench-tolerant'],
  ['1 2', '1 2 3', ''],
  ['', '', 'codecontests output livecodebench livecodebench-tolerant'],
  ['', '0', ''],
  ['ÉA', 'éa', ''],
  ['0x10', '16', 'literal'],
  ['[1, 2]', '[1,2]', 'literal'],
  ["{'a', 'b'}", "{'b', 'a'}", 'literal'],
  ['1\r\n2', '1\n2', 'codecontests output livecodebench livecodebench-tolerant'],
  ['a\u00a0', 'a', 'livecodebench livecodebench-tolerant'],
  ['1.50', '1.5', 'codecontests output livecodebench livecodebench-tolerant literal'],
  ['x 1.0', 'x 1', 'codecontests output'],
];

describe('outputsMatch', () => {
  it.each(CASES)('%j against %j is accepted by: %s', (actual, expected, accepting) => {
    const accepted = COMPARATOR_NAMES.filter((name) => outputsMatch(name, actual, expected));
    expect(accepted.join(' ')).toBe(accepting);
  });
});
