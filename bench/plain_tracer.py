"""Times the recorder and a plain `sys.settrace` + `repr` tracer on the same programs, in turns, for bench/execution.mjs.

Prints a line of JSON for each program: five small ones, and real ones of the shared data (accepted CodeContests solutions on
their first example, CRUXEval functions) where DESKCHECK_DATA names it.

The plain tracer is the one that one writes first: at each event it writes every local with `repr` and keeps those that
differ. To record the same events it leaves out frames of comprehensions (before 3.12) and the return that follows an
exception. CPU time of recording is from making the tracer to the end of the program, so it holds the program's own and all
preparations; that of packing is from there to bytes for another process (the recorder's own, and JSON).
"""

import base64
import gzip
import io
import json
import os
import signal
import statistics
import sys
import time
from types import ModuleType

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

import harness
from recorder import Recorder

FILENAME = "<program>"
MAX_EVENTS, MAX_BYTES = 10_000, 1_000_000
LONGEST_TEXT = 5000
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


def measure(program, seconds):
    """A row: median times of both tracers, taken in turns so that other load meets both alike; None for what is left out."""
    try:
        recorder, taken = program.trace(program.recorder, True)
        if recorder.excluded is not None or taken > LONGEST_SECONDS or len(recorder.events) < 5:
            return None
        plain = program.trace(PlainTracer, True)[0]
    except KeyboardInterrupt:
        return None
    times = [], [], [], []
    until = time.process_time() + seconds
    while len(times[0]) < 5 or time.process_time() < until:
        plain, taken = program.trace(PlainTracer)
        times[0].append(taken)
        times[1].append(timed(lambda: json.dumps(plain.events)))
        recorder, taken = program.trace(program.recorder)
        times[2].append(taken)
        times[3].append(timed(lambda: pack(recorder)))
    plain_seconds, plain_pack, recorder_seconds, recorder_pack = map(statistics.median, times)
    share = len(recorder.events) / max(len(plain.events), 1)
    return {
        "program": program.name,
        "events": len(recorder.events),
        "plainSeconds": plain_seconds * share,
        "plainPackSeconds": plain_pack * share,
        "recorderSeconds": recorder_seconds,
        "recorderPackSeconds": recorder_pack,
        "reply": base64.b64encode(pack(recorder)).decode(),
        "plain": [shortened(event) for event in plain.events],
    }


def timed(run):
    started = time.process_time()
    run()
    return time.process_time() - started


def pack(recorder):
    return harness.pack({"o": "completed", **recorder.trace()})


def shortened(event):
    """An event of the plain tracer; the recorder writes no text as long as what is cut here."""
    kind, line, changes, name, value = event
    return kind, line, {key: text[:LONGEST_TEXT] for key, text in changes.items()}, name, value and value[:LONGEST_TEXT]


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


def main(seconds, every, data):
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    kinds = {"small": [Program(name, source) for name, source in PROGRAMS.items()]}
    if data:
        kinds.update(real_programs(data, every))
    for kind, programs in kinds.items():
        for program in programs:
            row = measure(program, seconds if kind == "small" else seconds / 50)
            print(json.dumps({"kind": kind, **(row or {"leftOut": True})}))


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["1", "1"][len(sys.argv) - 1:]
    main(float(arguments[0]), int(arguments[1]), os.environ.get("DESKCHECK_DATA"))
