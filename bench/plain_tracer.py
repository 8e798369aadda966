"""Events per second of the recorder against a plain `sys.settrace` + `repr` tracer, on the same programs.

Prints one line of JSON. The two must record the same events: kind, line and changed variables.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from recorder import CALL, EXCEPTION, LINE, RETURN, Recorder

FILENAME = "<program>"
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


def plain(code):
    """The tracer that one writes first: every local of every event is written, then compared."""
    events = []

    def trace(frame, event, arg):
        if frame.f_code.co_filename != FILENAME:
            return None
        before = {}

        def local(frame, event, arg):
            nonlocal before
            now = {}
            for name, value in frame.f_locals.items():
                if not name.startswith("__") and not name.startswith("."):
                    now[name] = repr(value)
            changes = {name: text for name, text in now.items() if before.get(name) != text}
            before = now
            events.append((event, frame.f_lineno, changes, frame.f_code.co_name))
            return local

        return local(frame, event, arg)

    sys.settrace(trace)
    try:
        exec(code, {"__name__": "__main__"})
    finally:
        sys.settrace(None)
    return events


def recorded(code, source):
    recorder = Recorder(FILENAME, 10**9, 10**12)
    recorder.prepare(code, source)
    recorder.start()
    try:
        exec(code, {"__name__": "__main__"})
    finally:
        recorder.stop()
    return recorder.events


SKIPPED = ("<module>", "<listcomp>")


def same_events(recorder, theirs):
    """The share of events that agree, outside modules (whose functions `repr` writes with their address)."""
    kinds = {CALL: "call", LINE: "line", RETURN: "return", EXCEPTION: "exception"}
    names = recorder.frames
    ours = [(kinds[e[0]], e[2], e[3] or {}) for e in recorder.events if names[e[1]] not in SKIPPED]
    theirs = [event[:3] for event in theirs if event[3] not in SKIPPED]
    return sum(a == b for a, b in zip(ours, theirs)) / max(len(ours), len(theirs), 1)


def measure(runs, seconds):
    """Events per second of each, by its fastest run: taken in turns, so that other load meets both alike."""
    best = [0.0] * len(runs)
    until = time.process_time() + seconds * len(runs)
    while time.process_time() < until:
        for at, run in enumerate(runs):
            started = time.perf_counter()
            events = len(run())
            best[at] = max(best[at], events / (time.perf_counter() - started))
    return [round(rate) for rate in best]


def main(seconds):
    rows = []
    for name, source in PROGRAMS.items():
        code = compile(source, FILENAME, "exec")
        recorder = Recorder(FILENAME, 10**9, 10**12)
        recorder.prepare(code, source)
        recorder.start()
        exec(code, {"__name__": "__main__"})
        recorder.stop()
        plainly, ours = measure([lambda: plain(code), lambda: recorded(code, source)], seconds)
        rows.append({
            "program": name,
            "events": len(recorder.events),
            "sameEvents": round(same_events(recorder, plain(code)), 4),
            "plainEventsPerSecond": plainly,
            "recorderEventsPerSecond": ours,
            "ratio": round(ours / plainly, 2),
        })
    print(json.dumps(rows))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
