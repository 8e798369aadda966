"""Records what a program does, step by step: the trace recorder.

Owns: which frames are traced (only code objects that were compiled from the program), what an event holds, the caps.
Leaves out: how values are written (trace_values.py), what a line can change (trace_plans.py), where comprehensions lie
(trace_comprehensions.py), running the program (harness.py) and every trace format (TypeScript).
Source: paper section 2.1 (line by line, variables where they change, 10,000 events or 1 MB).

Standard library only; CPython 3.10 and newer, and Pyodide. Two rules hold everywhere:

* Recording never runs the program's own code.
* Recording holds no reference to a mutable object of the program, so objects die when they would have died.

Versions agree: frames of comprehensions (before 3.12) are folded into their caller, and so are the line events that
an inlined comprehension (3.12 and newer) makes inside its caller.

An event is made for the wire (read by src/execution/wire.ts):
* `[kind, frame, line, changes, removed]` and, for returns and exceptions, the value. Kinds: 0 call, 1 line, 2 return,
  3 exception. `changes` is `[name, text, name, text, ...]` or 0, `removed` a list of names or 0.
* `[line, name, text, ...]`: a line event in the frame of the event before, with changes.
* `line`: a line event in the frame of the event before, without changes.
A generator's frame returns at each `yield` and is called again under the same frame number. A frame that an
exception leaves has an exception event and no return event.

Longer than other files, since the trace function and its state are one closure: it runs once per event, and each
call inside it costs as much as the rest.
"""

import marshal
import sys
from itertools import repeat
from weakref import ref

from trace_comprehensions import FOLDED_FRAMES, comprehensions_of
from trace_plans import QUIET, Planner, Temper, is_hidden
from trace_values import (
    ATOMS,
    CONTAINERS,
    HUGE,
    MAX_ITEMS,
    MAX_MARK,
    NAMED,
    WRAPPERS,
    exception_text,
    fingerprint,
    render,
    render_atom,
    short_literal,
)

CALL, LINE, RETURN, EXCEPTION = 0, 1, 2, 3

# Making a line's step costs as much as a few events without one, and most lines run only once or twice.
PLAN_AFTER = 2  # visits of a line without a step

# Frames that only some versions have: comprehensions, and (from 3.14 on) functions that evaluate annotations.
_FOLDED = FOLDED_FRAMES if sys.version_info < (3, 12) else ("__annotate__",)
_OPTIMIZED = 0x1  # CO_OPTIMIZED: functions, not modules and classes
_GENERATOR = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_MISSING = object()
_FIXED = ("__builtins__", "__loader__", "__spec__")


def _nothing():
    return _MISSING


def _return_opcodes():
    from opcode import opmap

    return frozenset(
        opmap[n] for n in ("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE", "YIELD_FROM", "SEND", "RETURN_GENERATOR")
        if n in opmap
    )


_RETURN_OPS = _return_opcodes()


class Recorder:
    """Traces code that was compiled under `filename`, between `start` and `stop`."""

    def __init__(self, filename, max_events=10_000, max_bytes=1_000_000, plan_after=PLAN_AFTER):
        self.filename = filename
        self.max_events = max_events
        self.max_bytes = max_bytes
        self.plan_after = plan_after  # or None: no plans, every event looks at everything
        self.events = []
        self.frames = []
        self.excluded = None
        self._program = None
        self._temper = None

    def prepare(self, code):
        """Tells the recorder the program it will see, before `start`; without it nothing is planned."""
        self._program = code

    def start(self):
        tracer = _tracer(self)
        threading = sys.modules.get("threading")
        if threading is not None:  # contest programs often run their main function in a thread
            threading.settrace(tracer)
        sys.settrace(tracer)

    def stop(self):
        sys.settrace(None)

    def temper(self):
        """The program's temper (trace_plans.py), read when it is first needed."""
        if self._temper is None:
            self._temper = Temper(self._program)
        return self._temper


