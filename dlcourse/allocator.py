"""Memory that is freed stays in the process, so that the next training step can have it again.

Every training step makes the same large arrays. By default the C library hands a large freed block
back to the system, and to get it again costs a page fault for every 4 KiB of it: 28,000 in one step
of a GPT with four layers, a third of its time. Two settings of glibc, the C library of most Linux
systems, make it keep such blocks. They hold for the whole process. Other systems are left alone.

Source: the manual page mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD
"""

import ctypes
import os
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # their numbers in malloc.h
LARGEST = 2**30  # bytes: larger blocks still go back to the system


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory, up to 1 GiB. True if it was told so.

    The environment variable DLCOURSE_KEEP_MEMORY=0 leaves the C library as it is.
    """
    if not sys.platform.startswith("linux") or os.environ.get("DLCOURSE_KEEP_MEMORY") == "0":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # None in other C libraries
    if mallopt is None:
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST) and mallopt(TRIM_THRESHOLD, LARGEST))
