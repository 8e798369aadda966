"""Events per second of the recorder against a plain `sys.settrace` + `repr` tracer, on the same programs, in turns.

Prints one line of JSON: a row for each of five small programs, and one for each kind of real program in the shared data
(accepted CodeContests solutions on their first example, CRUXEval functions) where DESKCHECK_DATA names it.

The plain tracer is the one that one writes first: at each event it writes every local with `repr` and keeps those that
differ. To record the same events it leaves out frames of comprehensions (before 3.12) and the return that follows an
exception. CPU time is from starting the trace to having its events, so it holds the program's own and, for the recorder,
all its preparations. A program counts as recorded alike when every event has the same kind, line, changed names and
texts; texts that both write in angle brackets (functions, objects) are not compared, since `repr` puts addresses there.
Where a program holds objects of its own classes, the recorder writes their fields and the plain tracer does not: those
programs are counted apart.
"""

import gzip
import io
import json
import math
import os
import signal
import statistics
import sys
import time
from types import ModuleType

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from recorder import Recorder

FILENAME = "<program>"
MAX_EVENTS, MAX_BYTES = 10_000, 1_000_000
LONGEST_SECONDS = 1.0  # programs that take longer to trace are left out
PROGRAMS = {
    "short loop over a list": """
def main(xs):
    total = 0
    best = None
    for x in xs:
        if x % 2 == 0:
            total += x
        else:
            total -= 1
        if best is None or x > best:
            best = x
    return total, best
main(list(range(64)))
""",
    "dynamic programming": """
def main(n):
    table = [0] * n
    table[0] = table[1] = 1
    for i in range(2, n):
        table[i] = table[i - 1] + table[i - 2] % 1000
    return table[-1]
main(64)
main(64)
main(64)
""",
    "strings and dicts": """
def main(text):
    counts = {}
    words = []
    word = ""
    for c in text:
        if c == " ":
            words.append(word)
            word = ""
        else:
            word += c
            counts[c] = counts.get(c, 0) + 1
    return sorted(counts.items()), words
main("the quick brown fox jumps over the lazy dog " * 3)
""",
    "recursion": """
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
fib(11)
""",
    "grid": """
def main(n):
    grid = [[0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            up = grid[i - 1][j] if i else 0
            left = grid[i][j - 1] if j else 0
            grid[i][j] = up + left + 1
    return grid[-1][-1]
main(12)
""",
}


class PlainTracer:
    """The tracer that one writes first."""

    def __init__(self):
        self.events = []
        self.excluded = None

    def start(self):
        events = self.events

        def trace(frame, event, arg):
            code = frame.f_code
            if code.co_filename != FILENAME or code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>"):
                return None
            before = {}
            raised = False

            def local(frame, event, arg):
                nonlocal before, raised
                if event == "return" and raised:
                    return local
                raised = event == "exception"
                now = {}
                for name, value in frame.f_locals.items():
                    if not name.startswith("__") and not name.startswith("."):
                        now[name] = repr(value)
                changes = {name: text for name, text in now.items() if before.get(name) != text}
                before = now
                value = repr(arg) if event == "return" else None
                events.append((event, frame.f_lineno, changes, code.co_name, value))
                if len(events) > MAX_EVENTS:
                    sys.settrace(None)
                return local

            return local(frame, event, arg)

        sys.settrace(trace)

    def stop(self):
        sys.settrace(None)


class Program:
    """A program, its input and, for a function, the call to trace."""

    def __init__(self, name, source, stdin="", call=None):
        self.name, self.stdin = name, stdin
        self.code = compile(source, FILENAME, "exec", dont_inherit=True)
        self.call = None if call is None else compile(call, "<call>", "eval")

    def recorder(self):
        made = Recorder(FILENAME, MAX_EVENTS, MAX_BYTES)
        made.prepare(self.code)
        return made

    def trace(self, make, is_first=False):
        """(tracer, seconds) of one run. A first one is interrupted when it takes long.

        (By the wall clock: a timer of CPU time makes the clock of CPU time coarse.)
        """
        module = ModuleType("__main__")
        module.__builtins__ = __builtins__
        kept = sys.stdin, sys.stdout, sys.modules["__main__"], sys.getrecursionlimit()
        sys.modules["__main__"] = module
        sys.stdin = io.TextIOWrapper(io.BytesIO(self.stdin.encode()))
        sys.stdout = io.TextIOWrapper(io.BytesIO())
        if is_first:
            signal.setitimer(signal.ITIMER_REAL, 20 * LONGEST_SECONDS)
        try:
            if self.call is not None:
                exec(self.code, module.__dict__)
            started = time.process_time()
            tracer = make()
            tracer.start()
            try:
                if self.call is None:
                    exec(self.code, module.__dict__)
                else:
                    eval(self.call, module.__dict__)
            except (Exception, SystemExit):
                pass
            tracer.stop()
            return tracer, time.process_time() - started
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.settrace(None)
            sys.stdin, sys.stdout, sys.modules["__main__"] = kept[:3]
            sys.setrecursionlimit(kept[3])