class _Script:
    """What is the same for all frames of a code object."""

    def __init__(self, code, recorder):
        self.code = code
        self.raw = code.co_code
        self.comprehensions = comprehensions_of(code)
        self.is_module = code.co_name == "<module>"
        self.is_function = bool(code.co_flags & _OPTIMIZED)
        self.idle = []  # `start` functions of frames that have ended, to be used again
        self.steps = {}  # line -> step, for lines that have one
        self.others = code.co_cellvars + code.co_freevars  # variables that code elsewhere may bind
        self._visits = {}
        self._planner = None
        self._recorder = recorder
        self._plan_after = recorder.plan_after
        self._is_unplanned = self._plan_after is None or not (self.is_function or self.is_module)

    def visit(self, line):
        """The step of a line that has none yet; None until it was visited often enough to be worth one."""
        if self._is_unplanned:
            return None
        visits = self._visits.get(line, 0)
        if visits != self._plan_after:
            self._visits[line] = visits + 1
            return None
        if self._planner is None:
            temper = self._recorder.temper()
            self._is_unplanned = temper.unplanned
            self._planner = Planner(self.code, temper)
            if self.is_module:
                self.others = temper.shared
        self._visits[line] = visits + 1
        step = self._planner.step(line)
        if step is not None:
            self.steps[line] = step
        return step


