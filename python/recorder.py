"""Records what a program does, step by step: the trace recorder.

Owns: which frames are traced (only code objects that were compiled from the program), what an event holds, how
values are written, the caps. Leaves out: running the program (harness.py) and every trace format (TypeScript).
Source: paper section 2.1 (line by line, variables where they change, 10,000 events or 1 MB).

Standard library only; CPython 3.10 and newer, and Pyodide. Two rules hold everywhere:

* Recording never runs the program's own code. Values are written from exact built-in types; an object of any other
  type is written as `<Type ...>` from its instance dictionary, read without its `__getattribute__`, `__repr__`,
  properties or metaclass. No addresses are written.
* Recording holds no reference to a mutable object of the program, so objects die when they would have died.

Versions agree: frames of comprehensions (before 3.12) are folded into their caller, and so are the line events that
an inlined comprehension (3.12 and newer) makes inside its caller.

An event is a tuple, made for the wire: (kind, frame, line, changes, removed[, value]), kind 0 call, 1 line,
2 return, 3 exception; `changes` a dict of name -> text, or 0; `removed` a list of names, or 0.
A generator's frame returns at each `yield` and is called again under the same frame number. A frame that an
exception leaves has an exception event and no return event.
"""

import ast
import marshal
import sys
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)

CALL, LINE, RETURN, EXCEPTION = 0, 1, 2, 3

MAX_STRING = 1000  # characters of a string that is written whole
MAX_ITEMS = 100  # items of one collection that are written
MAX_TEXT = 2000  # characters of a collection, about
MAX_MARK = 20_000  # bytes of a collection whose changes are looked for by its fingerprint
MAX_NODES = 400  # values written inside one value
MAX_DEPTH = 6
MAX_INT_BITS = 3300  # just under 1,000 digits
SHOWN_CHARS = 80  # characters of a string that is shortened
SHOWN_ITEMS = 20  # items of a collection that is shortened

ATOMS = frozenset((int, float, bool, str, bytes, complex, type(None), type(Ellipsis)))
CONTAINERS = frozenset((list, dict, tuple, set, frozenset))
# Written from their name alone, so as long as it is the same object there is nothing new to write.
NAMED = frozenset((FunctionType, BuiltinFunctionType, ModuleType, type))

# Frames that only some versions have: comprehensions, and (from 3.14 on) functions that evaluate annotations.
_FOLDED = ("<listcomp>", "<setcomp>", "<dictcomp>") if sys.version_info < (3, 12) else ("__annotate__",)
_OPTIMIZED = 0x1  # CO_OPTIMIZED: functions, not modules and classes
_GENERATOR = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_MISSING = object()
_type_name = type.__dict__["__name__"].__get__
_type_mro = type.__dict__["__mro__"].__get__
_type_dict = type.__dict__["__dict__"].__get__
_module_dict = ModuleType.__dict__["__dict__"].__get__
_BUILTIN_EXCEPTIONS = frozenset(
    v for v in vars(__import__("builtins")).values() if isinstance(v, type) and issubclass(v, BaseException)
)
_HUGE = 1 << MAX_INT_BITS


# ---------------------------------------------------------------- values


def render(value, mark=None):
    """Writes a value as a Python literal, or as `<Type ...>` when it is none or too long. `mark`: its fingerprint, if known."""
    kind = type(value)
    if kind in ATOMS:
        return _atom(value, kind)
    if kind in CONTAINERS and len(value) <= MAX_ITEMS:
        text = _short_literal(value, fingerprint(value) if mark is None else mark)
        if text is not None:
            return text
    return _render(value, 0, [MAX_NODES], ())


def fingerprint(value):
    """Bytes that change when a container of built-in values does, made without running its elements' code; or None.

    `marshal` takes exact built-in types only, and refuses everything else. (Version 2: without references, whose
    numbering depends on reference counts.)
    """
    size = len(value)
    try:
        if size > MAX_ITEMS:  # written shortened: only what is written counts
            kind = type(value)
            return marshal.dumps((size, value[:SHOWN_ITEMS]), 2) if kind is list or kind is tuple else None
        mark = marshal.dumps(value, 2)
    except ValueError:
        return None
    return mark if len(mark) <= MAX_MARK else None


