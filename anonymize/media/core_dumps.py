"""Unredacted frames stay in memory: no crash may write that memory to a disk."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def no_core_dumps() -> None:
    """Disable core dumps of this process. Call before opening an image, a video or a stream."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # crash handlers that the kernel pipes to (systemd-coredump) ignore the limit
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
