"""The server of the `native` sandbox: reads jobs on descriptor 0, writes reports on descriptor 1 (frames as in
src/execution/frames.ts), one run after another.

Owns: the protocol, and the folder that programs may write. Leaves out: the process that programs are forked from
(zygote.py), one run's limits (supervision.py), scheduling (TypeScript). Programs inherit nothing of this process: neither
its descriptors nor its memory, where jobs and outputs are.
"""

import json
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import confine
import zygote
from supervision import Supervision

FOLDER_BYTES = 64 << 20
FOLDER_FILES = 4096
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def main():
    requests, reports = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    setup = read_frame(requests)
    if setup is None:
        return
    setup = json.loads(setup)
    os.environ.pop("LD_BIND_NOW", None)  # for our own start only
    isolated = setup["isolate"] and confine.can_isolate()
    confine.hide()
    if isolated:
        confine.protect_mounts()
    folder = Folder(setup["folder"], isolated)
    channel = zygote.start(folder.path, isolated, (requests, reports, null))
    write_frame(reports, {"kind": "ready"}, _encode({"isolated": isolated, "filtered": confine.filters_calls()}).encode())
    while True:
        frame = read_frame(requests)
        if frame is None:
            return
        for job in json.loads(frame)["jobs"]:
            for index, given in enumerate(job["inputs"]):
                run = Supervision(channel, job, given)
                run.watch()
                spoiled = not folder.clean()
                report = run.report()
                report.update(kind="run", id=job["id"], index=index, spoiled=spoiled)
                write_frame(reports, report, b"".join(run.reply))
                if spoiled:
                    return


class Folder:
    """The folder that programs may write: empty for each, with nothing that tells of the one before."""

    def __init__(self, path, private):
        self.path = path
        self.private = private and confine.mount_folder(path, FOLDER_BYTES, FOLDER_FILES)
        self.pristine = self.look()

    def look(self):
        """What changes with anything that a program does to the folder itself or in it."""
        stat = os.stat(self.path)
        extended = os.listxattr(self.path) if hasattr(os, "listxattr") else []
        return (stat.st_mode, stat.st_nlink, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, extended)

    def clean(self):
        """Makes the folder as it was; False when that cannot be done."""
        if self.look() == self.pristine:
            return True
        if self.private:
            confine.unmount_folder(self.path)
            if not confine.mount_folder(self.path, FOLDER_BYTES, FOLDER_FILES):
                return False
        elif not empty(self.path):
            return False
        self.pristine = self.look()
        return True


def empty(folder):
    """Removes everything in a folder, as far as it can be removed."""
    try:
        os.chmod(folder, 0o700)
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700)
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
        return not os.listdir(folder)
    except (OSError, RecursionError):
        return False


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