def _short_literal(value, mark):
    """`repr` of a container of built-in values, if that is a short literal with nothing to be put in order."""
    if mark is None or len(mark) > MAX_MARK:
        return None
    try:
        text = repr(value)
    except ValueError:  # an integer beyond the digit limit
        return None
    if len(text) > MAX_TEXT or "<" in text:
        return None
    # A set has to be put in order. "<" and ">" are marshal's codes for sets, and may be data, so this errs safely.
    if ("{" in text or "set(" in text) and (b"<" in mark or b">" in mark):
        return None
    return text


def _atom(value, kind):
    if kind is int:
        if -_HUGE < value < _HUGE:
            return repr(value)
        return "<int of %d bits>" % value.bit_length()
    if (kind is str or kind is bytes) and len(value) > MAX_STRING:
        return "<%s of %d %r...>" % (_type_name(kind), len(value), value[:SHOWN_CHARS])
    return repr(value)


def _render(value, depth, budget, active):
    kind = type(value)
    budget[0] -= 1
    if kind in ATOMS:
        return _atom(value, kind)
    if kind in NAMED:
        if kind is type:
            return "<class %s>" % _type_name(value)
        label = {FunctionType: "function", BuiltinFunctionType: "builtin", ModuleType: "module"}[kind]
        name = _module_dict(value).get("__name__") if kind is ModuleType else value.__name__
        return "<%s %s>" % (label, name if type(name) is str else "?")
    if kind is range:
        return repr(value)
    mro = _type_mro(kind)
    for base, opening, closing in ((list, "[", "]"), (tuple, "(", ")"), (dict, "{", "}"), (set, "{", "}"),
                                   (frozenset, "frozenset({", "})")):
        if base in mro:
            body = _collection(value, base, opening, closing, depth, budget, active)
            return body if kind is base else "<%s %s>" % (_type_name(kind), body)
    if _deque is not None and kind is _deque:
        return "<deque %s>" % _collection(value, _deque, "[", "]", depth, budget, active)
    for base in (int, str, float, bytes):
        if base in mro:
            return _enum_member(value, kind) or "<%s %s>" % (_type_name(kind), _plain(value, base))
    if kind is MethodType:
        function = value.__func__
        return "<method %s>" % (function.__name__ if type(function) in (FunctionType, BuiltinFunctionType) else "?")
    if kind is slice or kind is memoryview:
        return "<%s>" % _type_name(kind)
    if BaseException in mro:
        return "<%s %s>" % (_type_name(kind), exception_message(value))
    if type in mro:
        return "<class %s>" % _type_name(value)
    return _enum_member(value, kind) or _object(value, kind, depth, budget, active)


def _plain(value, base):
    """The value of an instance of a subclass of a scalar type, without calling the subclass."""
    if base is int:
        return _atom(int.__add__(value, 0), int)
    if base is float:
        return repr(float.__add__(value, 0.0))
    return _atom(base.__getitem__(value, slice(0, None))[:], base)


def _collection(value, base, opening, closing, depth, budget, active):
    size = base.__len__(value)
    if size == 0:
        return {set: "set()", frozenset: "frozenset()"}.get(base, opening + closing)
    address = id(value)
    if address in active or depth >= MAX_DEPTH or budget[0] <= 0:
        return "<%s of %d>" % (_type_name(base), size)
    active = active + (address,)
    room = MAX_ITEMS if size <= MAX_ITEMS else SHOWN_ITEMS
    parts = []
    length = 0
    if base is dict:
        items = dict.items(value)
        for key, item in items:
            if len(parts) >= room or budget[0] <= 0 or length > MAX_TEXT:
                break
            parts.append(_render(key, depth + 1, budget, active) + ": " + _render(item, depth + 1, budget, active))
            length += len(parts[-1])
    elif base is set or base is frozenset:
        for item in _ordered(value, base, depth, active):
            if len(parts) >= room or budget[0] <= 0 or length > MAX_TEXT:
                break
            parts.append(_render(item, depth + 1, budget, active))
            length += len(parts[-1])
    else:
        for item in base.__iter__(value):
            if len(parts) >= room or budget[0] <= 0 or length > MAX_TEXT:
                break
            parts.append(_render(item, depth + 1, budget, active))
            length += len(parts[-1])
    body = opening + ", ".join(parts)
    if len(parts) < size:
        return "<%s of %d %s, ...%s>" % (_type_name(base), size, body, closing)
    if base is tuple and size == 1:
        body += ","
    return body + closing


