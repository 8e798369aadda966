"""Takes rights away from the process that is about to run an untrusted program (Linux).

Owns: a PID namespace per program, its folder, resource limits, dropping capabilities, a system-call filter. Each step that the
system does not offer is skipped and named in what `abilities` returns; the walls around the whole server
(bubblewrap) do not depend on it. The filter refuses new processes, sockets and debugging with EPERM.
Source: seccomp(2), capset(2), pid_namespaces(7); numbers from the kernel's unistd tables for x86_64 and aarch64.
"""

import ctypes
import os
import platform
import resource
import struct
import sys

CLONE_NEWPID = 0x20000000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_CLONE_THREAD = 0x10000
_MOUNT_FLAGS = 2 | 4 | 1024  # nosuid, nodev, noatime
_READ_ONLY = 1 | 2 | 32 | 4096  # read-only, nosuid, remount, bind
_LOCKED = 4 | 8  # nodev, noexec
_MNT_DETACH = 2
_EPERM, _ENOSYS = 1, 38

# fork vfork execve execveat ptrace mount umount2 pivot_root chroot unshare setns process_vm_readv process_vm_writev bpf
# userfaultfd perf_event_open keyctl add_key request_key io_uring_setup socket open_by_handle_at pidfd_getfd kcmp syslog
# modify_ldt fanotify_init; and what outlives a process, or holds memory that no limit counts: shmget semget msgget
# mq_open memfd_create memfd_secret
_REFUSED = {
    "x86_64": (57, 58, 59, 322, 101, 165, 166, 155, 161, 272, 308, 310, 311, 321, 323, 298, 250, 248, 249, 425, 41, 304)
    + (438, 312, 103, 154, 300, 29, 64, 68, 240, 319, 447),
    "aarch64": (221, 281, 117, 40, 39, 41, 51, 97, 268, 270, 271, 280, 282, 241, 219, 217, 218, 425, 198, 265)
    + (438, 272, 116, 262, 194, 190, 186, 180, 279, 447),
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_machine = platform.machine()
_own_namespace = None


def _filter_program(machine):
    """The BPF program: allow everything but the refused calls, and `clone` for threads only."""
    load, jump_equal, jump_set, jump_ge, ret = 0x20, 0x15, 0x45, 0x35, 0x06
    allow, refuse, absent = 0x7FFF0000, 0x00050000 | _EPERM, 0x00050000 | _ENOSYS
    # (code, jump target if true, jump target if false, operand); targets are labels, resolved below.
    code = [
        (load, None, None, 4),
        (jump_equal, None, "refuse", _AUDIT_ARCH[machine]),
        (load, None, None, 0),
    ]
    if machine == "x86_64":
        code.append((jump_ge, "refuse", None, 0x40000000))  # the x32 table
    code += [(jump_equal, "refuse", None, number) for number in _REFUSED[machine]]
    code += [
        (jump_equal, "absent", None, _CLONE3),  # libc then falls back to clone, whose flags we can see
        (jump_equal, None, "allow", _CLONE[machine]),
        (load, None, None, 16),
        (jump_set, "allow", "refuse", _CLONE_THREAD),
    ]
    labels = {"allow": len(code), "refuse": len(code) + 1, "absent": len(code) + 2}
    code += [(ret, None, None, allow), (ret, None, None, refuse), (ret, None, None, absent)]
    packed = b""
    for at, (operation, yes, no, operand) in enumerate(code):
        true = labels[yes] - at - 1 if yes else 0
        false = labels[no] - at - 1 if no else 0
        packed += struct.pack("=HBBI", operation, true, false, operand)
    return packed, len(code)


if _libc is not None and _machine in _CLONE:
    _packed, _length = _filter_program(_machine)
    _buffer = ctypes.create_string_buffer(_packed, len(_packed))
    _program = struct.pack("@HxxxxxxQ" if struct.calcsize("P") == 8 else "@HxxI", _length, ctypes.addressof(_buffer))
    _program_buffer = ctypes.create_string_buffer(_program, len(_program))
else:
    _program_buffer = None


def can_isolate():
    """Whether each program can have a PID namespace of its own; to be asked once, by the server."""
    global _own_namespace
    if _libc is None:
        return False
    try:
        _own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    if _libc.unshare(CLONE_NEWPID) != 0:
        return False
    return _libc.setns(_own_namespace, CLONE_NEWPID) == 0


def fork_isolated():
    """`os.fork`, the child being the first process of a new PID namespace: when it ends, all in it end."""
    if _libc.unshare(CLONE_NEWPID) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    try:
        pid = os.fork()
    except BaseException:
        _libc.setns(_own_namespace, CLONE_NEWPID)
        raise
    if pid != 0 and _libc.setns(_own_namespace, CLONE_NEWPID) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    return pid


def hide():
    """Keeps other processes of the same user from reading the memory of this one and of its forks."""
    if _libc is not None:
        _set(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def die_with_parent():
    """Has the kernel end this process with the one that forked it (Linux)."""
    if _libc is not None:
        _set(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def private_file(data):
    """A descriptor of a regular file that nobody else sees, positioned at its start."""
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


def protect_mounts():
    """Makes the mounts of devices and of /proc read-only; reading and writing devices stays as it is.

    Else, started by root, programs own the machine's devices, whose modes they could change, and other processes' files in
    /proc. (bubblewrap's own `--remount-ro` would also forbid to open devices.)
    """
    for path in ["/proc"] + [os.path.join("/dev", name) for name in os.listdir("/dev")]:
        if not os.path.ismount(path):
            continue
        kept = os.statvfs(path).f_flag & _LOCKED  # what the machine has set cannot be taken away here
        if _libc.mount(None, path.encode(), None, _READ_ONLY | kept, None) != 0:
            raise OSError(ctypes.get_errno(), "cannot protect " + path)


def mount_folder(path, max_bytes, max_files):
    """Puts an empty file system in memory at `path`; False where that is not possible."""
    options = b"size=%d,nr_inodes=%d,mode=0700" % (max_bytes, max_files)
    return _libc is not None and _libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", _MOUNT_FLAGS, options) == 0


def unmount_folder(path):
    """Takes it away again, whatever it holds."""
    _libc.umount2(os.fsencode(path), _MNT_DETACH)


def _limit(name):
    which = getattr(resource, name, None)
    return None if which is None else (which, resource.getrlimit(which)[1])


# What is the same in every run is looked up and built here, once: after a fork each page touched costs a fault.
_LIMITS = {
    name: _limit(name)
    for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_CORE")
}
_setrlimit, _INFINITY = resource.setrlimit, resource.RLIM_INFINITY
if _libc is not None:
    _header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    _no_capabilities = ctypes.create_string_buffer(24)
    _libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    _libc.capset.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    _libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
    _set, _capset = _libc.prctl, _libc.capset
    _filter_address = 0 if _program_buffer is None else ctypes.addressof(_program_buffer)


def restrict(memory_bytes, cpu_seconds, file_bytes):
    """Limits this process and gives up its rights for good; called in the child, before the program."""
    for name, value in (
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_CPU", cpu_seconds),
        ("RLIMIT_FSIZE", file_bytes),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_NPROC", 256),
        ("RLIMIT_CORE", 0),
    ):
        known = _LIMITS[name]
        if known is not None:
            which, hard = known
            value = value if hard == _INFINITY else min(value, hard)
            try:
                _setrlimit(which, (value, value))
            except (ValueError, OSError):
                pass
    if _libc is None:
        return
    die_with_parent()
    _set(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _capset(_header, _no_capabilities)
    if _filter_address != 0:
        _set(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _filter_address, 0, 0)


def filters_calls():
    """Whether the system-call filter is known for this machine."""
    return _program_buffer is not None
