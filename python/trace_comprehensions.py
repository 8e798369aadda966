"""Where the comprehensions of a code object lie, read off its bytecode.

Before 3.12 a comprehension is a function of its own; from 3.12 on it is part of its caller, which then has line events
for every round. The recorder keeps of either only the first event, on the line where the comprehension begins, and
needs to know to which comprehension an instruction belongs. The position of one instruction is that of the whole
expression: before 3.12 the one that makes the function, from 3.12 on the one that makes the empty result (between
two SWAPs, as no display is). 3.10 has no positions of instructions, so there nothing is folded but frames.
"""

import sys
from itertools import islice
from opcode import opmap

FOLDED_FRAMES = ("<listcomp>", "<setcomp>", "<dictcomp>")
_CODE = type(compile("", "", "exec"))
_INLINED = sys.version_info >= (3, 12)
_MAKERS = ("BUILD_LIST", "BUILD_SET", "BUILD_MAP")
_MAKES_RESULT = tuple(bytes((opmap[name], 0, opmap["SWAP"], 2)) for name in _MAKERS) if _INLINED else ()


def comprehensions_of(code):
    """The comprehensions of a code object that lie in no other one of it, or None where there are none."""
    if not _INLINED and _CODE not in map(type, code.co_consts):
        return None
    raw = code.co_code
    makers = _inlined(raw) if _INLINED else _functions(code, raw)
    if not makers or not hasattr(code, "co_positions"):
        return None
    spans = []
    positions, passed = code.co_positions(), 0
    for at in sorted(makers):
        line, end_line, column, end_column = next(islice(positions, (at >> 1) - passed, None))
        passed = (at >> 1) + 1
        if line is not None and column is not None:
            spans.append((line, column, end_line, end_column))
    outer = [s for s in spans if not any(o != s and o[:2] <= s[:2] and s[2:] <= o[2:] for o in spans)]
    return Comprehensions(code, outer) if outer else None


class Comprehensions:
    """Where they lie: `spans` of (line, column, end line, end column)."""

    def __init__(self, code, spans):
        self.spans = spans
        self.lines = {}  # each line that one touches -> whether all that touch it lie in this line
        for line, _, end_line, _ in spans:
            for touched in range(line, end_line + 1):
                self.lines[touched] = self.lines.get(touched, True) and line == end_line
        self._code = code
        self._positions = None

    def span_at(self, offset):
        """The span that the instruction at this offset belongs to, or None."""
        if self._positions is None:
            self._positions = list(self._code.co_positions())
        line, end_line, column, end_column = self._positions[offset >> 1]
        if line is None or column is None:
            return None
        for span in self.spans:
            if span[:2] <= (line, column) and (end_line, end_column) <= span[2:]:
                return span
        return None


def _inlined(raw):
    """Offsets of the instructions that make the empty result of a comprehension."""
    return [at for pattern in _MAKES_RESULT for at in _find(raw, pattern) if raw[at - 2] == opmap["SWAP"]]


def _functions(code, raw):
    """Offsets of the instructions that load the code of a comprehension."""
    load = opmap["LOAD_CONST"]
    return [
        at
        for index, const in enumerate(code.co_consts)
        if type(const) is type(code) and const.co_name in FOLDED_FRAMES
        for at in _find(raw, bytes((load, index & 255)))
        if (raw[at - 1] if at and raw[at - 2] == opmap["EXTENDED_ARG"] else 0) == index >> 8
    ]


def _find(raw, pattern):
    at = raw.find(pattern)
    while at >= 0:
        if at % 2 == 0:
            yield at
        at = raw.find(pattern, at + 1)
