import { describe, expect, it } from 'vitest';
import { UsageError } from './errors.js';
import { parsePythonLiteral, pythonEquals, safeParsePythonLiteral } from './python-literal.js';

const equal = (a: string, b: string): boolean => pythonEquals(parsePythonLiteral(a), parsePythonLiteral(b));

describe('parsePythonLiteral', () => {
  it('reads what repr writes', () => {
    expect(parsePythonLiteral("{'a': [1, -2.5, (None,)], 2: {True}}")).toEqual({
      kind: 'dict',
      entries: [
        [
          { kind: 'str', value: 'a' },
          {
            kind: 'list',
            items: [
              { kind: 'int', value: 1n },
              { kind: 'float', value: -2.5 },
              { kind: 'tuple', items: [{ kind: 'none' }] },
            ],
          },
        ],
        [
          { kind: 'int', value: 2n },
          { kind: 'set', items: [{ kind: 'bool', value: true }] },
        ],
      ],
    });
  });

  it.each([
    ["'it\\'s'", "it's"],
    ['"a" \'b\'', 'ab'],
    ['"""x\ny"""', 'x\ny'],
    ["r'\\n'", '\\n'],
    ["'\\x41\\u00e9\\U0001f600\\101'", 'Aé😀A'],
    ["'\\d'", '\\d'],
    ["'\\\n'", ''],
  ])('reads the string %j', (text, value) => {
    expect(parsePythonLiteral(text)).toEqual({ kind: 'str', value });
  });

  it.each([
    ['0xff', '255'],
    ['1_000', '1000'],
    ['(5)', '5'],
    ['set([1])', '{1}'],
    ['1, 2', '(1, 2)'],
    ['-(1)', '-1'],
  ])('reads %s as %s', (a, b) => {
    expect(equal(a, b)).toBe(true);
  });

  it.each([
    '',
    'f(1)',
    '[1',
    '[1 2]',
    "'a",
    '{[1]: 2}',
    '{{}}',
    '01',
    '1 +',
    'x',
    '"a" b"c"',
    '1; 2',
    '-[]',
    `${'['.repeat(300)}`,
  ])('refuses %j', (text) => {
    expect(() => parsePythonLiteral(text)).toThrow(UsageError);
    expect(safeParsePythonLiteral(text)).toBeUndefined();
  });
});

describe('pythonEquals', () => {
  it.each([
    ['1', '1.0'],
    ['True', '1'],
    ['0', 'False'],
    ['-0.0', '0'],
    ['{1, 2, 2}', '{2.0, 1}'],
    ["{'a': 1, 'b': 2}", "{'b': 2, 'a': True}"],
    ['{1}', 'frozenset({1})'],
    ['10000000000000000', '1e16'],
    ['1+0j', '1'],
    ['[inf]', '[inf]'],
    ['{(1, frozenset({2}))}', '{(True, frozenset({2.0}))}'],
    ["'\\u00e9'", "'é'"],
    ['{1: 2, 1.0: 3}', '{True: 3}'],
  ])('holds between %s and %s', (a, b) => {
    expect(equal(a, b)).toBe(true);
  });

  it.each([
    ['[1]', '(1,)'],
    ['9007199254740993', '9007199254740992.0'],
    ['nan', 'nan'],
    ['{nan}', '{nan}'],
    ["'a'", "b'a'"],
    ["'1'", '1'],
    ['None', 'False'],
    ['{}', 'set()'],
    ['[1, 2]', '[2, 1]'],
    ["{'a': 1}", "{'a': 1, 'b': 1}"],
    ['1j', '1'],
  ])('does not hold between %s and %s', (a, b) => {
    expect(equal(a, b)).toBe(false);
  });
});
