"""Runs one program on one input and says how it ended.

Owns: the namespace a program sees, its standard streams, the mapping from exceptions to outcomes, the result of a
call as a literal. Leaves out: limits on time, memory and output (the process around it has them) and any judgement
of the output. Used by every sandbox; standard library only, CPython 3.10 and newer, and Pyodide.
"""

import atexit
import gc
import io
import marshal
import sys
from types import ModuleType

from recorder import Recorder, unprintable
from trace_values import ATOMS, render

FILENAME = "<program>"
_CALL = "<call>"
_dumps = marshal.dumps
_exit_functions = atexit._run_exitfuncs
_setrecursionlimit, _settrace = sys.setrecursionlimit, sys.settrace
_recursion_limit = sys.getrecursionlimit()


def open_streams():
    """Fresh standard streams on descriptors 0, 1 and 2, as CPython makes them for files."""
    sys.stdin = _text(io.BufferedReader(io.FileIO(0, "r", closefd=False)), "<stdin>")
    sys.stdout = _text(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "<stdout>")
    sys.stderr = _text(io.BufferedWriter(io.FileIO(2, "w", closefd=False)), "<stderr>", "backslashreplace")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    return sys.stdout


def _text(buffer, name, errors="strict"):
    stream = io.TextIOWrapper(buffer, encoding="utf-8", errors=errors)
    stream.mode = "r" if name == "<stdin>" else "w"
    return stream


def run(source, kind, expression=None, caps=None, cache=None, stdout=None):
    """Runs `source`; returns a dictionary for `pack`. `stdout`: what `open_streams` returned, if it has been called already.

    o outcome, e [type, message, line] of the uncaught exception, r the result of the call, and with `caps`
    (max_events, max_bytes): t events, u characters that `repr` escapes, x why the trace was excluded.
    """
    if stdout is None:
        stdout = open_streams()
    recorder = None
    reply = {"o": "completed"}
    try:
        code = cache.get(source) if cache is not None else None
        if code is None:
            code = compile(source, FILENAME, "exec", dont_inherit=True)
            if cache is not None:
                cache.clear()
                cache[source] = code
        if caps is not None:
            recorder = Recorder(FILENAME, *caps)
            recorder.prepare(code)
        result = _execute(code, expression if kind == "call" else None, recorder)
        if result is not None:
            reply["r"] = result
    except SystemExit as error:
        status = error.code
        if not (status is None or status is False or (type(status) is int and status == 0)):
            reply["o"] = "runtime-error"
            reply["e"] = describe(error)
    except MemoryError:
        reply["o"] = "memory-limit"
        reply["e"] = ["MemoryError", "", None]
    except BaseException as error:
        reply["o"] = "runtime-error"
        reply["e"] = describe(error)
    finally:
        _settrace(None)
    try:
        end(stdout, "class" in source or "yield" in source)
    except MemoryError:
        reply["o"] = "memory-limit"
    except BaseException as error:
        if reply["o"] == "completed":
            reply["o"] = "runtime-error"
            reply["e"] = describe(error)
    _setrecursionlimit(_recursion_limit)
    if recorder is not None:
        reply.update(recorder.trace())
    return reply


def pack(reply):
    """The reply as bytes for the wire."""
    data = _dumps(reply, 2)
    if "t" in reply:
        escaped = unprintable(data)
        if escaped:
            data = _dumps({**reply, "u": escaped}, 2)
    return data


def _execute(code, expression, recorder):
    """Runs the module and then, with an expression, the call; returns its result as a literal.

    Only `sys.modules` keeps the module alive after this, so that `end` can let go of it.
    """
    module = ModuleType("__main__")
    module.__builtins__ = __builtins__
    module.__file__ = "program.py"
    sys.modules["__main__"] = module
    sys.argv = ["program.py"]
    namespace = module.__dict__
    try:
        if expression is None:
            if recorder is not None:
                recorder.start()
            exec(code, namespace)
            return None
        exec(code, namespace)
        call = compile(expression.strip(), _CALL, "eval", dont_inherit=True)
        if recorder is not None:
            recorder.start()
        value = eval(call, namespace)
        _settrace(None)
        return literal(value)
    finally:
        _settrace(None)


def join_threads():
    """Waits for the threads that keep a program alive, as the interpreter does before it ends."""
    threading = sys.modules.get("threading")
    if threading is None or threading.active_count() == 1:
        return
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()


def end(stdout, may_have_finalizers):
    """What the interpreter does when it ends, as far as a program can see it, in its order.

    The module goes before the last flush: what a `__del__` prints then, or a stream of the program's own still holds,
    comes out. (As in CPython the module is collected whole, so finalizers still see its globals.)
    """
    join_threads()
    _exit_functions()
    flush(stdout)
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, stdout, sys.__stderr__
    sys.modules.pop("__main__", None)
    if may_have_finalizers:
        gc.collect()
        flush(stdout)


def flush(stdout):
    """Flushes the current standard output, then the one we made."""
    try:
        if sys.stdout is not None and sys.stdout is not stdout:
            sys.stdout.flush()
    except Exception:
        pass
    try:
        stdout.flush()
    except ValueError:  # the program closed it
        pass


def describe(error):
    """[type, message, line of the program or None] of an exception."""
    kind = type(error)
    line = None
    if isinstance(error, SyntaxError) and error.filename == FILENAME:
        line = error.lineno
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == FILENAME:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    try:
        message = str(error)
    except BaseException:
        message = ""
    return [kind.__name__, message[:2000], line]


def literal(value):
    """`repr` of a value made of built-in types only; anything else as the recorder writes it."""
    if _is_literal(value, 0):
        limit = sys.get_int_max_str_digits() if hasattr(sys, "get_int_max_str_digits") else None
        if limit is None:
            return repr(value)
        sys.set_int_max_str_digits(0)
        try:
            return repr(value)
        finally:
            sys.set_int_max_str_digits(limit)
    return render(value)


def _is_literal(value, depth):
    kind = type(value)
    if kind in ATOMS:
        return True
    if depth > 100:
        return False
    if kind in (list, tuple, set, frozenset):
        return all(_is_literal(item, depth + 1) for item in value)
    if kind is dict:
        return all(_is_literal(k, depth + 1) and _is_literal(v, depth + 1) for k, v in value.items())
    return False
