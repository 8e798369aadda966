/**
 * Values are written in two places, by Python (python/trace_values.py) and, from their bytes, by us. Locked here: both write
 * the same, whatever the value; Python writes what `repr` does.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { lengthOf, valueText } from '../../src/execution/literals.js';
import { MarshalCursor } from '../../src/execution/marshal.js';
import { probePython, pythonFolder } from '../../src/execution/native/probe.js';
import { floatText, stringText } from '../../src/execution/python-repr.js';

const SCRIPT = `
import base64, json, marshal, random, struct, sys
sys.path.insert(0, sys.argv[1])
from recorder import unprintable
from trace_values import render

rng = random.Random(1)
LETTERS = "abcs{}<>'\\"\\\\\\n\\t\\x00\\x7f é\\xad\\u200b\\ud800\\udfff\\uffff\\U0001f600\\U000e0001\\U0010ffff"

def text(most):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randrange(most)))

def number():
    kind = rng.randrange(6)
    if kind < 3:
        return rng.choice((rng.randrange(-300, 1300), rng.getrandbits(32) - 2**31, rng.getrandbits(rng.randrange(1, 200))))
    if kind == 3:
        return struct.unpack("<d", rng.randbytes(8))[0]
    return rng.choice((rng.uniform(-1, 1) * 10 ** rng.randrange(-8, 20), float(rng.randrange(-10**17, 10**17)), rng.random()))

def scalar(hashable=True):
    return rng.choice((number, number, number, lambda: text(9), lambda: rng.choice((None, True, False, ..., 1j, -2.5 + 0j))))()

def value(depth):
    kind = rng.randrange(8) if depth else 0
    size = rng.choice((0, 1, 2, 3, 5, 12, 40, 101, 130)) if depth < 3 else rng.randrange(4)
    if kind < 3:
        return scalar()
    if kind == 3:
        return [value(depth - 1) for _ in range(size)]
    if kind == 4:
        return tuple(value(depth - 1) for _ in range(size))
    if kind == 5:
        return {scalar(): value(depth - 1) for _ in range(size)}
    one = rng.choice((number, lambda: text(5), scalar, lambda: rng.randrange(1000), lambda: (scalar(), rng.randrange(9))))
    return rng.choice((set, frozenset))(one() for _ in range(size))

nested = [1]
for _ in range(12):
    nested = [nested]
values = [
    2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**3300 - 1, 2**3300, -2**3300, [2**3400], [10**1500], 0.1, 1e16, 9999999999999998.0, 1e-4, 9.999e-5,
    5e-324, 1.7976931348623157e308, -0.0, float("inf"), float("nan"), [float("-inf")], 1e22, 123456789.123, 1j, -1j, complex(-0.0, 1),
    complex(0.0, -0.0), complex(1e20, float("nan")), complex(float("inf"), 2.5), "x" * 1000, "x" * 1001, "\\U0001f600" * 450,
    ["x" * 1001], ["é" * 900], [StopIteration], {"a": StopIteration}, nested, {1: nested}, {60: nested, "s": {1}},
    [[0] * 20 for _ in range(19)], [[0] * 21 for _ in range(30)], {i: {j: 60 for j in range(9)} for i in range(20)}, set(), frozenset(), [set()],
    {(): ()}, (1,), ((),), list(range(100)), list(range(101)), {i: 0 for i in range(101)}, set(range(150)), {(i, str(i)) for i in range(60)},
    {"\\U0001f600", "\\uffff", "\\ud83d", "b"}, {True, 7, 2**40}, {1.5, 2}, {None, "a"}, ["<"], ["{"] * 3, {"set(": 1},
]
values += [value(rng.randrange(5)) for _ in range(3000)]
out = []
for item in values:
    data = marshal.dumps(item, 2)
    if len(data) <= 20_000:
        out.append([base64.b64encode(data).decode(), render(item), unprintable(data)])
print(json.dumps(out))
`;

const python = probePython();

describe.skipIf(python.kind === 'missing')('valueText', () => {
  it('writes data as Python writes values', () => {
    const path = python.kind === 'found' ? python.found.path : '';
    const { stdout, stderr } = spawnSync(path, ['-I', '-B', '-c', SCRIPT, pythonFolder], {
      encoding: 'utf8',
      maxBuffer: 256 << 20,
      env: { PYTHONHASHSEED: '0' },
    });
    expect(stderr).toBe('');
    const cases = JSON.parse(stdout) as [string, string, string][];
    expect(cases.length).toBeGreaterThan(2500);
    for (const [data, text, unprintable] of cases) {
      const cursor = new MarshalCursor(Buffer.from(data, 'base64'));
      expect(valueText(cursor, new Set(unprintable))).toBe(text);
      expect(cursor.at).toBe(cursor.bytes.length);
    }
  });
});

describe('floatText', () => {
  it.each([
    [1, '1.0'],
    [-0, '-0.0'],
    [1e16, '1e+16'],
    [123456789012345.6, '123456789012345.6'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.5e300, '1.5e+300'],
  ])('writes %d as %s', (value, text) => {
    expect(floatText(value)).toBe(text);
  });
});

describe('stringText', () => {
  it('escapes what this Python cannot print, and nothing else', () => {
    expect(stringText('é\u00ad', new Set(['\u00ad']))).toBe("'é\\xad'");
    expect(stringText(['\ud83d', '\ude00', '\u{1f600}'], new Set())).toBe("'\\ud83d\\ude00\u{1f600}'");
    expect(stringText(`it's`, new Set())).toBe(`"it's"`);
    expect(stringText(`it's "so"`, new Set())).toBe(`'it\\'s "so"'`);
  });

  it('counts characters as Python does', () => {
    expect(lengthOf('a\u{1f600}')).toBe(2);
  });
});
