"""How the recorder writes values, without ever running the program's own code.

Values are written from exact built-in types; an object of any other type is written as `<Type ...>` from its instance
dictionary, read without its `__getattribute__`, `__repr__`, properties or metaclass. No addresses are written; sets are
put in order; depth, cycles and length are bounded.
"""

import marshal
import re
from collections import Counter, OrderedDict, defaultdict, deque
from itertools import islice
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from weakref import ref

MAX_STRING = 1000  # characters of a string that is written whole
MAX_ITEMS = 100  # items of one collection that are written
MAX_SORTED = 400  # items of a set of several types that is put in order
MAX_TEXT = 2000  # characters of a collection, about
MAX_MARK = 20_000  # bytes of a collection whose changes are looked for by its fingerprint
MAX_PARTS = 1000  # values inside a collection that is looked through
MANY_PARTS = 100  # collections among them: of a few thousand values no more are met where they are flat
MAX_NODES = 400  # values written inside one value
MAX_DEPTH = 6
MAX_INT_BITS = 3300  # just under 1,000 digits
SHOWN_CHARS = 80  # characters of a string that is shortened
SHOWN_ITEMS = 20  # items of a collection that is shortened
HUGE = 1 << MAX_INT_BITS

ATOMS = frozenset((int, float, bool, str, bytes, complex, type(None), type(Ellipsis)))
DATA = ATOMS - {bytes}
_ORDERED = frozenset((list, dict, tuple))
CONTAINERS = _ORDERED | {set, frozenset}
# Containers of the standard library that are written as a built-in one, and what gives their items without hashing any.
WRAPPERS = {defaultdict: dict.items, Counter: dict.items, OrderedDict: dict.items, deque: deque.__iter__}
# Written from their name alone, so as long as it is the same object there is nothing new to write.
NAMED = frozenset((FunctionType, BuiltinFunctionType, ModuleType, type))
# Written neither from their fields nor from their type's name alone.
_STRUCTURED = frozenset((*CONTAINERS, deque, int, str, float, bytes, complex, BaseException, type))
_SPECIAL = NAMED | {range, MethodType, slice, memoryview, type(None), type(Ellipsis)}

# marshal takes what has a buffer for bytes, subclasses with a `__repr__` of their own too: "s" and four bytes of length,
# of which the upper two are 0 here. (Or data that looks like it.)
_may_hold_buffers = re.compile(rb"s..\0\0", re.DOTALL).search

_dumps = marshal.dumps
_type_name = type.__dict__["__name__"].__get__
_type_mro = type.__dict__["__mro__"].__get__
_type_dict = type.__dict__["__dict__"].__get__
_module_dict = ModuleType.__dict__["__dict__"].__get__
_BUILTIN_EXCEPTIONS = frozenset(
    v for v in vars(__import__("builtins")).values() if isinstance(v, type) and issubclass(v, BaseException)
)


def render(value):
    """Writes a value as a Python literal, or as `<Type ...>` when it is none or too long."""
    kind = type(value)
    if kind in ATOMS:
        return render_atom(value, kind)
    if kind in CONTAINERS and len(value) <= MAX_ITEMS:
        text = _short_literal(value)
        if text is not None:
            return text
    elif kind in WRAPPERS and len(value) <= MAX_ITEMS:
        items = WRAPPERS[kind](value)
        text = _short_literal(list(items) if kind is deque else dict(items))
        if text is not None:
            return "<%s %s>" % (_type_name(kind), text)
    return _render(value, 0, [MAX_NODES], ())


def _short_literal(value):
    """`repr` of a container of built-in values, if that is a short literal with nothing to be put in order; or None."""
    if _mark(value) is None:
        return None
    try:
        text = repr(value)
    except ValueError:  # an integer beyond the digit limit
        return None
    if len(text) > MAX_TEXT or "<" in text:
        return None
    if ("{" in text or "set(" in text) and not _holds_only((value,), ATOMS, _ORDERED):
        return None  # a set is put in order
    return text


def _mark(value):
    """Bytes that change when a value of exact built-in types does, made without running any code; or None.

    `marshal` takes exact built-in types only, and refuses everything else, but for what has a buffer. (Version 2: without
    references, whose numbering depends on reference counts.)
    """
    if WARY and not _holds_only(value, ATOMS, CONTAINERS):
        return None
    try:
        mark = _dumps(value, 2)
    except MemoryError:
        WARY.append(True)
        return None
    except ValueError:
        _holds_only(value, ATOMS, CONTAINERS)
        return None
    if len(mark) > MAX_MARK or (0x73 in mark and _may_hold_buffers(mark) and not _holds_only(value, ATOMS, CONTAINERS)):
        return None
    return mark


