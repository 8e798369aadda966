"""The zygote of the `native` sandbox: a warm interpreter that forks once per run and knows nothing of any run.

Every program is a copy of this one process. Jobs, inputs and outputs never pass through its memory, so a program finds
nothing of another one, whatever it reads of the memory it inherited: the job comes to the fork in a file of its own, and
only descriptors pass through here.

Owns: what is loaded and warmed before the first fork, what a program inherits. Leaves out: time and output limits
(supervision.py), what the process may do (confine.py), running the program (harness.py).
"""

import array
import gc
import marshal
import os
import signal
import site
import socket
import struct

import confine
import harness

PRELOADED = (
    "array bisect collections copy dataclasses datetime decimal enum fractions functools heapq io itertools math "
    "operator os random re statistics string time types typing threading queue contextlib abc numbers cmath traceback"
).split()
# Run once before the first fork: what the interpreter looks up, specializes and allocates on first use, it then does
# here and not in every fork. Nothing of theirs stays but caches.
REHEARSALS = (
    "n = int(input())\nxs = list(map(int, input().split()))\ntotal = 0\nbest = None\nfor i, x in enumerate(sorted(xs)):\n"
    "    if x % 3 == 0:\n        total += x\n    else:\n        total -= 1\n    if best is None or x > best:\n"
    "        best = x\nprint(total, best, f'{total:.2f}', *xs[::-1], sep=' ')\n",
    "import sys\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\nd = {}\nfor line in sys.stdin:\n"
    "    for word in line.split():\n        d[word] = d.get(word, 0) + 1\n"
    "print(f(5), [k for k in d if k], {k: v for k, v in d.items()}, ' '.join(sorted(d)))\n",
    "class A:\n    def __init__(self, x):\n        self.x = x\ntry:\n    [][A(1).x]\nexcept IndexError:\n    print(1)\n",
)
REHEARSED_INPUT = b"6\n3 1 4 1 5 9\n"
BASE_MEMORY_BYTES = 64 << 20  # the interpreter itself, on top of a program's limit
FILE_BYTES = 64 << 20
REPLY_FD = 63  # high, so that files a program opens have the numbers it expects
REQUEST = struct.Struct("<Q")  # bytes of the job; with it come the four descriptors of `Run`
NOTICE = struct.Struct("<iiddq")  # kind, process id or wait status, user and system seconds, peak memory
READY, STARTED, ENDED = 0, 1, 2
_DESCRIPTORS = 4


def start(folder, isolated, not_inherited):
    """Forks the zygote and waits until it is warm; returns our end of the channel to it.

    `isolated`: a PID namespace per program. `not_inherited`: descriptors that the zygote closes.
    """
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        try:
            ours.close()
            for fd in not_inherited:
                os.close(fd)
            confine.die_with_parent()
            serve(theirs, folder, isolated)
        finally:
            os._exit(1)
    theirs.close()
    if not ours.recv(NOTICE.size):
        raise EOFError("the zygote did not start")
    return ours


def serve(channel, folder, isolated):
    """Forks a program for every request, waits for its end and tells of both; never returns."""
    warm_up()
    stdout = open_streams()
    fork = confine.fork_isolated if isolated else os.fork
    receive, room = channel.recvmsg, socket.CMSG_SPACE(_DESCRIPTORS * 4)
    gc.collect()
    gc.freeze()
    channel.sendall(NOTICE.pack(READY, 0, 0, 0, 0))
    while True:
        request, ancillary, _, _ = receive(REQUEST.size, room)
        if not request:
            os._exit(0)
        descriptors = array.array("i", ancillary[0][2])
        pid = fork()
        if pid == 0:
            run_program(request, descriptors, folder, stdout)
        for fd in descriptors:
            os.close(fd)
        channel.sendall(NOTICE.pack(STARTED, pid, 0, 0, 0))
        _, status, usage = os.wait4(pid, 0)
        channel.sendall(NOTICE.pack(ENDED, status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss))


def warm_up():
    """Loads what programs use most, and rehearses a few runs; descriptors 0 to 2 are /dev/null before and after."""
    # What modules would do after each fork (seed `random`, look for threads) has nothing to do here: there is one thread,
    # and `random` starts from the same state in every run, as in the wasm sandbox.
    register, os.register_at_fork = os.register_at_fork, lambda **_: None
    site.main()  # the server starts without; what it imports is under the same rule
    for name in PRELOADED:
        __import__(name)
    os.register_at_fork = register
    for source in REHEARSALS:
        for caps in (None, (1000, 100_000)):
            replace(0, confine.private_file(REHEARSED_INPUT))
            reply = harness.run(source, "stdin", None, caps)
            if reply["o"] != "completed":
                raise RuntimeError("a rehearsal failed: %r" % reply)
            marshal.loads(marshal.dumps((source, "stdin", None, caps)))
            harness.pack(reply)
    __import__("random").seed(0)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def open_streams():
    """The standard streams of every program, opened once, on descriptors of the kind that programs get."""
    reading, writing = os.pipe()
    replace(0, confine.private_file(b""))
    replace(1, writing)
    stdout = harness.open_streams()
    os.close(reading)
    return stdout


def replace(fd, other):
    os.dup2(other, fd)
    os.close(other)


def run_program(request, descriptors, folder, stdout):
    """In the fork: becomes the program. Never returns."""
    try:
        source, kind, expression, caps, memory_bytes, cpu_seconds = take_job(request, *descriptors)
        os.chdir(folder)
        confine.restrict(memory_bytes + BASE_MEMORY_BYTES, cpu_seconds, FILE_BYTES)
        send(harness.pack(harness.run(source, kind, expression, caps, None, stdout)))
        os._exit(0)
    except MemoryError:
        os._exit(99)
    finally:
        os._exit(98)


def take_job(request, job, stdin, output, reply):
    """Reads the job and leaves the program with its three descriptors and the one for the reply."""
    # A group of its own, to be killed as one; a session of its own would cost 1 to 2 ms (the kernel's autogroups).
    os.setpgid(0, 0)
    given = marshal.loads(os.pread(job, REQUEST.unpack(request)[0], 0))
    os.dup2(stdin, 0)
    os.dup2(output, 1)
    os.dup2(reply, REPLY_FD)
    os.closerange(3, REPLY_FD)
    os.closerange(REPLY_FD + 1, 256)
    return given


def send(data):
    """The reply, to the server; never to whatever the program made of other descriptors."""
    view = memoryview(data)
    while view:
        view = view[os.write(REPLY_FD, view):]
