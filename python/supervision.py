"""One run as the server of the `native` sandbox sees it: asks the zygote for a process, takes what it prints and replies,
ends it when a limit is passed, says how it ended.

What comes from the program's process is passed on unread; what it did is judged by what the kernel says alone.
"""

import array
import marshal
import os
import select
import signal
import socket
import sys
import time

import confine
from zygote import ENDED, NOTICE, REQUEST, STARTED

GRACE_SECONDS = 0.5
STOPPED_SECONDS = 1.0  # waking up later than this means that we were stopped ourselves; that time is not the program's
MAX_REPLY_BYTES = 64 << 20
CHUNK = 1 << 16
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Supervision:
    """Watches one process from before its fork to after its end."""

    def __init__(self, channel, job, given):
        self.channel = channel
        self.limits, self.traced = job["limits"], job["caps"] is not None
        self.output, self.reply = [], []
        self.output_bytes = self.reply_bytes = 0
        self.pid = None
        self.end = None  # the zygote's notice: status, user and system seconds, peak memory
        self.ended = None  # why we ended it
        self.interrupted = False
        self.cpu_seconds = self.limits["cpuTimeMs"] / 1000
        self.wall_seconds = 3 * self.cpu_seconds + 1.5
        self.started = time.monotonic()
        self.output_fd, self.reply_fd = self.launch(job, given)

    def launch(self, job, given):
        """Asks for the process; returns the ends that we read."""
        # A backstop, and a wide one: we look at the clock ourselves, and the kernel's limit has run a quarter fast.
        cpu_seconds = 2 * int(self.cpu_seconds) + 2
        limits = (self.limits["memoryLimitBytes"], cpu_seconds)
        data = marshal.dumps((job["source"], given["kind"], given["expression"], job["caps"], *limits))
        stdin = confine.private_file(given["stdin"].encode("utf-8", "surrogatepass"))
        output_read, output_write = os.pipe()
        reply_read, reply_write = os.pipe()
        theirs = (confine.private_file(data), stdin, output_write, reply_write)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", theirs))
        self.channel.sendmsg([REQUEST.pack(len(data))], [rights])
        for fd in theirs:
            os.close(fd)
        return output_read, reply_read

    def watch(self):
        """Returns when the process has ended, by itself or by us."""
        poll = select.poll()
        for fd in (self.output_fd, self.reply_fd, self.channel.fileno()):
            poll.register(fd, select.POLLIN)
        try:
            check = self.started + self.cpu_seconds
            while self.end is None:
                wake = max(check, time.monotonic())
                events = poll.poll((wake - time.monotonic()) * 1000 + 1)
                late = time.monotonic() - wake
                if late > STOPPED_SECONDS:
                    self.started += late
                for fd, _ in events:
                    if fd == self.channel.fileno():
                        self.notice()
                    elif not self.take(fd):
                        poll.unregister(fd)
                if self.ended is None and self.end is None and time.monotonic() >= check:
                    check = self.check_time()
                if self.ended is not None:
                    break
        finally:
            self.kill()
            while self.end is None:
                self.notice()
            self.drain()
            os.close(self.output_fd)
            os.close(self.reply_fd)

    def notice(self):
        """Takes one notice of the zygote."""
        data = b""
        while len(data) < NOTICE.size:
            part = self.channel.recv(NOTICE.size - len(data))
            if not part:
                raise EOFError("the zygote has ended")
            data += part
        kind, number, user, system, peak = NOTICE.unpack(data)
        if kind == STARTED:
            self.pid = number
        elif kind == ENDED:
            self.end = (number, user, system, peak * (1 if sys.platform == "darwin" else 1024))

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
        """When to look again; at once when the time is over, `ended` then says so."""
        now = time.monotonic()
        used = 0.0 if self.pid is None else cpu_seconds_of(self.pid)
        extra = GRACE_SECONDS if self.interrupted else 0
        left = self.cpu_seconds + extra - used
        if now - self.started < self.wall_seconds + extra and left > 0:
            return now + min(max(left, 0.01), self.wall_seconds)
        if self.traced and not self.interrupted and self.pid is not None:
            self.interrupted = True
            os.kill(self.pid, signal.SIGINT)
            return now + 0.05
        self.ended = "time-limit"
        return now

    def kill(self):
        """Ends the process and its group. Until the zygote is asked again its id cannot be another's."""
        while self.pid is None:
            self.notice()
        for end in (os.killpg, os.kill):
            try:
                end(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass

    def drain(self):
        """What was still in the pipes when the process ended."""
        for fd in (self.output_fd, self.reply_fd):
            os.set_blocking(fd, False)
            try:
                while self.take(fd):
                    pass
            except BlockingIOError:
                pass

    def report(self):
        status, user, system, peak = self.end
        outcome, detail = self.outcome(status, peak)
        return {
            "outcome": outcome,
            "detail": detail,
            "stdout": b"".join(self.output).decode("utf-8", "replace"),
            "cpuTimeMs": (user + system) * 1000,
            "wallTimeMs": (time.monotonic() - self.started) * 1000,
            "memoryBytes": peak,
        }

    def outcome(self, status, peak):
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
            if peak > 0.9 * self.limits["memoryLimitBytes"]:
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


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