def _ordered(value, base, depth, active):
    """The items of a set in an order that does not depend on hashes: by value where that is safe, else by text."""
    items = list(base.__iter__(value))
    kinds = set(map(type, items))
    if kinds <= {int, bool} or kinds == {str} or kinds == {bytes}:
        items.sort()
    elif len(items) <= MAX_ITEMS:
        items.sort(key=lambda item: _render(item, depth + 1, [MAX_NODES], active))
    return items


def _enum_member(value, kind):
    fields = _instance_dict(value, kind)
    if fields and "_name_" in fields and "_value_" in fields and type(fields["_name_"]) is str:
        return "<%s.%s>" % (_type_name(kind), fields["_name_"])
    return None


def _instance_dict(value, kind):
    for cls in _type_mro(kind):
        descriptor = _type_dict(cls).get("__dict__")
        if descriptor is not None:
            if type(descriptor) is GetSetDescriptorType:
                fields = descriptor.__get__(value)
                return fields if type(fields) is dict else None
            return None
    return None


def _object(value, kind, depth, budget, active):
    """`<Type field=value ...>`, from the instance dictionary and slots."""
    name = _type_name(kind)
    if _type_dict(kind).get("__module__") != "__main__":  # fields of the standard library's objects are its business
        return "<%s>" % name
    address = id(value)
    if address in active or depth >= MAX_DEPTH or budget[0] <= 0:
        return "<%s>" % name
    active = active + (address,)
    parts = [name]
    fields = _instance_dict(value, kind)
    for key, item in list(fields.items()) if fields else ():
        if len(parts) > SHOWN_ITEMS or budget[0] <= 0:
            parts.append("...")
            break
        if type(key) is str:
            parts.append(key + "=" + _render(item, depth + 1, budget, active))
    for cls in _type_mro(kind):
        for key, descriptor in list(_type_dict(cls).items()):
            if type(descriptor) is MemberDescriptorType and len(parts) <= SHOWN_ITEMS:
                try:
                    item = descriptor.__get__(value)
                except AttributeError:
                    continue
                parts.append(key + "=" + _render(item, depth + 1, budget, active))
    return "<" + " ".join(parts) + ">"


def exception_message(error):
    """What `str(error)` would say, where that runs only built-in code; else its arguments."""
    kind = type(error)
    args = BaseException.args.__get__(error)
    plain = type(args) is tuple and all(type(a) in ATOMS for a in args)
    if kind in _BUILTIN_EXCEPTIONS and plain:
        try:
            return _shorten(str(error))
        except Exception:
            return ""
    if type(args) is not tuple or not args:
        return ""
    if len(args) == 1:
        return _shorten(args[0]) if type(args[0]) is str else render(args[0])
    return render(args)


def _shorten(text):
    return text if len(text) <= MAX_STRING else text[:MAX_STRING] + "..."


def _load_deque():
    try:
        from collections import deque

        return deque
    except ImportError:
        return None


_deque = _load_deque()


# ---------------------------------------------------------------- comprehensions
#
# Before 3.12 a comprehension is a function of its own; from 3.12 on it is part of its caller, which then has line
# events for every round. We keep of either only the first event, on the line where the comprehension begins.


