/** What a hostile program can write in place of its report: nothing of it may be taken for more than it is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { marshal, type Writable } from '../../test/support/marshal.js';
import { parseRunReport, toExecution, toTrace } from './wire.js';

const HEADER = {
  ...{ kind: 'run', id: 0, index: 0, outcome: 'returned', detail: '', stdout: 'out\n', spoiled: false },
  ...{ cpuTimeMs: 1, wallTimeMs: 2, memoryBytes: 3 },
};
const CAPS = { maxEvents: 1000, maxBytes: 10_000 };
const parse = (header: unknown, reply: Writable) =>
  parseRunReport(
    Buffer.from(JSON.stringify(header)),
    typeof reply === 'string' ? Buffer.from(reply, 'latin1') : marshal(reply),
  );
const traceOf = (events: readonly Writable[], caps = CAPS) =>
  toTrace(parse(HEADER, { o: 'completed', t: events })!, caps);
const CALL = [1, marshal({ x: 1 }), 'f'] as const;

describe('parseRunReport', () => {
  it('reads a report and its trace', () => {
    const report = parse(HEADER, {
      ...{ o: 'completed', r: '1' },
      t: [CALL, [2, marshal({ x: 1, y: [2] })], [2, 3, marshal({ y: [2] }), 4]],
    });
    expect(toExecution(report!)).toEqual({
      ...{ outcome: 'completed', stdout: 'out\n', result: '1' },
      ...{ cpuTimeMs: 1, wallTimeMs: 2, peakMemoryBytes: 3 },
    });
    expect(toTrace(report!, CAPS)?.events).toEqual([
      { kind: 'call', frame: 0, function: 'f', line: 1, changes: { x: '1' } },
      { kind: 'line', frame: 0, function: 'f', line: 2, changes: { y: '(2,)' } },
      { kind: 'return', frame: 0, function: 'f', line: 3, changes: {}, removed: ['x'], value: '4' },
    ]);
  });

  it('knows which frame a short event is of', () => {
    const empty = marshal({});
    const trace = traceOf([
      [1, empty, 'f'],
      2,
      [5, marshal({ a: 1 }), 'g'],
      [6, 'a', 1],
      [7, 'a', 2],
      [2, 7, null, 'text'],
      [3, marshal({ b: null })],
      [3, 1, 8, null, null, null, 'E: no'],
    ]);
    expect(trace?.events).toEqual([
      { kind: 'call', frame: 0, function: 'f', line: 1, changes: {} },
      { kind: 'line', frame: 0, function: 'f', line: 2, changes: {} },
      { kind: 'call', frame: 1, function: 'g', line: 5, changes: { a: '1' } },
      { kind: 'line', frame: 1, function: 'g', line: 6, changes: {} },
      { kind: 'line', frame: 1, function: 'g', line: 7, changes: { a: '2' } },
      { kind: 'return', frame: 1, function: 'g', line: 7, changes: {}, value: 'text' },
      { kind: 'line', frame: 0, function: 'f', line: 3, changes: { b: 'None' } },
      { kind: 'exception', frame: 1, function: 'g', line: 8, changes: {}, value: 'E: no' },
    ]);
  });

  it('puts data and odd variables in the order that they have in the frame', () => {
    const first = [
      0,
      0,
      1,
      marshal([1, 2]),
      [0, 'b', 'd'],
      ['a', '<A>', 0, 'c', '<C>', 1, 'e', '<E>', 2],
      'f',
    ] as const;
    const events = traceOf(
      [
        first,
        [1, 0, 2, [1, marshal(3)], null, ['c', '<D>', 1]],
        // b becomes odd, a is gone, e is data now
        [1, 0, 3, marshal([3, 4]), [0, 'd', 'e'], ['a', null, 0, 'e', null, 0, 'b', '<B>', 0]],
      ].map((event) => (event.length === 7 ? event : [...event, null])),
    )?.events;
    expect(events?.map(({ changes }) => Object.entries(changes))).toEqual([
      Object.entries({ a: '<A>', b: '1', c: '<C>', d: '2', e: '<E>' }),
      Object.entries({ c: '<D>', d: '3' }),
      Object.entries({ b: '<B>', e: '4' }),
    ]);
    expect(events?.[2]).toMatchObject({ removed: ['a'] });
  });

  it('ends a trace at its cap on size, to the character', () => {
    // x, 1 and y, 22 are 5 characters; 3 events are 48
    const events = [CALL, [2, marshal({ x: 1, y: 22 })], 3];
    expect(traceOf(events, { maxEvents: 9, maxBytes: 5 + 32 })).toMatchObject({ events: { length: 3 } });
    expect(traceOf(events, { maxEvents: 9, maxBytes: 5 + 31 })).toMatchObject({
      events: { length: 2 },
      excluded: 'too-large',
    });
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
    ['cut off', '{u'],
    ['nested without end', '(\u0001\0\0\0'.repeat(500_000)],
    ['of a type that replies do not have', 'c'],
    ['followed by more', '{0N'],
    ['of more items than there are', '(\xff\xff\xff\x7fN'],
    ['of less than no items', '(\xff\xff\xff\xff'],
    ['an outcome that the harness does not give', { o: 'accepted' }],
    ['a result that is no text', { o: 'completed', r: 1 }],
    ['an error of another form', { o: 'runtime-error', e: 'E' }],
    ['events that are no list', { o: 'completed', t: 1 }],
  ])('takes a reply for broken that is %s', (_, reply) => {
    expect(parse(HEADER, reply)?.outcome).toBe('broken');
  });

  const data = (text: string) => Buffer.from(text, 'latin1');
  it.each<[string, Writable]>([
    ['no such kind', [4, 0, 1, null, null, null, null]],
    ['no such frame', [1, 1, 1, null, null, null, null]],
    ['a frame from the prototype', [1, 'length', 1, null, null, null, null]],
    ['a new frame out of turn', [0, 7, 1, null, null, null, 'f']],
    ['a line that is no number', [1, 0, '1', null, null, null, null]],
    ['a line that is no whole number', 1.5],
    ['a negative line', -1],
    ['too many parts', [1, 2, 3, 4, 5]],
    ['texts that are no triples', [1, 0, 1, null, null, ['x', '1'], null]],
    ['a text that is none', [1, 0, 1, null, null, ['x', 1, 0], null]],
    ['names that are none', [1, 0, 1, null, [0, 1], null, null]],
    ['more names kept than there are', [1, 0, 1, null, [2, 'x'], null, null]],
    ['a new frame without a name', [1, null, 2]],
    ['data that are text', [1, 2, 3, 4]],
    ['data of no type', [1, data('{u\u0001\0\0\0xc0')]],
    ['data that are cut off', [1, data('{u\u0001\0\0\0xi\0\0')]],
    ['data with more behind them', [1, data('{0N')]],
    ['data whose names are numbers', [1, data('{i\0\0\0\0N0')]],
    ['data without end', [1, data(`{${'u\u0001\0\0\0x('.repeat(20)}`)]],
    ['a tuple without names', [1, marshal([1, 2])]],
    ['a digit of 16 bits', [1, data('{u\u0001\0\0\0xl\u0001\0\0\0\xff\xff0')]],
    ['more data than the recorder writes', [1, marshal({ x: 'x'.repeat(3000) })]],
    ['a variable that is not there', [1, [5, marshal(1)]]],
    ['an exception without text', [3, 0, 1, null, null, null, 1]],
    ['a return of nothing', [1, 2, null, null]],
    ['no list', 'line'],
  ])('gives no trace for an event with %s', (_, event) => {
    expect(traceOf([CALL])?.events).toHaveLength(1);
    expect(traceOf([CALL, event])).toBeUndefined();
  });

  it('gives no trace for a short event that follows none', () => {
    expect(traceOf([1])).toBeUndefined();
    expect(traceOf([[1, marshal({})]])).toBeUndefined();
    expect(traceOf([[2, 1, null, null]])).toBeUndefined();
  });

  it('never throws', () => {
    const scalar = fc.oneof(fc.constant(null), fc.boolean(), fc.integer({ min: -3, max: 9 }), fc.string());
    const written = fc.oneof(scalar, fc.uint8Array().map(Buffer.from), scalar.map(marshal));
    const event = fc.oneof(
      written,
      fc.array(fc.oneof(written, fc.array(written, { maxLength: 4 })), { maxLength: 7 }),
    );
    fc.assert(
      fc.property(fc.json(), fc.uint8Array(), fc.array(event), (header, reply, events) => {
        parseRunReport(Buffer.from(header), Buffer.from(reply));
        traceOf([CALL, ...(events as Writable[])]);
      }),
    );
  });

  it('takes an exit without a reply for what it is', () => {
    const left = parse({ ...HEADER, outcome: 'exit', detail: '0' }, '');
    expect(toExecution(left!)).toMatchObject({ outcome: 'completed', stdout: 'out\n' });
    expect(toTrace(left!, CAPS)).toMatchObject({ events: [], excluded: 'not-handed-over' });
    const failed = parse({ ...HEADER, outcome: 'exit', detail: '3' }, '');
    expect(toExecution(failed!)).toMatchObject({ outcome: 'runtime-error' });
  });
});
