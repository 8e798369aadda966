"""The variables of a frame of which some are no data, come and go, or are long.

Owns: telling data from odd variables, and what of either has changed since the frame's last event. Used for modules, class
bodies, functions with closures or objects. Leaves out: how text is written (trace_values.py), events (trace_frames.py).

An odd variable is written again only if something that its text depends on has changed: the identity of a function, class
or module; a note (trace_values.py) of anything else.
"""

import marshal
import re
from itertools import repeat
from operator import itemgetter
from weakref import ref

from trace_values import ATOMS, CONTAINERS, MAX_ITEMS, NAMED, WARY, is_data, note_of, render

MAX_WHOLE = 1000  # bytes of a frame's data that are written together; else only the variables that changed
MAX_DATA = 2000  # bytes of one variable's data
VERSION = 2  # of marshal: without references, whose numbering depends on reference counts

_SHORT = 1 << 63
_dumps, _version, _versions = marshal.dumps, VERSION, repeat(VERSION)
# marshal writes what has a buffer as bytes, subclasses with a `__repr__` of their own too: "s" and four bytes of length, of
# which the upper two and most bits of the second are 0 here. (Or data that looks like it.) None of them is data.
BUFFER = 0x73  # an integer: to look for a `bytes` of one takes ten times as long
_short_buffer = re.compile(rb"s.[\0-\3]\0\0", re.DOTALL).search  # in up to MAX_WHOLE bytes
_buffer = re.compile(rb"s.[\0-\7]\0\0", re.DOTALL).search  # in up to MAX_DATA bytes


def is_all_data(mark, values):
    """Whether values that marshal wrote as `mark`, of up to MAX_DATA bytes, are data."""
    return BUFFER not in mark or not (_short_buffer if len(mark) <= MAX_WHOLE else _buffer)(mark) or is_data(values)


def is_hidden(name):
    """Whether a variable is the interpreter's own: its name is written with dots or double underscores."""
    return name[0] == "." or (name[:2] == "__" and name[-2:] == "__")