def comprehension_spans(source):
    """[(line, column, end line, end column)] of the comprehensions that lie in no other one."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    spans = []
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp)):
            spans.append((node.lineno, node.col_offset, node.end_lineno, node.end_col_offset))
            # Code objects of their own inside it may hold comprehensions again; those have their own extent.
        pending.extend(ast.iter_child_nodes(node))
    return spans


def _has_comprehension(code):
    for const in code.co_consts:
        if type(const) is type(code) and (const.co_name in _COMPREHENSIONS or _has_comprehension(const)):
            return True
    if _APPEND_OPS:
        raw = code.co_code[::2]
        return any(op in raw for op in _APPEND_OPS)
    return False


def _spans_of(code, spans):
    """(positions by instruction, the spans in this code object that lie in no other one of it, their lines), or None."""
    if not hasattr(code, "co_positions"):  # 3.10
        return None
    positions = list(code.co_positions())
    known = [p for p in positions if None not in p]
    if not known:
        return None
    if code.co_name == "<module>":
        inside = list(spans)
    else:
        low = min((p[0], p[2]) for p in known if p[0] >= code.co_firstlineno)
        high = max((p[1], p[3]) for p in known)
        inside = [s for s in spans if low <= (s[0], s[1]) and (s[2], s[3]) <= high]
    outer = [
        s for s in inside
        if not any(o != s and (o[0], o[1]) <= (s[0], s[1]) and (s[2], s[3]) <= (o[2], o[3]) for o in inside)
    ]
    lines = frozenset(line for s in outer for line in range(s[0], s[2] + 1))
    return (positions, outer, lines) if outer else None


def _append_opcodes():
    from opcode import opmap

    return tuple(opmap[n] for n in ("LIST_APPEND", "SET_ADD", "MAP_ADD") if n in opmap)


_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
_APPEND_OPS = _append_opcodes() if sys.version_info >= (3, 12) else ()


def _return_opcodes():
    from opcode import opmap

    return frozenset(
        opmap[n] for n in ("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE", "YIELD_FROM", "SEND", "RETURN_GENERATOR")
        if n in opmap
    )


_RETURN_OPS = _return_opcodes()


# ---------------------------------------------------------------- plans
#
# Between two events of a frame only the instructions of one line run. A plan says, by line, what they can do to the
# frame's variables, so that most events need not look at them all. A line is *calm* when it can neither change a
# container or object nor bind a cell, unless the program's own functions run, and those make events. What is not
# known to be calm is not.

_CALM = frozenset("""
    BINARY_ADD BINARY_AND BINARY_FLOOR_DIVIDE BINARY_LSHIFT BINARY_MATRIX_MULTIPLY BINARY_MODULO BINARY_MULTIPLY
    BINARY_OP BINARY_OR BINARY_POWER BINARY_RSHIFT BINARY_SUBTRACT BINARY_TRUE_DIVIDE BINARY_XOR INPLACE_ADD INPLACE_AND
    INPLACE_FLOOR_DIVIDE INPLACE_LSHIFT INPLACE_MODULO INPLACE_MULTIPLY INPLACE_OR INPLACE_POWER INPLACE_RSHIFT
    INPLACE_SUBTRACT INPLACE_TRUE_DIVIDE INPLACE_XOR BUILD_CONST_KEY_MAP BUILD_LIST BUILD_MAP BUILD_SLICE BUILD_STRING
    BUILD_TUPLE CACHE COMPARE_OP CONTAINS_OP CONVERT_VALUE COPY COPY_FREE_VARS DUP_TOP DUP_TOP_TWO END_FOR EXTENDED_ARG
    FORMAT_SIMPLE FORMAT_VALUE FORMAT_WITH_SPEC IS_OP KW_NAMES LOAD_ASSERTION_ERROR LOAD_ATTR LOAD_CLOSURE
    LOAD_COMMON_CONSTANT LOAD_CONST LOAD_CONST_IMMORTAL LOAD_DEREF LOAD_FAST LOAD_FAST_BORROW
    LOAD_FAST_BORROW_LOAD_FAST_BORROW LOAD_FAST_CHECK LOAD_FAST_LOAD_FAST LOAD_GLOBAL LOAD_NAME LOAD_SMALL_INT MAKE_CELL
    CHECK_EXC_MATCH NOP NOT_TAKEN POP_EXCEPT POP_ITER POP_TOP PRECALL PUSH_EXC_INFO PUSH_NULL RERAISE RESUME RETURN_CONST RETURN_VALUE ROT_FOUR ROT_N ROT_THREE ROT_TWO
    SWAP TO_BOOL UNARY_INVERT UNARY_NEGATIVE UNARY_NOT UNARY_POSITIVE
