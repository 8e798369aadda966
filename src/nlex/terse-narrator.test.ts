import { expect, test } from 'vitest';
import type { Trace, TraceEvent } from '../execution/types.js';
import { parsePython } from './python-source.js';
import { narrateTersely } from './terse-narrator.js';

const SOURCE = `xs = list(map(int, input().split()))
r = []
for v in xs:
    if v % 2 == 0:
        v = v * 3
        r.append(v)
print(*r)
`;

/** [line, what changed before it] as the recorder reports it. */
function traceOf(steps: readonly (readonly [number, Record<string, string>])[], stdout: string): Trace {
  const at = (kind: 'line' | 'return', line: number, changes: Record<string, string>) => ({
    ...{ frame: 0, function: '<module>', line, changes },
    kind,
  });
  const events = steps.map(([line, changes]) => at('line', line, changes)) as TraceEvent[];
  events.push({ ...at('return', steps.at(-1)![0], {}), kind: 'return', value: 'None' });
  return { events, execution: { outcome: 'completed', stdout, cpuTimeMs: 0, wallTimeMs: 0 } };
}

const EVENTS = [
  [1, {}],
  [2, { xs: '[8, 3]' }],
  [3, { r: '[]' }],
  [4, { v: '8' }],
  [5, {}],
  [6, { v: '24' }],
  [3, { r: '[24]' }],
  [4, { v: '3' }],
  [3, {}],
  [7, {}],
] as const;

test('values stand before results, items are numbered, conditions show both sides', () => {
  expect(narrateTersely(parsePython(SOURCE), traceOf(EVENTS, '24\n'))).toBe(
    ['r = []', '#1 v = 8; 8 % 2 = 0 == 0 yes; v = 8 * 3 = 24; r[0] = 24', '#2 v = 3; 3 % 2 = 1 == 0 no'].join(
      '\n',
    ),
  );
});

test('a range is counted through before its loop', () => {
  const source = 'n = int(input())\nr = 0\nfor v in range(1, n + 1):\n    r = r + v\nprint(r)\n';
  const steps = [
    [1, {}],
    [2, { n: '2' }],
    [3, { r: '0' }],
    [4, { v: '1' }],
    [3, { r: '1' }],
    [4, { v: '2' }],
    [3, { r: '3' }],
    [5, {}],
  ] as const;
  expect(narrateTersely(parsePython(source), traceOf(steps, '3\n'))).toBe(
    'r = 0\nfor v in 1 2\n#1 v = 1; r = 0 + 1 = 1\n#2 v = 2; r = 1 + 2 = 3',
  );
  const cutShort = steps.filter((_, at) => at !== 5 && at !== 6);
  expect(narrateTersely(parsePython(source), traceOf(cutShort, '1\n'))).toBeUndefined();
});

test('a trace that disagrees with the source is not narrated', () => {
  const events = EVENTS.map(
    ([line, changes]) => [line, 'v' in changes && changes.v === '24' ? { v: '25' } : changes] as const,
  );
  expect(narrateTersely(parsePython(SOURCE), traceOf(events, '25\n'))).toBeUndefined();
});

test('a branch that the trace did not take is not narrated as taken', () => {
  const events = EVENTS.filter(([line]) => line !== 5 && line !== 6);
  expect(narrateTersely(parsePython(SOURCE), traceOf(events, '\n'))).toBeUndefined();
});

test('statements outside the covered part are declined, not guessed', () => {
  const source = 'd = {}\nd[1] = 2\nprint(d)\n';
  const trace = traceOf(
    [
      [1, {}],
      [2, { d: '{}' }],
      [3, { d: '{1: 2}' }],
    ],
    '{1: 2}\n',
  );
  expect(narrateTersely(parsePython(source), trace)).toBeUndefined();
});
