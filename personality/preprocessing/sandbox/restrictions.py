"""Restrictions of a process that reads an untrusted file, until it ends.

On all systems, the process cannot write to a file, write a core dump, or exceed a number of open descriptors and an
amount of processor time. On Linux, it cannot exceed an amount of memory. On Linux with seccomp, on x86-64 and 64-bit
Arm, it cannot start a process or a program (threads are allowed), open a socket, or signal, trace or access another
process. It can still open the user's files, and read, truncate and delete them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
from pathlib import Path

from personality.constants import LIMITS, upload_limits

PROCESS_STATUS_FILE = Path("/proc/self/status")
MAX_OPEN_DESCRIPTORS = 64

# Refused system calls by machine (numbers of Linux's asm/unistd.h): those that start processes and programs, open
# sockets (io_uring can, too), or signal or access other processes.
_REFUSED_CALLS = {
    "x86_64": {
        *(57, 58, 59, 322),  # fork, vfork, execve, execveat
        *(41, 53, 425),  # socket, socketpair, io_uring_setup
        *(62, 200, 234, 129, 297, 424),  # kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal
        *(101, 310, 311, 438),  # ptrace, process_vm_readv, process_vm_writev, pidfd_getfd
    },
    "aarch64": {
        *(221, 281),  # execve, execveat
        *(198, 199, 425),  # socket, socketpair, io_uring_setup
        *(129, 130, 131, 138, 240, 424),  # kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal
        *(117, 270, 271, 438),  # ptrace, process_vm_readv, process_vm_writev, pidfd_getfd
    },
}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435  # its flags are in memory, which a filter cannot read; after ENOSYS, the C library uses clone
_THREAD = 0x10000  # CLONE_THREAD
_X32 = 0x40000000  # first number of the x32 ABI, the same calls under other numbers on x86-64

# linux/bpf_common.h and linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FLAGS_AT = 0, 4, 16  # bytes within seccomp_data
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NO_NEW_PRIVILEGES, _GET_SECCOMP, _SET_SECCOMP, _FILTER = 38, 21, 22, 2  # linux/prctl.h


def confine_process() -> None:
    """Apply the restrictions of this module irrevocably to this process. Raises OSError if the kernel refuses."""
    cores = os.cpu_count() or 1
    memory = [(resource.RLIMIT_DATA, _count_data_bytes() + LIMITS.reader_bytes)] if PROCESS_STATUS_FILE.exists() else []
    for what, most in (
        *memory,
        (resource.RLIMIT_CPU, round(upload_limits().reader_seconds) * cores),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, MAX_OPEN_DESCRIPTORS),
    ):
        resource.setrlimit(what, (most, most))
    if can_filter_system_calls():
        _install_call_filter(_build_call_filter(platform.machine()))


def can_filter_system_calls() -> bool:
    """Return whether system calls can be filtered on this machine."""
    if platform.system() != "Linux" or platform.machine() not in _REFUSED_CALLS:
        return False
    return ctypes.CDLL(None).prctl(_GET_SECCOMP, 0, 0, 0, 0) >= 0


def _count_data_bytes() -> int:
    """Return the bytes that the kernel currently counts against RLIMIT_DATA."""
    (line,) = (line for line in PROCESS_STATUS_FILE.read_text().splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * 1024


def _build_call_filter(machine: str) -> bytes:
    """Build the filter in the kernel's format: a sequence of (code, steps to skip if true, if false, value)."""
    refused = (_RETURN, 0, 0, _REFUSE | errno.EPERM)
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        *((_AT_LEAST, 0, 1, _X32), refused),
        *((_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)),
    ]
    for number in sorted(_REFUSED_CALLS[machine]):
        steps += [(_EQUAL, 0, 1, number), refused]
    steps += [
        (_EQUAL, 0, 3, _CLONE[machine]),
        (_LOAD, 0, 0, _FLAGS_AT),
        (_ANY_BIT, 1, 0, _THREAD),
        refused,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


class _FilterProgram(ctypes.Structure):
    _fields_ = [("steps", ctypes.c_ushort), ("first", ctypes.c_char_p)]


def _install_call_filter(program: bytes) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    given = _FilterProgram(len(program) // 8, program)
    if library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or library.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(given), 0, 0):
        raise OSError(ctypes.get_errno(), "The kernel refused the filter of system calls")
