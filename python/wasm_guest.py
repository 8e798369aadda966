"""What runs inside Pyodide: takes jobs as bytes, returns replies as bytes.

Owns: forgetting everything of Pyodide's that a program could trip over, preloading the modules programs use most,
and stand-ins for what WebAssembly cannot do. Safety does not rest on this file: the gate around the interpreter
closes the way to JavaScript whatever Python code finds.
"""

import gc
import json
import sys

import harness

PRELOADED = (
    "array bisect collections copy dataclasses datetime decimal enum fractions functools heapq io itertools math "
    "operator os random re statistics string time types typing threading queue contextlib abc numbers cmath traceback"
).split()
_loads = json.loads
_cache = {}


def serve(job):
    source, kind, expression, caps, shared = _loads(job)
    return harness.pack(harness.run(source, kind, expression, caps, _cache if shared else None))


def install():
    """Prepares the interpreter for programs; returns the address of `serve`."""
    sys.path[:] = [p for p in sys.path if p != ""]
    for name in list(sys.modules):
        root = name.partition(".")[0]
        if root in ("js", "pyodide", "_pyodide", "pyodide_js", "_pyodide_core", "micropip", "webbrowser") or name in (
            "wasm_guest", "harness", "recorder", "trace_values", "trace_plans", "trace_frames", "trace_variables", "trace_comprehensions"
        ):
            del sys.modules[name]
    sys.meta_path[:] = [f for f in sys.meta_path if type(f).__module__.partition(".")[0] not in ("_pyodide", "pyodide")]
    sys.path_importer_cache.clear()
    sys.excepthook = sys.__excepthook__
    sys.displayhook = sys.__displayhook__
    gc.collect()
    gc.freeze()
    return id(serve)


def _run_threads_at_start():
    """WebAssembly has no threads here: `start` runs the thread to its end. (Contest programs start one for its stack.)"""

    def start(self):
        if getattr(self, "_deskcheck_done", None) is not None:
            raise RuntimeError("threads can only be started once")
        self._deskcheck_done = True
        try:
            self.run()
        except SystemExit:
            pass

    def join(self, timeout=None):
        if getattr(self, "_deskcheck_done", None) is None:
            raise RuntimeError("cannot join thread before it is started")

    import threading

    threading.Thread.start = start
    threading.Thread.join = join
    threading.Thread.is_alive = lambda self: False
    threading.stack_size = lambda size=0: 0


def _wait_for_time_only():
    """`asyncio` for programs that wait for nothing but each other and time: there is no socket to watch or to be woken by."""
    import asyncio.selector_events
    import selectors
    import time

    # Pyodide's own would hand all of this to JavaScript.
    asyncio.run, time.sleep = asyncio.run.__wrapped__, time.sleep.__wrapped__
    asyncio.set_event_loop_policy(None)
    asyncio._set_running_loop(None)

    class Sleeper(selectors._BaseSelectorImpl):
        def select(self, timeout=None):
            time.sleep(1e6 if timeout is None else max(0, timeout))  # for ever: the time limit ends it
            return []

    def nothing(self):
        pass

    loop = asyncio.selector_events.BaseSelectorEventLoop
    loop._make_self_pipe = loop._close_self_pipe = loop._write_to_self = nothing
    selectors.DefaultSelector = Sleeper


for _name in PRELOADED:
    __import__(_name)
_run_threads_at_start()
_wait_for_time_only()
