/**
 * The recorder looks at as little as it can: at nothing where the line before could change nothing (plans), at bytes of
 * `marshal` elsewhere, and at an object only where something that its text depends on has changed. Locked here: it records
 * what it would record if it wrote every variable anew at every event, also where values change in roundabout ways.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { probePython, pythonFolder } from '../../src/execution/native/probe.js';
import type { TraceEvent } from '../../src/execution/types.js';
import { parseRunReport, toTrace } from '../../src/execution/wire.js';
import { TRACED_PROGRAMS, type TracedProgram } from './traced-programs.js';

const program = (title: string, ...lines: readonly string[]): TracedProgram => ({
  title,
  source: `${lines.join('\n')}\n`,
});

const ROUNDABOUT: readonly TracedProgram[] = [
  program(
    'a value that comes back',
    'x = [1]',
    'x = 5',
    'x = [1]',
    'x = len',
    'x = [1]',
    'x = [{1: x}.get]',
    'x = 5',
  ),
  program(
    'an alias',
    'def f(xs):',
    '    ys = xs',
    '    ys += [1]',
    '    zs = (ys, 1)',
    '    n = 1',
    '    zs[0].append(n)',
    '    return zs',
    'f([0])',
  ),
  program(
    'lazy mutation',
    'def f():',
    '    xs, ys = [1, 2, 3], []',
    '    for x in map(ys.append, xs):',
    '        n = 1',
    '    for y in iter(xs.pop, 1):',
    '        n = 2',
    '        m = 3',
    '    zs = [4]',
    '    gone = 4 in map(zs.remove, [4])',
    '    return xs, ys, zs',
    'f()',
  ),
  program(
    'a dictionary that makes its values',
    'from collections import defaultdict',
    'def f():',
    '    xs = [1, 2]',
    '    d = defaultdict(xs.pop)',
    '    a = d[1]',
    '    b = 0',
    '    return d',
    'f()',
  ),
  program(
    'operators that mutate',
    'class A:',
    '    def __init__(self, log):',
    '        self.log = log',
    '    def __add__(self, other):',
    '        self.log.append(other)',
    '        return 1',
    '    def __lt__(self, other):',
    '        self.log.pop()',
    '        return True',
    '    @property',
    '    def size(self):',
    '        self.log.append("size")',
    '        return 0',
    '    def __iadd__(self, other):',
    '        self.log.append("iadd")',
    '        return self',
    'def f():',
    '    log = []',
    '    a = A(log)',
    '    b = a + 1',
    '    c = a < 2',
    '    d = a.size',
    '    a += 1',
    '    return log',
    'f()',
  ),
  program(
    'operators that mutate through an alias, in lines that look harmless',
    'class A:',
    '    def __init__(self, log):',
    '        self.log = log',
    '    def __add__(self, other):',
    '        log = self.log',
    '        log += [other]',
    '        return 1',
    '    def __getitem__(self, k):',
    '        self.log[0] = k',
    '        return 2',
    'def f():',
    '    log = [0]',
    '    a = A(log)',
    '    for i in range(4):',
    '        b = a + 1',
    '        c = a[b]',
    '        n = b + c',
    '    return log',
    'f()',
  ),
  program(
    'calm functions between changes',
    'def find(p, x):',
    '    while p[x] != x:',
    '        x = p[x]',
    '    return x',
    'def join(p, a, b):',
    '    a = find(p, a)',
    '    b = find(p, b)',
    '    p[a] = b',
    '    return a == b',
    'p = [0, 1, 2, 3]',
    'q = [p, 1]',
    'for i in range(3):',
    '    a = find(p, i)',
    '    join(p, i, i + 1)',
    '    b = find(p, i)',
    '    c = join(p, b, 0)',
    'print(p)',
  ),
  program(
    'finalizers and generators that change what others hold',
    'log = []',
    'class D:',
    '    def __del__(self):',
    '        log.append(len(log))',
    'def g(xs):',
    '    n = 0',
    '    try:',
    '        while True:',
    '            xs += [n]',
    '            n += 1',
    '            yield n',
    '    finally:',
    '        log.append("end")',
    'def f():',
    '    xs = []',
    '    it = g(xs)',
    '    for n in it:',
    '        d = D()',
    '        d = n',
    '        if n > 4:',
    '            break',
    '        m = n + 1',
    '    it = None',
    '    return xs',
    'f()',
    'k = 1',
  ),
  program(
    'cells and globals',
    'n = 0',
    'def outer():',
    '    k = 0',
    '    def inner():',
    '        nonlocal k',
    '        global n',
    '        k += 1',
    '        n += 1',
    '        return k',
    '    a = inner()',
    '    b = [inner() for _ in range(2)]',
    '    c = k',
    '    return a + k',
    'x = outer()',
    'y = n',
    'outer()',
  ),
  program(
    'generators that share a list',
    'def g(xs):',
    '    for x in range(3):',
    '        xs.append(x)',
    '        yield x',
    '        y = x',
    'def f():',
    '    xs = []',
    '    it = g(xs)',
    '    a = next(it)',
    '    xs.append("between")',
    '    b = [next(it), xs.append(1), next(it)]',
    '    for z in it:',
    '        pass',
    '    return xs',
    'f()',
  ),
  program(
    'names that go',
    'def f(k):',
    '    for i in range(2):',
    '        x = i',
    '        if i == k:',
    '            del x',
    '        try:',
    '            y = 1 // i',
    '        except ZeroDivisionError as e:',
    '            y = -1',
    '    return y',
    'f(0)',
    'f(1)',
    'z = 1',
    'del z',
    'z = 2',
  ),
  program(
    'code made at run time',
    'x = [1]',
    'exec("x.append(2); y = 3")',
    'z = y',
    'eval("x.pop()")',
    'z = 4',
  ),
  program(
    'a shadowed builtin',
    'def len(x):',
    '    x.append(1)',
    '    return 0',
    'a = []',
    'n = len(a)',
    'm = 1',
  ),
  program(
    'one-line bodies',
    'def f(x): return [x] if x < 1 else f(x - 1) + [x]',
    'for i in range(3): a = f(i); a += [i]; b = i',
    'while b: b -= 1; a.append(b)',
  ),
  program(
    'objects and enumerations',
    'from dataclasses import dataclass',
    '@dataclass',
    'class P:',
    '    x: int',
    '    xs: list',
    'def f():',
    '    p = P(1, [])',
    '    q = p',
    '    q.x = 2',
    '    n = p.x',
    '    p.xs.append(n)',
    '    same = p == q',
    '    return p',
    'f()',
  ),
  program(
    'functions that are calm, until their name is another',
    'def f(xs):',
    '    return len(xs)',
    'def g(xs):',
    '    n = f(xs)',
    '    m = f(xs)',
    '    return n + m',
    'xs = [1]',
    'for i in range(5):',
    '    a = g(xs)',
    '    if i == 3:',
    '        f = xs.append',
    '    if i == 2:',
    '        xs += [2]',
    '    b = a',
  ),
  program(
    'functions that change what their caller holds',
    'def push(xs, x):',
    '    xs.append(x)',
    '    return x',
    'def deep(xs, n):',
    '    if n == 0:',
    '        return push(xs, n)',
    '    return deep(xs, n - 1) + 1',
    'def f():',
    '    xs, ys = [], [1]',
    '    for i in range(4):',
    '        a = deep(xs, i)',
    '        b = push(ys, a) + push(xs, a)',
    '        c = a + b',
    '    return xs',
    'f()',
  ),
  program(
    'a variable that holds data, an object and data again',
    'class C:',
    '    pass',
    'def f():',
    '    for i in range(4):',
    '        x = i',
    '        x = C()',
    '        x.y = [i]',
    '        x = [x]',
    '        x = [i, "s"]',
    '        x = bytes(x[:1])',
    '        x = bytearray(x)',
    '        x = {x[0]: "tags"}',
    '        del x',
    'f()',
    'for i in range(4):',
    '    x = i',
    '    x = f',
    '    x = [f]',
    '    x = len',
    '    x = (i,)',
    '    x = range(i)',
    '    del x',
  ),
  program(
    'types and values that compare equal',
    'def f():',
    '    for i in range(3):',
    '        x = 1',
    '        x = True',
    '        x = 1.0',
    '        y = [0, -0.0, 0.0]',
    '        y = [False, 0.0, 0]',
    '        z = {1: 2}',
    '        z = {True: 2}',
    '        z = {2, 1}',
    '        z = frozenset(z)',
    'f()',
  ),
  program(
    'values that grow out of what is written together',
    'def f(n):',
    '    xs, s, d, o = [], "", {}, []',
    '    for i in range(n):',
    '        xs.append(i * 1000)',
    '        s += "item %d, " % i',
    '        d[i] = "a" * i',
    '        o.append([i])',
    '        if i % 40 == 1:',
    '            k = i',
    '            del k',
    '    while xs:',
    '        xs = xs[:-7]',
    '    s = d = 0',
    '    return n',
    'f(230)',
    'f(3)',
  ),
  program(
    'objects of many kinds that change',
    'from collections import Counter, OrderedDict, defaultdict, deque',
    'class A:',
    '    def __init__(self):',
    '        self.xs = [self.__class__.__name__]',
    'class B(A):',
    '    __slots__ = ("z",)',
    'class D(dict):',
    '    pass',
    'def f():',
    '    a, b, d, q, c = A(), B(), D(), deque([1]), Counter("ab")',
    '    e, o, it = defaultdict(list), OrderedDict(), iter([1, 2, 3])',
    '    for n in it:',
    '        a.xs.append(n)',
    '        b.z = n',
    '        d[n] = b',
    '        q.appendleft(n)',
    '        c["a"] += n',
    '        e[n].append(n)',
    '        o[n] = o.get(1, a)',
    '        a.link = [b]',
    '        A.__name__ = "A%d" % n',
    '    it = e = None',
    'f()',
  ),
  program(
    'structures that refer to themselves',
    'class N:',
    '    pass',
    'def link(a, b):',
    '    a[1] = b',
    '    b[0] = a',
    '    return a, b',
    'def walk(node):',
    '    n = 0',
    '    while node and n < 5:',
    '        node = node[1]',
    '        n += 1',
    '    return node',
    'def double(n):',
    '    x = [1]',
    '    for _ in range(n):',
    '        x = [x, x]',
    '    y = {"x": x}',
    '    return y',
    'nodes = [[None, None, i] for i in range(6)]',
    'for i in range(5):',
    '    a, b = link(nodes[i], nodes[i + 1])',
    '    c = walk(nodes[0])',
    'ring = link(nodes[5], nodes[0])',
    'd = walk(nodes[3])',
    'e = double(40)',
    'chain = None',
    'for i in range(300):',
    '    chain = (i, chain)',
    'f = [walk, {1: ring}]',
    'o = N()',
    'o.nodes = nodes',
    'k = 5',
  ),
  program(
    'letters of every kind',
    'def f():',
    '    for c in "a\\té\\u200b\\ud800\\U0001f600\\U000e0001\'\\"\\x7f\\xad":',
    '        x = c',
    '        y = [c, c * 3, {c: c}]',
    '        z = {c, "s", "s" + c}',
    '    t = "\\U0001f600" * 999',
    '    t += "<>"',
    '    u = [t[:500], t[:600]]',
    'f()',
  ),
];

const SCRIPT = `
import base64, io, json, sys
sys.path.insert(0, sys.argv[1])
import harness, recorder, trace_frames, trace_variables

def use(way):
    """every: all variables are written at every event; eager: plans from the first visit of a line."""
    recorder.PLAN_FROM = {"every": 10**9, "usual": PLAN_FROM, "eager": 0}[way]
    trace_frames.PLAN_AFTER = 0 if way == "eager" else PLAN_AFTER
    if way == "every":
        trace_frames.Script.__init__ = anew
        trace_variables.holds_data = lambda value: False
        trace_variables.note_of = lambda value: None
        trace_frames.packed = trace_frames.render
    else:
        trace_frames.Script.__init__, trace_variables.holds_data, trace_variables.note_of, trace_frames.packed = KEPT

PLAN_FROM, PLAN_AFTER = recorder.PLAN_FROM, trace_frames.PLAN_AFTER
KEPT = trace_frames.Script.__init__, trace_variables.holds_data, trace_variables.note_of, trace_frames.packed

def anew(self, code, recorder):
    KEPT[0](self, code, recorder)
    self.is_plain = False

def trace(source, way):
    use(way)
    made = recorder.Recorder("<program>")
    code = compile(source, "<program>", "exec")
    made.prepare(code)
    out, sys.stdout = sys.stdout, io.StringIO()
    made.start()
    try:
        exec(code, {"__name__": "__main__"})
    except Exception:
        pass
    finally:
        made.stop()
        sys.stdout = out
    return base64.b64encode(harness.pack({"o": "completed", **made.trace()})).decode()

sources, ways = json.load(sys.stdin)
print(json.dumps([[trace(source, way) for way in ways] for source in sources]))
`;

const HEADER = Buffer.from(
  JSON.stringify({
    ...{ kind: 'run', id: 0, index: 0, outcome: 'returned', detail: '', stdout: '', spoiled: false },
    ...{ cpuTimeMs: 1, wallTimeMs: 2, memoryBytes: 3 },
  }),
);
const CAPS = { maxEvents: 10_000, maxBytes: 1_000_000 };
const WAYS = ['every', 'usual', 'eager'] as const;

function eventsOf(reply: string): readonly TraceEvent[] {
  const report = parseRunReport(HEADER, Buffer.from(reply, 'base64'));
  const trace = report?.reply === undefined ? undefined : toTrace(report, CAPS);
  if (trace === undefined) throw new Error('the reply is malformed');
  return trace.events;
}

/** The events of each program, recorded in each way. */
function record(
  sources: readonly string[],
  ways: readonly (typeof WAYS)[number][] = ['usual'],
): (readonly TraceEvent[])[][] {
  const path = python.kind === 'found' ? python.found.path : '';
  const { stdout, stderr } = spawnSync(path, ['-I', '-B', '-c', SCRIPT, pythonFolder], {
    input: JSON.stringify([sources, ways]),
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as string[][]).map((replies) => replies.map(eventsOf));
}

const python = probePython();

describe.skipIf(python.kind === 'missing')('the recorder', () => {
  const programs = [...TRACED_PROGRAMS, ...ROUNDABOUT];

  it('records the same whether it looks at everything, at what may have changed, or plans from the start', () => {
    const found = record(
      programs.map(({ source }) => source),
      WAYS,
    );
    const different = found.flatMap(([every = [], ...others], i) =>
      others.flatMap((events, way) => {
        const size = Math.max(events.length, every.length);
        const at = Array.from({ length: size }, (_, k) => k).find(
          (k) => textOf(events[k]) !== textOf(every[k]),
        );
        return at === undefined
          ? []
          : [[programs[i]?.title, WAYS[way + 1], at, textOf(every[at]), textOf(events[at])]];
      }),
    );
    expect(different).toEqual([]);
    expect(found.every(([every]) => (every?.length ?? 0) > 1)).toBe(true);
  });

  it('sees a value that comes back', () => {
    for (const events of record(['x = [1]\nx = 5\nx = [1]\npass\n'], WAYS)[0] ?? [])
      expect(events.map(({ changes }) => changes)).toEqual([
        {},
        {},
        { x: '[1]' },
        { x: '5' },
        { x: '[1]' },
        {},
      ]);
  });

  it('writes no value in the words of the program, wherever it lies', () => {
    const source = `
class B(bytes):
    def __repr__(self): print(1); return "own"
class A(bytearray):
    def __repr__(self): print(1); return "own"
xs = [B(b"ab")]
ys = {1: (A(b"c"),), 2: [b"d"]}
`;
    const [[events = []] = []] = record([source]);
    expect(events.slice(-2).map(({ changes }) => changes)).toEqual([
      { xs: "[<B b'ab'>]" },
      { ys: "{1: (<A>,), 2: [b'd']}" },
    ]);
  });

  it('runs no code of a namespace that a metaclass made', () => {
    const source = `
calls = []
class Space(dict):
    def __getitem__(self, name): calls.append(name); return dict.__getitem__(self, name)
    def items(self): calls.append("items"); return dict.items(self)
    def get(self, name, default=None): calls.append("get"); return default
class Meta(type):
    @classmethod
    def __prepare__(meta, name, bases): return Space()
class C(metaclass=Meta):
    x = 1
    y = [2]
calls
`;
    const [[events = []] = []] = record([source], ['eager']);
    const body = events.filter((event) => event.function === 'C').map(({ changes }) => changes);
    expect(body).toContainEqual({ x: '1' });
    expect(body).toContainEqual({ y: '[2]' });
    // The interpreter itself asks for `__name__`.
    expect(events.map(({ changes }) => changes['calls']).findLast((calls) => calls !== undefined)).toMatch(
      /^\[('__name__')?\]$/,
    );
  });
});

function textOf(event: TraceEvent | undefined): string {
  return event === undefined
    ? ''
    : JSON.stringify({ ...event, changes: Object.entries(event.changes) }).slice(0, 300);
}
