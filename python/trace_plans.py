"""What the lines of a program can do to the variables of a frame, read off its bytecode.

Between two events of a frame only the instructions of one line run. Its *step* says what they can do to the frame's
variables, so that most events need not look at them all. A line is *calm* when it can neither change a container or
object nor bind a cell, unless the program's own functions run, and those make events. What is not known to be calm is
not.

A step is QUIET (calm, binds nothing), a name (calm, binds only that, and it is shown), or (names that the line binds or
deletes, whether it is calm). UNKNOWN: it can do anything.
"""

import builtins
import sys
from opcode import opmap, opname

QUIET = ((), True)
UNKNOWN = ((), False)
_VERSION = sys.version_info[:2]
_SUBSCRIPT = 26 if _VERSION >= (3, 14) else None  # the argument of BINARY_OP that makes it what BINARY_SUBSCR was

_CALM = frozenset("""
    BINARY_ADD BINARY_AND BINARY_FLOOR_DIVIDE BINARY_LSHIFT BINARY_MATRIX_MULTIPLY BINARY_MODULO BINARY_MULTIPLY
    BINARY_OP BINARY_OR BINARY_POWER BINARY_RSHIFT BINARY_SUBTRACT BINARY_TRUE_DIVIDE BINARY_XOR INPLACE_ADD INPLACE_AND
    INPLACE_FLOOR_DIVIDE INPLACE_LSHIFT INPLACE_MODULO INPLACE_MULTIPLY INPLACE_OR INPLACE_POWER INPLACE_RSHIFT
    INPLACE_SUBTRACT INPLACE_TRUE_DIVIDE INPLACE_XOR BUILD_CONST_KEY_MAP BUILD_LIST BUILD_MAP BUILD_SLICE BUILD_STRING
    BUILD_TUPLE CACHE COMPARE_OP CONTAINS_OP CONVERT_VALUE COPY COPY_FREE_VARS DUP_TOP DUP_TOP_TWO END_FOR EXTENDED_ARG
    FORMAT_SIMPLE FORMAT_VALUE FORMAT_WITH_SPEC IS_OP KW_NAMES LOAD_ASSERTION_ERROR LOAD_ATTR LOAD_CLOSURE
    LOAD_COMMON_CONSTANT LOAD_CONST LOAD_CONST_IMMORTAL LOAD_DEREF LOAD_FAST LOAD_FAST_BORROW
    LOAD_FAST_BORROW_LOAD_FAST_BORROW LOAD_FAST_CHECK LOAD_FAST_LOAD_FAST LOAD_GLOBAL LOAD_NAME LOAD_SMALL_INT MAKE_CELL
    CHECK_EXC_MATCH NOP NOT_TAKEN POP_EXCEPT POP_ITER POP_TOP PRECALL PUSH_EXC_INFO PUSH_NULL RERAISE RESUME RETURN_CONST RETURN_VALUE
    ROT_FOUR ROT_N ROT_THREE ROT_TWO SWAP TO_BOOL UNARY_INVERT UNARY_NEGATIVE UNARY_NOT UNARY_POSITIVE
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
_UNPLANNED = frozenset("__builtins__ __dict__ __globals__ __import__ __main__ _getframe _thread asyncio builtins compile "
                       "concurrent ctypes currentframe eval exec f_back f_locals gc global_enum globals import_module "
                       "importlib inspect locals modules multiprocessing settrace threading vars".split())
_CONVERSIONS = frozenset("chr float int len ord str".split())


def _kinds():
    """What kind of instruction each opcode is, as the planner sees it."""
    kinds = []
    for name in opname:
        if name in ("STORE_FAST", "STORE_NAME", "DELETE_FAST", "DELETE_NAME", "STORE_FAST_LOAD_FAST",
                    "STORE_FAST_STORE_FAST", "EXTENDED_ARG", "BINARY_OP"):
            kinds.append(name)
        elif name == "LOAD_FAST_AND_CLEAR":
            kinds.append("DELETE_FAST")
        elif name in ("STORE_ATTR", "STORE_SUBSCR", "STORE_SLICE", "STORE_DEREF", "STORE_GLOBAL"):
            kinds.append("stirs")
        elif "STORE" in name or "IMPORT" in name:
            kinds.append("unknown")
        elif name in ("CALL", "CALL_FUNCTION"):
            kinds.append("CALL")
        elif name in ("LOAD_GLOBAL", "LOAD_METHOD", "LOAD_ATTR", "LOAD_NAME", "PUSH_NULL"):
            kinds.append("callee")
        elif name in _CALM or "JUMP" in name:
            kinds.append(None)
        else:
            kinds.append("calm if eager" if name in _CALM_IF_EAGER else "stirs")
    return kinds


_KINDS = _kinds()


class Planner:
    """Makes the steps of one code object, when they are asked for."""

    def __init__(self, code, temper):
        self.fast, self.names, self.raw = code.co_varnames, code.co_names, code.co_code
        self.eager, self.calm_calls = temper.eager, temper.calm_calls
        self.ranges = {}  # line -> where its instructions lie
        for start, end, line in code.co_lines():
            self.ranges.setdefault(line, []).append((start, end))
        # What has no line belongs to every line.
        self.anywhere = None if temper.unplanned else self._read(None)

    def step(self, line):
        """The step of a line, see above."""
        found = self._read(line) if self.anywhere is not None else None
        if found is None:
            return None
        binds, calm = found[0] | self.anywhere[0], found[1] and self.anywhere[1]
        if calm and len(binds) <= 1:
            if not binds:
                return QUIET
            (name,) = binds
            if not is_hidden(name):
                return name
        return tuple(binds), calm

    def _read(self, line):
        """(names bound or deleted, whether calm) of the instructions of a line; None when they may do anything."""
        binds, stirs, calls, callees = set(), False, 0, 0
        raw, fast, names, eager = self.raw, self.fast, self.names, self.eager
        before = before_arg = extended = 0
        for start, end in self.ranges.get(line, ()):
            for operation, arg in zip(raw[start:end:2], raw[start + 1:end:2]):
                kind = _KINDS[operation]
                if kind is None:
                    before = operation
                    extended = 0
                    continue
                arg |= extended
                extended = 0
                if kind == "callee":
                    if eager and _is_calm_callee(names, self.calm_calls, opname[operation], arg, opname[before], before_arg):
                        callees += 1
                elif kind == "STORE_FAST":
                    binds.add(fast[arg])
                elif kind == "STORE_NAME":
                    binds.add(names[arg])
                elif kind == "CALL":
                    calls += 1
                elif kind == "EXTENDED_ARG":
                    extended = arg << 8
                elif kind == "STORE_FAST_LOAD_FAST":
                    binds.add(fast[arg >> 4])
                elif kind == "STORE_FAST_STORE_FAST":
                    binds.update((fast[arg >> 4], fast[arg & 15]))
                elif kind == "unknown":
                    return None
                elif kind == "BINARY_OP":
                    stirs = stirs or (arg == _SUBSCRIPT and not eager)
                elif kind == "calm if eager":
                    stirs = stirs or not eager
                else:
                    stirs = True
                    if kind == "DELETE_FAST":
                        binds.add(fast[arg])
                    elif kind == "DELETE_NAME":
                        binds.add(names[arg])
                before, before_arg = operation, arg
        return binds, not stirs and calls == callees


def _is_calm_callee(names, calm_calls, name, arg, before, before_arg):
    """Whether this instruction puts something on the stack that will be called, and is calm."""
    if name == "LOAD_GLOBAL":
        return _VERSION >= (3, 11) and arg & 1 and names[arg >> 1] in calm_calls
    if name == "LOAD_METHOD":
        return names[arg] in _CALM_METHODS
    if name == "LOAD_ATTR":
        return _VERSION >= (3, 12) and arg & 1 and names[arg >> 1] in _CALM_METHODS
    if name == "LOAD_NAME":
        return before == "PUSH_NULL" and _VERSION < (3, 13) and names[arg] in calm_calls
    if name == "PUSH_NULL":
        return before == "LOAD_NAME" and _VERSION >= (3, 13) and names[before_arg] in calm_calls
    return False


def is_hidden(name):
    """Whether a variable is the interpreter's own: its name is written with dots or double underscores."""
    return name[0] == "." or (name[:2] == "__" and name[-2:] == "__")


class Temper:
    """What a program as a whole allows its plans to rest on."""

    def __init__(self, code):
        self.unplanned = False  # variables may change behind the instructions' back, or threads run
        self.eager = True  # whether _CALM_IF_EAGER is calm
        self.calm_calls = _CALM_CALLS
        self.shared = ()  # names that functions bind in the module
        if code is None:
            self.unplanned = True
        else:
            self._read(code)

    def _read(self, program):
        shared = set()
        pending = [program]
        while pending:
            code = pending.pop()
            raw = code.co_code  # made anew each time
            names = set(code.co_names)
            if names & _UNPLANNED:
                self.unplanned = True
            lazy = names & _LAZY
            if (lazy and (lazy != {"map"} or not _maps_calmly(code))) or _imports_all(raw):
                self.eager = False
            for operation in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                shared.update([code.co_names[_argument(raw, at)] for at in _places_of(raw, operation)])
            pending.extend([const for const in code.co_consts if type(const) is type(code)])
        raw, names = program.co_code, program.co_names
        stores = _places_of(raw, "STORE_NAME")
        bound = [names[_argument(raw, at)] for at in stores]
        own = {name for name, at in zip(bound, stores) if _is_definition(raw, at) and bound.count(name) == 1}
        own.difference_update([names[_argument(raw, at)] for at in _places_of(raw, "DELETE_NAME")], shared)
        # What those run makes events of its own. (Named like no builtin function: that is there before.)
        self.calm_calls = (_CALM_CALLS - {*bound, *shared}) | {name for name in own if not hasattr(builtins, name)}
        self.shared = tuple(shared)


def _is_definition(raw, at):
    """Whether what is stored here is a function that a `def` without decorators has just made."""
    at -= 2
    while at > 0 and opname[raw[at]] in ("CACHE", "EXTENDED_ARG", "SET_FUNCTION_ATTRIBUTE"):
        at -= 2
    return opname[raw[at]] == "MAKE_FUNCTION"


def _places_of(raw, operation):
    """The offsets of instructions of one kind."""
    number, operations = opmap[operation], raw[::2]
    found = []
    at = operations.find(number)
    while at >= 0:
        found.append(2 * at)
        at = operations.find(number, at + 1)
    return found


def _argument(raw, at):
    arg = raw[at + 1]
    shift = 8
    while at >= 2 and raw[at - 2] == opmap["EXTENDED_ARG"]:
        at -= 2
        arg |= raw[at + 1] << shift
        shift += 8
    return arg


def _imports_all(raw):
    """Whether there is an `import *`. (From 3.12 on it is an intrinsic function, number 2.)"""
    if "IMPORT_STAR" in opmap:
        return opmap["IMPORT_STAR"] in raw[::2]
    return bytes((opmap["CALL_INTRINSIC_1"], 2)) in raw


def _maps_calmly(code):
    """Whether every `map` is called at once with the name of a conversion or a `lambda`, which makes events."""
    raw = code.co_code
    for operation in ("LOAD_NAME", "LOAD_GLOBAL"):
        for at in _places_of(raw, operation):
            if _loaded_name(code, raw, at) == "map":
                after = at + 2
                while after < len(raw) and opname[raw[after]] in _BETWEEN:
                    after += 2
                if not _loads_code(code, raw, after) and _loaded_name(code, raw, after) not in _CONVERSIONS:
                    return False
    return True


_BETWEEN = frozenset(("CACHE", "PUSH_NULL", "EXTENDED_ARG", "PRECALL", "NOP"))


def _loads_code(code, raw, at):
    return at < len(raw) and opname[raw[at]] == "LOAD_CONST" and type(code.co_consts[_argument(raw, at)]) is type(code)


def _loaded_name(code, raw, at):
    operation = opname[raw[at]] if at < len(raw) else ""
    if operation == "LOAD_NAME":
        return code.co_names[_argument(raw, at)]
    if operation == "LOAD_GLOBAL":
        return code.co_names[_argument(raw, at) >> (1 if _VERSION >= (3, 11) else 0)]
    return None