""".split())
# Calm unless the program may hold an iterator or dictionary that calls a built-in function when it is used.
_CALM_IF_EAGER = frozenset(
    "BINARY_SLICE BINARY_SUBSCR FOR_ITER GET_ITER GET_LEN LIST_EXTEND UNPACK_SEQUENCE".split()
)
_CALM_CALLS = frozenset("abs bin bool chr divmod float hex input int isinstance len max min ord pow print range round str "
                        "sum".split())
_CALM_METHODS = frozenset("bit_length copy count endswith find get index isalnum isalpha isdigit items join keys lower "
                          "lstrip readline replace rstrip split startswith strip upper values".split())
_LAZY = frozenset("accumulate defaultdict dropwhile filter filterfalse groupby iter itertools map partial property "
                  "reduce starmap takewhile".split())
_UNPLANNED = frozenset("__builtins__ __import__ _getframe builtins compile ctypes currentframe eval exec f_back f_locals gc "
                       "globals import_module importlib inspect locals settrace vars".split())
_CONVERSIONS = frozenset("chr float int len ord str".split())


def _temper(code):
    """`eager`, `lazy` (see _CALM_IF_EAGER), or `unplanned`: variables may change behind the instructions' back."""
    temper = "eager"
    pending = [code]
    while pending:
        code = pending.pop()
        names = set(code.co_names)
        if names & _UNPLANNED:
            return "unplanned"
        lazy = names & _LAZY
        if lazy and (lazy != {"map"} or not _maps_convert(code)):
            temper = "lazy"
        stored = names.intersection(_CALM_CALLS) and _stored_names(code)
        if stored and stored & _CALM_CALLS:
            return "unplanned"
        if any(operation == "IMPORT_STAR" for _, operation, _ in _instructions(code)):
            temper = "lazy"
        pending.extend(const for const in code.co_consts if type(const) is type(code))
    return temper


def _stored_names(code):
    return {code.co_names[arg] for _, name, arg in _instructions(code) if name in ("STORE_NAME", "STORE_GLOBAL")}


def _maps_convert(code):
    """Whether every `map` is called at once with the name of a conversion."""
    loads = [
        (name, arg) for _, name, arg in _instructions(code)
        if name not in ("CACHE", "PUSH_NULL", "EXTENDED_ARG", "PRECALL", "NOP")
    ]
    for at, (name, arg) in enumerate(loads):
        if name == "LOAD_ATTR" or name == "LOAD_METHOD" or name == "IMPORT_FROM" or name.startswith("STORE_"):
            continue
        loaded = _loaded_name(code, name, arg)
        if loaded == "map":
            after = loads[at + 1] if at + 1 < len(loads) else ("", 0)
            if _loaded_name(code, *after) not in _CONVERSIONS:
                return False
    return True


def _loaded_name(code, operation, arg):
    if operation == "LOAD_NAME":
        return code.co_names[arg]
    if operation == "LOAD_GLOBAL":
        return code.co_names[arg >> 1 if _VERSION >= (3, 11) else arg]
    return None


def _instructions(code):
    """(offset, name, argument) of each instruction."""
    raw = code.co_code
    extended = 0
    for at in range(0, len(raw), 2):
        name = _OPNAMES[raw[at]]
        arg = extended | raw[at + 1]
        yield at, name, arg
        extended = arg << 8 if name == "EXTENDED_ARG" else 0