class Mixture:
    """Looks at the variables of one frame."""

    __slots__ = ("owner", "script", "names", "count", "data", "pick", "odd", "last", "named", "pick_named", "ids", "refs",
                 "loose", "notes", "known")

    def __init__(self, owner):
        """`owner`: the frame's tracer; its `names` and `texts` are set."""
        self.owner, self.script = owner, owner.script
        self.names, self.count = (), -1  # of all variables, when they were last looked at
        self.data = {}  # name -> None
        self.odd = {}  # name -> how many of the data come before it
        self.last = None  # the data then: bytes, or a dictionary of them where they are long
        # Odd names whose text depends on the identity of their value alone, the identities, and all others.
        self.named, self.ids, self.refs, self.loose = [], [], [], []
        self.notes = {}  # name -> what its text depends on
        self.known = {}  # name -> what was last written

    def look(self, variables):
        """The data where they have changed, else None."""
        if self.script.is_class and type(variables) is not dict:  # a metaclass can make namespaces with methods of their own
            variables = dict.copy(variables) if isinstance(variables, dict) else {}
        try:
            if len(variables) != self.count:
                return self.look_anew(variables, False)
            values = self.pick(variables)
            if self.odd:
                self.look_at_odd(variables)
            if WARY and not are_data(values):
                return self.look_anew(variables, True)
            if not self.script.is_whole:
                return self.look_at_long(values)
            now = _dumps(values, _version)
        except (KeyError, ValueError, MemoryError):  # a name is gone, or what was data is so no more
            return self.look_anew(variables, True)
        if now == self.last:
            return None
        if len(now) > MAX_WHOLE or not is_all_data(now, values):
            return self.look_anew(variables, True)
        self.last = now
        return now

    def look_at_long(self, values):
        """What to write of data that are written one by one. Raises a ValueError if they are none."""
        fresh = dict(zip(self.data, map(_dumps, values, _versions)))
        last = self.last
        if fresh == last:
            return None
        if type(last) is not dict:
            last = {}
        parts = []
        for i, (name, mark) in enumerate(fresh.items()):
            if last.get(name) != mark:
                if len(mark) > MAX_DATA or not is_all_data(mark, (values[i],)):
                    raise ValueError(name)
                parts += i, mark
        self.last = fresh
        return tuple(parts) or None

    def look_anew(self, variables, from_scratch):
        """`look` where names have come, or (from scratch) anything may have changed."""
        names = (*variables,)
        if from_scratch or names[:self.count] != self.names:
            self.data, self.odd = {}, {}
            added = names
        else:
            if self.odd:
                self.look_at_odd(variables)
            added = names[self.count:] if self.count > 0 else names
        data, odd, known_to_be_odd = self.data, self.odd, self.script.odd
        kept, kept_odd = len(data), len(odd)
        for name in added:
            if name[0] in "._" and is_hidden(name):
                continue
            if name not in known_to_be_odd:
                if holds_data(variables[name]):
                    data[name] = None
                    continue
                known_to_be_odd.add(name)
            odd[name] = len(data)
        self.names, self.count = names, len(names)
        if kept == 0 or len(data) > kept:
            self.owner.names = (kept, *[*data][kept:])
            self.pick = picker([*data])
        if kept_odd == 0 and (odd or self.known):
            self.sort_odd(variables)
        elif len(odd) > kept_odd:
            for name in [*odd][kept_odd:]:
                self.admit(name, variables[name])
            self.pick_named = picker(self.named)
        values = self.pick(variables)
        try:
            if WARY and not are_data(values):
                raise ValueError(names)
            if self.script.is_whole:
                now = self.last = _dumps(values, _version)
                if len(now) <= MAX_WHOLE and is_all_data(now, values):
                    return now
                self.script.is_whole = False
            return self.look_at_long(values)
        except (ValueError, MemoryError):  # what was data is so no more
            if from_scratch:
                self.script.odd.update(data)
            return self.look_anew(variables, True)

    def forget_data(self, name):
        """A variable was written in another way."""
        if type(self.last) is dict:
            self.last.pop(name, None)
        else:
            self.last = None

    def look_at_odd(self, variables):
        """Writes the odd variables whose text may have changed."""
        if self.named and [*map(id, self.pick_named(variables))] != self.ids:
            return self.sort_odd(variables)
        for name in self.loose:
            value = variables[name]
            note = note_of(value)
            if note is None or self.notes[name] != note:
                self.notes[name] = note
                self.tell(name, render(value))

    def sort_odd(self, variables):
        """`look_at_odd` where other names may be odd, or their values of another type, than at the last event."""
        known, odd = self.known, self.odd
        for name in [name for name in known if name not in odd]:
            del known[name]
            self.write(name, None, 0)
        self.named, self.ids, self.refs, self.loose = [], [], [], []
        for name in odd:
            self.admit(name, variables[name])
        self.pick_named = picker(self.named)

    def admit(self, name, value):
        """An odd variable that is new, or may be of another type than it was."""
        if type(value) in NAMED:
            self.named.append(name)
            self.ids.append(id(value))
            self.refs.append(ref(value, self.forget))
        else:
            self.loose.append(name)
            self.notes[name] = note_of(value)
        self.tell(name, render(value))

    def forget(self, _):
        """Something that was known by its identity is no more, and the next may have the same."""
        self.ids = None

    def tell(self, name, text):
        if self.known.get(name) != text:
            self.known[name] = text
            self.write(name, text, self.odd[name])

    def write(self, name, text, place):
        """`place`: how many of the data come before it; a `text` of None: it is gone, or data now."""
        owner = self.owner
        if owner.texts is None:
            owner.texts = [name, text, place]
        else:
            owner.texts += name, text, place


def are_data(values):
    """The same before they are written."""
    return all([type(value) not in CONTAINERS or is_data(value) for value in values])


def holds_data(value):
    """Whether a variable with this value is written as data."""
    kind = type(value)
    if kind is int and -_SHORT < value < _SHORT or kind is str and len(value) < MAX_ITEMS:
        return True
    if kind in CONTAINERS:
        if not is_data(value):
            return False
    elif kind not in ATOMS or (kind is str and len(value) > MAX_DATA):
        return False
    return kind is not bytes and len(_dumps(value, _version)) <= MAX_DATA


def picker(names):
    """What gives the values of these names as a tuple. Raises a KeyError where one is missing."""
    if len(names) > 1:
        return itemgetter(*names)
    if not names:
        return lambda variables: ()
    (name,) = names
    return lambda variables: (variables[name],)
