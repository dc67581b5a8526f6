"""Raw pictures are in memory only: no crash may write that memory to a disk."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def no_core_dumps() -> None:
    """See to it that a crash of this process writes no memory to a disk, from now on.

    Whoever opens a picture, a video or a stream calls this first: a process that holds raw pictures has no core dumps.
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # a crash handler that the kernel pipes to (systemd-coredump) heeds no limit
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