def _plan_of(code, temper):
    """line -> (names that it binds or deletes, whether it is calm); a line that is not there can do anything."""
    if temper == "unplanned":
        return {}
    calm_operations = _CALM | _CALM_IF_EAGER if temper == "eager" else _CALM
    lines = {}
    for start, end, line in code.co_lines():
        for at in range(start, end, 2):
            lines[at] = line
    bound, unknown, stirred, calls, callees = {}, set(), set(), {}, {}
    fast, names = code.co_varnames, code.co_names
    before = "", 0
    for at, name, arg in _instructions(code):
        if name == "CACHE":
            continue
        line = lines.get(at)
        binds = bound.setdefault(line, set())
        if name == "STORE_FAST" or name == "DELETE_FAST" or name == "LOAD_FAST_AND_CLEAR":
            binds.add(fast[arg])
            if name != "STORE_FAST":
                stirred.add(line)
        elif name == "STORE_NAME" or name == "DELETE_NAME":
            binds.add(names[arg])
            if name == "DELETE_NAME":
                stirred.add(line)
        elif name == "STORE_FAST_LOAD_FAST":
            binds.add(fast[arg >> 4])
        elif name == "STORE_FAST_STORE_FAST":
            binds.update((fast[arg >> 4], fast[arg & 15]))
        elif name in ("STORE_ATTR", "STORE_SUBSCR", "STORE_SLICE", "STORE_DEREF", "STORE_GLOBAL"):
            stirred.add(line)
        elif "STORE" in name or "IMPORT" in name:
            unknown.add(line)
        elif name == "CALL" or name == "CALL_FUNCTION":
            calls[line] = calls.get(line, 0) + 1
        elif name not in calm_operations and "JUMP" not in name and name != "LOAD_METHOD":
            stirred.add(line)
        if _is_calm_callee(names, name, arg, before):
            callees[line] = callees.get(line, 0) + 1
        before = name, arg
    # What has no line belongs to every line.
    if None in unknown:
        return {}
    anywhere = bound.pop(None, set())
    plan = {}
    for line, binds in bound.items():
        if line not in unknown:
            calls_calmly = calls.get(line, 0) == (callees.get(line, 0) if temper == "eager" else 0)
            calm = calls_calmly and line not in stirred and None not in stirred
            plan[line] = (tuple(binds | anywhere), calm)
    return plan


def _is_calm_callee(names, name, arg, before):
    """Whether this instruction puts something on the stack that will be called, and is calm."""
    if name == "LOAD_GLOBAL":
        return _VERSION >= (3, 11) and arg & 1 and names[arg >> 1] in _CALM_CALLS
    if name == "LOAD_METHOD":
        return names[arg] in _CALM_METHODS
    if name == "LOAD_ATTR":
        return _VERSION >= (3, 12) and arg & 1 and names[arg >> 1] in _CALM_METHODS
    if name == "LOAD_NAME":
        return before[0] == "PUSH_NULL" and _VERSION < (3, 13) and names[arg] in _CALM_CALLS
    if name == "PUSH_NULL":
        return before[0] == "LOAD_NAME" and _VERSION >= (3, 13) and names[before[1]] in _CALM_CALLS
    return False


_OPNAMES = __import__("opcode").opname
_VERSION = sys.version_info[:2]


# ---------------------------------------------------------------- the recorder


class Recorder:
    """Traces code that was compiled under `filename`, between `start` and `stop`."""

    def __init__(self, filename, max_events=10_000, max_bytes=1_000_000):
        self.filename = filename
        self.max_events = max_events
        self.max_bytes = max_bytes
        self.events = []
        self.frames = []
        self.excluded = None
        self._spans = []
        self._temper = "unplanned"

    def prepare(self, code, source):
        """Tells the recorder the code it will see, before `start`."""
        self._temper = _temper(code)
        if _has_comprehension(code):
            self._spans = comprehension_spans(source)

    def start(self):
        tracer = _tracer(self)
        threading = sys.modules.get("threading")
        if threading is not None:  # contest programs often run their main function in a thread
            threading.settrace(tracer)
        sys.settrace(tracer)

    def stop(self):
        sys.settrace(None)


