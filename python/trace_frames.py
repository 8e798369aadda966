"""Traces one frame: what an event holds, and what changed since the frame's event before.

Owns: the local trace function, which variables are written as data and which as text, the shape of an event. Leaves out:
how text is written (trace_values.py), where comprehensions lie (trace_comprehensions.py), the start and end of a trace
(recorder.py).

At every event all variables of the frame are looked at, in one of two ways:

* *Data*: values of exact built-in types. `marshal.dumps` of all of them together costs a tenth of one `repr`, takes exact
  types only and runs nobody's code; equal bytes are equal values. The bytes are the record: TypeScript reads the values from
  them, finds which changed and writes them (src/execution/literals.ts).
* *Odd*: everything else, by name (functions, modules, objects, iterators, bytes, what is long). These are written here, and
  only where something that their text depends on has changed. A name that was odd once stays odd in its code.

Most frames of functions hold data alone, and those are looked at in the trace function itself: it runs once per event, and
each call inside it costs as much as the rest.
"""

import marshal
import sys
from opcode import opmap

from trace_comprehensions import comprehensions_of
from trace_values import MAX_ITEMS, exception_text, render
from trace_variables import BUFFER, MAX_DATA, MAX_WHOLE, VERSION, Mixture, is_all_data

CALL, LINE, RETURN, EXCEPTION = 0, 1, 2, 3

_OPTIMIZED = 0x1  # CO_OPTIMIZED: functions, not modules and classes
GENERATOR = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_RETURN_OPS = frozenset(
    opmap[name]
    for name in ("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE", "YIELD_FROM", "SEND", "RETURN_GENERATOR")
    if name in opmap
)
_COPIES = sys.version_info >= (3, 13)  # where a function's `f_locals` is no dictionary
_SCALARS = frozenset((int, float, bool, type(None)))
_SIZED = frozenset((str, list, dict, tuple, set, frozenset))
_dumps, _version = marshal.dumps, VERSION


class Script:
    """What is the same for all frames of a code object."""

    __slots__ = ("code", "name", "comprehensions", "is_module", "is_class", "is_reusable", "is_plain", "is_whole", "idle", "odd",
                 "recorder", "_raw")

    def __init__(self, code, recorder):
        self.code, self.name = code, code.co_name
        self.comprehensions = comprehensions_of(code)
        self.is_module = code.co_name == "<module>"
        self.is_class = not (self.is_module or code.co_flags & _OPTIMIZED)
        self.is_reusable = not (self.is_class or code.co_flags & GENERATOR)
        self.is_plain = not (self.is_module or self.is_class)  # all variables were data so far
        self.is_whole = True  # whether the data of one frame are written together
        self.idle = []  # frames that have ended, to be used again
        self.odd = set()  # names that are written as text
        self.recorder = recorder
        self._raw = None

    def returns_at(self, offset):
        """Whether the instruction there hands a value over."""
        if self._raw is None:
            self._raw = self.code.co_code
        return self._raw[offset] in _RETURN_OPS