# Not empty once a structure was met that refers to itself or is nested deep: `marshal` writes everything as often as it is
# referred to, which may be without end, so from then on nothing is given to it that has not been looked through.
WARY = []


def is_data(values):
    """Whether the values in a container of built-in ones are such as TypeScript writes (so not bytes), and not many."""
    return _holds_only(values, DATA, CONTAINERS)


def _holds_only(value, atoms, containers):
    """Whether there are only values of these types in a container, at any depth, and up to MAX_PARTS (so that a text of
    MAX_TEXT characters holds no more)."""
    pending = [value]
    left = MAX_PARTS
    for items in pending:
        left -= len(items)
        if left < 0:
            if len(pending) > MANY_PARTS:
                WARY.append(True)
            return False
        if type(items) is dict:
            items = [*items, *items.values()]
        if not atoms.issuperset(map(type, items)):
            for item in items:
                kind = type(item)
                if kind in containers:
                    pending.append(item)
                elif kind not in atoms:
                    return False
    return True


def note_of(value):
    """Bytes that change when the text of a value may do, made without running its code; None: write it to know."""
    kind = type(value)
    if kind in WRAPPERS:
        return _mark(list(WRAPPERS[kind](value))) if len(value) <= MAX_ITEMS else None
    if kind in CONTAINERS:
        size = len(value)
        if size <= MAX_ITEMS:
            return _mark(value)
        if kind is list or kind is tuple:  # written shortened: only what is written counts
            return _mark((size, value[:SHOWN_ITEMS]))
        if kind is dict:
            return _mark((size, list(islice(value.items(), SHOWN_ITEMS))))
        return _mark(value) if size <= MAX_SORTED else None
    known = _ways.get(id(kind))
    if known is None or known[0]() is not kind:
        known = _ways[id(kind)] = ref(kind), _way_of(kind)
    way = known[1]
    if way is None or type(way) is bytes:
        return way
    mark = _mark(way(value))
    return None if mark is None else _type_name(kind).encode("utf-8", "surrogatepass") + mark


_ways = {}  # id of a type -> weak reference to it, and its way


def _way_of(kind):
    """What gives the fields that the text of such objects depends on; the text's own note if on nothing; or None."""
    mro = _type_mro(kind)
    if kind in _SPECIAL or not _STRUCTURED.isdisjoint(mro) or "Enum" in map(_type_name, mro):
        return None
    if _type_dict(kind).get("__module__") != "__main__":
        return b"<%s>" % _type_name(kind).encode("utf-8", "surrogatepass")
    if any(type(item) is MemberDescriptorType for cls in mro for item in _type_dict(cls).values()):
        return None
    for cls in mro:
        descriptor = _type_dict(cls).get("__dict__")
        if descriptor is not None:
            return descriptor.__get__ if type(descriptor) is GetSetDescriptorType else None
    return None


def render_atom(value, kind):
    if kind is int:
        if -HUGE < value < HUGE:
            return repr(value)
        return "<int of %d bits>" % value.bit_length()
    if (kind is str or kind is bytes) and len(value) > MAX_STRING:
        return "<%s of %d %r...>" % (_type_name(kind), len(value), value[:SHOWN_CHARS])
    return repr(value)


def _render(value, depth, budget, active):
    kind = type(value)
    budget[0] -= 1
    if kind in ATOMS:
        return render_atom(value, kind)
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
    if kind is deque:
        return "<deque %s>" % _collection(value, deque, "[", "]", depth, budget, active)
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
        return render_atom(int.__add__(value, 0), int)
    if base is float:
        return repr(float.__add__(value, 0.0))
    return render_atom(base.__getitem__(value, slice(0, None))[:], base)


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
    elif len(items) <= MAX_SORTED:
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


def exception_text(arg):
    """`Type: message` of what an exception event carries."""
    kind, value, _ = arg
    name = _type_name(kind)
    if BaseException in _type_mro(type(value)):
        message = exception_message(value)
    else:  # not yet normalised (before 3.12)
        message = value if type(value) is str else "" if value is None else render(value)
    return name + ": " + message if message else name


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
