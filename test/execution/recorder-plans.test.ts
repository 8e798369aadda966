/**
 * The recorder looks only at those variables that the line before could change (plans, python/recorder.py). Locked here:
 * it records what it would record if it looked at all of them at every event, also where values change in roundabout ways.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { probePython, pythonFolder } from '../../src/execution/native/probe.js';
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
];

const SCRIPT = `
import io, json, sys
sys.path.insert(0, sys.argv[1])
import recorder

def trace(source, plan_after):
    made = recorder.Recorder("<program>", plan_after=plan_after)
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
    return expanded(made.events)

def expanded(events):
    """[kind, frame, line, changes, ...] of each event, also of the short ones."""
    full, frame = [], None
    for event in events:
        if type(event) is int:
            event = (1, frame, event, 0, 0)
        elif type(event[1]) is str:
            event = (1, frame, event[0], list(event[1:]), 0)
        frame = event[1]
        full.append(list(event))
    return full

different = []
for program in json.load(sys.stdin):
    b = trace(program["source"], None)
    for plan_after in (0, recorder.PLAN_AFTER):
        a = trace(program["source"], plan_after)
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), None)
        if at is not None or len(a) != len(b) or not a:
            different.append([program["title"], len(a), len(b), at is not None and [a[at], b[at]]])
print(json.dumps(different))
`;

const python = probePython();

describe.skipIf(python.kind === 'missing')('the recorder', () => {
  it('records the same with plans as without', () => {
    const path = python.kind === 'found' ? python.found.path : '';
    const { stdout, stderr } = spawnSync(path, ['-I', '-B', '-c', SCRIPT, pythonFolder], {
      input: JSON.stringify([...TRACED_PROGRAMS, ...ROUNDABOUT]),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual([]);
  });

  it('sees a value that comes back', () => {
    const script = `${SCRIPT.split('different = []')[0]}
print(json.dumps([e[3] for e in trace("x = [1]\\nx = 5\\nx = [1]\\npass\\n", 0)]))`;
    const path = python.kind === 'found' ? python.found.path : '';
    const { stdout } = spawnSync(path, ['-I', '-B', '-c', script, pythonFolder], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([0, 0, ['x', '[1]'], ['x', '5'], ['x', '[1]'], 0]);
  });

  it('writes no value in the words of the program, wherever it lies', () => {
    const script = `${SCRIPT.split('different = []')[0]}
source = """
class B(bytes):
    def __repr__(self): print(1); return "own"
class A(bytearray):
    def __repr__(self): print(1); return "own"
xs = [B(b"ab")]
ys = {1: (A(b"c"),), 2: [b"d"]}
"""
print(json.dumps([e[3] for e in trace(source, 0)[-2:]]))`;
    const path = python.kind === 'found' ? python.found.path : '';
    const { stdout } = spawnSync(path, ['-I', '-B', '-c', script, pythonFolder], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([
      ['xs', "[<B b'ab'>]"],
      ['ys', "{1: (<A>,), 2: [b'd']}"],
    ]);
  });
});
