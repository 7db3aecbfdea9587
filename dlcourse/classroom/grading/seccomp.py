"""A system call filter for the sandbox: ways into the kernel that no notebook needs.

bubblewrap loads the filter (`--seccomp`) just before it starts the program. The filter is a small
program for the kernel's own machine (classic BPF): it looks at the number of each system call and
at its first argument. Refused calls fail with an ordinary error.

Refused are new user namespaces (a second set of privileges), sockets other than local, IPv4, IPv6
and netlink (a network namespace does not stop AF_VSOCK), memory that belongs to no process and is
counted nowhere (memfd, System V), keyrings, tracing, and io_uring, bpf, perf and userfaultfd.
"""

import os
import platform
import struct

# Numbers of the system calls, from the tables of Linux (arch/*/ and include/uapi/asm-generic/).
REFUSED = {
    "x86_64": {
        "add_key": 248, "bpf": 321, "io_uring_setup": 425, "keyctl": 250, "memfd_create": 319,
        "memfd_secret": 447, "msgget": 68, "perf_event_open": 298, "process_vm_readv": 310,
        "process_vm_writev": 311, "ptrace": 101, "request_key": 249, "semget": 64, "setns": 308,
        "shmget": 29, "userfaultfd": 323,
    },
    "aarch64": {
        "add_key": 217, "bpf": 280, "io_uring_setup": 425, "keyctl": 219, "memfd_create": 279,
        "memfd_secret": 447, "msgget": 186, "perf_event_open": 241, "process_vm_readv": 270,
        "process_vm_writev": 271, "ptrace": 117, "request_key": 218, "semget": 190, "setns": 268,
        "shmget": 194, "userfaultfd": 282,
    },
}  # fmt: skip
LOOKED_AT = {
    "x86_64": {"clone": 56, "unshare": 272, "clone3": 435, "socket": 41},
    "aarch64": {"clone": 220, "unshare": 97, "clone3": 435, "socket": 198},
}
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_* of linux/audit.h
X32_BIT = 0x40000000  # on x86_64 a second set of numbers for the same calls starts here
CLONE_NEWUSER = 0x10000000
FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97

# Instructions: (code, jump if true, jump if false, value). Jumps count instructions to skip.
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, ARGUMENT_AT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW = (RETURN, 0, 0, 0x7FFF0000)

Instruction = tuple[int, int, int, int]


def seccomp_filter(machine: str | None = None) -> bytes | None:
    """The filter for this machine's processor, or None where its calls are not known here."""
    machine = machine or platform.machine()
    if machine not in REFUSED:
        return None
    program = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, ARCHITECTURE[machine]),
        _fail(EPERM),  # 32-bit calls, which have other numbers
        (LOAD, 0, 0, NUMBER_AT),
    ]
    if machine == "x86_64":
        program += [(AT_LEAST, 0, 1, X32_BIT), _fail(EPERM)]
    for number in REFUSED[machine].values():
        program += [(EQUAL, 0, 1, number), _fail(EPERM)]
    looked_at = LOOKED_AT[machine]
    # clone3 hides its flags from a filter. Without it the C library falls back on clone.
    program += [(EQUAL, 0, 1, looked_at["clone3"]), _fail(ENOSYS)]
    for name in ("clone", "unshare"):
        program += _without_user_namespace(looked_at[name])
    program += [*_only_families(looked_at["socket"]), ALLOW]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _fail(error: int) -> Instruction:
    return (RETURN, 0, 0, 0x00050000 | error)


def _without_user_namespace(number: int) -> list[Instruction]:
    body = [(LOAD, 0, 0, ARGUMENT_AT), (ANY_BIT, 0, 1, CLONE_NEWUSER), _fail(EPERM), ALLOW]
    return [(EQUAL, 0, len(body), number), *body]


def _only_families(number: int) -> list[Instruction]:
    body = [(LOAD, 0, 0, ARGUMENT_AT)]
    for family in FAMILIES:
        body += [(EQUAL, 0, 1, family), ALLOW]
    body.append(_fail(EAFNOSUPPORT))
    return [(EQUAL, 0, len(body), number), *body]


def open_filter() -> int | None:
    """A file descriptor to read the filter from, for the caller to pass on and to close."""
    content = seccomp_filter()
    if content is None:
        return None
    handle = os.memfd_create("seccomp")
    os.write(handle, content)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
