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
from trace_plans import QUIET, UNKNOWN, Planner
from trace_values import ATOMS, HUGE, MAX_ITEMS, MAX_STRING, WARY, exception_text, render
from trace_variables import BUFFER, MAX_DATA, MAX_WHOLE, VERSION, Mixture, are_data, is_all_data

CALL, LINE, RETURN, EXCEPTION = 0, 1, 2, 3
PLAN_AFTER = 2  # visits of a line without a step

_OPTIMIZED = 0x1  # CO_OPTIMIZED: functions, not modules and classes
GENERATOR = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_RETURN_OPS = frozenset(
    opmap[name]
    for name in ("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE", "YIELD_FROM", "SEND", "RETURN_GENERATOR")
    if name in opmap
)
_COPIES = sys.version_info >= (3, 13)  # where a function's `f_locals` is no dictionary
_SIZED = frozenset((str, list, dict, tuple, set, frozenset))
_FIXED = frozenset((float, bool, type(None)))
_LOW, _HIGH = -HUGE, HUGE
_dumps, _version = marshal.dumps, VERSION


class Script:
    """What is the same for all frames of a code object."""

    __slots__ = ("code", "name", "comprehensions", "is_module", "is_class", "is_reusable", "is_plain", "is_whole", "idle", "odd",
                 "recorder", "steps", "_visits", "_planner", "_raw")

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
        self.steps = {}  # line -> what it can do, for lines that were visited often enough
        self._visits = {}
        self._planner = self._raw = None

    def visit(self, line):
        """The step (trace_plans.py) of a line that has none yet; None until the line was visited often enough to be worth one."""
        visits = self._visits.get(line, 0)
        self._visits[line] = visits + 1
        if visits < PLAN_AFTER:
            return None
        if self._planner is None:
            self._planner = Planner(self.code, self.recorder.temper())
        is_planned = self.is_module or not self.is_class
        step = self.steps[line] = (self._planner.step(line) if is_planned else None) or UNKNOWN
        return step

    def returns_at(self, offset):
        """Whether the instruction there hands a value over."""
        if self._raw is None:
            self._raw = self.code.co_code
        return self._raw[offset] in _RETURN_OPS


