"""The fork server of the `native` sandbox: a warm interpreter that forks once per run.

Reads jobs on descriptor 0, writes reports on descriptor 1 (frames as in src/execution/frames.ts). The process that
runs a program has neither of them: its standard input is a regular file, its standard output a pipe to us, and what
the harness has to say comes on one more pipe, whose content we pass on unread.

Owns: one run's process from fork to reaping, its time and output limits. Leaves out: what the process may do
(confine.py, bubblewrap), running the program (harness.py), scheduling (TypeScript).
"""

import gc
import json
import os
import select
import shutil
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import confine
import harness

PRELOADED = (
    "array bisect collections copy dataclasses datetime decimal enum fractions functools heapq io itertools math "
    "operator os random re statistics string time types typing threading queue contextlib abc numbers cmath traceback"
).split()
GRACE_SECONDS = 0.5
MAX_REPLY_BYTES = 64 << 20
BASE_MEMORY_BYTES = 64 << 20  # the interpreter itself, on top of a program's limit
FILE_BYTES = 64 << 20
CHUNK = 1 << 16
REPLY_FD = 63  # high, so that files a program opens have the numbers it expects
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def main():
    requests, reports = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    setup = read_frame(requests)
    if setup is None:
        return
    for name in PRELOADED:
        __import__(name)
    setup = json.loads(setup)
    folder = setup["folder"]
    isolated = setup["isolate"] and confine.can_isolate()
    confine.hide_server()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    gc.collect()
    gc.freeze()
    write_frame(reports, {"kind": "ready"}, _encode({"isolated": isolated, "filtered": confine.filters_calls()}).encode())
    while True:
        frame = read_frame(requests)
        if frame is None:
            return
        for job in json.loads(frame)["jobs"]:
            for index, given in enumerate(job["inputs"]):
                report, reply = run_one(job, given, isolated, folder)
                spoiled = not clean_folder(folder)
                report.update(kind="run", id=job["id"], index=index, spoiled=spoiled)
                write_frame(reports, report, reply)
                if spoiled:
                    return


def run_one(job, given, isolated, folder):
    """Runs a job on one input in a process of its own; returns the report and the harness's reply."""
    limits = job["limits"]
    stdin = input_file(given["stdin"].encode("utf-8", "surrogatepass"))
    output_read, output_write = os.pipe()
    reply_read, reply_write = os.pipe()
    started = time.monotonic()
    pid = confine.fork_isolated() if isolated else os.fork()
    if pid == 0:
        try:
            become_program(stdin, output_write, reply_write, limits, folder)
            reply = harness.run(job["source"], given["kind"], given["expression"], job["caps"])
            send(_encode(reply).encode())
            os._exit(0)
        except MemoryError:
            os._exit(99)
        finally:
            os._exit(98)
    for fd in (stdin, output_write, reply_write):
        os.close(fd)
    run = Supervision(pid, output_read, reply_read, limits, job["caps"] is not None, started)
    try:
        run.watch()
    finally:
        kill(pid)
        status, usage = os.wait4(pid, 0)[1:]
        run.drain()
        os.close(output_read)
        os.close(reply_read)
    return run.report(status, usage), b"".join(run.reply)


def become_program(stdin, output, reply, limits, folder):
    """In the child: the descriptors, folder and rights that a program has."""
    # A group of its own, to be killed as one; a session of its own would cost 1 to 2 ms (the kernel's autogroups).
    os.setpgid(0, 0)
    os.dup2(stdin, 0)
    os.dup2(output, 1)
    if reply != REPLY_FD:
        os.dup2(reply, REPLY_FD)
    os.closerange(3, REPLY_FD)
    os.closerange(REPLY_FD + 1, 256)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A backstop, and a wide one: the server looks at the clock itself, and the kernel's limit has run a quarter fast.
    cpu_seconds = 2 * int(limits["cpuTimeMs"] / 1000) + 2
    confine.restrict(limits["memoryLimitBytes"] + BASE_MEMORY_BYTES, cpu_seconds, FILE_BYTES)


def send(data):
    """The reply, to the server; never to whatever the program made of other descriptors."""
    view = memoryview(data)
    while view:
        view = view[os.write(REPLY_FD, view):]