class Frame:
    """Traces the frames of one script, one after another."""

    __slots__ = ("script", "run", "number", "caller", "mixture", "is_simple", "last", "names", "texts", "header", "last_line",
                 "last_span", "raised_at", "trace")

    def __init__(self, script):
        self.script, self.run = script, script.recorder
        self.trace = self.local  # the trace function of the frame
        self.names = self.texts = None  # what an event in full says besides
        self.run.made.append(self)

    def start(self, frame):
        """A new frame."""
        run, script = self.run, self.script
        self.number = number = run.frames
        run.frames = number + 1
        self.caller = run.active
        self.raised_at = -1
        self.last = None  # the data at the last event
        comprehensions = script.comprehensions
        self.is_simple = script.is_plain and comprehensions is None
        # None: all variables are data, and few.
        self.mixture = mixture = None if script.is_plain else Mixture(self)
        # The body of a class begins, and from 3.13 on also ends, with book-keeping on its header line: left out.
        self.header = 0 if script.is_class else None
        self.last_line, self.last_span = 0, None  # the span of the last line event, or the offset of its instruction
        data = self.look(frame)
        if len(run.events) >= run.limit:
            return run.exclude()
        line = frame.f_lineno or script.code.co_firstlineno  # a module's own has line 0
        if self.mixture is None:
            run.events.append((line, data, script.name))
            run.active = number
        else:
            self.add(CALL, line, data, script.name)
        return self.trace

    def resume(self, frame):
        """A generator goes on."""
        run = self.run
        self.raised_at = -1
        self.caller = run.active
        data = self.look(frame)
        if len(run.events) >= run.limit:
            return run.exclude()
        self.add(CALL, frame.f_lineno, data)
        return self.trace

    def local(self, frame, event, arg):
        """The trace function."""
        run = self.run
        if event == "line":
            line = frame.f_lineno
            self.raised_at = -1
            events = run.events
            if self.is_simple:
                try:
                    variables = {**frame.f_locals} if _COPIES else frame.f_locals
                    data = _dumps(variables, _version)
                    if data == self.last:
                        data = None
                    elif len(data) <= MAX_WHOLE and (BUFFER not in data or is_all_data(data, variables.values())):
                        self.last = data
                    else:
                        data = self.look(frame)
                except ValueError:
                    data = self.look(frame)
            else:
                if self.header is not None or self.script.comprehensions is not None:
                    line = self.place(frame, line)
                    if line == 0:
                        return self.trace
                data = self.look(frame)
            if len(events) >= run.limit:
                return run.exclude()
            if run.active == self.number and self.names is None and self.texts is None:
                events.append(line if data is None else (line, data))
            else:
                self.add(LINE, line, data)
        elif event == "return":
            self.leave(frame, arg)
        elif event == "exception":
            self.raised_at = frame.f_lasti
            comprehensions = self.script.comprehensions
            # Inside a comprehension its variables would be among those of the frame, from 3.12 on.
            if comprehensions is not None and comprehensions.span_at(frame.f_lasti) is not None:
                data = None
            else:
                data = self.look(frame)
            if len(run.events) >= run.limit:
                return run.exclude()
            self.add(EXCEPTION, frame.f_lineno, data, exception_text(arg))
        elif event == "call":
            self.resume(frame)
        return self.trace

    def leave(self, frame, value):
        """The frame returns, yields or is left by an exception."""
        run, script = self.run, self.script
        if value is not None or (frame.f_lasti != self.raised_at and script.returns_at(frame.f_lasti)):
            line = frame.f_lineno
            if self.header is not None:
                line = self.last_line or line
            data = self.look(frame)
            if len(run.events) >= run.limit:
                return run.exclude()
            value = b"N" if value is None else packed(value)
            if run.active == self.number and self.names is None and self.texts is None:
                run.events.append((RETURN, line, data, value))
            else:
                self.add(RETURN, line, data, value)
            run.active = self.caller
        if script.is_reusable:
            self.mixture = None
            script.idle.append(self)

    def add(self, kind, line, data, value=None):
        """Writes an event in full."""
        run = self.run
        texts = self.texts
        run.events.append((kind, self.number, line, data, self.names, texts and tuple(texts), value))
        run.active = self.number
        self.names = self.texts = None

    def place(self, frame, line):
        """The line under which a line event is recorded; 0 for one that is not."""
        comprehensions = self.script.comprehensions
        if comprehensions is not None:
            last_span, span = self.last_span, None
            before = comprehensions.span_at(last_span) if type(last_span) is int else last_span
            if line in comprehensions.lines:
                if line != self.last_line and comprehensions.lines[line]:
                    self.last_line, self.last_span = line, frame.f_lasti  # seldom asked for
                    return line
                span = comprehensions.span_at(frame.f_lasti)
            self.last_span = span
            if span is not None:
                line = span[0]
                if span is before or line == self.last_line:
                    return 0
            elif before is not None and line == self.last_line:
                return 0  # back from the comprehension to the rest of its line
        if self.header is not None:
            if self.header == 0:
                self.header = line
            if line == self.header:
                return 0
        self.last_line = line
        return line

    def look(self, frame):
        """The frame's data where they have changed, else None; `names` and `texts` have the rest.

        Not `f_locals` for modules: where a comprehension is inlined, 3.12.1 shows old values there, and warns.
        """
        mixture = self.mixture
        if mixture is None:
            variables = {**frame.f_locals} if _COPIES else frame.f_locals
            try:
                now = _dumps(variables, _version)
            except ValueError:
                pass
            else:
                if now == self.last:
                    return None
                if len(now) <= MAX_WHOLE and (BUFFER not in now or is_all_data(now, variables.values())):
                    self.last = now
                    return now
            self.script.is_plain = self.is_simple = False
            mixture = self.mixture = Mixture(self)
            return mixture.look(variables)
        return mixture.look(frame.f_globals if self.script.is_module else frame.f_locals)


def packed(value):
    """What an event says of a returned value: data, or text."""
    kind = type(value)
    if kind in _SCALARS or (kind in _SIZED and len(value) <= MAX_ITEMS):
        try:
            mark = _dumps(value, _version)
        except ValueError:
            pass
        else:
            if len(mark) <= MAX_DATA and (BUFFER not in mark or is_all_data(mark, (value,))):
                return mark
    return render(value)