class Frame:
    """Traces the frames of one script, one after another."""

    __slots__ = ("script", "run", "number", "caller", "mixture", "is_simple", "ahead", "looked_at", "step_of", "last", "names",
                 "texts", "header", "last_line", "last_span", "raised_at", "trace")

    def __init__(self, script):
        self.script, self.run = script, script.recorder
        self.trace = self.local  # the trace function of the frame
        self.names = self.texts = None  # what an event in full says besides
        self.step_of = script.steps.get
        self.run.made.append(self)

    def start(self, frame):
        """A new frame."""
        run, script = self.run, self.script
        self.number = number = run.frames
        run.frames = number + 1
        self.caller = run.active
        self.raised_at = -1
        self.last = None  # the data at the last event
        self.is_simple = script.is_plain and script.comprehensions is None
        self.mixture = None if script.is_plain else Mixture(self)  # None: all variables are data, and few
        # The body of a class begins, and from 3.13 on also ends, with book-keeping on its header line: left out.
        self.header = 0 if script.is_class else None
        self.last_line, self.last_span = 0, None  # the span of the last line event, or the offset of its instruction
        data = self.look(frame)
        if len(run.events) >= run.limit and run.is_full():
            return None
        line = frame.f_lineno or script.code.co_firstlineno  # a module's own has line 0
        if self.mixture is None:
            run.events.append((line, data, script.name))
            run.active = number
        else:
            self.add(CALL, line, data, script.name)
        self.looked_at = run.stirred
        self.ahead = self.step_of(line) or self.script.visit(line) if run.is_planning else None
        return self.trace

    def resume(self, frame):
        """A generator goes on."""
        run = self.run
        self.raised_at = -1
        self.caller = run.active
        data = self.look(frame)
        if len(run.events) >= run.limit and run.is_full():
            return None
        line = frame.f_lineno
        self.add(CALL, line, data)
        self.looked_at = run.stirred
        self.ahead = self.step_of(line) or self.script.visit(line) if run.is_planning else None
        return self.trace

    def local(self, frame, event, arg):
        """The trace function."""
        run = self.run
        if event == "line":
            line = frame.f_lineno
            self.raised_at = -1
            step = self.ahead
            if run.is_planning:
                self.ahead = self.step_of(line) or self.script.visit(line)
            if not self.is_simple and (self.header is not None or self.script.comprehensions is not None):
                line = self.place(frame, line)
                if line == 0:
                    self.ahead = None
                    return self.trace
            events = run.events
            if len(events) >= run.limit and run.is_full():
                return None
            if step is not None and self.looked_at == run.stirred and run.active == self.number:
                if step is QUIET:
                    events.append(line)
                    return self.trace
                if type(step) is str and (self.mixture is None or step in self.mixture.data):  # the one variable it binds
                    value = (frame.f_globals if self.script.is_module else frame.f_locals).get(step, events)
                    kind = type(value)
                    if kind is int and _LOW < value < _HIGH or kind in _FIXED or kind is str and len(value) <= MAX_STRING:
                        events.append((line, step, value))
                        if self.mixture is None:
                            self.last = None
                        else:
                            self.mixture.forget_data(step)
                        return self.trace
            if self.is_simple and not WARY:
                try:
                    variables = {**frame.f_locals} if _COPIES else frame.f_locals
                    data = _dumps(variables, _version)
                    if data == self.last:
                        data = None
                    elif len(data) <= MAX_WHOLE and (BUFFER not in data or is_all_data(data, variables.values())):
                        self.last = data
                    else:
                        data = self.look(frame)
                except (ValueError, MemoryError):
                    data = self.look(frame)
            else:
                data = self.look(frame)
            if run.is_planning:
                self.note(frame, step)
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
            run.stirred += 1
            self.ahead = None
            if len(run.events) >= run.limit and run.is_full():
                return None
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
            step = self.ahead
            data = None
            if step is not QUIET or self.looked_at != run.stirred:
                data = self.look(frame)
                if run.is_planning:
                    self.note(frame, step)
            self.ahead = None
            if len(run.events) >= run.limit and run.is_full():
                return None
            if value is not None and (type(value) is not int or not _LOW < value < _HIGH):
                value = packed(value)
            if run.active == self.number and self.names is None and self.texts is None:
                run.events.append((RETURN, line, data, value))
            else:
                self.add(RETURN, line, data, value)
            run.active = self.caller
        else:
            run.stirred += 1
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

    def note(self, frame, step):
        """Takes down whether what ran since the frame's last event, its step, may have changed containers in any frame.

        While `stirred` stays the same, a step has changed no more than the names it binds. What a calm step binds may still
        be a container that it changed in place: `ys += [1]`.
        """
        run = self.run
        if step is not QUIET:
            names, is_calm = step if type(step) is tuple else UNKNOWN if step is None else ((step,), True)
            if is_calm:
                value_of = (frame.f_globals if self.script.is_module else frame.f_locals).get
                is_calm = all([type(value_of(name)) in ATOMS for name in names])
            if not is_calm:
                run.stirred += 1
        self.looked_at = run.stirred

    def place(self, frame, line):
        """The line under which a line event is recorded; 0 for one that is not."""
        comprehensions = self.script.comprehensions
        if comprehensions is not None:
            is_whole = comprehensions.lines.get(line)
            if is_whole is None:
                self.last_span = None
            elif is_whole and line != self.last_line:
                self.last_line, self.last_span = line, frame.f_lasti  # seldom asked for
                return line
            else:
                before = self.last_span
                if type(before) is int:
                    before = comprehensions.span_at(before)
                span = self.last_span = comprehensions.span_at(frame.f_lasti)
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
                now = None if WARY and not are_data(variables.values()) else _dumps(variables, _version)
            except (ValueError, MemoryError):
                now = None
            if now is not None:
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
    """What an event says of a returned value: itself, data, or text."""
    kind = type(value)
    if kind in _FIXED:
        return value
    if kind in _SIZED and len(value) <= MAX_ITEMS and (not WARY or are_data((value,))):
        try:
            mark = _dumps(value, _version)
        except (ValueError, MemoryError):
            pass
        else:
            if len(mark) <= MAX_DATA and (BUFFER not in mark or is_all_data(mark, (value,))):
                return mark
    return render(value)