class Supervision:
    """Watches one process: takes its output and reply, ends it when a limit is passed."""

    def __init__(self, pid, output, reply, limits, traced, started):
        self.pid, self.output_fd, self.reply_fd = pid, output, reply
        self.limits, self.traced, self.started = limits, traced, started
        self.output, self.reply = [], []
        self.output_bytes = self.reply_bytes = 0
        self.ended = None  # why we ended it
        self.interrupted = False
        self.cpu_seconds = limits["cpuTimeMs"] / 1000
        self.wall_seconds = 3 * self.cpu_seconds + 1.5

    def watch(self):
        poll = select.poll()
        for fd in (self.output_fd, self.reply_fd):
            poll.register(fd, select.POLLIN)
        exit_fd = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None
        if exit_fd is not None:
            poll.register(exit_fd, select.POLLIN)
        try:
            check = self.started + self.cpu_seconds
            open_pipes = 2
            while True:
                wait = max(0.0, check - time.monotonic())
                if exit_fd is None:
                    wait = min(wait, 0.005)
                for fd, _ in poll.poll(wait * 1000 + 1):
                    if fd == exit_fd:
                        return
                    if not self.take(fd):
                        poll.unregister(fd)
                        open_pipes -= 1
                if self.ended is not None:
                    return
                if exit_fd is None and (open_pipes == 0 or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
                    return
                if time.monotonic() >= check:
                    check = self.check_time()
                    if check is None:
                        return
        finally:
            if exit_fd is not None:
                os.close(exit_fd)

    def take(self, fd):
        """Reads what there is; False at the end of the pipe."""
        data = os.read(fd, CHUNK)
        if not data:
            return False
        if fd == self.output_fd:
            room = self.limits["outputLimitBytes"] - self.output_bytes
            if len(data) > room:
                self.ended = self.ended or "output-limit"
                data = data[:room]
            self.output_bytes += len(data)
            self.output.append(data)
        else:
            self.reply_bytes += len(data)
            if self.reply_bytes > MAX_REPLY_BYTES:
                self.ended = self.ended or "broken"
            else:
                self.reply.append(data)
        return True

    def check_time(self):
        """When to look again; None when the time is over."""
        now = time.monotonic()
        used = cpu_seconds_of(self.pid)
        extra = GRACE_SECONDS if self.interrupted else 0
        left = self.cpu_seconds + extra - used
        if now - self.started < self.wall_seconds + extra and left > 0:
            return now + min(max(left, 0.01), self.wall_seconds)
        if self.traced and not self.interrupted:
            self.interrupted = True
            os.kill(self.pid, signal.SIGINT)
            return now + 0.05
        self.ended = "time-limit"
        return None

    def drain(self):
        """What was still in the pipes when the process ended."""
        for fd in (self.output_fd, self.reply_fd):
            os.set_blocking(fd, False)
            try:
                while self.take(fd):
                    pass
            except BlockingIOError:
                pass

    def report(self, status, usage):
        outcome, detail = self.outcome(status, usage)
        return {
            "outcome": outcome,
            "detail": detail,
            "stdout": b"".join(self.output).decode("utf-8", "replace"),
            "cpuTimeMs": (usage.ru_utime + usage.ru_stime) * 1000,
            "wallTimeMs": (time.monotonic() - self.started) * 1000,
            "memoryBytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        }

    def outcome(self, status, usage):
        if self.interrupted and self.ended is None:
            return "time-limit", ""
        if self.ended == "broken":
            return "broken", "the reply is too long"
        if self.ended is not None:
            return self.ended, ""
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU:
                return "time-limit", ""
            if usage.ru_maxrss * 1024 > 0.9 * self.limits["memoryLimitBytes"]:
                return "memory-limit", ""
            return "signal", signal_name(number)
        code = os.WEXITSTATUS(status)
        if self.reply:
            return "returned", ""
        if code == 99:
            return "memory-limit", ""
        return "exit", str(code)


def cpu_seconds_of(pid):
    """CPU time of a living process, from the kernel; 0 where it does not tell."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK
    except (OSError, IndexError):
        return 0.0


def kill(pid):
    for end in (os.killpg, os.kill):
        try:
            end(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def input_file(data):
    """A regular file that nobody else sees, positioned at its start."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("stdin")
    else:
        import tempfile

        fd, path = tempfile.mkstemp()
        os.unlink(path)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def clean_folder(folder):
    """Empties the folder that programs may write; False when something cannot be removed."""
    with os.scandir(folder) as entries:
        left = list(entries)
    if not left:
        return True
    for entry in left:
        try:
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700)
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
        except OSError:
            pass
    return not os.listdir(folder)


def read_frame(fd):
    head = read_bytes(fd, 4)
    return None if head is None else read_bytes(fd, struct.unpack("<I", head)[0])


def read_bytes(fd, size):
    parts = []
    while size > 0:
        data = os.read(fd, min(size, 1 << 20))
        if not data:
            return None
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def write_frame(fd, header, body):
    text = _encode(header).encode()
    data = memoryview(struct.pack("<II", 4 + len(text) + len(body), len(text)) + text + body)
    while data:
        data = data[os.write(fd, data):]


if __name__ == "__main__":
    main()
