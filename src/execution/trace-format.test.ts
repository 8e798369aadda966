import { describe, expect, it } from 'vitest';
import { formatTrace } from './trace-format.js';
import type { Trace, TraceEvent } from './types.js';

const SOURCE = 'def g(n):\n    return n * 2\n\ndef f(a):\n    b = g(a)\n    return b + a\n';

const event = (
  kind: TraceEvent['kind'],
  frame: number,
  line: number,
  changes: Record<string, string> = {},
  value?: string,
): TraceEvent =>
  ({
    kind,
    frame,
    function: frame === 0 ? 'f' : 'g',
    line,
    changes,
    ...(value === undefined ? {} : { value }),
  }) as TraceEvent;

const TRACE: Trace = {
  events: [
    event('call', 0, 4, { a: '3' }),
    event('line', 0, 5),
    event('call', 1, 1, { n: '3' }),
    event('line', 1, 2),
    event('return', 1, 2, {}, '6'),
    event('line', 0, 6, { b: '6' }),
    event('return', 0, 6, {}, '9'),
  ],
  execution: { outcome: 'completed', stdout: '', result: '9', cpuTimeMs: 1, wallTimeMs: 1 },
};

describe('formatTrace', () => {
  it('writes text with every change behind the line that made it', () => {
    expect(formatTrace('text', TRACE, SOURCE)).toBe(
      [
        'call f(a = 3)',
        '  5  b = g(a)                             # b = 6',
        '  call g(n = 3)',
        '    2  return n * 2                       # returns 6',
        '  6  return b + a                         # returns 9',
        '',
        'result: 9',
        '',
      ].join('\n'),
    );
  });

  it('goes back to the frame that caught an exception', () => {
    const trace: Trace = {
      events: [
        event('call', 0, 4),
        event('line', 0, 5),
        event('call', 1, 1),
        event('exception', 1, 2, {}, 'ValueError: no'),
        event('exception', 0, 5, {}, 'ValueError: no'),
        event('line', 0, 6),
      ],
      execution: {
        outcome: 'runtime-error',
        stdout: 'x\n',
        error: { type: 'ValueError', message: 'no', line: 2 },
        cpuTimeMs: 1,
        wallTimeMs: 1,
      },
      excluded: 'too-many-events',
    };
    expect(formatTrace('text', trace, SOURCE)).toBe(
      [
        'call f()',
        '  5  b = g(a)                             # raises ValueError: no',
        '  call g()                                # raises ValueError: no',
        '  6  return b + a',
        '',
        '(the trace ends here: too many events; the program went on)',
        'runtime-error: ValueError: no (line 2)',
        'output:',
        'x',
        '',
      ].join('\n'),
    );
  });

  it('says which limit stopped a program', () => {
    const trace: Trace = {
      events: [event('call', 0, 4)],
      execution: { outcome: 'time-limit', stdout: '', cpuTimeMs: 1, wallTimeMs: 1 },
    };
    expect(formatTrace('text', trace, SOURCE)).toBe('call f()\n\nstopped: time limit reached\n');
  });

  it('writes the whole trace as json', () => {
    const parsed: unknown = JSON.parse(formatTrace('json', TRACE, SOURCE));
    expect(parsed).toEqual({ format: 'deskcheck-trace', version: 1, source: SOURCE, ...TRACE });
  });

  it('writes the published format of CWM', () => {
    expect(formatTrace('cwm', TRACE, SOURCE)).toBe(
      '<|trace_context_start|>def g(n):\n    return n * 2\n\ndef f(a):  # << START_OF_TRACE\n    b = g(a)\n' +
        '    return b + a\n<|frame_sep|>' +
        '<|call_sep|>{"a": "3"}<|action_sep|>def f(a):\n<|frame_sep|>' +
        '<|line_sep|>{"a": ".."}<|action_sep|>    b = g(a)\n<|frame_sep|>' +
        '<|call_sep|>{"n": "3"}<|action_sep|>def g(n):\n<|frame_sep|>' +
        '<|line_sep|>{"n": ".."}<|action_sep|>    return n * 2\n<|frame_sep|>' +
        '<|return_sep|><|action_sep|>    return n * 2\n<|arg_sep|>"6"<|frame_sep|>' +
        // After a return the reader cannot look further back: every value is written again.
        '<|line_sep|>{"a": "3", "b": "6"}<|action_sep|>    return b + a\n<|frame_sep|>' +
        '<|return_sep|><|action_sep|>    return b + a\n<|arg_sep|>"9"<|frame_sep|>',
    );
  });
});
