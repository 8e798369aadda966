/**
 * The Python programs that run function tests in a sandbox: recording which calls the tests make of a trusted reference,
 * replaying a candidate's answers to them, and, where neither can be, tests and candidate in one process.
 */
import { stringText } from '../../execution/python-repr.js';
import type { FunctionProblem } from './function-code.js';

/** Prints, as its last line, `{"calls": [argument source, …]}` or `{"weak": reason}`. */
export function recordingProgram(problem: FunctionProblem, reference: string): string {
  return `${VALUES}
import json
${setUp(problem, reference)}
target = reference[ENTRY]
calls = []
weak = None

def candidate(*args, **named):
    global weak
    try:
        calls.append(", ".join([source_of(a) for a in args] + ["%s=%s" % (k, source_of(v)) for k, v in named.items()]))
    except TypeError as error:
        weak = "an argument is no literal: %s" % error
    try:
        return target(*args, **named)
    except BaseException as error:
        weak = "a test expects an exception: %r" % error
        raise

run_tests(candidate)
print()
print(json.dumps({"calls": calls} if weak is None else {"weak": weak}))
`;
}

/** Reads `{"calls": …, "results": …}`; its last line is `accepted`, `wrong-answer` or `other-calls`. */
export function replayingProgram(problem: FunctionProblem, reference: string): string {
  return `${VALUES}
import json
given = json.load(__import__("sys").stdin)
${setUp(problem, reference)}
place = 0

class OtherCalls(BaseException):
    pass

def candidate(*args, **named):
    global place
    said = ", ".join([source_of(a) for a in args] + ["%s=%s" % (k, source_of(v)) for k, v in named.items()])
    if place >= len(given["calls"]) or given["calls"][place] != said:
        raise OtherCalls
    place += 1
    return value_of(given["results"][place - 1])

try:
    run_tests(candidate)
    verdict = "accepted"
except OtherCalls:
    verdict = "other-calls"
except BaseException:
    verdict = "wrong-answer"
print()
print(verdict)
`;
}

/** Ends by printing `sign` when the tests pass. */
export function weakProgram(problem: FunctionProblem, source: string, sign: string): string {
  const { tests, entryPoint } = problem;
  const lines =
    tests.kind === 'check'
      ? [tests.source, `check(${entryPoint})`]
      : tests.kind === 'asserts'
        ? [tests.setup, ...tests.statements]
        : [];
  return `${source}\n\n__import__("random").seed(0)\n${lines.join('\n')}\n\nprint()\nprint(${stringText(sign)})\n`;
}

/** Defines `reference` (its namespace), ENTRY and `run_tests(candidate)`. */
function setUp({ tests, entryPoint }: FunctionProblem, reference: string): string {
  const lines =
    tests.kind === 'check'
      ? [tests.source]
      : tests.kind === 'asserts'
        ? [tests.setup, ...tests.statements]
        : [];
  return `import random
ENTRY = ${stringText(entryPoint)}
reference = {"__name__": "reference"}
exec(${stringText(reference)}, reference)

def run_tests(candidate):
    # A namespace of their own: the reference's calls of itself are not the tests'.
    tests = dict(reference)
    tests[ENTRY] = candidate
    random.seed(0)
    exec(${stringText(lines.join('\n'))}, tests)
    if ${tests.kind === 'check' ? 'True' : 'False'}:
        tests["check"](candidate)
`;
}

/** Values as source, and back: literals only, written by us, never evaluated. */
const VALUES = `
import ast, sys
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
sys.setrecursionlimit(5000)

def source_of(value):
    kind = type(value)
    if kind is float and (value != value or value in (float("inf"), float("-inf"))):
        return 'float("%r")' % value
    if value is None or kind in (bool, int, float, str, bytes, complex):
        return repr(value)
    if kind is list:
        return "[" + ", ".join(map(source_of, value)) + "]"
    if kind is tuple:
        return "(" + ", ".join(map(source_of, value)) + (",)" if len(value) == 1 else ")")
    if kind in (set, frozenset):
        inside = ", ".join(sorted(map(source_of, value)))
        return "%s([%s])" % (kind.__name__, inside)
    if kind is dict:
        return "{" + ", ".join(source_of(k) + ": " + source_of(v) for k, v in value.items()) + "}"
    raise TypeError(kind.__name__)

def value_of(text):
    return built(ast.parse(text.strip(), mode="eval").body)

def built(node):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [built(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(built(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return {built(item) for item in node.elts}
    if isinstance(node, ast.Dict):
        return {built(k): built(v) for k, v in zip(node.keys, node.values)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = built(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        left, right = built(node.left), built(node.right)
        return left + right if isinstance(node.op, ast.Add) else left - right
    if isinstance(node, ast.Name) and node.id in ("inf", "nan"):
        return float(node.id)
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("set", "frozenset") and len(node.args) < 2:
        return (set if node.func.id == "set" else frozenset)(built(node.args[0]) if node.args else ())
    raise ValueError("no literal")
`;
