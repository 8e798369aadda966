/** What a hostile program can write in place of its report: nothing of it may be taken for more than it is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRunReport, toExecution, toTrace } from './wire.js';

const HEADER = {
  ...{ kind: 'run', id: 0, index: 0, outcome: 'returned', detail: '', stdout: 'out\n', spoiled: false },
  ...{ cpuTimeMs: 1, wallTimeMs: 2, memoryBytes: 3 },
};
const parse = (header: unknown, reply: unknown) =>
  parseRunReport(
    Buffer.from(JSON.stringify(header)),
    Buffer.from(typeof reply === 'string' ? reply : JSON.stringify(reply)),
  );
const EVENT = [1, 0, 2, ['x', '1'], 0];

describe('parseRunReport', () => {
  it('reads a report and its trace', () => {
    const report = parse(HEADER, { o: 'completed', r: '1', t: [EVENT, [2, 0, 2, 0, ['x'], '1']], f: ['f'] });
    expect(toExecution(report!)).toEqual({
      ...{ outcome: 'completed', stdout: 'out\n', result: '1' },
      ...{ cpuTimeMs: 1, wallTimeMs: 2, peakMemoryBytes: 3 },
    });
    expect(toTrace(report!)?.events).toEqual([
      { kind: 'line', frame: 0, function: 'f', line: 2, changes: { x: '1' } },
      { kind: 'return', frame: 0, function: 'f', line: 2, changes: {}, removed: ['x'], value: '1' },
    ]);
  });

  it('reads the short events of a frame that goes on', () => {
    const report = parse(HEADER, {
      ...{ o: 'completed', f: ['f', 'g'] },
      t: [[0, 0, 1, 0, 0], 2, [3, 'x', '1', 'y', '2'], [0, 1, 5, 0, 0], 6, [1, 0, 4, 0, 0]],
    });
    expect(toTrace(report!)?.events).toEqual([
      { kind: 'call', frame: 0, function: 'f', line: 1, changes: {} },
      { kind: 'line', frame: 0, function: 'f', line: 2, changes: {} },
      { kind: 'line', frame: 0, function: 'f', line: 3, changes: { x: '1', y: '2' } },
      { kind: 'call', frame: 1, function: 'g', line: 5, changes: {} },
      { kind: 'line', frame: 1, function: 'g', line: 6, changes: {} },
      { kind: 'line', frame: 0, function: 'f', line: 4, changes: {} },
    ]);
  });

  it.each([
    ['a kind of its own', { ...HEADER, kind: 'ready' }],
    ['no outcome', { ...HEADER, outcome: undefined }],
    ['an outcome that is not reported', { ...HEADER, outcome: 'accepted' }],
    ['text for time', { ...HEADER, cpuTimeMs: '0' }],
    ['negative memory', { ...HEADER, memoryBytes: -1 }],
    ['a list', [HEADER]],
  ])('refuses a header with %s', (_, header) => {
    expect(parse(header, { o: 'completed' })).toBeUndefined();
  });

  it.each([
    ['not JSON', '{"o":'],
    ['nested without end', '['.repeat(500_000)],
    ['an outcome that the harness does not give', { o: 'accepted' }],
    ['a result that is no text', { o: 'completed', r: 1 }],
    ['an error of another form', { o: 'runtime-error', e: 'E' }],
    ['frames that are no names', { o: 'completed', t: [], f: [1] }],
  ])('takes a reply for broken that is %s', (_, reply) => {
    expect(parse(HEADER, reply)?.outcome).toBe('broken');
  });

  it.each([
    ['a kind from the prototype', ['constructor', 0, 1, 0, 0]],
    ['a frame from the prototype', [1, 'length', 1, 0, 0]],
    ['a line that is no number', [1, 0, '1', 0, 0]],
    ['changes that are a name without a text', [1, 0, 1, ['x'], 0]],
    ['changes that are no texts', [1, 0, 1, ['x', 1], 0]],
    ['a short form without its text', [1, 'x']],
    ['a line that is no whole number', 1.5],
    ['a value that is no text', [2, 0, 1, 0, 0, 1]],
    ['no list', 'line'],
  ])('gives no trace for an event with %s', (_, event) => {
    expect(toTrace(parse(HEADER, { o: 'completed', t: [EVENT, event], f: ['f'] })!)).toBeUndefined();
  });

  it('gives no trace for a short event that follows none', () => {
    expect(toTrace(parse(HEADER, { o: 'completed', t: [1], f: ['f'] })!)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), fc.jsonValue(), (header, reply, event) => {
        parseRunReport(Buffer.from(header), Buffer.from(reply));
        const report = parse(HEADER, { o: 'completed', t: [event], f: ['f'] });
        if (report !== undefined && report.outcome !== 'broken') toTrace(report);
      }),
    );
  });

  it('takes an exit without a reply for what it is', () => {
    const left = parse({ ...HEADER, outcome: 'exit', detail: '0' }, '');
    expect(toExecution(left!)).toMatchObject({ outcome: 'completed', stdout: 'out\n' });
    expect(toTrace(left!)).toMatchObject({ events: [], excluded: 'not-handed-over' });
    const failed = parse({ ...HEADER, outcome: 'exit', detail: '3' }, '');
    expect(toExecution(failed!)).toMatchObject({ outcome: 'runtime-error' });
  });
});