def _tracer(recorder):
    """The trace function. Everything it needs is a local of this closure: it runs once per event."""
    filename = recorder.filename
    all_spans = recorder._spans
    spans_by_code = {}
    plans = {}  # id of a code object -> (the code object, its plan)
    free_tracers = {}  # id of a code object (its tracers keep it alive) -> tracers of ended frames, to be used again
    events, frames = recorder.events, recorder.frames
    max_events, max_bytes = recorder.max_events, recorder.max_bytes
    add_event, add_frame = events.append, frames.append
    settrace, missing, dumps = sys.settrace, _MISSING, marshal.dumps
    low, high = -_HUGE, _HUGE
    active = -1  # the frame of the last event
    atom_types, named_types, container_types = ATOMS, NAMED, CONTAINERS
    size = 0

    def exclude(reason):
        recorder.excluded = reason
        settrace(None)

    def enter(frame, event, arg):
        code = frame.f_code
        if code.co_filename != filename or code.co_name in _FOLDED or recorder.excluded is not None:
            return None
        if code.co_flags & _GENERATOR:
            resumed = frame.f_trace
            if resumed is not None:
                resumed(frame, "call", None)
                return resumed
        number = len(frames)
        add_frame(code.co_name)
        free = free_tracers.get(id(code))
        if free:
            local, reset = free.pop()
            reset(number)
            local(frame, "call", None)
            return local
        spans = None
        if all_spans:
            if id(code) not in spans_by_code:
                spans_by_code[id(code)] = (code, _spans_of(code, all_spans))
            spans = spans_by_code[id(code)][1]
        if id(code) not in plans:
            plans[id(code)] = (code, _plan_of(code, recorder._temper))
        local = frame_tracer(number, code, spans, plans[id(code)][1])
        local(frame, "call", None)
        return local

    def frame_tracer(number, code, spans, plan):
        atoms = {}  # name -> the immutable object it had
        named = {}  # name -> id of the function, class or module it had
        marks = {}  # name -> fingerprint of the container it had
        texts = {}  # name -> what was last written
        atom_of, mark_of, text_of = atoms.get, marks.get, texts.get
        watched = set()  # names whose value may change while it is the same object
        known = 0  # names seen, written or not
        last_line = 0
        last_span = None
        raised_at = -1
        # The body of a class begins, and from 3.13 on also ends, with book-keeping on its header line: left out.
        header = None if code.co_flags & _OPTIMIZED or code.co_name == "<module>" else 0
        plain = spans is None and header is None
        reusable = header is None and not code.co_flags & _GENERATOR
        free = free_tracers.setdefault(id(code), [])
        plan_of = plan.get
        cells = code.co_cellvars + code.co_freevars
        local_only = bool(code.co_flags & _OPTIMIZED)  # nobody else binds its names, but for cells
        ahead = None  # the plan of what runs between the last event and the next

        def reset(next_number):
            nonlocal number, known, last_line, last_span, raised_at, ahead
            number, known, last_line, last_span, raised_at, ahead = next_number, 0, 0, None, -1, None

        def end():
            atoms.clear()
            texts.clear()
            if named:
                named.clear()
            if marks:
                marks.clear()
            if watched:
                watched.clear()
            free.append((local, reset))

        def local(frame, event, arg):
            nonlocal size, known, last_line, last_span, raised_at, header, active, ahead
            line = frame.f_lineno
            behind = ahead
            ahead = None  # unless this event is recorded
            hidden = False
            if event == "line":
                kind = LINE
                if raised_at >= 0:
                    raised_at = -1
                if not plain:
                    if spans is not None:
                        span = _span_at(frame, spans) if line in spans[2] else None
                        before = last_span
                        last_span = span
                        if span is not None:
                            line = span[0]
                            if span is before or line == last_line:
                                return local
                        elif before is not None and line == last_line:
                            return local  # back from the comprehension to the rest of its line
                    if header is not None:
                        if header == 0:
                            header = line
                        if line == header:
                            return local
                    last_line = line
            elif event == "return":
                kind = RETURN
                if arg is None:
                    at = frame.f_lasti
                    if code.co_code[at] not in _RETURN_OPS or at == raised_at:
                        if reusable:
                            end()
                        return local  # an exception leaves the frame
                if header is not None:
                    line = last_line or line
            elif event == "call":
                kind = CALL
                line = line or code.co_firstlineno  # a module's own has line 0
            elif event == "exception":
                kind = EXCEPTION
                raised_at = frame.f_lasti
                # Inside a comprehension its variables would be among those of the frame, from 3.12 on.
                hidden = spans is not None and _span_at(frame, spans) is not None
            else:
                return local

            changes = 0
            removed = 0
            if not hidden:
                variables = pairs = None
                if behind is not None:
                    bound, calm = behind
                    if calm and active == number:
                        if not bound:
                            pairs = ()
                        else:
                            variables = frame.f_locals
                            if len(bound) == 1:
                                value = variables.get(bound[0], missing)
                                if atom_of(bound[0], missing) is value:
                                    pairs = ()
                                elif type(value) in atom_types:
                                    pairs = ((bound[0], value),)
                            elif all([type(variables.get(name)) in atom_types for name in bound]):
                                pairs = [pair for pair in variables.items() if pair[0] in bound]
                    if pairs is None and local_only:
                        wanted = watched.union(bound, cells) if cells or (bound and watched) else watched or bound
                        if not wanted:
                            pairs = ()
                        else:
                            if variables is None:
                                variables = frame.f_locals
                            if len(wanted) == 1:
                                (name,) = wanted
                                value = variables.get(name, missing)
                                pairs = () if value is missing else ((name, value),)
                            else:
                                pairs = [pair for pair in variables.items() if pair[0] in wanted]
                if pairs is None:
                    if variables is None:
                        variables = frame.f_locals
                    pairs = variables.items()
                for name, value in pairs:
                    if atom_of(name, missing) is value:
                        continue
                    cls = type(value)
                    if cls is int:
                        atoms[name] = value
                        text = repr(value) if low < value < high else _atom(value, int)
                        if name in watched:
                            watched.discard(name)
                            marks.pop(name, None)
                    elif cls in atom_types:
                        atoms[name] = value
                        text = _atom(value, cls)
                        if name in watched:
                            watched.discard(name)
                            marks.pop(name, None)
                    else:
                        if cls in container_types:
                            if len(value) <= MAX_ITEMS:
                                try:
                                    mark = dumps(value, 2)
                                except ValueError:
                                    mark = None
                            else:
                                mark = fingerprint(value)
                            if mark is not None:
                                if mark_of(name) == mark:
                                    continue
                                marks[name] = mark if len(mark) <= MAX_MARK else None
                            elif name in marks:
                                del marks[name]
                            watched.add(name)
                            text = render(value, mark)
                        elif cls in named_types:
                            if named.get(name) == id(value) and name not in atoms and name not in marks:
                                continue
                            named[name] = id(value)
                            text = render(value)
                            if name in watched:
                                watched.discard(name)
                                marks.pop(name, None)
                        else:
                            text = render(value)
                            watched.add(name)
                            if name in marks:
                                del marks[name]
                        if name in atoms:
                            del atoms[name]
                    before = text_of(name)
                    if before == text:
                        continue
                    texts[name] = text
                    if before is None:
                        known += 1
                    if name[0] == "." or (name[:2] == "__" and name[-2:] == "__"):
                        continue
                    if changes:
                        changes[name] = text
                    else:
                        changes = {name: text}
                    size += len(name) + len(text)
                if variables is not None and len(variables) < known:
                    removed = [name for name in texts if name not in variables]
                    for name in removed:
                        del texts[name]
                        atoms.pop(name, None)
                        named.pop(name, None)
                        marks.pop(name, None)
                        watched.discard(name)
                    known -= len(removed)
                    removed = [name for name in removed if name[0] != "." and name[:2] != "__"] or 0

            if kind <= LINE:
                record = (kind, number, line, changes, removed)
                ahead = plan_of(frame.f_lineno if spans is not None else line)
            else:
                text = render(arg) if kind == RETURN else _exception_text(arg)
                size += len(text)
                record = (kind, number, line, changes, removed, text)
            count = len(events)
            if count >= max_events:
                exclude("too-many-events")
                return None
            if size + 16 * count > max_bytes:
                exclude("too-large")
                return None
            add_event(record)
            active = number
            if kind == RETURN and reusable:
                end()
            return local

        return local

    return enter


def _span_at(frame, spans):
    """The comprehension that the current instruction belongs to."""
    line, end_line, column, end_column = spans[0][frame.f_lasti >> 1]
    if line is None or column is None:
        return None
    for span in spans[1]:
        if (span[0], span[1]) <= (line, column) and (end_line, end_column) <= (span[2], span[3]):
            return span
    return None


def _exception_text(arg):
    kind, value, _ = arg
    name = _type_name(kind)
    if BaseException in _type_mro(type(value)):
        message = exception_message(value)
    else:  # not yet normalised (before 3.12)
        message = value if type(value) is str else "" if value is None else render(value)
    return name + ": " + message if message else name