def _tracer(recorder):
    """The trace function. Everything it needs is a local of this closure: it runs once per event."""
    filename = recorder.filename
    scripts = {}  # id of a code object -> (it, its idle frames or None for code that is not traced, its script)
    script_of = scripts.get
    events, frames = recorder.events, recorder.frames
    max_events, max_bytes = recorder.max_events, recorder.max_bytes
    add_event, add_frame = events.append, frames.append
    missing, nothing, no_marks, dumps, version = _MISSING, _nothing, {}, marshal.dumps, repeat(2)
    low, high = -HUGE, HUGE
    atom_types, named_types, container_types, wrapper_types = ATOMS, NAMED, CONTAINERS, WRAPPERS
    quiet = QUIET
    active = -1  # the frame of the last event
    # How many steps have ended that may have changed a container, in any frame. While it stays the same, a step has
    # changed no more than the names it binds.
    stirred = 0
    size = 0  # characters in all events
    roomy = max_bytes - 16 * max_events
    limit = max_events if roomy >= 0 else max_bytes // 16 + 1  # events that there may be
    over = False

    def grow(characters):
        """Counts what was written; an event counts 16 on top."""
        nonlocal size, limit
        size += characters
        if size > roomy:  # else only the number of events can be too much
            limit = min(max_events, (max_bytes - size) // 16 + 1)

    def exclude():
        nonlocal over
        over = True
        recorder.excluded = "too-many-events" if len(events) >= max_events else "too-large"
        sys.settrace(None)

    def meet(code):
        """A code object that was not seen before."""
        if code.co_filename != filename or code.co_name in _FOLDED:
            entry = code, None, None
        else:
            script = _Script(code, recorder)
            entry = code, script.idle, script
        scripts[id(code)] = entry
        return entry

    def enter(frame, event, arg):
        code = frame.f_code
        entry = script_of(id(code))
        if entry is None:
            entry = meet(code)
        _, idle, script = entry
        if idle is None or over:
            return None
        if idle:
            return idle.pop()(frame)
        if code.co_flags & _GENERATOR:
            resumed = frame.f_trace
            if resumed is not None:
                resumed(frame, "call", None)
                return resumed
        return frame_tracer(script)(frame)

    def frame_tracer(script):
        """A function that begins to trace a frame of a script."""
        idle, raw, code, visit = script.idle, script.raw, script.code, script.visit
        step_of = script.steps.get
        comprehensions = script.comprehensions
        first_line = code.co_firstlineno
        # Not `f_locals`: where a comprehension is inlined, 3.12.1 shows old values there, and warns.
        is_module = script.is_module
        # Others may bind a module's names meanwhile; from 3.13 on a look into a frame's variables is slow.
        copies = is_module or sys.version_info >= (3, 13)
        atoms = {}  # name -> the immutable object it had
        references = {}  # name -> weak reference to the function, class or module it had
        # What may change while it is the same object:
        marks = {}  # name -> fingerprint of the short built-in container it had
        loose = {}  # name -> fingerprint, or None, of any other object it had
        texts = {}  # name -> what was last written
        atom_of, reference_of, mark_of, loose_mark_of, text_of = atoms.get, references.get, marks.get, loose.get, texts.get
        number = -1
        last_line = 0
        last_span = None  # of the last line event, or the offset of its instruction
        raised_at = -1
        looked_at = -1  # `stirred` when all variables were last looked at
        removed = 0  # names that the last look found gone, or 0
        ahead = None  # the step of what runs between the last event and the next; None when it is not known
        # The body of a class begins, and from 3.13 on also ends, with book-keeping on its header line: left out.
        header = None if script.is_function or script.is_module else 0
        tricky = comprehensions is not None or header is not None
        reusable = header is None and not code.co_flags & _GENERATOR

        def start(frame):
            nonlocal number, last_line, last_span
            number = len(frames)
            add_frame(code.co_name)
            last_line, last_span = 0, None
            return call(frame)

        def call(frame):
            nonlocal active, ahead, raised_at
            raised_at = -1
            changes = examine(frame, None, True)
            if len(events) >= limit:
                return exclude()
            line = frame.f_lineno or first_line  # a module's own has line 0
            add_event((CALL, number, line, changes, removed))
            active = number
            ahead = step_of(line) or visit(line)
            return local

        def end():
            atoms.clear()
            texts.clear()
            if references:
                references.clear()
            if marks:
                marks.clear()
            if loose:
                loose.clear()
            idle.append(start)

        def local(frame, event, arg):
            nonlocal active, ahead, raised_at, removed, size, stirred
            step = ahead
            if event == "line":
                line = frame.f_lineno
                if tricky:
                    ahead = None
                    raised_at = -1
                    at = line
                    line = place(frame, line)
                    if line == 0:
                        return local
                    ahead = step_of(at) or visit(at)
                else:
                    ahead = step_of(line) or visit(line)
                changes = removed = 0
                if step is quiet and looked_at == stirred:
                    pass
                elif type(step) is str and looked_at == stirred and (before := atom_of(step, missing)) is not missing:
                    value = (frame.f_globals if is_module else frame.f_locals).get(step, missing)
                    if before is not value:
                        kind = type(value)
                        if kind in atom_types:
                            text = repr(value) if kind is int and low < value < high else render_atom(value, kind)
                            atoms[step] = value
                            if text_of(step) != text:
                                texts[step] = text
                                size += len(step) + len(text)
                                if size > roomy:
                                    grow(0)
                                if active == number:
                                    if len(events) < limit:
                                        add_event((line, step, text))
                                        return local
                                    return exclude()
                                changes = step, text
                        else:
                            changes = examine(frame, step)
                else:
                    raised_at = -1
                    changes = examine(frame, step)
                if len(events) >= limit:
                    return exclude()
                if active == number and step is not None and not removed:
                    add_event([line, *changes] if changes else line)
                else:
                    add_event((LINE, number, line, changes, removed))
                    active = number
                return local
            if event == "return":
                ahead = None
                if arg is None:
                    at = frame.f_lasti
                    if raw[at] not in _RETURN_OPS or at == raised_at:
                        stirred += 1
                        if reusable:
                            end()
                        return local  # an exception leaves the frame
                line = frame.f_lineno
                if header is not None:
                    line = last_line or line
                changes = removed = 0
                if step is not quiet or looked_at != stirred:
                    changes = examine(frame, step)
                text = render(arg)
                grow(len(text))
                if len(events) >= limit:
                    return exclude()
                add_event((RETURN, number, line, changes, removed, text))
                active = number
                if reusable:
                    end()
                return local
            if event == "exception":
                ahead = None
                raised_at = frame.f_lasti
                # Inside a comprehension its variables would be among those of the frame, from 3.12 on.
                if comprehensions is not None and comprehensions.span_at(frame.f_lasti) is not None:
                    changes = removed = 0
                else:
                    changes = examine(frame, step)
                stirred += 1
                text = exception_text(arg)
                grow(len(text))
                if len(events) >= limit:
                    return exclude()
                add_event((EXCEPTION, number, frame.f_lineno, changes, removed, text))
                active = number
                return local
            if event == "call":  # a generator goes on
                call(frame)
            return local

        def place(frame, line):
            """The line under which a line event is recorded; 0 for one that is not."""
            nonlocal last_line, last_span, header
            if comprehensions is not None:
                span = None
                before = comprehensions.span_at(last_span) if type(last_span) is int else last_span
                if line in comprehensions.lines:
                    if line != last_line and comprehensions.lines[line]:
                        last_line, last_span = line, frame.f_lasti  # seldom asked for
                        return line
                    span = comprehensions.span_at(frame.f_lasti)
                last_span = span
                if span is not None:
                    line = span[0]
                    if span is before or line == last_line:
                        return 0
                elif before is not None and line == last_line:
                    return 0  # back from the comprehension to the rest of its line
            if header is not None:
                if header == 0:
                    header = line
                if line == header:
                    return 0
            last_line = line
            return line

        def examine(frame, step, begins=False):
            """What changed among the frame's variables since they were last looked at; sets `removed`.

            `step`: what ended. Nothing has if the frame `begins`.
            """
            nonlocal looked_at, removed, size, stirred
            removed = 0
            variables = frame.f_globals if is_module else frame.f_locals
            value_of = variables.get
            fresh = no_marks
            if step is None:
                if copies:
                    variables = variables.copy()
                pairs = variables.items()
                stirs = not begins
            else:
                bound, calm = step if type(step) is tuple else ((step,), True)
                # What a calm step binds may still be a container that it changed in place: `ys += [1]`.
                stirs = not (calm and all([type(value_of(name)) in atom_types for name in bound]))
                names = bound
                if stirs or looked_at != stirred:
                    names = [*bound, *script.others, *loose]
                    if marks:
                        try:
                            fresh = dict(zip(marks, map(dumps, map(value_of, marks), version)))
                        except ValueError:  # one holds something else by now
                            names += marks
                        else:
                            if fresh != marks:
                                names += [name for name, mark in marks.items() if fresh[name] != mark]
                pairs = [(name, value_of(name, missing)) for name in names]
            if stirs:
                stirred += 1
            looked_at = stirred
            changes = 0
            for name, value in pairs:
                if atom_of(name, missing) is value:
                    continue
                kind = type(value)
                if kind in atom_types:
                    text = repr(value) if kind is int and low < value < high else render_atom(value, kind)
                    if name not in atoms and name in texts:
                        drop(name)
                    atoms[name] = value
                else:
                    mark = None
                    short = kind in container_types and len(value) <= MAX_ITEMS
                    if short:
                        try:
                            mark = fresh[name] if name in fresh else dumps(value, 2)
                        except ValueError:
                            pass
                        else:
                            if mark_of(name) == mark:
                                continue
                    elif kind in named_types:
                        if reference_of(name, nothing)() is value:
                            continue
                    elif kind in container_types or kind in wrapper_types:
                        mark = fingerprint(value)
                        if mark is not None and loose_mark_of(name) == mark:
                            continue
                    elif value is missing:
                        continue
                    kept = short and mark is not None and len(mark) <= MAX_MARK
                    if name in texts and not (kept and name in marks):
                        drop(name)
                    if name[0] in "._" and is_hidden(name):
                        texts[name] = ""
                        if name in _FIXED:
                            atoms[name] = value
                        continue
                    text = (short_literal if kept else render)(value, mark)
                    if text is None:
                        text = render(value, mark)
                    if kind in named_types:
                        references[name] = ref(value)
                    elif kept:
                        marks[name] = mark
                    else:
                        loose[name] = None if short else mark
                if text_of(name) == text:
                    continue
                texts[name] = text
                if name[0] in "._" and is_hidden(name):
                    continue
                if changes:
                    changes += name, text
                else:
                    changes = [name, text]
            if changes:
                size += sum(map(len, changes))
                if size > roomy:
                    grow(0)
            if len(variables) < len(texts):
                forget(variables)
            if changes and len(changes) > 2 and step is not None:
                by_name = dict(zip(changes[::2], changes[1::2]))
                changes = [part for name in variables if name in by_name for part in (name, by_name[name])]
            return changes

        def drop(name):
            """Forgets what a name had."""
            atoms.pop(name, None)
            references.pop(name, None)
            marks.pop(name, None)
            loose.pop(name, None)

        def forget(variables):
            """Names that are gone."""
            nonlocal removed
            gone = [name for name in texts if name not in variables]
            for name in gone:
                drop(name)
                del texts[name]
            removed = [name for name in gone if name[0] != "." and name[:2] != "__"] or 0

        return start

    return enter
