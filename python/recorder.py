"""Records what a program does, step by step: the trace recorder.

Owns: which frames are traced (only code objects that were compiled from the program), the caps, what a trace is on the wire.
Leaves out: one frame's events (trace_frames.py), how values are written (trace_values.py), where comprehensions lie
(trace_comprehensions.py), running the program (harness.py) and every trace format (TypeScript).
Source: paper section 2.1 (line by line, variables where they change, 10,000 events or 1 MB).

Standard library only; CPython 3.10 and newer, and Pyodide. Two rules hold everywhere:

* Recording never runs the program's own code.
* Recording holds no reference to a mutable object of the program, so objects die when they would have died.

Versions agree: frames of comprehensions (before 3.12) are folded into their caller, and so are the line events that
an inlined comprehension (3.12 and newer) makes inside its caller.

What the wire carries (read by src/execution/trace-reader.ts), where *data* are bytes of `marshal`, version 2:

* `(kind, frame, line, data, names, texts, value)`: an event in full. Kinds: 0 call, 1 line, 2 return, 3 exception. `data`: a
  dictionary of the frame's variables, or a tuple of them with names of their own, or `(index, data, ...)` of those that
  changed, or None. `names`: `(kept, name, ...)`: the variables in the data are from here on the first `kept` of before and
  then these; or None. `texts`: `(name, text, place, ...)` of odd variables that changed, or None; without a text one is
  gone, unless it is data now; `place`: how many of the data come before it. `value`: of a call the function's name if the
  frame is new, of a return what was returned: a number, True, False or None, else data or text; of an exception its text.
* `(line, data, function)`: a call of a new frame.
* `(2, line, data, value)`: a return of the active frame.
* `(line, name, value)`: a line event of the active frame, of whose variables only this scalar or string may have changed.
* `(line, data)`: a line event of the active frame, `line`: one without changes.

Frames are numbered in order. A call makes its frame the active one, a return the one that was active before the call; a
full event of any other kind makes its own frame the active one.

A generator's frame returns at each `yield` and is called again under the same frame number. A frame that an
exception leaves has an exception event and no return event.
"""

import re
import sys

from trace_comprehensions import FOLDED_FRAMES
from trace_frames import GENERATOR, Frame, Script
from trace_plans import Temper
from trace_values import WARY

PLAN_FROM = 200  # events: a shorter trace is not worth knowing what its lines can do

# Frames that only some versions have: comprehensions, and (from 3.14 on) functions that evaluate annotations.
_FOLDED = FOLDED_FRAMES if sys.version_info < (3, 12) else ("__annotate__",)

_references = re.compile(rb"&#(\d{3,7});").findall


class Recorder:
    """Traces code that was compiled under `filename`, between `start` and `stop`."""

    __slots__ = ("filename", "limit", "most", "max_events", "events", "frames", "made", "excluded", "active", "codes", "scripts", "is_planning",
                 "stirred", "_program", "_temper")

    def __init__(self, filename, max_events=10_000, max_bytes=1_000_000):
        """`max_bytes`: characters in names and values, and 16 per event. Only the events are counted here."""
        WARY.clear()
        self.filename = filename
        self.max_events = max_events
        self.most = min(max_events, max_bytes // 16 + 1)  # events that there may be
        self.limit = min(self.most, PLAN_FROM)  # events until there is something to decide
        self.events = []
        self.frames = 0  # how many there were
        self.made = []  # tracers of frames
        self.excluded = None
        self.active = -1  # the frame of the last event
        self.is_planning = False
        # How many steps have ended that may have changed a container, in any frame.
        self.stirred = 0
        self._program = self._temper = None
        self.codes = []  # that were met, kept since they are known by their identity
        self.scripts = {}  # id of a code object -> its script, or None for code that is not traced

    def prepare(self, code):
        """Tells the recorder the program it will see, before `start`; without it nothing is planned."""
        self._program = code

    def temper(self):
        """The program's temper (trace_plans.py)."""
        if self._temper is None:
            self._temper = Temper(self._program)
        return self._temper

    def start(self):
        tracer = self.enter
        threading = sys.modules.get("threading")
        if threading is not None:  # contest programs often run their main function in a thread
            threading.settrace(tracer)
        sys.settrace(tracer)

    def stop(self):
        """Ends the trace; what was made for it goes at once, without waiting for a collector of cycles."""
        sys.settrace(None)
        for tracer in self.made:
            tracer.trace = tracer.mixture = None
            tracer.script.idle.clear()
        self.made.clear()
        self.scripts.clear()

    def trace(self):
        """What was recorded, for the wire."""
        excluded = {} if self.excluded is None else {"x": self.excluded}
        return {"t": self.events, **excluded}

    def enter(self, frame, event, arg):
        """The trace function for what is called."""
        code = frame.f_code
        script = self.scripts.get(id(code), self)
        if script is self:
            script = self.meet(code)
        if script is None or self.excluded is not None:
            return None
        if script.idle:
            return script.idle.pop().start(frame)
        if code.co_flags & GENERATOR:
            resumed = frame.f_trace
            if resumed is not None:
                resumed(frame, "call", None)
                return resumed
        return Frame(script).start(frame)

    def meet(self, code):
        """A code object that was not seen before."""
        self.codes.append(code)
        is_traced = code.co_filename == self.filename and code.co_name not in _FOLDED
        script = self.scripts[id(code)] = Script(code, self) if is_traced else None
        return script

    def is_full(self):
        """Whether there are as many events as there may be."""
        events = len(self.events)
        if events >= self.most:
            self.excluded = "too-many-events" if events >= self.max_events else "too-large"
            sys.settrace(None)
            return True
        self.limit = self.most
        self.is_planning = self._program is not None and not self.temper().unplanned
        return False


def unprintable(data):
    """The characters beyond ASCII in what marshal wrote that `repr` escapes, besides surrogates: it depends on this Python's
    Unicode. (Numbers that look like characters may be among them.)"""
    text = data.decode("utf-8", "ignore")
    if text.isascii():
        return ""
    codes = {int(code) for code in set(_references(text.encode("ascii", "xmlcharrefreplace")))}  # the quickest way to them
    return "".join([chr(code) for code in sorted(codes) if 0x7F < code < 0x110000 and not chr(code).isprintable()])