def steps(recorder):
    """(kind, line, changes, function, value) of the recorder's events, as the plain tracer has them."""
    kinds = "call", "line", "return", "exception"
    frame = None
    found = []
    for event in recorder.events:
        if type(event) is int:
            event = 1, frame, event, 0
        elif type(event[1]) is str:
            event = 1, frame, event[0], event[1:]
        kind, frame, line, changes = event[:4]
        pairs = changes or ()
        value = event[5] if kind == 2 else None
        found.append((kinds[kind], line, dict(zip(pairs[::2], pairs[1::2])), recorder.frames[frame], value))
    return found


def alike(ours, theirs):
    """The share of events that agree."""
    same = 0
    for a, b in zip(ours, theirs):
        same += a[0] == b[0] and same_line(a, b) and same_texts(a[4], b[4]) and a[2].keys() == b[2].keys() and all(
            same_texts(text, b[2][name]) for name, text in a[2].items()
        )
    return same / max(len(ours), len(theirs), 1)


def same_line(a, b):
    return a[1] == b[1] or (a[0] == "call" and a[3] == "<module>")  # its first line; 0 for sys.settrace


def same_texts(a, b):
    return a == b or (a is not None and b is not None and "<" in a and "<" in b)


def measure(program, seconds):
    """A row: median times of both tracers, taken in turns so that other load meets both alike; None for what is left out."""
    try:
        recorder, taken = program.trace(program.recorder, True)
        if recorder.excluded is not None or taken > LONGEST_SECONDS or len(recorder.events) < 5:
            return None
        plain = program.trace(PlainTracer, True)[0]
    except KeyboardInterrupt:
        return None
    times = [], []
    until = time.process_time() + seconds
    while len(times[0]) < 5 or time.process_time() < until:
        for taken, make in zip(times, (PlainTracer, program.recorder)):
            taken.append(program.trace(make)[1])
    plainly, ours = map(statistics.median, times)
    return {
        "program": program.name,
        "events": len(recorder.events),
        "sameEvents": round(alike(steps(recorder), plain.events), 4),
        "plainSeconds": plainly * len(recorder.events) / max(len(plain.events), 1),
        "recorderSeconds": ours,
    }


def real_programs(folder, every):
    """{kind: programs} of the shared data."""
    kinds = {}
    contests = os.path.join(folder, "competitive", "codecontests.shared.jsonl.gz")
    if os.path.exists(contests):
        rows = [json.loads(line) for line in gzip.open(contests)][::every]
        kinds["CodeContests"] = [
            Program(r["id"], r["correct_python3_solutions"][0], r["public_tests"][0]["input"]) for r in rows
        ]
    cruxeval = os.path.join(folder, "cruxeval", "cruxeval.shared.jsonl.gz")
    if os.path.exists(cruxeval):
        rows = [json.loads(line) for line in gzip.open(cruxeval)][::every]
        kinds["CRUXEval"] = [Program(r["id"], r["code"], call="f(%s)" % r["input"]) for r in rows]
    return kinds


def summary(name, rows):
    """Events per second of each, over all programs together, and how the ratio is spread over the programs."""
    ratios = sorted(row["plainSeconds"] / row["recorderSeconds"] for row in rows)
    events = sum(row["events"] for row in rows)
    plain, ours = (sum(row[key] for row in rows) for key in ("plainSeconds", "recorderSeconds"))
    at = lambda q: round(ratios[int(q * (len(ratios) - 1))], 2)
    return {
        "programs": name,
        "count": len(rows),
        "events": events,
        "plainEventsPerSecond": round(events / plain),
        "recorderEventsPerSecond": round(events / ours),
        "ratio": round(plain / ours, 2),
        "geometricMean": round(math.exp(sum(map(math.log, ratios)) / len(ratios)), 2),
        "lowest": at(0),
        "quarter": at(0.25),
        "median": at(0.5),
        "threeQuarters": at(0.75),
        "highest": at(1),
    }


SIZES = (5, 30), (30, 100), (100, 1000), (1000, MAX_EVENTS + 1)


def main(seconds, every, data):
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    small = [measure(Program(name, source), seconds) for name, source in PROGRAMS.items()]
    report = {"small": small, "real": [], "perProgram": []}
    for kind, programs in (real_programs(data, every) if data else {}).items():
        rows = [measure(program, seconds / 50) for program in programs]
        measured = [row for row in rows if row is not None]
        same = [row for row in measured if row["sameEvents"] == 1]
        groups = [(kind, same)]
        for low, high in SIZES:
            groups.append(("%s, %d to %d events" % (kind, low, high - 1), [r for r in same if low <= r["events"] < high]))
        groups.append((kind + ", not recorded alike", [row for row in measured if row["sameEvents"] < 1]))
        report["real"] += [summary(name, group) for name, group in groups if group]
        report["real"][-1]["leftOut"] = len(rows) - len(measured)
        report["perProgram"] += measured
    print(json.dumps(report))


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["1", "1"][len(sys.argv) - 1:]
    main(float(arguments[0]), int(arguments[1]), os.environ.get("DESKCHECK_DATA"))
